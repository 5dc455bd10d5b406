//! Comfort noise, RFC 3389: the far end says how loud its silence is and how it is coloured, and noise like that is made
//! here until it speaks again. It is made at 8 kHz, for payload type 13 speaks of that.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::resample::Up;

/// Samples at 48 kHz for each at 8 kHz.
const FACTOR: usize = 6;
/// Coefficients heeded; RFC 3389 section 3 sets no limit, and more colour is not heard.
const MOST: usize = 12;
/// Samples at 8 kHz after which loudness and colour move on: 2.5 ms.
const STEP: usize = 20;
/// Share of the way to what the last packet says that each step goes: nine tenths in 30 ms.
const PACE: f32 = 0.18;
/// The loudest noise believed, in dBFS: a packet that says more is an enemy's.
const LOUDEST: f32 = -20.0;

/// Noise goes no further than so many times its loudness, however it is coloured.
const PEAK: f32 = 4.0;

/// Loudness as root mean square of full scale, and reflection coefficients, each within ±1.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Manner {
    loud: f32,
    colour: [f32; MOST],
}

/// Makes the noise of the last packet.
#[derive(Debug, Clone)]
pub(crate) struct ComfortNoise {
    rng: ChaCha12Rng,
    now: Manner,
    goal: Manner,
    /// What stands behind each coefficient.
    past: [f32; MOST],
    left: usize,
    /// Loudness of the noise before it is coloured.
    gain: f32,
    up: Up,
    narrow: Vec<f32>,
}

impl ComfortNoise {
    /// Noise of this packet; `None` for an empty one.
    pub(crate) fn new(payload: &[u8]) -> Option<Self> {
        let now = read(payload)?;
        // The same noise for ever: nobody can tell, and a call can be played again.
        let rng = ChaCha12Rng::seed_from_u64(3389);
        let up = Up::new(FACTOR);
        Some(Self { rng, now, goal: now, past: [0.0; MOST], left: 0, gain: 0.0, up, narrow: Vec::new() })
    }

    /// Glides to the noise of another packet.
    pub(crate) fn update(&mut self, payload: &[u8]) {
        if let Some(goal) = read(payload) {
            self.goal = goal;
        }
    }

    /// Appends `samples` at 48 kHz, rounded down to a multiple of six.
    pub(crate) fn make(&mut self, samples: usize, out: &mut Vec<f32>) {
        let mut narrow = std::mem::take(&mut self.narrow);
        narrow.clear();
        narrow.extend((0..samples / FACTOR).map(|_| self.next()));
        self.up.process(&narrow, out);
        self.narrow = narrow;
    }

    fn next(&mut self) -> f32 {
        if self.left == 0 {
            self.left = STEP;
            self.now.loud += (self.goal.loud - self.now.loud) * PACE;
            for (now, goal) in self.now.colour.iter_mut().zip(self.goal.colour) {
                *now += (goal - *now) * PACE;
            }
            // Each section of the lattice makes 1/(1 − k²) of the power that comes in.
            let rest: f32 = self.now.colour.iter().map(|k| 1.0 - k * k).product();
            self.gain = self.now.loud * (3.0 * rest).sqrt();
        }
        self.left -= 1;
        // White noise through the lattice of 1/A(z), with the last coefficient first.
        let mut sample = self.gain * self.rng.random_range(-1.0f32..1.0);
        for at in (0..MOST).rev() {
            let k = self.now.colour[at];
            sample -= k * self.past[at];
            if at + 1 < MOST {
                self.past[at + 1] = self.past[at] + k * sample;
            }
        }
        // What stands behind the sections belongs to the colour of before, and another colour may make a din of it.
        let most = PEAK * self.now.loud;
        let sample = sample.clamp(-most, most);
        self.past[0] = sample;
        sample
    }
}

/// RFC 3389 section 3: the level in −dBov, and coefficients in steps of 258/32768 round the middle of 127.
fn read(payload: &[u8]) -> Option<Manner> {
    let (level, coefficients) = payload.split_first()?;
    // RFC 3389 section 3.1: seven bits, relative to a square wave of full scale.
    let dbfs = (-f32::from(level & 0x7f)).min(LOUDEST);
    let mut colour = [0.0; MOST];
    for (k, octet) in colour.iter_mut().zip(coefficients) {
        // RFC 3389 section 3.2. 255 would be more than 1, and all of ±1 rings for ever.
        *k = ((f32::from(*octet) - 127.0) * 258.0 / 32_768.0).clamp(-0.98, 0.98);
    }
    Some(Manner { loud: 10f32.powf(dbfs / 20.0), colour })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::RATE;
    use crate::level::rms_dbfs;

    fn noise(payload: &[u8], seconds: usize) -> Vec<f32> {
        let mut out = Vec::new();
        let mut noise = ComfortNoise::new(payload).unwrap();
        for _ in 0..seconds * 100 {
            noise.make(480, &mut out);
        }
        assert_eq!(out.len(), seconds * RATE as usize);
        out.split_off(4_800)
    }

    /// Likeness of each sample at 8 kHz to the one before it.
    fn correlation(sound: &[f32]) -> f32 {
        let energy: f32 = sound.iter().map(|sample| sample * sample).sum();
        sound.iter().zip(&sound[6..]).map(|(a, b)| a * b).sum::<f32>() / energy
    }

    #[test]
    fn another_colour_is_never_a_din() {
        // Found by the fuzzer: all sections ring, and then none does.
        let ringing = [&[20u8][..], &[0; MOST]].concat();
        let mut noise = ComfortNoise::new(&ringing).unwrap();
        let mut heard = Vec::new();
        for packet in [&ringing[..], &[20], &ringing, &[20, 254, 0, 254], &ringing, &[20, 127]] {
            noise.update(packet);
            noise.make(RATE as usize, &mut heard);
        }
        let peak = heard.iter().fold(0.0, |peak: f32, sample| peak.max(sample.abs()));
        assert!(peak < 1.0, "{peak}");
    }

    #[test]
    fn it_is_as_loud_as_it_is_said_to_be_whatever_its_colour() {
        for level in [30u8, 50, 70] {
            for colour in [&[][..], &[20], &[20, 200, 90, 130], &[127; 30], &[0, 254, 0, 254]] {
                let payload = [&[level], colour].concat();
                let heard = rms_dbfs(&noise(&payload, 4));
                // The filter to 48 kHz takes what lies above 3.7 kHz.
                assert!((heard + f32::from(level)).abs() < 1.5, "{payload:?}: {heard}");
            }
        }
    }

    #[test]
    fn the_coefficients_colour_it() {
        // A negative first one is dull, a positive one is sharp (the far end's r(1)/r(0) with the sign turned).
        assert!(correlation(&noise(&[40], 3)).abs() < 0.15);
        let dull = correlation(&noise(&[40, 127 - 76], 3));
        assert!((dull - 0.6).abs() < 0.1, "{dull}");
        assert!(correlation(&noise(&[40, 127 + 76], 3)) < -0.3);
    }

    #[test]
    fn an_enemy_makes_no_din_and_another_packet_no_click() {
        assert!(rms_dbfs(&noise(&[0], 2)) < -19.0);
        assert_eq!(ComfortNoise::new(&[]).map(|_| ()), None);
        let (mut out, mut noise) = (Vec::new(), ComfortNoise::new(&[70, 30]).unwrap());
        noise.make(48_000, &mut out);
        noise.update(&[40, 90, 140]);
        noise.update(&[]);
        noise.make(480, &mut out);
        let soon = rms_dbfs(&out[48_000..48_120]);
        assert!(soon < -48.0, "it glides: {soon}");
        noise.make(48_000, &mut out);
        let heard = rms_dbfs(&out[72_000..]);
        assert!((heard + 40.0).abs() < 1.5, "{heard}");
    }

    proptest! {
        #[test]
        fn any_packets_make_sound_within_bounds(packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 1..20)) {
            let mut noise = ComfortNoise::new(&packets[0]).unwrap();
            let mut out = Vec::new();
            for packet in &packets {
                noise.update(packet);
                noise.make(960, &mut out);
            }
            prop_assert!(out.iter().all(|sample| sample.abs() <= 4.0), "{:?}", out.iter().copied().fold(0.0, f32::max));
        }
    }
}
