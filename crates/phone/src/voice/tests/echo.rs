//! A room in which the microphone hears the speaker, late.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use media::{
    RATE,
    port::{Capture, Health, Playback, PortDevice, PortError, SoundPort},
    process::Noise,
    signal::Speech,
};

use super::{
    table::{One, Table},
    *,
};
use crate::{
    contract::Echo,
    sound::{Buffers, Heard},
    voice::order::Clean,
};

/// From the speaker's queue to the microphone, as a slow wireless speaker takes it. The device tells it, and the canceller would not
/// find so much by itself: of an echo of 300 ms that nobody told it takes 9 dB, of one of 150 ms all.
const LATE: Duration = Duration::from_millis(300);
/// How loud it is there.
const GAIN: f32 = 0.3;

/// The speaker and the microphone count samples of their own; both begin when they are first used.
struct Room {
    heard: Heard,
    /// When the speaker played which sample.
    clock: Option<(Instant, usize)>,
    /// The sample that the microphone hears next, less than nothing before the speaker was heard for the first time.
    next: Option<i64>,
}

struct Loud {
    port: Buffers,
    room: Arc<Mutex<Room>>,
}

struct Stream<S> {
    inner: S,
    room: Arc<Mutex<Room>>,
}

impl SoundPort for Loud {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        self.port.devices()
    }
    fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        Ok(Box::new(Stream { inner: self.port.open_capture(id)?, room: Arc::clone(&self.room) }))
    }
    fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        Ok(Box::new(Stream { inner: self.port.open_playback(id)?, room: Arc::clone(&self.room) }))
    }
}

fn samples(time: Duration) -> i64 {
    (time.as_nanos() * u128::from(RATE) / 1_000_000_000) as i64
}

impl Capture for Stream<Box<dyn Capture>> {
    fn rate(&self) -> u32 {
        self.inner.rate()
    }
    fn read(&mut self, now: Instant, out: &mut Vec<f32>) {
        let start = out.len();
        self.inner.read(now, out);
        let own = &mut out[start..];
        let mut room = self.room.lock().unwrap();
        let Some((at, sample)) = room.clock else { return };
        let begins = || sample as i64 + samples(now.duration_since(at)) - own.len() as i64 - samples(LATE);
        let next = room.next.unwrap_or_else(begins);
        room.next = Some(next + own.len() as i64);
        let silent = next.min(0).unsigned_abs() as usize;
        let played = room.heard.since(next.max(0) as usize);
        for (sample, played) in own.iter_mut().skip(silent).zip(played) {
            *sample = (*sample + GAIN * played).clamp(-1.0, 1.0);
        }
    }
    fn health(&mut self, now: Instant) -> Health {
        self.inner.health(now)
    }
    fn device(&self) -> &str {
        self.inner.device()
    }
}

impl Playback for Stream<Box<dyn Playback>> {
    fn rate(&self) -> u32 {
        self.inner.rate()
    }
    fn write(&mut self, now: Instant, samples: &[f32]) -> usize {
        let taken = self.inner.write(now, samples);
        let mut room = self.room.lock().unwrap();
        let played = room.heard.len();
        room.clock.get_or_insert((now, played));
        taken
    }
    fn queued(&self) -> usize {
        self.inner.queued()
    }
    fn health(&mut self, now: Instant) -> Health {
        self.inner.health(now)
    }
    fn device(&self) -> &str {
        self.inner.device()
    }
    fn latency(&self) -> Duration {
        LATE
    }
}

/// What comes back to a far end that speaks alone, in the last seconds of ten.
fn comes_back(echo: Echo) -> f32 {
    let (port, heard) = Buffers::new(|out| out.fill(0.0));
    let room = Arc::new(Mutex::new(Room { heard: heard.clone(), clock: None, next: None }));
    let mut speech = Speech::new(5);
    let (far, far_heard) = Buffers::new(move |out| speech.fill(out));
    let all = vec![
        One::at(0, Box::new(Loud { port, room }), heard, None),
        One::at(1, Box::new(far), far_heard.clone(), None),
    ];
    let mut table = Table::with(all, Codec::Pcmu);
    table.order(0, Order::Clean(Clean { echo, noise: Noise::Off, level: false }));
    table.talks_with(&[1]);
    table.passes(Duration::from_secs(10));
    rms_dbfs(&far_heard.since(far_heard.len() - 4 * RATE as usize))
}

#[test]
fn who_speaks_alone_does_not_hear_himself_back_from_a_room_that_is_late() {
    let (with, without) = (comes_back(Echo::On), comes_back(Echo::Off));
    assert!(without > -50.0, "there is an echo: {without}");
    assert!(with < without - 20.0, "{with} dBFS of {without} come back");
}
