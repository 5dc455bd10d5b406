//! The libraries behind a small face: blocks of 10 ms at 48 kHz in and out.

use std::time::Duration;

use nnnoiseless::DenoiseState;
use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate, NoiseSuppression,
    NoiseSuppressionLevel, Pipeline,
};
use sonora::{AudioProcessing, Config, StreamConfig};

use super::{Noise, Processing};
use crate::RATE;

/// Samples at a time.
pub(super) const BLOCK: usize = RATE as usize / 100;
/// Full scale of the samples of nnnoiseless, which are those of 16 bits.
const SIXTEEN_BITS: f32 = 32_768.0;

/// One way of processing.
pub(super) struct Chain {
    does: Processing,
    /// Echo and noise, in one: the suppressor listens to what the canceller is given.
    cleaner: Option<Box<AudioProcessing>>,
    strong: Option<Box<DenoiseState<'static>>>,
    /// By itself, so that it hears what all others left, and delays nothing: only bands need time.
    leveler: Option<Box<AudioProcessing>>,
}

impl Chain {
    /// Nothing where nothing is to be done.
    pub(super) fn new(does: Processing) -> Option<Self> {
        if does == Processing::OFF {
            return None;
        }
        let noise = match does.noise {
            Noise::Off | Noise::Strong => None,
            Noise::Low => Some(NoiseSuppressionLevel::Low),
            Noise::Medium => Some(NoiseSuppressionLevel::Moderate),
            Noise::High => Some(NoiseSuppressionLevel::High),
        };
        let cleaner = (does.echo || noise.is_some()).then(|| {
            build(Config {
                high_pass_filter: Some(HighPassFilter::default()),
                echo_canceller: does.echo.then(EchoCanceller::default),
                noise_suppression: noise.map(|level| NoiseSuppression { level, ..NoiseSuppression::default() }),
                ..Config::default()
            })
        });
        let leveler = does.level.then(|| {
            let adaptive_digital = Some(AdaptiveDigital::default());
            build(Config {
                gain_controller2: Some(GainController2 { adaptive_digital, ..GainController2::default() }),
                ..Config::default()
            })
        });
        Some(Self { does, cleaner, strong: (does.noise == Noise::Strong).then(DenoiseState::new), leveler })
    }

    /// What it does.
    pub(super) fn does(&self) -> Processing {
        self.does
    }

    /// Takes what the speaker plays.
    pub(super) fn render(&mut self, block: &[f32; BLOCK]) {
        if let Some(cleaner) = self.cleaner.as_mut().filter(|_| self.does.echo) {
            let mut unchanged = [0.0; BLOCK];
            // Only a block of another length is refused.
            let _ = cleaner.process_render_f32(&[block], &mut [&mut unchanged]);
        }
    }

    /// Processes what the microphone heard. `delay` is the time from [`Self::render`] to the same sound coming in here.
    pub(super) fn capture(&mut self, block: &mut [f32; BLOCK], delay: Duration) {
        if let Some(cleaner) = &mut self.cleaner {
            // More than half a second is cut to that.
            let _ = cleaner.set_stream_delay_ms(i32::try_from(delay.as_millis()).unwrap_or(i32::MAX));
            run(cleaner, block);
        }
        if let Some(strong) = &mut self.strong {
            let loud = block.map(|sample| sample * SIXTEEN_BITS);
            strong.process_frame(block, &loud);
            block.iter_mut().for_each(|sample| *sample /= SIXTEEN_BITS);
        }
        if let Some(leveler) = &mut self.leveler {
            run(leveler, block);
        }
    }
}

fn build(mut config: Config) -> Box<AudioProcessing> {
    // The default of 32 kHz would take all above 16 kHz out of the sound.
    config.pipeline =
        Pipeline { maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz, ..Pipeline::default() };
    let stream = StreamConfig::new(RATE, 1);
    Box::new(AudioProcessing::builder().config(config).capture_config(stream).render_config(stream).build())
}

fn run(stage: &mut AudioProcessing, block: &mut [f32; BLOCK]) {
    let input = *block;
    // Only a block of another length is refused.
    let _ = stage.process_capture_f32(&[&input], &mut [block]);
}
