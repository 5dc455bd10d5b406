//! A microphone that hums one tone and an ear that knows two: the tone of the far end and our own.

use std::{
    sync::{Arc, LazyLock, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use media::{
    RATE,
    port::{Capture, DeviceKind, Health, Playback, PortDevice, PortDirection, PortError, SoundPort},
};

/// What Anna hums and what Ben hums, in hertz. No tone of the phone is near them.
const TONES: [u32; 2] = [1200, 1600];
/// The ear is one of 8 kHz, which costs the resampler least.
const EAR: u32 = 8_000;
/// Sound is looked at in pieces of 20 ms: whole periods of both tones.
const PIECE: usize = 160;
const LOUD: f32 = 0.3;
/// What of a piece has to be the tone, of the half of [`LOUD`] that a perfect one would measure.
const ENOUGH: f32 = 0.04;

/// What is known of the sound of a phone.
#[derive(Debug, Default)]
pub(super) struct Sound {
    /// Microphones that are open now.
    pub(super) mics: usize,
    /// Speakers and ringers that are open now.
    pub(super) speakers: usize,
    /// When the far end was heard last.
    pub(super) heard: Option<Instant>,
    /// When one's own voice was: never, one hopes.
    pub(super) echo: Option<Instant>,
}

/// The sound devices of one phone.
pub(super) struct Port {
    own: usize,
    has_ear: bool,
    sound: Arc<Mutex<Sound>>,
}

/// A microphone, and an ear if there shall be one: sound flows without it too, but nobody hears it.
pub(super) fn port(own: usize, has_ear: bool) -> (Port, Arc<Mutex<Sound>>) {
    let sound = Arc::new(Mutex::new(Sound::default()));
    (Port { own, has_ear, sound: Arc::clone(&sound) }, sound)
}

pub(super) fn lock(sound: &Mutex<Sound>) -> MutexGuard<'_, Sound> {
    sound.lock().expect("no holder panics")
}

impl SoundPort for Port {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        let device = |id: &str, direction| PortDevice {
            id: id.to_owned(),
            name: id.to_owned(),
            kind: DeviceKind::Other,
            direction,
            is_default: true,
        };
        let mut all = vec![device("mic", PortDirection::Capture)];
        all.extend(self.has_ear.then(|| device("ear", PortDirection::Playback)));
        Ok(all)
    }

    fn open_capture(&mut self, _: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        lock(&self.sound).mics += 1;
        Ok(Box::new(Mic { own: self.own, sound: Arc::clone(&self.sound), begun: None, done: 0 }))
    }

    fn open_playback(&mut self, _: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        if !self.has_ear {
            return Err(PortError::NoDevice);
        }
        lock(&self.sound).speakers += 1;
        let piece = Vec::with_capacity(PIECE);
        Ok(Box::new(Ear { own: self.own, sound: Arc::clone(&self.sound), begun: None, written: 0, piece, now: None }))
    }
}

struct Mic {
    own: usize,
    sound: Arc<Mutex<Sound>>,
    begun: Option<Instant>,
    done: usize,
}

impl Capture for Mic {
    fn rate(&self) -> u32 {
        RATE
    }

    fn read(&mut self, now: Instant, out: &mut Vec<f32>) {
        let passed = now.saturating_duration_since(*self.begun.get_or_insert(now));
        let due = samples(passed, RATE);
        let period = &HUM[self.own];
        while self.done < due {
            let rest = &period[self.done % period.len()..];
            let rest = &rest[..rest.len().min(due - self.done)];
            out.extend_from_slice(rest);
            self.done += rest.len();
        }
    }

    fn health(&mut self, _: Instant) -> Health {
        Health::Ok
    }

    fn device(&self) -> &str {
        "mic"
    }

    fn hears_room(&self) -> bool {
        false
    }
}

impl Drop for Mic {
    fn drop(&mut self) {
        lock(&self.sound).mics -= 1;
    }
}

struct Ear {
    own: usize,
    sound: Arc<Mutex<Sound>>,
    begun: Option<Instant>,
    written: usize,
    piece: Vec<f32>,
    now: Option<Instant>,
}

impl Playback for Ear {
    fn rate(&self) -> u32 {
        EAR
    }

    fn write(&mut self, now: Instant, samples: &[f32]) -> usize {
        self.begun.get_or_insert(now);
        self.now = Some(now);
        self.written += samples.len();
        for sample in samples {
            self.piece.push(*sample);
            if self.piece.len() == PIECE {
                let [own, far] = [self.own, 1 - self.own].map(|who| likeness(&self.piece, TONES[who]));
                let mut sound = lock(&self.sound);
                if far > ENOUGH {
                    sound.heard = Some(now);
                }
                if own > ENOUGH {
                    sound.echo = Some(now);
                }
                self.piece.clear();
            }
        }
        samples.len()
    }

    fn queued(&self) -> usize {
        let (Some(begun), Some(now)) = (self.begun, self.now) else { return 0 };
        self.written.saturating_sub(samples(now.saturating_duration_since(begun), EAR))
    }

    fn health(&mut self, now: Instant) -> Health {
        self.now = Some(now);
        Health::Ok
    }

    fn device(&self) -> &str {
        "ear"
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        lock(&self.sound).speakers -= 1;
    }
}

/// One period of each hum at 48 kHz.
static HUM: LazyLock<[Vec<f32>; 2]> =
    LazyLock::new(|| TONES.map(|tone| (0..RATE / tone).map(|at| LOUD * turn(at * tone, RATE).sin()).collect()));

fn samples(time: Duration, rate: u32) -> usize {
    usize::try_from(time.as_micros() * u128::from(rate) / 1_000_000).unwrap_or(usize::MAX)
}

fn turn(at: u32, of: u32) -> f32 {
    std::f32::consts::TAU * at as f32 / of as f32
}

/// How loud a tone is in a piece of sound.
fn likeness(piece: &[f32], tone: u32) -> f32 {
    let tone = turn(tone, EAR);
    let twice = 2.0 * tone.cos();
    // Goertzel's filter.
    let (mut before, mut last) = (0.0_f32, 0.0_f32);
    for sample in piece {
        (before, last) = (last, sample + twice * last - before);
    }
    let power = before * before + last * last - twice * before * last;
    power.max(0.0).sqrt() / piece.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tone_is_known_from_the_other() {
        for (own, far) in [(0, 1), (1, 0)] {
            let sound: Vec<f32> = (0..PIECE as u32).map(|at| LOUD * turn((at + 3) * TONES[own], EAR).sin()).collect();
            assert!(likeness(&sound, TONES[own]) > 0.14, "{}", likeness(&sound, TONES[own]));
            assert!(likeness(&sound, TONES[far]) < 0.01, "{}", likeness(&sound, TONES[far]));
        }
    }
}
