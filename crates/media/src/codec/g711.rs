//! G.711 (PCMU, PCMA; RFC 3551 section 4.5.14) at 8 kHz, brought to 48 kHz and back, with a concealer of its own
//! because the codec has none.

use audio_codec::pcma::{PcmaDecoder, PcmaEncoder};
use audio_codec::pcmu::{PcmuDecoder, PcmuEncoder};
use audio_codec::{Decoder, Encoder};

use super::conceal::Concealer;
use crate::error::SoundError;
use crate::resample::{Down6, Up6};

/// Which of the two laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Law {
    Mu,
    A,
}

/// Longest payload taken: 200 ms.
pub(super) const LONGEST: usize = 1600;

pub(super) struct G711Encoder {
    law: Law,
    down: Down6,
    narrow: Vec<f32>,
    linear: Vec<i16>,
    coded: Vec<u8>,
}

impl G711Encoder {
    pub(super) fn new(law: Law) -> Self {
        Self { law, down: Down6::new(), narrow: Vec::new(), linear: Vec::new(), coded: Vec::new() }
    }

    /// Appends one octet for each six samples of `frame`.
    pub(super) fn encode(&mut self, frame: &[f32], out: &mut Vec<u8>) -> Result<(), SoundError> {
        self.narrow.clear();
        self.down.process(frame, &mut self.narrow);
        self.linear.clear();
        self.linear.extend(self.narrow.iter().map(|sample| (sample * 32767.0).clamp(-32768.0, 32767.0) as i16));
        self.coded.resize(self.linear.len(), 0);
        let coded = match self.law {
            Law::Mu => PcmuEncoder::new().encode_into(&self.linear, &mut self.coded),
            Law::A => PcmaEncoder::new().encode_into(&self.linear, &mut self.coded),
        };
        let len = coded.map_err(|_| SoundError::BadPayload)?;
        out.extend_from_slice(&self.coded[..len]);
        Ok(())
    }
}

pub(super) struct G711Decoder {
    law: Law,
    up: Up6,
    concealer: Concealer,
    linear: Vec<i16>,
    narrow: Vec<f32>,
}

impl G711Decoder {
    pub(super) fn new(law: Law) -> Self {
        Self { law, up: Up6::new(), concealer: Concealer::default(), linear: Vec::new(), narrow: Vec::new() }
    }

    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) -> Result<usize, SoundError> {
        if payload.is_empty() || payload.len() > LONGEST {
            return Err(SoundError::BadPayload);
        }
        self.linear.resize(payload.len(), 0);
        let decoded = match self.law {
            Law::Mu => PcmuDecoder::new().decode_into(payload, &mut self.linear),
            Law::A => PcmaDecoder::new().decode_into(payload, &mut self.linear),
        };
        let len = decoded.map_err(|_| SoundError::BadPayload)?;
        self.narrow.clear();
        self.narrow.extend(self.linear[..len].iter().map(|sample| f32::from(*sample) / 32768.0));
        self.concealer.heard(&mut self.narrow);
        Ok(self.widen(out))
    }

    /// Conceals `samples` at 48 kHz, rounded down to a multiple of six.
    pub(super) fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) -> usize {
        self.narrow.clear();
        self.concealer.conceal(samples / 6, &mut self.narrow);
        self.widen(out)
    }

    fn widen(&mut self, out: &mut Vec<f32>) -> usize {
        let before = out.len();
        self.up.process(&self.narrow, out);
        out.len() - before
    }
}
