//! What must not be seen: it does not print.

use std::fmt;

use zeroize::Zeroizing;

/// A password, a token or a key. It prints as `***` and is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps `value`.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself. Every use is a place to look at when something leaked.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who one is to an HTTP server or a proxy: not the SIP account, whose password goes to no HTTP server (CONFORMANCE C18).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user name; it says who somebody is, so it does not print either.
    pub user: Secret,
    /// The password.
    pub password: Secret,
}

impl Credentials {
    /// The credentials of `user`.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        Self { user: Secret::new(user.to_owned()), password: Secret::new(password.to_owned()) }
    }
}
