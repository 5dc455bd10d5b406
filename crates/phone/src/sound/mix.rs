//! Several streams played into one place, as a sound server does it: the ring and the voice may overlap.

use std::{collections::VecDeque, time::Instant};

use media::RATE;

use super::pace::Pace;

/// What a stream holds at most: 200 ms.
pub(super) const RING: usize = RATE as usize / 5;

/// The streams that are open, at 48 kHz on one clock.
#[derive(Debug)]
pub(super) struct Mix {
    pace: Pace,
    streams: Vec<Stream>,
    opened: u64,
}

#[derive(Debug)]
struct Stream {
    id: u64,
    ring: VecDeque<f32>,
    open: bool,
}

impl Mix {
    pub(super) const fn new() -> Self {
        Self { pace: Pace::new(RATE), streams: Vec::new(), opened: 0 }
    }

    /// Another stream begins; time counts from the first one.
    pub(super) fn open(&mut self) -> u64 {
        if self.streams.is_empty() {
            self.pace = Pace::new(RATE);
        }
        self.opened += 1;
        self.streams.push(Stream { id: self.opened, ring: VecDeque::new(), open: true });
        self.opened
    }

    /// Queues what fits, and says how much that was.
    pub(super) fn write(&mut self, id: u64, samples: &[f32]) -> usize {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) else { return 0 };
        let taken = samples.len().min(RING.saturating_sub(stream.ring.len()));
        stream.ring.extend(&samples[..taken]);
        taken
    }

    /// How much of this stream waits.
    pub(super) fn queued(&self, id: u64) -> usize {
        self.streams.iter().find(|stream| stream.id == id).map_or(0, |stream| stream.ring.len())
    }

    /// What is due, all streams together; silence where there is nothing.
    pub(super) fn due(&mut self, now: Instant) -> Vec<f32> {
        let frames = self.pace.due(now);
        self.take(frames)
    }

    /// A stream ends; what is queued is still played. When it was the last one, that is what comes back.
    pub(super) fn close(&mut self, id: u64) -> Vec<f32> {
        for stream in self.streams.iter_mut().filter(|stream| stream.id == id) {
            stream.open = false;
        }
        if self.streams.iter().any(|stream| stream.open) {
            return Vec::new();
        }
        let rest = self.streams.iter().map(|stream| stream.ring.len()).max().unwrap_or_default();
        self.take(rest)
    }

    fn take(&mut self, frames: usize) -> Vec<f32> {
        let mut out = vec![0.0; frames];
        for stream in &mut self.streams {
            let there = frames.min(stream.ring.len());
            for (sample, own) in out.iter_mut().zip(stream.ring.drain(..there)) {
                *sample += own;
            }
        }
        self.streams.retain(|stream| stream.open || !stream.ring.is_empty());
        out
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn two_streams_are_heard_together_on_one_clock() {
        let (start, ms) = (Instant::now(), Duration::from_millis(1));
        let mut mix = Mix::new();
        let one = mix.open();
        assert!(mix.due(start).is_empty());
        assert_eq!(mix.write(one, &[0.25; 20_000]), RING);
        let two = mix.open();
        mix.write(two, &[0.5; 48]);
        let heard = mix.due(start + 2 * ms);
        assert_eq!((heard.len(), heard[0], heard[47], heard[48]), (96, 0.75, 0.75, 0.25));
        mix.write(two, &[0.5; 96]);
        assert!(mix.close(two).is_empty());
        assert_eq!(mix.due(start + 3 * ms), [0.75; 48], "what was queued is played to its end");
        assert_eq!(mix.queued(one), RING - 144);
        let rest = mix.close(one);
        assert_eq!((rest.len(), rest[47], rest[48]), (RING - 144, 0.75, 0.25));
    }
}
