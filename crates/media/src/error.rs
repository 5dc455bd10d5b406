//! What can go wrong with sound itself.

/// A fault of a codec or a resampler. None of them ends a call: the packet or block is dropped or concealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoundError {
    /// The peer sent a payload the codec cannot read.
    #[error("payload cannot be decoded")]
    BadPayload,
    /// The Opus library refused.
    #[error("opus: {0}")]
    Opus(String),
    /// A resampler cannot be made for these rates.
    #[error("cannot resample from {from} Hz to {to} Hz")]
    Rates {
        /// Rate of the input.
        from: u32,
        /// Rate of the output.
        to: u32,
    },
}

impl From<opus::Error> for SoundError {
    fn from(error: opus::Error) -> Self {
        Self::Opus(error.description().to_owned())
    }
}

impl From<opusic_c::ErrorCode> for SoundError {
    fn from(error: opusic_c::ErrorCode) -> Self {
        Self::Opus(error.message().to_owned())
    }
}
