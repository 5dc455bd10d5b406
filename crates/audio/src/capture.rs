//! A microphone: device → callback → ring → [`Capture::read`], which mixes the channels down to one.

use std::{sync::Arc, time::Instant};

use cpal::{Device, FromSample, SampleFormat, SizedSample, Stream, StreamConfig, traits::DeviceTrait};
use media::port::{Capture, Health, PortError};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::{
    error,
    open::{self, End, Opened},
    watch::{Pulse, Watch},
};

/// Opens the microphone of `device` and starts it. `frames` is the block at 48 kHz.
///
/// # Errors
/// What cpal says of the device.
pub(crate) fn open(device: &Device, id: String, frames: u32) -> Result<Opened<Consumer<f32>>, PortError> {
    let (config, format) = open::configuration(device, End::Input, frames)?;
    // A quarter of a second: what is older than that is worth nothing.
    let (into, ring) = RingBuffer::new(config.sample_rate as usize / 4 * usize::from(config.channels));
    let pulse = Arc::new(Pulse::default());
    let stream = match format {
        SampleFormat::F32 => build::<f32>(device, config, into, &pulse),
        SampleFormat::I16 => build::<i16>(device, config, into, &pulse),
        SampleFormat::I32 => build::<i32>(device, config, into, &pulse),
        SampleFormat::U8 => build::<u8>(device, config, into, &pulse),
        other => return Err(PortError::Failed(format!("samples of the kind {other} are not known"))),
    }?;
    Ok(Opened { stream: open::start(stream)?, config, device: id, pulse, ring })
}

fn build<T: SizedSample>(
    device: &Device,
    config: StreamConfig,
    mut into: Producer<f32>,
    pulse: &Arc<Pulse>,
) -> Result<Stream, PortError>
where
    f32: FromSample<T>,
{
    let beat = Arc::clone(pulse);
    let callback = move |samples: &[T], _: &cpal::InputCallbackInfo| {
        beat.beat();
        // A ring that is full means that nobody reads: what comes now is dropped, whole frames at a time.
        let room = into.slots().min(samples.len());
        if let Ok(chunk) = into.write_chunk_uninit(room) {
            chunk.fill_from_iter(samples.iter().map(|sample| f32::from_sample_(*sample)));
        }
    };
    device.build_input_stream(config, callback, open::on_error(pulse), None).map_err(|error| error::word(&error))
}

/// A running microphone.
pub(crate) struct Microphone {
    _stream: Stream,
    ring: Consumer<f32>,
    channels: usize,
    rate: u32,
    device: String,
    watch: Watch,
}

impl Microphone {
    pub(crate) fn new(opened: Opened<Consumer<f32>>) -> Self {
        Self {
            _stream: opened.stream,
            ring: opened.ring,
            channels: usize::from(opened.config.channels).max(1),
            rate: opened.config.sample_rate,
            device: opened.device,
            watch: Watch::new(opened.pulse),
        }
    }
}

impl Capture for Microphone {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn read(&mut self, _now: Instant, out: &mut Vec<f32>) {
        let whole = self.ring.slots() / self.channels * self.channels;
        let Ok(chunk) = self.ring.read_chunk(whole) else { return };
        let (first, second) = chunk.as_slices();
        let (mut sum, mut got) = (0.0, 0);
        // The mean of the channels: a headset on one side of a stereo device is then half as loud, never silent.
        for sample in first.iter().chain(second) {
            sum += sample;
            got += 1;
            if got == self.channels {
                out.push(sum / self.channels as f32);
                (sum, got) = (0.0, 0);
            }
        }
        chunk.commit_all();
    }

    fn health(&mut self, now: Instant) -> Health {
        self.watch.health(now)
    }

    fn device(&self) -> &str {
        &self.device
    }
}
