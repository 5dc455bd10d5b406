//! Codecs as the pipeline sees them: 48 kHz mono frames on one side, RTP payloads on the other.

mod conceal;
mod g711;
mod opus;
pub(crate) mod table;
mod voice;

pub use voice::{Codec, VoiceDecoder, VoiceEncoder};
