//! Why an offer or an answer cannot be used.

use crate::sdp::SdpError;

/// What is wrong, and with it what the far end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// It is no session description.
    #[error(transparent)]
    BadSdp(#[from] SdpError),
    /// It holds no stream of sound, or a refused one.
    #[error("no stream of sound")]
    NoSound,
    /// None of its codecs is ours.
    #[error("no common codec")]
    NoCommonCodec,
    /// The sound would not be encrypted by DTLS-SRTP with a certificate named by a strong hash.
    #[error("the sound would not be secure")]
    Insecure,
    /// There are no usable ICE credentials.
    #[error("no ICE credentials")]
    NoIce,
    /// An answer came without an offer of ours.
    #[error("nothing was offered")]
    NothingOffered,
}

impl OfferError {
    /// The status that refuses such an offer (RFC 3261 section 13.3.1.3).
    pub fn sip_status(self) -> u16 {
        // One status for all: the SIP around a bad description is good, and 488 brings the Warning that says why.
        488
    }

    /// Code and text of the Warning beside it (RFC 3261 section 20.43).
    pub fn warning(self) -> (u16, &'static str) {
        match self {
            Self::NoSound => (304, "Media type not available"),
            Self::NoCommonCodec => (305, "Incompatible media format"),
            Self::Insecure => (302, "Incompatible transport protocol: DTLS-SRTP needed"),
            Self::NoIce => (302, "Incompatible transport protocol: ICE needed"),
            Self::BadSdp(_) | Self::NothingOffered => (399, "Bad session description"),
        }
    }
}
