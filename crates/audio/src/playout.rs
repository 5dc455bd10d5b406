//! A speaker: [`Playback::write`], which copies one channel to all → ring → callback → device.

use std::{sync::Arc, time::Instant};

use cpal::{Device, FromSample, SampleFormat, SizedSample, Stream, StreamConfig, traits::DeviceTrait};
use media::port::{Health, Playback, PortError};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::{
    error,
    open::{self, End, Opened},
    watch::{Pulse, Watch},
};

/// Opens the speaker of `device` and starts it. `frames` is the block at 48 kHz.
///
/// # Errors
/// What cpal says of the device.
pub(crate) fn open(device: &Device, id: String, frames: u32) -> Result<Opened<Producer<f32>>, PortError> {
    let (config, format) = open::configuration(device, End::Output, frames)?;
    // One channel, a quarter of a second: 200 ms of anything is never queued, and the writer watches the filling.
    let (ring, from) = RingBuffer::new(config.sample_rate as usize / 4);
    let pulse = Arc::new(Pulse::default());
    let stream = match format {
        SampleFormat::F32 => build::<f32>(device, config, from, &pulse),
        SampleFormat::I16 => build::<i16>(device, config, from, &pulse),
        SampleFormat::I32 => build::<i32>(device, config, from, &pulse),
        SampleFormat::U8 => build::<u8>(device, config, from, &pulse),
        other => return Err(PortError::Failed(format!("samples of the kind {other} are not known"))),
    }?;
    Ok(Opened { stream: open::start(stream)?, config, device: id, pulse, ring })
}

fn build<T: SizedSample + FromSample<f32>>(
    device: &Device,
    config: StreamConfig,
    mut from: Consumer<f32>,
    pulse: &Arc<Pulse>,
) -> Result<Stream, PortError> {
    let beat = Arc::clone(pulse);
    let channels = usize::from(config.channels).max(1);
    let callback = move |block: &mut [T], _: &cpal::OutputCallbackInfo| {
        beat.beat();
        let frames = block.len() / channels;
        let ready = from.slots().min(frames);
        let mut frames = block.chunks_exact_mut(channels);
        if let Ok(chunk) = from.read_chunk(ready) {
            let (first, second) = chunk.as_slices();
            for (sample, frame) in first.iter().chain(second).zip(frames.by_ref()) {
                frame.fill(T::from_sample_(*sample));
            }
            chunk.commit_all();
        }
        // What is missing is silence.
        frames.for_each(|frame| frame.fill(T::from_sample_(0.0)));
    };
    device.build_output_stream(config, callback, open::on_error(pulse), None).map_err(|error| error::word(&error))
}

/// A running speaker.
pub(crate) struct Speaker {
    _stream: Stream,
    ring: Producer<f32>,
    rate: u32,
    device: String,
    watch: Watch,
}

impl Speaker {
    pub(crate) fn new(opened: Opened<Producer<f32>>) -> Self {
        Self {
            _stream: opened.stream,
            ring: opened.ring,
            rate: opened.config.sample_rate,
            device: opened.device,
            watch: Watch::new(opened.pulse),
        }
    }
}

impl Playback for Speaker {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn write(&mut self, _now: Instant, samples: &[f32]) -> usize {
        let room = self.ring.slots().min(samples.len());
        let Ok(chunk) = self.ring.write_chunk_uninit(room) else { return 0 };
        chunk.fill_from_iter(samples.iter().copied())
    }

    fn queued(&self) -> usize {
        self.ring.buffer().capacity() - self.ring.slots()
    }

    fn health(&mut self, now: Instant) -> Health {
        self.watch.health(now)
    }

    fn device(&self) -> &str {
        &self.device
    }
}
