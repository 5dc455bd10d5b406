//! Codecs as the pipeline sees them: 48 kHz mono frames on one side, RTP payloads on the other.

mod conceal;
pub(crate) mod noise;
mod opus;
pub(crate) mod past;
pub(crate) mod table;
mod voice;
mod waveform;

pub use voice::{Codec, VoiceDecoder, VoiceEncoder};
