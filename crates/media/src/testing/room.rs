//! A room with a loudspeaker and a microphone in it, of a seed: a first sound after a while and a tail that decays. And a
//! call in it: what the devices of the room are given and give, which a [`crate::process::Processor`] then hears of.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::epoch;
use crate::RATE;
use crate::feed::{MicFeed, SpeakerFeed};
use crate::port::{Capture, Health, Playback};
use crate::process::Processor;
use crate::resample::Resampler;

/// What the devices hold beside their rings. With the way through the air these are 45 ms.
const SPEAKER: Duration = Duration::from_millis(20);
const MICROPHONE: Duration = Duration::from_millis(24);
const AIR: usize = RATE as usize / 1_000;
const BLOCK: usize = RATE as usize / 100;

/// Time in which the tail falls by 60 dB.
const DECAY: f32 = 0.3;
/// Reflections in a second of the tail.
const DENSITY: u32 = 2_000;
/// Amplitude of the first sound, and of the tail where it begins.
const DIRECT: f32 = 0.25;
const TAIL: f32 = 0.05;

/// The way from the loudspeaker to the microphone.
#[derive(Clone)]
pub struct Room {
    /// Delay in samples and amplitude of each reflection.
    taps: Vec<(usize, f32)>,
    /// What was played, the newest last.
    played: Vec<f32>,
    longest: usize,
    distorts: bool,
}

impl Room {
    /// The room of this seed; the first sound comes after `delay` samples. A cheap loudspeaker `distorts` what is loud.
    #[must_use]
    pub fn new(seed: u64, delay: usize, distorts: bool) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let tail = (RATE as f32 * DECAY) as usize;
        let mut taps = vec![(delay, DIRECT)];
        let mut at = RATE as usize / 1_000;
        while at < tail {
            let sign = if rng.random() { 1.0 } else { -1.0 };
            let decayed = 10f32.powf(-3.0 * at as f32 / tail as f32);
            taps.push((delay + at, sign * TAIL * decayed));
            at += rng.random_range(1..2 * RATE / DENSITY) as usize;
        }
        let longest = delay + tail;
        Self { taps, played: vec![0.0; longest], longest, distorts }
    }

    /// The loudspeaker plays this; what the microphone hears of it meanwhile is appended to `heard`.
    pub fn pass(&mut self, played: &[f32], heard: &mut Vec<f32>) {
        let distorts = self.distorts;
        let loud = |sample: &f32| if distorts { (1.5 * sample).tanh() / 1.5 } else { *sample };
        self.played.extend(played.iter().map(loud));
        for at in self.longest..self.played.len() {
            heard.push(self.taps.iter().map(|(delay, amplitude)| amplitude * self.played[at - delay]).sum());
        }
        self.played.drain(..played.len());
    }
}

/// What happens at one moment of a call, on the thread that moves its sound.
pub enum Event {
    /// The microphone gave this, at 48 kHz; the first of it is so old.
    Heard(Vec<f32>, Duration),
    /// The speaker was given this at its rate; the first of it is heard after so long.
    Given(Vec<f32>, Duration),
}

/// A call of some seconds in a room.
pub struct Recording {
    rate: u32,
    events: Vec<(Instant, Event)>,
    /// All that was said in the room, and all that the microphone heard, at 48 kHz.
    pub near: Vec<f32>,
    pub mic: Vec<f32>,
}

impl Recording {
    /// `far` and `near` write what is said there and in the room over each block of 10 ms at 48 kHz. The speaker is of
    /// this `rate`, and what it is fed waits in its ring for about 5 ms longer than `period`, as of a device that takes that
    /// at once.
    ///
    /// # Panics
    /// If the rate is none of a device.
    pub fn new(
        mut room: Room,
        seconds: usize,
        rate: u32,
        period: Duration,
        mut far: impl FnMut(&mut [f32]),
        mut near: impl FnMut(&mut [f32]),
    ) -> Self {
        let start = epoch();
        let (mut speakers, mut microphone) = (Speakers { rate, ring: Vec::new() }, Microphone(Vec::new()));
        let mut feed = SpeakerFeed::new(start, rate, period).expect("a rate of a device");
        let mut mic_feed = MicFeed::new(RATE).expect("a rate of a device");
        let mut back = Resampler::new(rate, RATE).expect("a rate of a device");
        let mut own = Self { rate, events: Vec::new(), near: Vec::new(), mic: Vec::new() };
        let mut in_the_air = Vec::new();
        for step in 0..seconds as u32 * 100 {
            let now = start + Duration::from_millis(10) * step;
            if step % 2 == 1 {
                let period = rate as usize / 50;
                let mut played: Vec<f32> = speakers.ring.drain(..period.min(speakers.ring.len())).collect();
                played.resize(period, 0.0);
                if rate == RATE {
                    in_the_air.extend(played);
                } else {
                    back.process(&played, &mut in_the_air);
                }
                let whole = in_the_air.len() / BLOCK * BLOCK;
                let mut heard = Vec::new();
                room.pass(&in_the_air[..whole], &mut heard);
                in_the_air.drain(..whole);
                for block in heard.chunks_mut(BLOCK) {
                    let mut said = [0.0; BLOCK];
                    near(&mut said);
                    block.iter_mut().zip(said).for_each(|(sample, said)| *sample += said);
                    own.near.extend(said);
                }
                own.mic.extend(&heard);
                microphone.0.extend(heard);
            }
            let heard = mic_feed.pull(now, &mut microphone).to_vec();
            own.events.push((now, Event::Heard(heard, MICROPHONE)));
            feed.push(now, &mut speakers, |_, out| far(out));
            let (given, ahead) = feed.given();
            own.events.push((now, Event::Given(given.to_vec(), ahead + SPEAKER)));
        }
        own
    }

    /// All events in their order.
    pub fn events(&self) -> impl Iterator<Item = &(Instant, Event)> {
        self.events.iter()
    }

    /// What a processor leaves of it; it may be told something at each second.
    pub fn through(&self, processor: &mut Processor, mut tell: impl FnMut(usize, &mut Processor)) -> Vec<f32> {
        let mut left = Vec::new();
        for (step, pair) in self.events.chunks(2).enumerate() {
            if step.is_multiple_of(100) {
                tell(step / 100, processor);
            }
            for (now, event) in pair {
                match event {
                    Event::Heard(sound, age) => left.extend_from_slice(processor.capture(*now, sound, *age)),
                    Event::Given(sound, delay) => processor.render(*now, sound, self.rate, *delay),
                }
            }
        }
        left
    }
}

/// How late the first sound of a [`Room`] is for a [`Recording`], in samples.
pub const BULK: usize = (SPEAKER.as_millis() + MICROPHONE.as_millis()) as usize * RATE as usize / 1_000 + AIR;

/// A speaker that takes 20 ms at a time.
struct Speakers {
    rate: u32,
    ring: Vec<f32>,
}

impl Playback for Speakers {
    fn rate(&self) -> u32 {
        self.rate
    }
    fn write(&mut self, _: Instant, samples: &[f32]) -> usize {
        self.ring.extend_from_slice(samples);
        samples.len()
    }
    fn queued(&self) -> usize {
        self.ring.len()
    }
    fn health(&mut self, _: Instant) -> Health {
        Health::Ok
    }
    fn device(&self) -> &str {
        "speakers"
    }
}

/// A microphone that gives 20 ms at a time.
struct Microphone(Vec<f32>);

impl Capture for Microphone {
    fn rate(&self) -> u32 {
        RATE
    }
    fn read(&mut self, _: Instant, out: &mut Vec<f32>) {
        out.append(&mut self.0);
    }
    fn health(&mut self, _: Instant) -> Health {
        Health::Ok
    }
    fn device(&self) -> &str {
        "microphone"
    }
}
