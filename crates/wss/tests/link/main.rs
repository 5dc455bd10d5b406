//! The link against a server that says what the test tells it to, byte by byte, over real TLS on loopback.

mod auth;
mod connect;
mod find;
mod frames;
mod handshake;
mod life;
mod proxy;
mod real;
mod server;
mod trust;
