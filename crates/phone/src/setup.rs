//! What a phone is made of. The composition roots (the window, the terminal, the tests) fill it in.

use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc};

use media::port::SoundPort;
use wss::Dns;

use crate::{
    contract::AccountWish,
    secret::{Secret, SecretStore},
};

/// What a phone is made of.
pub struct Setup {
    /// The version of the program, for the hello and the log.
    pub version: String,
    /// Sound devices.
    pub sound: Box<dyn SoundPort>,
    /// The keychain.
    pub secrets: Arc<dyn SecretStore>,
    /// What a variable of the environment says: it may name the proxy of the system (`https_proxy` and its like).
    pub environment: fn(&str) -> Option<String>,
    /// Who is asked for the servers of a domain.
    pub dns: Dns,
    /// Where accounts, settings and history are kept.
    pub store: StorePlace,
    /// The folder of recorded calls; without one nothing can be recorded.
    pub recordings: Option<PathBuf>,
    /// Who runs the practice line, where there shall be one.
    pub practice: Option<Arc<dyn PracticeHost>>,
    /// Accounts for this run only, from flags. With any, nothing stored is read.
    pub accounts: Vec<AccountWish>,
    /// Where random numbers come from; the system, when nothing.
    pub seed: Option<[u8; 32]>,
    /// How connections are kept alive; a test may want it faster.
    pub pace: Pace,
}

impl Setup {
    /// A phone without sound, without a keychain, that keeps nothing.
    #[must_use]
    pub fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            sound: Box::new(crate::sound::Silence),
            secrets: Arc::new(crate::secret::Nowhere),
            environment: |name| std::env::var(name).ok(),
            dns: Dns::System,
            store: StorePlace::Memory,
            recordings: None,
            practice: None,
            accounts: Vec::new(),
            seed: None,
            pace: Pace::default(),
        }
    }
}

/// Where the phone keeps what it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// Nowhere: gone with the phone.
    Memory,
    /// In this SQLite file.
    File(PathBuf),
}

/// How connections are kept alive (CONFORMANCE.md, timers of the line).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often to ping.
    pub ping: std::time::Duration,
    /// How long an answer may take.
    pub pong: std::time::Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { ping: std::time::Duration::from_secs(25), pong: std::time::Duration::from_secs(10) }
    }
}

/// Runs the practice line in this process.
pub trait PracticeHost: Send + Sync {
    /// Starts it; one that runs is replaced.
    ///
    /// # Errors
    /// A sentence for the log.
    fn start(&self) -> Pin<Box<dyn Future<Output = Result<PracticeLine, String>> + Send + '_>>;

    /// Stops it.
    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// How the practice line is reached. It is handed over in memory and kept nowhere.
#[derive(Clone, Debug)]
pub struct PracticeLine {
    /// `wss://127.0.0.1:port/`.
    pub url: String,
    /// The user.
    pub user: String,
    /// The domain.
    pub domain: String,
    /// The password.
    pub password: Secret<String>,
    /// The SHA-256 of its certificate.
    pub pin: String,
}
