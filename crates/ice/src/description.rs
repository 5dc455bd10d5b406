//! What two ends tell each other of a path, in their offer and answer.

use std::fmt;

/// What our description says of the path.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalDescription {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`, 144 random bits.
    pub pwd: String,
    /// `a=fingerprint`.
    pub fingerprint: String,
    /// What follows `a=candidate:`, each.
    pub candidates: Vec<String>,
}

/// What the far end's description says of the path.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RemoteDescription {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub pwd: String,
    /// `a=fingerprint`, all of them.
    pub fingerprints: Vec<String>,
    /// `a=candidate`, all of them.
    pub candidates: Vec<String>,
    /// Do we decide on the pair: because we made the offer, or the far end is lite (RFC 8445 6.1.1)?
    pub controlling: bool,
    /// Are we the DTLS client (`a=setup:active`)?
    pub dtls_client: bool,
}

/// All but the password.
impl fmt::Debug for LocalDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ufrag, pwd: _, fingerprint, candidates } = self;
        write!(f, "LocalDescription {{ {ufrag}, {fingerprint}, {candidates:?} }}")
    }
}

/// All but the password.
impl fmt::Debug for RemoteDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ufrag, pwd: _, fingerprints, candidates, controlling, dtls_client } = self;
        write!(f, "RemoteDescription {{ {ufrag}, {fingerprints:?}, {candidates:?}, ")?;
        write!(f, "controlling: {controlling}, dtls_client: {dtls_client} }}")
    }
}
