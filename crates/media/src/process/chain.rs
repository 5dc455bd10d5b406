//! The libraries behind a small face: blocks of 10 ms at 48 kHz in and out.

use std::time::Duration;

use nnnoiseless::DenoiseState;
use sonora::config::{AdaptiveDigital, GainController2, MaxProcessingRate, Pipeline};
use sonora::{AudioProcessing, Config, StreamConfig};
use sonora_ns::config::SuppressionLevel;

use super::cleaner::Cleaner;
use super::{Noise, Processing};
use crate::RATE;

/// Samples at a time.
pub(super) const BLOCK: usize = RATE as usize / 100;
/// Full scale of the samples of nnnoiseless and of most of sonora, which are those of 16 bits.
pub(super) const SIXTEEN_BITS: f32 = 32_768.0;

/// One way of processing.
pub(super) struct Chain {
    does: Processing,
    cleaner: Option<Box<Cleaner>>,
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
            Noise::Low => Some(SuppressionLevel::K6dB),
            Noise::Medium => Some(SuppressionLevel::K12dB),
            Noise::High => Some(SuppressionLevel::K18dB),
        };
        let cleaner = (does.echo || noise.is_some()).then(|| Box::new(Cleaner::new(does.echo, noise)));
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
        if let Some(cleaner) = &mut self.cleaner {
            cleaner.render(block);
        }
    }

    /// Processes what the microphone heard. `delay` is the time from [`Self::render`] to the same sound coming in here.
    pub(super) fn capture(&mut self, block: &mut [f32; BLOCK], delay: Duration) {
        if let Some(cleaner) = &mut self.cleaner {
            cleaner.capture(block, delay);
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
