//! A small SIP-over-WebSocket PBX on loopback: a registrar, a router and a few services. It is the practice line that a
//! new user calls first, and the far end of the tests. It runs inside the phone's own process, in bounded memory.
//!
//! ```text
//! TCP ─▶ listen: TLS, WebSocket `sip` ─┐
//!                                      ├─▶ hub ─▶ exchange (pure): register, authenticate, route, fork
//! service: 600 601 602 603 ────────────┘
//! ```
//!
//! It is no PBX for anybody else: it listens on loopback only, keeps nothing, and knows only the users it was made with.
#![forbid(unsafe_code)]

mod config;
mod exchange;
mod hub;
mod listen;
mod service;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;

use std::net::SocketAddr;

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha12Rng;
use sip::Secret;
use tokio::{net::TcpListener, sync::watch};

pub use config::{Config, Faults, Language};

/// The domain of its users. No name server knows it (RFC 6761 6.4).
pub const DOMAIN: &str = "practice.invalid";

/// Why there is no practice line.
#[derive(Debug, thiserror::Error)]
pub enum PbxError {
    /// The system has no port for us.
    #[error("no port on loopback: {0}")]
    Bind(std::io::Error),
    /// No key or certificate could be made.
    #[error("no certificate could be made: {0}")]
    Certificate(String),
}

/// A user of the practice line, made at its start.
#[derive(Clone, Debug)]
pub struct User {
    /// The user part of the address and the name for the digest.
    pub name: String,
    /// The password.
    pub password: Secret<String>,
}

/// A running practice line. It ends when this is dropped.
#[derive(Debug)]
pub struct Pbx {
    /// Where it listens: `wss://127.0.0.1:port/`.
    pub url: String,
    /// The SHA-256 of its certificate, in lower-case hexadecimal.
    pub pin: String,
    /// The domain of its users.
    pub domain: String,
    /// Its users, as many as were asked for, at least one.
    pub users: Vec<User>,
    closing: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    hub: hub::Hub,
}

impl Pbx {
    /// Where it listens: `wss://127.0.0.1:port/`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The SHA-256 of its certificate, in lower-case hexadecimal.
    #[must_use]
    pub fn pin(&self) -> &str {
        &self.pin
    }

    /// The domain of its users.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The name of its first user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.first().name
    }

    /// The password of its first user.
    #[must_use]
    pub fn password(&self) -> Secret<String> {
        self.first().password.clone()
    }

    /// Ends it: calls of its services are hung up, connections are closed with 1001 and the port is free again.
    pub async fn shutdown(self) {
        let _ = self.closing.send(true);
        self.closing.closed().await;
        let _ = self.stop.send(true);
        self.stop.closed().await;
    }

    /// Drops every connection without a word, as a crashed server does. Users and passwords stay.
    pub async fn disconnect(&self) {
        self.hub.disconnect_all().await;
    }

    fn first(&self) -> &User {
        self.users.first().expect("there is at least one user")
    }
}

/// Starts a practice line on the current tokio runtime. When this returns it can be called.
///
/// # Errors
/// [`PbxError`].
pub async fn start(config: Config) -> Result<Pbx, PbxError> {
    let mut rng = ChaCha12Rng::from_seed(config.seed);
    let users = made_up(&mut rng, config.users.max(1));
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], config.port))).await.map_err(PbxError::Bind)?;
    let port = listener.local_addr().map_err(PbxError::Bind)?.port();
    let (acceptor, pin) = listen::identity()?;
    let (stop, stopped) = watch::channel(false);
    let (closing, closed) = watch::channel(false);
    let hub = hub::start(exchange::Exchange::new(&config, users.clone(), &mut rng), stopped.clone());
    service::start(&config, &hub, &mut rng, &closed).await;
    tokio::spawn(listen::run(listener, acceptor, hub.clone(), stopped));
    Ok(Pbx { url: format!("wss://127.0.0.1:{port}/"), pin, domain: DOMAIN.to_owned(), users, closing, stop, hub })
}

/// Users whom nobody else can guess: the line is open to every program of this machine.
fn made_up(rng: &mut ChaCha12Rng, count: usize) -> Vec<User> {
    let mut users: Vec<User> = Vec::new();
    while users.len() < count {
        let name = format!("you{:06x}", rng.next_u32() & 0xff_ffff);
        if users.iter().all(|other| other.name != name) {
            users.push(User { name, password: Secret::new(format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64())) });
        }
    }
    users
}
