//! A microphone of a sound server.

use std::time::{Duration, Instant};

use media::port::{Capture, Health, PortError};
use pulseaudio::protocol::{
    Command, CreateRecordStreamReply, RecordLatency, RecordStreamParams,
    stream::{BufferAttr, StreamFlags},
};

use super::{super::word, Event, Link, OLD, PERIOD, SAMPLE, Wire, bytes, flags, props, spec};
use crate::{callback, open::End};

/// The next piece is looked for so much earlier each time it was there, so that it is not found long after it came, and so
/// much later when it was not.
const SOONER: Duration = Duration::from_micros(50);
const LATER: Duration = Duration::from_micros(500);
/// After a look in vain, the next one.
const RETRY: Duration = Duration::from_micros(700);

pub(crate) struct Microphone {
    wire: Wire,
    /// What came and was not read, one sample of each frame.
    came: Vec<f32>,
    /// Frames that ever came.
    all: u64,
    /// When the first of them would have come, had it come as soon after its time as the soonest of late.
    begun: Option<Instant>,
    /// So many frames were expected by then.
    expected: Option<(u64, Instant)>,
}

impl Microphone {
    /// Opens the microphone of that id, or the default one.
    ///
    /// # Errors
    /// What the server says of the device.
    pub(crate) fn open(mut link: Link, id: Option<&str>) -> Result<Self, PortError> {
        let device = link.find(End::Input, id)?;
        let spec = spec(&device);
        let params = RecordStreamParams {
            sample_spec: spec,
            channel_map: device.map,
            source_index: Some(device.index),
            buffer_attr: BufferAttr { fragment_size: bytes(spec, PERIOD), ..BufferAttr::default() },
            // Of a microphone, to adjust is what early requests are of a speaker.
            flags: StreamFlags { early_requests: false, adjust_latency: true, ..flags() },
            props: props(),
            ..RecordStreamParams::default()
        };
        let reply: CreateRecordStreamReply = link.ask(&Command::CreateRecordStream(params)).map_err(word)?;
        let wire = Wire::new(link, reply.channel, spec, device.id);
        Ok(Self::new(wire.map_err(|error| PortError::Failed(error.to_string()))?))
    }

    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, came: Vec::new(), all: 0, begun: None, expected: None }
    }

    fn look(&mut self, now: Instant) {
        let (came, channels) = (&mut self.came, usize::from(self.wire.spec.channels));
        let (before, mut told) = (came.len(), None);
        let mut samples = Vec::new();
        self.wire.look(now, |event| match event {
            Event::Sound(sound) => {
                samples.clear();
                samples.extend(sound.as_chunks::<SAMPLE>().0.iter().map(|four| f32::from_le_bytes(*four)));
                came.extend(samples.chunks_exact(channels).map(callback::mean));
            }
            Event::Latency(latency) => told = Some::<RecordLatency>(latency),
            Event::Wanted(_) | Event::Dry(_) => {}
        });
        let new = came.len() - before;
        let most = self.wire.spec.sample_rate as usize * OLD.as_millis() as usize / 1_000;
        came.drain(..came.len().saturating_sub(most));
        if let Some(at) = told {
            // The first of a piece waits for its last.
            let waits =
                at.write_offset.saturating_sub(at.read_offset).saturating_add(bytes(self.wire.spec, PERIOD).into());
            self.wire.tell_latency(at.source_usec, waits);
        }
        if new > 0 {
            self.all += new as u64;
            let begun = now.checked_sub(self.time(self.all));
            self.begun = [self.begun, begun].into_iter().flatten().min();
            self.wire.ask_latency(new * self.wire.frame(), Command::GetRecordLatency);
        }
    }

    /// How long so many frames last.
    fn time(&self, frames: u64) -> Duration {
        Duration::from_nanos(frames.saturating_mul(1_000_000_000) / u64::from(self.wire.spec.sample_rate))
    }
}

impl Capture for Microphone {
    fn rate(&self) -> u32 {
        self.wire.spec.sample_rate
    }

    fn read(&mut self, now: Instant, out: &mut Vec<f32>) {
        self.look(now);
        out.append(&mut self.came);
    }

    fn ready_at(&mut self, now: Instant, frames: usize) -> Option<Instant> {
        if let Some((wanted, _)) = self.expected.take_if(|(_, at)| *at <= now) {
            let met = self.all >= wanted;
            self.begun = self.begun.and_then(|at| if met { at.checked_sub(SOONER) } else { at.checked_add(LATER) });
        }
        let wanted = self.all + frames.saturating_sub(self.came.len()) as u64;
        let at = self.begun?.checked_add(self.time(wanted))?.max(now + RETRY);
        self.expected = Some((wanted, at));
        Some(at)
    }

    fn health(&mut self, now: Instant) -> Health {
        self.look(now);
        self.wire.health(now)
    }

    fn device(&self) -> &str {
        &self.wire.device
    }

    fn latency(&self) -> Duration {
        self.wire.watch.latency()
    }
}
