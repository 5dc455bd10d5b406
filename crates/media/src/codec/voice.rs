//! One face for all codecs.

use ::opus::{Channels, SoftClip};

use super::opus::{self, OpusDecoder, OpusEncoder};
use super::past::Past;
use super::waveform::{self, Kind, WaveformDecoder, WaveformEncoder};
use crate::error::SoundError;

/// A codec the pipeline can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 7587; 48 kHz clock.
    Opus,
    /// G.722 at 64 kbit/s and 16 kHz; the clock is 8 kHz all the same (RFC 3551 section 4.5.2).
    G722,
    /// G.711 µ-law; 8 kHz clock.
    Pcmu,
    /// G.711 A-law; 8 kHz clock.
    Pcma,
}

impl Codec {
    /// Rate of the RTP timestamp (for Opus always 48 kHz, RFC 7587 section 4.1).
    pub fn clock(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 | Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// The codec of such a short name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = super::table::ROWS.iter().map(|row| row.codec);
        all.find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// Short name for the quality view and for settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G722 => "g722",
            Self::Pcmu => "pcmu",
            Self::Pcma => "pcma",
        }
    }

    /// Samples at 48 kHz that a payload holds; `None` for a payload of no sense.
    pub fn duration(self, payload: &[u8]) -> Option<usize> {
        match self {
            Self::Opus => opus::duration(payload),
            Self::G722 | Self::Pcmu | Self::Pcma => {
                (1..=waveform::LONGEST).contains(&payload.len()).then_some(payload.len() * waveform::OCTET)
            }
        }
    }

    /// Whether the payload carries a copy of the frame before it.
    pub fn has_copy(self, payload: &[u8]) -> bool {
        self == Self::Opus && opus::has_copy(payload)
    }

    /// Whether the payload carries deep redundancy: the sound before it in few bits (DRED).
    pub fn has_past(self, payload: &[u8]) -> bool {
        self == Self::Opus && Past::of(payload).is_some()
    }

    /// The payload without the deep redundancy in it: a copy is of its own sound only.
    pub(crate) fn bare(self, payload: &[u8]) -> Vec<u8> {
        if self.has_past(payload) { opus::bare(payload) } else { payload.to_vec() }
    }

    /// Whether the payload says that silence begins (Opus DTX, RFC 7587 section 3.1.3: nothing but the TOC).
    pub fn is_silence(self, payload: &[u8]) -> bool {
        self == Self::Opus && payload.len() <= 2
    }
}

/// Turns frames into payloads.
pub struct VoiceEncoder {
    codec: Codec,
    inner: EncoderOf,
}

enum EncoderOf {
    Opus(Box<OpusEncoder>),
    Waveform(Box<WaveformEncoder>),
}

impl VoiceEncoder {
    /// `max_bitrate` in bit/s is what the far end's fmtp allows; only Opus heeds it.
    pub fn new(codec: Codec, max_bitrate: Option<u32>) -> Result<Self, SoundError> {
        let inner = match codec {
            Codec::Opus => EncoderOf::Opus(Box::new(OpusEncoder::new(max_bitrate)?)),
            Codec::G722 => EncoderOf::Waveform(Box::new(WaveformEncoder::new(Kind::Wide))),
            Codec::Pcmu => EncoderOf::Waveform(Box::new(WaveformEncoder::new(Kind::Mu))),
            Codec::Pcma => EncoderOf::Waveform(Box::new(WaveformEncoder::new(Kind::A))),
        };
        Ok(Self { codec, inner })
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Appends the payload of one frame of 48 kHz mono: 10, 20, 40 or 60 ms.
    pub fn encode(&mut self, frame: &[f32], out: &mut Vec<u8>) -> Result<(), SoundError> {
        match &mut self.inner {
            EncoderOf::Opus(opus) => opus.encode(frame, out),
            EncoderOf::Waveform(waveform) => waveform.encode(frame, out),
        }
    }

    /// Takes so many bits per second, within what the far end's fmtp allows, and says whether the copy of the frame before
    /// rides along in them; only Opus heeds it.
    pub fn set_bitrate(&mut self, bitrate: u32, copy: bool) -> Result<(), SoundError> {
        match &mut self.inner {
            EncoderOf::Opus(opus) => opus.set_bitrate(bitrate, copy),
            EncoderOf::Waveform(_) => Ok(()),
        }
    }

    /// Leaves out what lies above 8 kHz, or not; only Opus has it.
    pub fn set_wideband(&mut self, wideband: bool) -> Result<(), SoundError> {
        match &mut self.inner {
            EncoderOf::Opus(opus) => opus.set_wideband(wideband),
            EncoderOf::Waveform(_) => Ok(()),
        }
    }

    /// Encodes without a long look-ahead, for packets of 10 ms, or as usual; between two frames. Only Opus can. Sound goes on
    /// where it was, but for the four milliseconds between the two look-aheads.
    pub fn set_short(&mut self, short: bool) -> Result<(), SoundError> {
        match &mut self.inner {
            EncoderOf::Opus(opus) => opus.set_short(short),
            EncoderOf::Waveform(_) => Ok(()),
        }
    }

    /// Lets so much of the sound before each packet ride along as deep redundancy, in 10 ms, 0..=104; only Opus has it.
    pub fn set_past(&mut self, past: u8) -> Result<(), SoundError> {
        match &mut self.inner {
            EncoderOf::Opus(opus) => opus.set_past(past),
            EncoderOf::Waveform(_) => Ok(()),
        }
    }

    /// Tells what share of our packets the far end has to do without, in percent.
    pub fn set_loss(&mut self, percent: u8) {
        if let EncoderOf::Opus(opus) = &mut self.inner {
            opus.set_loss(percent);
        }
    }

    /// The loss that Opus prepares for, in percent.
    #[cfg(test)]
    pub(crate) fn loss(&mut self) -> Option<u8> {
        if let EncoderOf::Opus(opus) = &mut self.inner { opus.told_loss() } else { None }
    }
}

/// Turns payloads, and their absence, into frames.
pub struct VoiceDecoder {
    codec: Codec,
    inner: DecoderOf,
    /// libopus leaves overshoot, and what rubbish decodes to, as it is: at many times full scale.
    limit: SoftClip,
}

enum DecoderOf {
    Opus(Box<OpusDecoder>),
    Waveform(Box<WaveformDecoder>),
}

impl VoiceDecoder {
    /// A decoder that has heard nothing yet.
    pub fn new(codec: Codec) -> Result<Self, SoundError> {
        let inner = match codec {
            Codec::Opus => DecoderOf::Opus(Box::new(OpusDecoder::new()?)),
            Codec::G722 => DecoderOf::Waveform(Box::new(WaveformDecoder::new(Kind::Wide))),
            Codec::Pcmu => DecoderOf::Waveform(Box::new(WaveformDecoder::new(Kind::Mu))),
            Codec::Pcma => DecoderOf::Waveform(Box::new(WaveformDecoder::new(Kind::A))),
        };
        Ok(Self { codec, inner, limit: SoftClip::new(Channels::Mono) })
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Appends the sound of `payload` at 48 kHz, within full scale, and returns its length.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) -> Result<usize, SoundError> {
        let start = out.len();
        let made = match &mut self.inner {
            DecoderOf::Opus(opus) => opus.decode(payload, out),
            DecoderOf::Waveform(waveform) => waveform.decode(payload, out),
        };
        self.limit.apply(&mut out[start..]);
        made
    }

    /// Appends `samples` of sound that stood before `next`, from the copy `next` carries.
    pub fn recover(&mut self, next: &[u8], samples: usize, out: &mut Vec<f32>) -> Result<usize, SoundError> {
        let start = out.len();
        let made = match &mut self.inner {
            DecoderOf::Opus(opus) => opus.recover(next, samples, out),
            DecoderOf::Waveform(waveform) => Ok(waveform.conceal(samples, out)),
        };
        self.limit.apply(&mut out[start..]);
        made
    }

    /// Appends `samples` (a multiple of 120) of sound that ended `before` samples ahead of `next`, from the deep redundancy
    /// it carries.
    pub fn restore(
        &mut self,
        next: &[u8],
        samples: usize,
        before: usize,
        out: &mut Vec<f32>,
    ) -> Result<usize, SoundError> {
        let start = out.len();
        let made = match &mut self.inner {
            DecoderOf::Opus(opus) => opus.restore(next, samples, before, out),
            DecoderOf::Waveform(waveform) => Ok(waveform.conceal(samples, out)),
        };
        self.limit.apply(&mut out[start..]);
        made
    }

    /// Appends `samples` (a multiple of 480) of made-up sound that goes on from the last.
    pub fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) -> Result<usize, SoundError> {
        let start = out.len();
        let made = match &mut self.inner {
            DecoderOf::Opus(opus) => opus.conceal(samples, out),
            DecoderOf::Waveform(waveform) => Ok(waveform.conceal(samples, out)),
        };
        self.limit.apply(&mut out[start..]);
        made
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::level::rms_dbfs;
    use crate::signal::Speech;

    const KINDS: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma];

    fn voice(samples: usize) -> Vec<f32> {
        let mut out = vec![0.0; samples];
        Speech::new(7).fill(&mut out);
        out
    }

    #[test]
    fn rubbish_is_no_louder_than_full_scale() {
        for kind in KINDS {
            let mut limited = VoiceDecoder::new(kind).unwrap();
            let (mut out, mut raw, mut twice) = (Vec::new(), Vec::new(), VoiceDecoder::new(kind).unwrap());
            for seed in 0..2_000_u32 {
                let payload: Vec<u8> =
                    (0..40).map(|at| (seed.wrapping_mul(2_654_435_761).rotate_left(at * 7) >> 9) as u8).collect();
                let _ = limited.decode(&payload, &mut out);
                let _ = match &mut twice.inner {
                    DecoderOf::Opus(opus) => opus.decode(&payload, &mut raw),
                    DecoderOf::Waveform(waveform) => waveform.decode(&payload, &mut raw),
                };
            }
            assert!(raw.iter().any(|sample| sample.abs() > 1.1), "{kind:?}: nothing is loud, so this proves nothing");
            assert!(out.iter().all(|sample| sample.abs() <= 1.0), "{kind:?}");
        }
    }

    fn coded(codec: Codec, frames: usize) -> Vec<Vec<u8>> {
        let mut encoder = VoiceEncoder::new(codec, None).unwrap();
        voice(frames * 960)
            .chunks(960)
            .map(|frame| {
                let mut payload = Vec::new();
                encoder.encode(frame, &mut payload).unwrap();
                payload
            })
            .collect()
    }

    #[test]
    fn the_level_survives_each_codec() {
        for kind in KINDS {
            let mut decoder = VoiceDecoder::new(kind).unwrap();
            let mut out = Vec::new();
            for payload in coded(kind, 50) {
                assert_eq!(kind.duration(&payload), Some(960));
                assert_eq!(decoder.decode(&payload, &mut out), Ok(960));
            }
            let (heard, said) = (rms_dbfs(&out[9600..]), rms_dbfs(&voice(48000)));
            assert!((heard - said).abs() < 0.7, "{kind:?}: {heard} of {said}");
        }
    }

    #[test]
    fn opus_carries_the_copy_and_it_beats_concealment() {
        let payloads = coded(Codec::Opus, 50);
        let copies = payloads[10..].iter().filter(|payload| Codec::Opus.has_copy(payload)).count();
        assert!(copies > 25, "{copies} of 40");
        let run = |mode: u8| {
            let mut decoder = VoiceDecoder::new(Codec::Opus).unwrap();
            let mut out = Vec::new();
            for (n, payload) in payloads.iter().enumerate() {
                let lost = n % 10 == 9;
                match (lost, mode) {
                    (false, _) | (_, 0) => decoder.decode(payload, &mut out).unwrap(),
                    (true, 1) => decoder.recover(&payloads[(n + 1).min(49)], 960, &mut out).unwrap(),
                    (true, _) => decoder.conceal(960, &mut out).unwrap(),
                };
            }
            out
        };
        let whole = run(0);
        let error = |other: &[f32]| -> f32 { whole.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum() };
        let (recovered, concealed) = (error(&run(1)), error(&run(2)));
        assert!(recovered < concealed, "{recovered} against {concealed}");
    }

    #[test]
    fn a_bitrate_of_ones_own_is_taken_within_the_far_ends() {
        let octets = |limit, bits| {
            let mut encoder = VoiceEncoder::new(Codec::Opus, limit).unwrap();
            encoder.set_bitrate(bits, true).unwrap();
            let mut out = Vec::new();
            for frame in voice(96_000).chunks(960) {
                encoder.encode(frame, &mut out).unwrap();
            }
            out.len()
        };
        // Two seconds.
        for (limit, bits, taken) in [(None, 96_000, 96_000), (None, 16_000, 16_000), (Some(20_000), 96_000, 20_000)] {
            let rate = octets(limit, bits) * 4;
            assert!(rate.abs_diff(taken) < taken / 4, "{limit:?}, {bits}: {rate}");
        }
        assert_eq!(KINDS.map(|codec| Codec::named(&codec.name().to_uppercase())), KINDS.map(Some));
        assert_eq!(Codec::named("speex"), None);
    }

    #[test]
    fn loss_and_limits_are_taken() {
        let mut encoder = VoiceEncoder::new(Codec::Opus, Some(9000)).unwrap();
        encoder.set_loss(200);
        let mut out = Vec::new();
        encoder.encode(&voice(960), &mut out).unwrap();
        assert!(out.len() < 80);
        assert!(encoder.encode(&voice(961), &mut out).is_err());
    }

    proptest! {
        #[test]
        fn any_payload_is_decoded_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..1500)) {
            for kind in KINDS {
                let mut decoder = VoiceDecoder::new(kind).unwrap();
                let mut out = Vec::new();
                let said = kind.duration(&payload);
                let _ = kind.has_copy(&payload);
                if let Ok(len) = decoder.decode(&payload, &mut out) {
                    prop_assert_eq!(said, Some(len));
                }
                let _ = decoder.recover(&payload, 960, &mut out);
                prop_assert_eq!(decoder.conceal(480, &mut out), Ok(480));
            }
        }
    }
}
