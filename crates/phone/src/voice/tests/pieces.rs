//! A microphone that gives its sound in pieces of five milliseconds, at times of its own, and knows when, as a sound server
//! does.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use media::port::{Capture, Health, Playback, PortDevice, PortError, SoundPort};

use crate::sound::Buffers;

const PIECE: Duration = Duration::from_millis(5);
/// Samples of a piece at 48 kHz.
const SAMPLES: usize = 240;
/// The first piece is there so long after the microphone was first read.
const FIRST: Duration = Duration::from_micros(8_300);

#[derive(Default)]
struct State {
    begun: Option<Instant>,
    /// Pieces that were read.
    read: u32,
}

/// What is known of the pieces.
#[derive(Default)]
pub(super) struct Pieces(Mutex<State>);

impl Pieces {
    /// How long after a piece came this time is.
    pub(super) fn after_a_piece(&self, at: Instant) -> Duration {
        let since = at.duration_since(self.0.lock().unwrap().begun.unwrap() + FIRST);
        Duration::from_nanos((since.as_nanos() % PIECE.as_nanos()) as u64)
    }
}

pub(super) struct InPieces {
    pub(super) port: Buffers,
    pub(super) pieces: Arc<Pieces>,
}

impl SoundPort for InPieces {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        self.port.devices()
    }
    fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        Ok(Box::new(Microphone { inner: self.port.open_capture(id)?, pieces: Arc::clone(&self.pieces) }))
    }
    fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        self.port.open_playback(id)
    }
}

struct Microphone {
    inner: Box<dyn Capture>,
    pieces: Arc<Pieces>,
}

impl Capture for Microphone {
    fn rate(&self) -> u32 {
        self.inner.rate()
    }
    fn read(&mut self, now: Instant, out: &mut Vec<f32>) {
        let mut state = self.pieces.0.lock().unwrap();
        let begun = *state.begun.get_or_insert_with(|| {
            self.inner.read(now, out);
            now
        });
        while begun + FIRST + PIECE * state.read <= now {
            state.read += 1;
            self.inner.read(begun + PIECE * state.read, out);
        }
    }
    fn ready_at(&mut self, _: Instant, frames: usize) -> Option<Instant> {
        let state = self.pieces.0.lock().unwrap();
        let pieces = state.read + frames.div_ceil(SAMPLES) as u32 - 1;
        state.begun.map(|begun| begun + FIRST + PIECE * pieces)
    }
    fn health(&mut self, now: Instant) -> Health {
        self.inner.health(now)
    }
    fn device(&self) -> &str {
        self.inner.device()
    }
    fn hears_room(&self) -> bool {
        false
    }
}
