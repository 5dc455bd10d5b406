//! A conference in this phone: each party hears all others and our microphone, our ear hears all parties, and nobody hears
//! what they said themselves (mix-minus). All are added once and each one's own is taken out again, so that the cost grows
//! with the parties and not with their square.
//!
//! ```text
//!  microphone → lane → begin ──┐                 ┌→ ear:   sum → limiter
//!  party's playout → says → add┴→ sum ───────────┴→ hears: sum − own + microphone → limiter → party's capture
//! ```

use crate::{
    lane::{BLOCK, Lane},
    level::Meter,
    process::usable,
};

/// Blocks of the microphone that wait: 40 ms, for a device gives 20 ms at once and we come up to 10 ms late.
const WAITING: usize = 4;
/// Samples over which mute fades: 5 ms.
const FADE: f32 = 240.0;
/// Nothing is louder for long: −1 dBFS.
const CEILING: f32 = 0.891;
/// Samples within which the gain comes down: 1 ms. What is over the ceiling until then is bent and not cut.
const ATTACK: usize = 48;
/// By how much the gain comes up again in a block: 17 dB in a second.
const RISE: f32 = 1.02;

/// The middle of a conference. All sound is mono at 48 kHz.
pub struct Mixer {
    mic: Lane,
    meter: Meter,
    gain: f32,
    /// What the microphone says in this block.
    said: [f32; BLOCK],
    /// What all parties say.
    sum: [f32; BLOCK],
    /// What is for our ear alone.
    aside: [f32; BLOCK],
    ear: Limiter,
}

impl Default for Mixer {
    fn default() -> Self {
        let silence = [0.0; BLOCK];
        Self {
            mic: Lane::new(WAITING),
            meter: Meter::default(),
            gain: 1.0,
            said: silence,
            sum: silence,
            aside: silence,
            ear: Limiter::default(),
        }
    }
}

impl Mixer {
    /// Samples of one block: 10 ms.
    pub const BLOCK: usize = BLOCK;

    /// Takes sound of the microphone, of any length and on the clock of its device.
    pub fn microphone(&mut self, sound: &[f32]) {
        self.meter.push(sound);
        self.mic.push(sound);
    }

    /// Level of the microphone in dBFS, mute or not.
    pub fn mic_dbfs(&self) -> f32 {
        self.meter.dbfs()
    }

    /// Begins the next block: with the microphone, or silence instead.
    pub fn begin(&mut self, muted: bool) {
        (self.sum, self.aside) = ([0.0; BLOCK], [0.0; BLOCK]);
        self.said = [0.0; BLOCK];
        self.mic.fill(&mut self.said);
        let goal = if muted { 0.0 } else { 1.0 };
        for sample in &mut self.said {
            self.gain += (goal - self.gain).clamp(-1.0 / FADE, 1.0 / FADE);
            // Broken drivers deliver NaN and more than full scale: nobody else shall be lost for it.
            *sample = usable(sample) * self.gain;
        }
    }

    /// What the microphone says in this block.
    pub fn said(&self) -> &[f32] {
        &self.said
    }

    /// Adds what a party says in this block: for all, or (music of a party that holds us) for our ear alone.
    pub fn add(&mut self, party: &mut Party, for_all: bool) {
        let to = if for_all { &mut self.sum } else { &mut self.aside };
        for (sum, own) in to.iter_mut().zip(&party.said) {
            *sum += own;
        }
        if !for_all {
            party.said = [0.0; BLOCK];
        }
    }

    /// Writes what our ear hears over the first [`Self::BLOCK`] samples of `out`, when all were added.
    pub fn ear(&mut self, out: &mut [f32]) {
        for ((out, sum), aside) in out.iter_mut().zip(&self.sum).zip(&self.aside) {
            *out = sum + aside;
        }
        self.ear.limit(out);
    }
}

/// One who takes part.
pub struct Party {
    /// What it says in this block.
    said: [f32; BLOCK],
    limiter: Limiter,
}

impl Default for Party {
    fn default() -> Self {
        Self { said: [0.0; BLOCK], limiter: Limiter::default() }
    }
}

impl Party {
    /// Where what this party says in this block is to be written.
    pub fn says(&mut self) -> &mut [f32] {
        &mut self.said
    }

    /// Writes what this party hears over `out`: `mic`, which is [`Mixer::said`] with whatever was mixed into it for this
    /// party, and all the others.
    pub fn hears(&mut self, mixer: &Mixer, mic: &[f32], out: &mut [f32]) {
        let others = mixer.sum.iter().zip(&self.said).map(|(sum, own)| sum - own);
        for ((out, mic), others) in out.iter_mut().zip(mic).zip(others) {
            *out = mic + others;
        }
        self.limiter.limit(out);
    }
}

/// Keeps what many say at once below full scale: the gain comes down for the loudest of a block, and slowly up again.
struct Limiter {
    gain: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Limiter {
    fn limit(&mut self, block: &mut [f32]) {
        let peak = block.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        let room = if peak > CEILING { CEILING / peak } else { 1.0 };
        let goal = room.min(self.gain * RISE);
        let steps = if goal < self.gain { ATTACK } else { block.len() };
        let step = (goal - self.gain) / steps as f32;
        for (n, sample) in block.iter_mut().enumerate() {
            let gain = if n < steps { self.gain + step * (n + 1) as f32 } else { goal };
            *sample = bent(*sample * gain);
        }
        self.gain = goal;
    }
}

/// What is over the ceiling comes near to full scale and never there.
fn bent(sample: f32) -> f32 {
    let over = sample.abs() - CEILING;
    if over <= 0.0 {
        return sample;
    }
    (CEILING + (1.0 - CEILING) * (over / (1.0 - CEILING)).tanh()).min(0.999).copysign(sample)
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;
    use crate::signal::amplitude_at;

    /// Who says what: a tone of their own, in whole turns a second, so that each is known by it.
    struct Talker {
        hertz: f32,
        loud: f32,
        at: usize,
    }

    impl Talker {
        fn fill(&mut self, out: &mut [f32]) {
            for sample in out {
                *sample = self.loud * (TAU * self.hertz * self.at as f32 / 48_000.0).sin();
                self.at = (self.at + 1) % 48_000;
            }
        }
    }

    fn hertz(who: usize) -> f32 {
        300.0 + 130.0 * who as f32
    }

    /// A second of a conference of so many and the microphone, all as loud: what each hears, the ear last.
    fn conference(parties: usize, loud: f32, muted: bool) -> Vec<Vec<f32>> {
        let mut mixer = Mixer::default();
        let talker = |who| Talker { hertz: hertz(who), loud, at: 0 };
        let mut all: Vec<_> = (0..parties).map(|who| (Party::default(), talker(who))).collect();
        let mut heard = vec![Vec::new(); parties + 1];
        let (mut own, mut block) = (talker(parties), [0.0; BLOCK]);
        for turn in 0..110 {
            // The device gives 20 ms at once.
            if turn % 2 == 0 {
                let mut sound = [0.0; 2 * BLOCK];
                own.fill(&mut sound);
                mixer.microphone(&sound);
            }
            mixer.begin(muted);
            for (party, talker) in &mut all {
                talker.fill(party.says());
                mixer.add(party, true);
            }
            mixer.ear(&mut block);
            heard[parties].extend(block);
            for ((party, _), heard) in all.iter_mut().zip(&mut heard) {
                party.hears(&mixer, mixer.said(), &mut block);
                heard.extend(block);
            }
        }
        for sound in &mut heard {
            sound.drain(..10 * BLOCK);
        }
        heard
    }

    #[test]
    fn each_hears_all_others_as_loud_as_they_are_and_never_themselves() {
        for parties in [2, 8, 16] {
            let heard = conference(parties, 0.05, false);
            for (who, sound) in heard.iter().enumerate() {
                for other in 0..=parties {
                    let level = amplitude_at(sound, hertz(other));
                    if other == who {
                        assert!(level < 1e-5, "{who} of {parties} hears themselves: {level}");
                    } else {
                        assert!((level / 0.05 - 1.0).abs() < 0.01, "{who} of {parties} hears {other} at {level}");
                    }
                }
            }
        }
    }

    #[test]
    fn eight_who_shout_are_all_heard_and_nothing_is_cut() {
        let heard = conference(8, 0.9, false);
        for (who, sound) in heard.iter().enumerate() {
            let peak = sound.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
            assert!((0.5..0.93).contains(&peak), "{who}: {peak}");
            let levels: Vec<f32> =
                (0..9).filter(|other| *other != who).map(|other| amplitude_at(sound, hertz(other))).collect();
            let (least, most) =
                levels.iter().fold((1.0f32, 0.0f32), |(low, high), own| (low.min(*own), high.max(*own)));
            assert!(least > 0.05 && most < 1.02 * least, "{who}: {levels:?}");
            // Clipping would make what nobody said.
            let made = (0..60).map(|n| amplitude_at(sound, 3_000.0 + 50.0 * n as f32)).fold(0.0, f32::max);
            assert!(made < 0.01 * least, "{who}: {made} against {least}");
        }
    }

    #[test]
    fn muted_we_are_heard_by_nobody_and_all_others_are() {
        let heard = conference(3, 0.1, true);
        for (who, sound) in heard[..3].iter().enumerate() {
            assert!(amplitude_at(sound, hertz(3)) < 1e-6);
            assert!(amplitude_at(sound, hertz((who + 1) % 3)) > 0.09);
        }
    }

    #[test]
    fn what_is_for_our_ear_alone_reaches_no_other_party() {
        let (mut mixer, mut one, mut two) = (Mixer::default(), Party::default(), Party::default());
        let mut out = [0.0; BLOCK];
        mixer.begin(false);
        one.says().fill(0.25);
        mixer.add(&mut one, false);
        two.says().fill(0.5);
        mixer.add(&mut two, true);
        mixer.ear(&mut out);
        assert_eq!(out, [0.75; BLOCK]);
        two.hears(&mixer, mixer.said(), &mut out);
        assert_eq!(out, [0.0; BLOCK]);
        one.hears(&mixer, mixer.said(), &mut out);
        assert_eq!(out, [0.5; BLOCK]);
    }

    #[test]
    fn a_sudden_shout_is_bent_and_the_gain_comes_back() {
        let (mut limiter, mut block) = (Limiter::default(), [0.0; BLOCK]);
        let mut shout = Talker { hertz: 400.0, loud: 9.0, at: 30 };
        shout.fill(&mut block);
        limiter.limit(&mut block);
        assert!(block.iter().all(|sample| sample.abs() < 1.0));
        let mut quiet = [0.1; BLOCK];
        limiter.limit(&mut quiet);
        assert!(quiet[0] < 0.02, "{}", quiet[0]);
        for _ in 0..200 {
            quiet = [0.1; BLOCK];
            limiter.limit(&mut quiet);
        }
        assert_eq!(quiet, [0.1; BLOCK]);
    }

    #[test]
    fn a_broken_microphone_silences_nobody() {
        let (mut mixer, mut party, mut out) = (Mixer::default(), Party::default(), [0.0; BLOCK]);
        for sound in [f32::NAN, f32::INFINITY, 1e30] {
            mixer.microphone(&[sound; 20 * BLOCK]);
            for _ in 0..10 {
                mixer.begin(false);
                party.says().fill(0.1);
                mixer.add(&mut party, true);
                party.hears(&mixer, mixer.said(), &mut out);
                assert!(out.iter().all(|sample| sample.abs() < 1.0));
                mixer.ear(&mut out);
                assert!((out[0] - 0.1).abs() < 1e-6);
            }
        }
    }
}
