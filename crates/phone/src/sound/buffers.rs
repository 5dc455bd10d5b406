//! A microphone that is a closure and a speaker that is a vector: the sound of tests, and of the echo test.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use media::{
    RATE,
    port::{Capture, DeviceKind, Health, Playback, PortDevice, PortDirection, PortError, SoundPort},
};

use super::{is_asked, mix::Mix, pace::Pace};

const MICROPHONE: &str = "buffer-microphone";
const SPEAKER: &str = "buffer-speaker";

type Source = Box<dyn FnMut(&mut [f32]) + Send>;

/// A sound port in memory, both of whose sides run at 48 kHz in step with the time they are shown.
pub struct Buffers {
    source: Arc<Mutex<Source>>,
    heard: Heard,
}

impl Buffers {
    /// What `source` writes is what the microphone hears, whenever it is open; what the speaker plays is in [`Heard`].
    pub fn new(source: impl FnMut(&mut [f32]) + Send + 'static) -> (Self, Heard) {
        let heard = Heard(Arc::new(Mutex::new(Played { mix: Mix::new(), sound: Vec::new() })));
        (Self { source: Arc::new(Mutex::new(Box::new(source))), heard: heard.clone() }, heard)
    }
}

/// What a speaker in memory has played so far, at 48 kHz. Clones share it.
#[derive(Clone, Debug)]
pub struct Heard(Arc<Mutex<Played>>);

#[derive(Debug)]
struct Played {
    mix: Mix,
    sound: Vec<f32>,
}

impl Heard {
    /// How many samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().sound.len()
    }

    /// Was nothing played yet?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().sound.is_empty()
    }

    /// A copy of what was played from this sample on.
    #[must_use]
    pub fn since(&self, at: usize) -> Vec<f32> {
        self.lock().sound.get(at..).map(<[f32]>::to_vec).unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Played> {
        // It is whole after a panic of another holder, too.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SoundPort for Buffers {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        let device = |id: &str, direction| PortDevice {
            id: id.to_owned(),
            name: id.to_owned(),
            kind: DeviceKind::Other,
            direction,
            is_default: true,
        };
        Ok(vec![device(MICROPHONE, PortDirection::Capture), device(SPEAKER, PortDirection::Playback)])
    }

    fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        is_asked(id, MICROPHONE)?;
        Ok(Box::new(Microphone { source: Arc::clone(&self.source), pace: Pace::new(RATE) }))
    }

    fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        is_asked(id, SPEAKER)?;
        let id = self.heard.lock().mix.open();
        Ok(Box::new(Speaker { heard: self.heard.clone(), id }))
    }
}

struct Microphone {
    source: Arc<Mutex<Source>>,
    pace: Pace,
}

impl Capture for Microphone {
    fn rate(&self) -> u32 {
        RATE
    }

    fn read(&mut self, now: Instant, out: &mut Vec<f32>) {
        let start = out.len();
        out.resize(start + self.pace.due(now), 0.0);
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        source(&mut out[start..]);
    }

    fn health(&mut self, _now: Instant) -> Health {
        Health::Ok
    }

    fn device(&self) -> &str {
        MICROPHONE
    }

    fn hears_room(&self) -> bool {
        false
    }
}

struct Speaker {
    heard: Heard,
    id: u64,
}

impl Speaker {
    fn advance(&mut self, now: Instant) {
        let mut played = self.heard.lock();
        let due = played.mix.due(now);
        played.sound.extend(due);
    }
}

impl Playback for Speaker {
    fn rate(&self) -> u32 {
        RATE
    }

    fn write(&mut self, now: Instant, samples: &[f32]) -> usize {
        self.advance(now);
        self.heard.lock().mix.write(self.id, samples)
    }

    fn queued(&self) -> usize {
        self.heard.lock().mix.queued(self.id)
    }

    fn health(&mut self, now: Instant) -> Health {
        self.advance(now);
        Health::Ok
    }

    fn device(&self) -> &str {
        SPEAKER
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        let mut played = self.heard.lock();
        let rest = played.mix.close(self.id);
        played.sound.extend(rest);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sound::mix::RING;

    #[test]
    fn a_second_of_microphone_is_a_second_of_the_source() {
        let mut count = 0.0;
        let (mut port, _) = Buffers::new(move |out| {
            for sample in out {
                *sample = count;
                count += 1.0;
            }
        });
        let mut microphone = port.open_capture(None).unwrap();
        let (start, mut sound) = (Instant::now(), Vec::new());
        for step in 0..=100 {
            microphone.read(start + Duration::from_millis(10) * step, &mut sound);
        }
        assert_eq!(sound.len(), 48_000);
        assert!(sound.iter().enumerate().all(|(n, sample)| *sample == n as f32));
    }

    #[test]
    fn the_speaker_plays_in_real_time_and_silence_when_starved() {
        let (mut port, heard) = Buffers::new(|_| {});
        let mut speaker = port.open_playback(Some(SPEAKER)).unwrap();
        let start = Instant::now();
        assert_eq!(speaker.write(start, &[0.5; 20_000]), RING);
        assert!(heard.is_empty());
        assert_eq!(speaker.health(start + Duration::from_millis(300)), Health::Ok);
        assert_eq!((heard.len(), speaker.queued()), (14_400, 0));
        assert_eq!(heard.since(RING - 1)[..2], [0.5, 0.0]);
        assert_eq!(port.open_playback(Some("x")).err(), Some(PortError::NoSuchDevice("x".into())));
    }
}
