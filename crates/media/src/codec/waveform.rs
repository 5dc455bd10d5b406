//! G.711 (PCMU, PCMA; RFC 3551 section 4.5.14) at 8 kHz and G.722 (section 4.5.2) at 16 kHz: an octet each 125 µs,
//! brought to 48 kHz and back, with a concealer because the codecs have none.

use audio_codec::g722::{G722Decoder, G722Encoder};
use audio_codec::pcma::{PcmaDecoder, PcmaEncoder};
use audio_codec::pcmu::{PcmuDecoder, PcmuEncoder};
use audio_codec::{Decoder, Encoder};

use super::conceal::Concealer;
use crate::RATE;
use crate::error::SoundError;
use crate::resample::{Down, Up};

/// Longest payload taken: 200 ms.
pub(super) const LONGEST: usize = 1600;
/// Samples at 48 kHz that an octet stands for.
pub(super) const OCTET: usize = 6;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// G.711 µ-law.
    Mu,
    /// G.711 A-law.
    A,
    /// G.722 at 64 kbit/s.
    Wide,
}

impl Kind {
    /// Samples at 48 kHz for each of its own.
    fn factor(self) -> usize {
        match self {
            Self::Mu | Self::A => 6,
            Self::Wide => 3,
        }
    }

    fn encoder(self) -> Box<dyn Encoder> {
        match self {
            Self::Mu => Box::new(PcmuEncoder::new()),
            Self::A => Box::new(PcmaEncoder::new()),
            Self::Wide => Box::new(G722Encoder::new()),
        }
    }

    fn decoder(self) -> Box<dyn Decoder> {
        match self {
            Self::Mu => Box::new(PcmuDecoder::new()),
            Self::A => Box::new(PcmaDecoder::new()),
            Self::Wide => Box::new(G722Decoder::new()),
        }
    }
}

pub(super) struct WaveformEncoder {
    inner: Box<dyn Encoder>,
    down: Down,
    narrow: Vec<f32>,
    linear: Vec<i16>,
    coded: Vec<u8>,
}

impl WaveformEncoder {
    pub(super) fn new(kind: Kind) -> Self {
        let down = Down::new(kind.factor());
        Self { inner: kind.encoder(), down, narrow: Vec::new(), linear: Vec::new(), coded: Vec::new() }
    }

    /// Appends one octet for each six samples of `frame`.
    pub(super) fn encode(&mut self, frame: &[f32], out: &mut Vec<u8>) -> Result<(), SoundError> {
        self.narrow.clear();
        self.down.process(frame, &mut self.narrow);
        self.linear.clear();
        self.linear.extend(self.narrow.iter().map(|sample| (sample * 32767.0).clamp(-32768.0, 32767.0) as i16));
        self.coded.resize(self.linear.len(), 0);
        let len = self.inner.encode_into(&self.linear, &mut self.coded).map_err(|_| SoundError::BadPayload)?;
        out.extend_from_slice(&self.coded[..len]);
        Ok(())
    }
}

pub(super) struct WaveformDecoder {
    inner: Box<dyn Decoder>,
    factor: usize,
    up: Up,
    concealer: Concealer,
    linear: Vec<i16>,
    narrow: Vec<f32>,
}

impl WaveformDecoder {
    pub(super) fn new(kind: Kind) -> Self {
        let factor = kind.factor();
        Self {
            inner: kind.decoder(),
            factor,
            up: Up::new(factor),
            concealer: Concealer::new(RATE as usize / factor),
            linear: Vec::new(),
            narrow: Vec::new(),
        }
    }

    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) -> Result<usize, SoundError> {
        if payload.is_empty() || payload.len() > LONGEST {
            return Err(SoundError::BadPayload);
        }
        self.linear.resize(payload.len() * OCTET / self.factor, 0);
        let len = self.inner.decode_into(payload, &mut self.linear).map_err(|_| SoundError::BadPayload)?;
        self.narrow.clear();
        self.narrow.extend(self.linear[..len].iter().map(|sample| f32::from(*sample) / 32768.0));
        self.concealer.heard(&mut self.narrow);
        Ok(self.widen(out))
    }

    /// Conceals `samples` at 48 kHz, rounded down to a multiple of six.
    pub(super) fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) -> usize {
        self.narrow.clear();
        self.concealer.conceal(samples / OCTET * OCTET / self.factor, &mut self.narrow);
        self.widen(out)
    }

    fn widen(&mut self, out: &mut Vec<f32>) -> usize {
        let before = out.len();
        self.up.process(&self.narrow, out);
        out.len() - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 40 ms of two tones, coded by libg722 (public domain, made after the ITU's own code).
    const CODED_ELSEWHERE: &str = "\
        fa56f7a004a0a02020aa321d920f0f931d34ad2b2eb23d579212d39a3af3af2ff3b91cd59315d8fe36f1ef32f7df59d4d416ddf9\
        32b0f074fadb16d3571bbcf572b2f37ade581396595cb9f272b0735fdd5514955b7db372f1b27a5fda54529b1f78b070f2f57b57\
        991257dd3e78ee34f0f759d79911dadf7af3f032f6bd1bd7555498fc3374ed36fa7e5693db559ef6386d30397b58529bd5d7b6fa\
        73ef3a3979135ad5d47fb678ecf23b7cde5218d33eddf2356ef9745ada13d9947fbcaef7f2783ad4d91057fcfdb8ec36f4f351db\
        5b12dd5f1feb7a37f65e5a9dcd5abc7a3a6f3f2c781852ded45c9d7b73ec75fe9e5f569756dbaf7ff2f5353df90cd9dd5c5df13c\
        6af71aff9ed3bad05df0af1c707a7cfc540ef4bf5fb3fb73efd8589cda1f5d5a30ed7478bdfb5a9cd05af3763caefbf4b4d553f4\
        181ef57970abd5f9";

    /// The tones: 700 and 5 300 Hz at 16 kHz.
    fn tones() -> Vec<i16> {
        let turn = |n: i32, hertz: f64| (std::f64::consts::TAU * hertz * f64::from(n) / 16_000.0).sin();
        (0..640).map(|n| (9_000.0 * turn(n, 700.0) + 3_000.0 * turn(n, 5_300.0)).round() as i16).collect()
    }

    fn elsewhere() -> Vec<u8> {
        let octet = |at: usize| u8::from_str_radix(&CODED_ELSEWHERE[at..at + 2], 16).unwrap();
        (0..CODED_ELSEWHERE.len()).step_by(2).map(octet).collect()
    }

    /// Signal to noise in dB of what was decoded, 22 samples late as the two filters of G.722 are.
    fn fidelity(heard: &[i16]) -> f64 {
        let pairs = || heard[22..].iter().zip(tones()).map(|(a, b)| (f64::from(*a), f64::from(b))).skip(160);
        let power: f64 = pairs().map(|(_, said)| said * said).sum();
        let noise: f64 = pairs().map(|(heard, said)| (heard - said).powi(2)).sum();
        10.0 * (power / noise).log10()
    }

    #[test]
    fn g722_of_another_coder_is_understood_as_ours_is() {
        let mut ours = vec![0; 320];
        assert_eq!(G722Encoder::new().encode_into(&tones(), &mut ours).unwrap(), 320);
        // The octets differ, for they begin with another step size; the sound does not.
        for coded in [elsewhere(), ours] {
            let mut heard = vec![0; 640];
            assert_eq!(G722Decoder::new().decode_into(&coded, &mut heard).unwrap(), 640);
            assert!(fidelity(&heard) > 28.0, "{} dB", fidelity(&heard));
        }
    }

    #[test]
    fn g722_is_wider_and_as_late_as_its_filters_are() {
        use crate::level::rms_dbfs;
        use crate::signal::{Speech, find_delay};
        for (kind, late) in [(Kind::Mu, 144), (Kind::Wide, 72 + 66)] {
            let mut voice = vec![0.0; 96_000];
            Speech::new(3).fill(&mut voice);
            let (mut encoder, mut decoder, mut out) =
                (WaveformEncoder::new(kind), WaveformDecoder::new(kind), Vec::new());
            for frame in voice.chunks_exact(480) {
                let mut payload = Vec::new();
                encoder.encode(frame, &mut payload).unwrap();
                assert_eq!(payload.len(), 80);
                decoder.decode(&payload, &mut out).unwrap();
            }
            let found = find_delay(&voice[..48_000], &out, 4_800).unwrap();
            assert!(found.delay.abs_diff(late) <= 6 && found.likeness > 0.98, "{kind:?}: {found:?}");
            // A tone of 6 kHz passes where there is room for it.
            let tone: Vec<f32> =
                (0..48_000).map(|n| 0.3 * (std::f32::consts::TAU * (n % 8) as f32 / 8.0).sin()).collect();
            let (mut encoder, mut payload) = (WaveformEncoder::new(kind), Vec::new());
            encoder.encode(&tone, &mut payload).unwrap();
            out.clear();
            for part in payload.chunks(LONGEST) {
                decoder.decode(part, &mut out).unwrap();
            }
            let change = rms_dbfs(&out[9_600..]) - rms_dbfs(&tone);
            assert!(if kind == Kind::Wide { change.abs() < 1.0 } else { change < -40.0 }, "{kind:?}: {change} dB");
        }
    }
}
