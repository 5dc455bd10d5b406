//! Opus (RFC 6716, RFC 7587) at 48 kHz mono with in-band forward error correction and concealment by a small neural
//! network (libopus calls it deep PLC).
//!
//! Two bindings of the one library: `opus` reads packets, `opusic-c` encodes and decodes, for `opus` knows neither deep
//! redundancy nor the complexity of a decoder.

use opusic_c::dred::Dred;
use opusic_c::{Application, Bandwidth, Bitrate, Channels, Decoder, Encoder, InbandFec, SampleRate};

use super::past::Past;
use crate::error::SoundError;

/// Bits per second until more is known of the path.
const BITRATE: u32 = crate::ladder::CALM;
/// Fewest and most bits per second (RFC 7587 section 6.1).
const LEAST_BITRATE: u32 = 6_000;
const MOST_BITRATE: u32 = 510_000;
/// The longest packet, 120 ms (RFC 6716 section 3.2.5).
pub(super) const LONGEST: usize = 5760;
/// Loss that the encoder always prepares for while its own copies ride along, in percent; below it, it would leave them
/// out.
const LEAST_LOSS: u8 = 10;
const MOST_LOSS: u8 = 30;
/// From 5 on a decoder conceals with its network; more would only count in a library built with speech enhancement.
const DEEP: u8 = 5;

pub(super) struct OpusEncoder {
    inner: Encoder,
    /// What the far end takes at most, in bits per second.
    limit: u32,
    loss: u8,
    bitrate: u32,
    copy: bool,
    wideband: bool,
    /// Made for short packets: CELT alone, which looks 2.5 ms ahead and not 6.5.
    short: bool,
    /// How much of the sound before each packet rides along as deep redundancy, in 10 ms.
    past: u8,
    scratch: [u8; 1275],
}

impl OpusEncoder {
    /// `max_bitrate` is the far end's `maxaveragebitrate` (RFC 7587 section 6.1).
    pub(super) fn new(max_bitrate: Option<u32>) -> Result<Self, SoundError> {
        let limit = max_bitrate.unwrap_or(MOST_BITRATE);
        let bitrate = BITRATE.min(limit).max(LEAST_BITRATE);
        let (inner, loss) = (encoder(false)?, LEAST_LOSS);
        let mut own = Self {
            inner,
            limit,
            loss,
            bitrate,
            copy: true,
            wideband: false,
            short: false,
            past: 0,
            scratch: [0; 1275],
        };
        own.settle()?;
        Ok(own)
    }

    /// Another encoder from the next frame on: libopus cannot change this in one that has begun. The decoder hears that the
    /// mode changed, and blends.
    pub(super) fn set_short(&mut self, short: bool) -> Result<(), SoundError> {
        if short != self.short {
            self.inner = encoder(short)?;
            self.short = short;
            // Until it is told of less, each frame can be heard without those before: where the mode was CELT already, the
            // decoder knows of no other encoder, and what it remembers would click.
            self.loss = LEAST_LOSS;
            self.settle()?;
        }
        Ok(())
    }

    /// Tells an encoder that is new all there is to tell.
    fn settle(&mut self) -> Result<(), SoundError> {
        self.inner.set_bitrate(Bitrate::Value(self.bitrate))?;
        self.inner.set_inband_fec(fec(self.copy))?;
        self.inner.set_packet_loss(self.loss)?;
        self.inner.set_max_bandwidth(bandwidth(self.wideband))?;
        self.inner.set_dred_duration(self.past)?;
        Ok(())
    }

    /// Takes so many bits per second, or as many as the far end takes, and says whether the copy of the last frame rides
    /// along in them.
    pub(super) fn set_bitrate(&mut self, bits: u32, copy: bool) -> Result<(), SoundError> {
        let bits = bits.min(self.limit).clamp(LEAST_BITRATE, MOST_BITRATE);
        if (bits, copy) != (self.bitrate, self.copy) {
            self.inner.set_bitrate(Bitrate::Value(bits))?;
            self.inner.set_inband_fec(fec(copy))?;
            (self.bitrate, self.copy) = (bits, copy);
        }
        Ok(())
    }

    /// Leaves out what lies above 8 kHz, or not.
    pub(super) fn set_wideband(&mut self, wideband: bool) -> Result<(), SoundError> {
        if wideband != self.wideband {
            self.inner.set_max_bandwidth(bandwidth(wideband))?;
            self.wideband = wideband;
        }
        Ok(())
    }

    /// Lets so much of the sound before each packet ride along in its bits as deep redundancy, in 10 ms, 0..=104; libopus
    /// gives it a share of them that grows with the loss it was told, or none where that were too little.
    pub(super) fn set_past(&mut self, past: u8) -> Result<(), SoundError> {
        if past != self.past {
            self.inner.set_dred_duration(past)?;
            self.past = past;
        }
        Ok(())
    }

    /// Prepares for so much loss: each frame depends less on those before.
    pub(super) fn set_loss(&mut self, percent: u8) {
        let percent = percent.clamp(if self.copy { LEAST_LOSS } else { 0 }, MOST_LOSS);
        // A refused figure leaves the old one, which is safe.
        if percent != self.loss && self.inner.set_packet_loss(percent).is_ok() {
            self.loss = percent;
        }
    }

    /// What libopus was told last.
    #[cfg(test)]
    pub(super) fn told_loss(&mut self) -> Option<u8> {
        self.inner.get_packet_loss().ok()
    }

    /// Appends the payload of one frame of 10, 20, 40 or 60 ms.
    pub(super) fn encode(&mut self, frame: &[f32], out: &mut Vec<u8>) -> Result<(), SoundError> {
        let len = self.inner.encode_float_to_slice(frame, &mut self.scratch)?;
        out.extend_from_slice(&self.scratch[..len]);
        Ok(())
    }
}

fn fec(copy: bool) -> InbandFec {
    if copy { InbandFec::Mode1 } else { InbandFec::Off }
}

fn bandwidth(wideband: bool) -> Bandwidth {
    if wideband { Bandwidth::Wide } else { Bandwidth::Full }
}

fn encoder(short: bool) -> Result<Encoder, SoundError> {
    // Not `Voip`: it filters the low end away by the pitch of the voice, and at every bit-rate what comes out is less like
    // what went in (0.83 instead of 0.99 in the test below), with as many copies.
    let application = if short { Application::LowDelay } else { Application::Audio };
    let mut inner = Encoder::new(Channels::Mono, SampleRate::Hz48000, application)?;
    inner.set_complexity(9)?;
    Ok(inner)
}

pub(super) struct OpusDecoder {
    inner: Dred,
    scratch: Vec<f32>,
}

impl OpusDecoder {
    pub(super) fn new() -> Result<Self, SoundError> {
        Self::of_complexity(DEEP)
    }

    fn of_complexity(complexity: u8) -> Result<Self, SoundError> {
        let mut decoder = Decoder::new(Channels::Mono, SampleRate::Hz48000)?;
        decoder.set_complexity(complexity)?;
        Ok(Self { inner: Dred::new(decoder)?, scratch: vec![0.0; LONGEST] })
    }

    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) -> Result<usize, SoundError> {
        if payload.is_empty() {
            return Err(SoundError::BadPayload);
        }
        let len = self.inner.decoder_mut().decode_float_to_slice(payload, &mut self.scratch, false)?;
        out.extend_from_slice(&self.scratch[..len]);
        Ok(len)
    }

    /// Restores `samples` before `next` from the copy it carries; without one, libopus conceals.
    pub(super) fn recover(&mut self, next: &[u8], samples: usize, out: &mut Vec<f32>) -> Result<usize, SoundError> {
        self.fill(next, samples, out, true)
    }

    /// Restores `samples` (a multiple of 120) that end `before` samples ahead of `next`, from the deep redundancy it carries;
    /// what lies further back than that goes, libopus conceals.
    pub(super) fn restore(
        &mut self,
        next: &[u8],
        samples: usize,
        before: usize,
        out: &mut Vec<f32>,
    ) -> Result<usize, SoundError> {
        let frame = ::opus::packet::get_samples_per_frame(next, crate::RATE)?;
        let moved = Past::of(next).and_then(|past| past.moved(frame, before)).ok_or(SoundError::BadPayload)?;
        let samples = (samples / 120 * 120).max(120);
        if self.scratch.len() < samples {
            self.scratch.resize(samples, 0.0);
        }
        let len = self.inner.decode_float_to_slice(&moved, &mut self.scratch[..samples])?;
        out.extend_from_slice(&self.scratch[..len]);
        Ok(len)
    }

    /// Conceals `samples`, a multiple of 120 (2.5 ms).
    pub(super) fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) -> Result<usize, SoundError> {
        self.fill(&[], samples, out, false)
    }

    fn fill(&mut self, data: &[u8], samples: usize, out: &mut Vec<f32>, fec: bool) -> Result<usize, SoundError> {
        let samples = (samples / 120 * 120).clamp(120, LONGEST);
        let len = self.inner.decoder_mut().decode_float_to_slice(data, &mut self.scratch[..samples], fec)?;
        out.extend_from_slice(&self.scratch[..len]);
        Ok(len)
    }
}

/// Samples at 48 kHz that a payload holds; `None` for what is no Opus packet.
pub(super) fn duration(payload: &[u8]) -> Option<usize> {
    if payload.is_empty() {
        return None;
    }
    opus::packet::get_nb_samples(payload, crate::RATE).ok().filter(|samples| (120..=LONGEST).contains(samples))
}

/// The packet without its padding and all that is in it.
pub(super) fn bare(payload: &[u8]) -> Vec<u8> {
    let mut packet = payload.to_vec();
    if let Ok(length) = ::opus::packet::unpad(&mut packet) {
        packet.truncate(length);
    }
    packet
}

/// Whether the packet carries a copy of the frame before it: the LBRR flag behind the voice-activity flags of the
/// first SILK frame (RFC 6716 section 4.2.4).
pub(super) fn has_copy(payload: &[u8]) -> bool {
    let Some(toc) = payload.first() else { return false };
    // RFC 6716 section 3.1: configurations 16 and up are CELT alone, which knows no copies.
    if toc >> 3 >= 16 {
        return false;
    }
    let Ok(packet) = opus::packet::parse(payload) else { return false };
    let Ok(samples) = opus::packet::get_samples_per_frame(payload, crate::RATE) else { return false };
    let silk_frames = (samples / 960).max(1);
    packet.frames.first().and_then(|frame| frame.first()).is_some_and(|byte| byte >> (7 - silk_frames.min(3)) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Speech, find_delay};

    #[test]
    fn a_voice_keeps_its_shape_and_has_its_copies() {
        const FRAME: usize = crate::RATE as usize / 50;
        const PIECE: usize = crate::RATE as usize / 5;
        let mut voice = vec![0.0; 300 * FRAME];
        Speech::new(7).fill(&mut voice);
        let (mut encoder, mut decoder) = (OpusEncoder::new(None).unwrap(), OpusDecoder::new().unwrap());
        let (mut out, mut octets, mut copies) = (Vec::new(), 0, 0);
        for frame in voice.chunks_exact(FRAME) {
            let mut payload = Vec::new();
            encoder.encode(frame, &mut payload).unwrap();
            decoder.decode(&payload, &mut out).unwrap();
            (octets, copies) = (octets + payload.len(), copies + usize::from(has_copy(&payload)));
        }
        // In six seconds.
        assert!(octets * 8 / 6 <= BITRATE as usize * 11 / 10, "{octets}");
        assert!(copies > 150, "{copies} of 300 packets carry a copy");
        let likeness =
            |at: usize| find_delay(&voice[at..at + PIECE], &out[at..at + 2 * PIECE], PIECE).unwrap().likeness;
        let pieces: Vec<f32> = (PIECE..voice.len() - 2 * PIECE).step_by(PIECE).map(likeness).collect();
        let mean = pieces.iter().sum::<f32>() / pieces.len() as f32;
        assert!(mean > 0.95, "{mean}: {pieces:?}");
    }

    /// Levels in dB at 32 places of the voice band, 100..=3 975 Hz, over one frame.
    fn spectrum(frame: &[f32]) -> impl Iterator<Item = f32> {
        let length = frame.len() as f32;
        (0..32u8).map(move |n| {
            let step = std::f32::consts::TAU * (100.0 + 125.0 * f32::from(n)) / crate::RATE as f32;
            let (mut re, mut im) = (0.0, 0.0);
            for (at, sample) in frame.iter().enumerate() {
                let at = at as f32;
                let windowed = sample * (0.5 - 0.5 * (std::f32::consts::TAU * at / length).cos());
                re += windowed * (step * at).cos();
                im += windowed * (step * at).sin();
            }
            20.0 * (re.hypot(im) / length).max(1e-5).log10()
        })
    }

    #[test]
    fn the_network_conceals_better_than_the_old_way() {
        const FRAME: usize = crate::RATE as usize / 50;
        let mut voice = vec![0.0; 600 * FRAME];
        Speech::new(11).fill(&mut voice);
        let mut encoder = OpusEncoder::new(None).unwrap();
        let coded = |frame| {
            let mut payload = Vec::new();
            encoder.encode(frame, &mut payload).unwrap();
            payload
        };
        let payloads: Vec<_> = voice.chunks_exact(FRAME).map(coded).collect();
        // Two frames in ten are lost, one after the other.
        let lost = |n: usize| n % 10 >= 8;
        let run = |mut decoder: OpusDecoder, lossy: bool| {
            let mut out = Vec::new();
            for (n, payload) in payloads.iter().enumerate() {
                let made =
                    if lossy && lost(n) { decoder.conceal(FRAME, &mut out) } else { decoder.decode(payload, &mut out) };
                assert_eq!(made, Ok(FRAME));
            }
            out
        };
        let whole = run(OpusDecoder::new().unwrap(), false);
        let distance = |other: &[f32]| {
            let frames = whole.chunks_exact(FRAME).zip(other.chunks_exact(FRAME)).enumerate().filter(|(n, _)| lost(*n));
            let apart =
                |(_, (a, b))| spectrum(a).zip(spectrum(b)).map(|(a, b): (f32, f32)| (a - b).abs()).sum::<f32>() / 32.0;
            let all: Vec<f32> = frames.map(apart).collect();
            all.iter().sum::<f32>() / all.len() as f32
        };
        let (deep, old) = (
            distance(&run(OpusDecoder::new().unwrap(), true)),
            distance(&run(OpusDecoder::of_complexity(0).unwrap(), true)),
        );
        assert!(deep < 0.95 * old, "{deep} dB off with the network, {old} dB without");
    }
}
