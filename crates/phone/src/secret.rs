//! Secrets: how they are kept, and the trait behind which the keychain stands (`vault`).

use std::fmt;

use serde::{Deserialize, Deserializer};
pub use sip::Secret;
use zeroize::Zeroize;

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// The SIP password.
    Sip,
    /// The password that the HTTP side of the server asks for in the WebSocket handshake.
    Http,
    /// Further headers of the handshake, cookies among them.
    Headers,
    /// The key of our certificate for TLS.
    Key,
    /// The password of the proxy.
    Proxy,
    /// The password of the TURN servers.
    Turn,
}

impl SecretKind {
    /// All of them, the one of the account itself first.
    pub const ALL: [Self; 6] = [Self::Sip, Self::Http, Self::Headers, Self::Key, Self::Proxy, Self::Turn];

    /// The word in the name of the entry: `<account id>/sip`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sip => "sip",
            Self::Http => "http",
            Self::Headers => "headers",
            Self::Key => "client-key",
            Self::Proxy => "proxy",
            Self::Turn => "turn",
        }
    }
}

/// A place for secrets. Its methods may block for minutes while the system asks its user: the phone calls them where
/// that hurts nobody.
pub trait SecretStore: Send + Sync {
    /// The secret.
    ///
    /// # Errors
    /// [`SecretError`].
    fn get(&self, account: &str, kind: SecretKind) -> Result<Secret<String>, SecretError>;

    /// Keeps a secret, in place of an older one.
    ///
    /// # Errors
    /// [`SecretError`].
    fn set(&self, account: &str, kind: SecretKind, secret: &Secret<String>) -> Result<(), SecretError>;

    /// Forgets a secret. One that is not there is forgotten already.
    ///
    /// # Errors
    /// [`SecretError`].
    fn delete(&self, account: &str, kind: SecretKind) -> Result<(), SecretError>;
}

/// Why a secret cannot be had or kept. None of it holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none.
    #[error("no such secret")]
    NotFound,
    /// The keychain is locked, and was not opened.
    #[error("the keychain is locked: {0}")]
    Locked(String),
    /// There is no keychain.
    #[error("there is no keychain: {0}")]
    NoKeychain(String),
    /// Something else.
    #[error("the keychain failed: {0}")]
    Failed(String),
}

/// A password as it came through the door. It is never written, printed or compared.
#[derive(Clone)]
pub struct Typed(Secret<String>);

impl Typed {
    /// The secret itself.
    #[must_use]
    pub fn into_secret(self) -> Secret<String> {
        self.0
    }

    /// Was nothing typed?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.expose().is_empty()
    }
}

impl From<Secret<String>> for Typed {
    fn from(secret: Secret<String>) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = String::deserialize(deserializer)?;
        let secret = Secret::new(text.clone());
        text.zeroize();
        Ok(Self(secret))
    }
}

/// No place for secrets at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl SecretStore for Nowhere {
    fn get(&self, _account: &str, _kind: SecretKind) -> Result<Secret<String>, SecretError> {
        Err(SecretError::NoKeychain("this phone was made without one".to_owned()))
    }

    fn set(&self, _account: &str, _kind: SecretKind, _secret: &Secret<String>) -> Result<(), SecretError> {
        Err(SecretError::NoKeychain("this phone was made without one".to_owned()))
    }

    fn delete(&self, _account: &str, _kind: SecretKind) -> Result<(), SecretError> {
        Ok(())
    }
}
