//! Why there is no path, or no relayed address for one.

/// Why a path failed or cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No pair of addresses worked within thirty seconds.
    #[error("no network path to the far end was found")]
    NoPair,
    /// The far end's certificate is not the one that its description names.
    #[error("the far end's certificate does not match its fingerprint")]
    Fingerprint,
    /// The far end gave no fingerprint that proves anything (only SHA-1 or MD5).
    #[error("the far end gave no strong fingerprint")]
    WeakFingerprint,
    /// The DTLS handshake was not finished in time.
    #[error("the keys could not be agreed in time")]
    DtlsTimeout,
    /// The far end ended the DTLS handshake.
    #[error("the far end refused the handshake for the keys")]
    DtlsRefused,
    /// The far end and we share no SRTP profile.
    #[error("no common SRTP profile")]
    NoProfile,
    /// What the crypto library refused; a fault of ours.
    #[error("the crypto library refused")]
    Crypto,
}

/// Why a TURN server lends no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// It does not answer, or no longer.
    #[error("the TURN server does not answer")]
    NoAnswer,
    /// It refused with this STUN error code (RFC 8489 14.8): 401 is a wrong name or password, 486 too many allocations.
    #[error("the TURN server refused with error {0}")]
    Refused(u16),
}
