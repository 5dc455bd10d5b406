//! The link against a server that says what the test tells it to, byte by byte, over real TLS on loopback.

mod connect;
mod frames;
mod handshake;
mod life;
mod server;
mod trust;
