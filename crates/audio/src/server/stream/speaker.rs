//! A speaker of a sound server. What is played lies in the server alone, as much of it as its writer keeps there.

use std::time::{Duration, Instant};

use media::port::{Health, Playback, PortError};
use pulseaudio::protocol::{
    Command, CreatePlaybackStreamReply, Descriptor, DescriptorFlags, PlaybackLatency, PlaybackStreamParams,
    stream::BufferAttr, write_descriptor,
};

use super::{super::word, Event, Link, OLD, PERIOD, SAMPLE, Wire, bytes, flags, props, spec};
use crate::{callback, open::End};

pub(crate) struct Speaker {
    pub(super) wire: Wire,
    /// Bytes of sound given to the server, and what it took of them, as far as it told: a piece less, or nothing.
    given: u64,
    taken: u64,
    /// What it wants before it has taken anything.
    first: u64,
    /// What had been given when it was asked for the latency.
    asked: Option<u64>,
}

impl Speaker {
    /// Opens the speaker of that id, or the default one.
    ///
    /// # Errors
    /// What the server says of the device.
    pub(crate) fn open(mut link: Link, id: Option<&str>) -> Result<Self, PortError> {
        let device = link.find(End::Output, id)?;
        let spec = spec(&device);
        let buffer_attr = BufferAttr {
            // More than is ever kept there, so that it tells of all that it takes.
            target_length: 2 * bytes(spec, OLD),
            minimum_request_length: bytes(spec, PERIOD),
            // What there is, is played; where nothing is, time stands still. It would go on with 0, and what comes after
            // that would be late for ever.
            pre_buffering: u32::from(spec.channels) * SAMPLE as u32,
            ..BufferAttr::default()
        };
        let params = PlaybackStreamParams {
            sample_spec: spec,
            channel_map: device.map,
            sink_index: Some(device.index),
            buffer_attr,
            flags: flags(),
            props: props(),
            ..PlaybackStreamParams::default()
        };
        let reply: CreatePlaybackStreamReply = link.ask(&Command::CreatePlaybackStream(params)).map_err(word)?;
        let first = u64::from(reply.buffer_attr.target_length).saturating_sub(u64::from(reply.requested_bytes));
        let wire = Wire::new(link, reply.channel, spec, device.id);
        Ok(Self::new(wire.map_err(|error| PortError::Failed(error.to_string()))?, first))
    }

    /// One that will want `first` bytes more before it has taken any.
    pub(super) fn new(wire: Wire, first: u64) -> Self {
        Self { wire, given: 0, taken: 0, first, asked: None }
    }

    fn look(&mut self, now: Instant) {
        let Self { wire, given, taken, first, asked } = self;
        let slack = u64::from(bytes(wire.spec, PERIOD));
        let mut sink = None;
        wire.look(now, |event| match event {
            Event::Wanted(wanted) => {
                let took = u64::from(wanted).saturating_sub(*first);
                *first = first.saturating_sub(u64::from(wanted));
                *taken = taken.saturating_add(took).min(*given);
            }
            // It may have been given more since.
            Event::Dry(at) => *taken = u64::try_from(at).unwrap_or(0).clamp(*taken, *given),
            Event::Latency(at) => {
                let at: PlaybackLatency = at;
                sink = Some(at.sink_usec);
                // What it has is what it had been given but for this, whatever it told of it.
                if let (Some(had), Ok(left)) =
                    (asked.take(), u64::try_from(at.write_offset.saturating_sub(at.read_offset)))
                {
                    let took = had.saturating_sub(left);
                    if took.abs_diff(*taken) > 2 * slack {
                        *taken = took.min(*given);
                    }
                }
            }
            Event::Sound(_) => {}
        });
        if let Some(sink) = sink {
            wire.tell_latency(sink, 0);
        }
    }
}

impl Playback for Speaker {
    fn rate(&self) -> u32 {
        self.wire.spec.sample_rate
    }

    fn write(&mut self, now: Instant, samples: &[f32]) -> usize {
        self.look(now);
        self.wire.flush();
        // One that hangs gets nothing more.
        let most = (u64::from(self.wire.spec.sample_rate) * OLD.as_millis() as u64 / 1_000) as usize;
        let room = if self.wire.unsent.is_empty() { most.saturating_sub(self.queued()) } else { 0 };
        let count = room.min(samples.len());
        if count == 0 || self.wire.pulse.has_failed() {
            return 0;
        }
        let length = count * self.wire.frame();
        let (channel, flags) = (self.wire.channel, DescriptorFlags::empty());
        let about = Descriptor { length: u32::try_from(length).unwrap_or(u32::MAX), channel, offset: 0, flags };
        if let Err(error) = write_descriptor(&mut self.wire.unsent, &about) {
            self.wire.lose(&error);
            return 0;
        }
        let channels = usize::from(self.wire.spec.channels);
        for sample in &samples[..count] {
            let sample = callback::in_range(*sample).to_le_bytes();
            (0..channels).for_each(|_| self.wire.unsent.extend_from_slice(&sample));
        }
        self.wire.flush();
        self.given += length as u64;
        if self.wire.ask_latency(length, Command::GetPlaybackLatency) {
            self.asked = Some(self.given);
        }
        count
    }

    fn queued(&self) -> usize {
        (self.given - self.taken) as usize / self.wire.frame().max(1)
    }

    fn health(&mut self, now: Instant) -> Health {
        self.look(now);
        self.wire.health(now)
    }

    fn device(&self) -> &str {
        &self.wire.device
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn latency(&self) -> Duration {
        self.wire.watch.latency()
    }
}
