//! Sockets for media: UDP, TCP and TLS streams for TURN, the list of interfaces.
