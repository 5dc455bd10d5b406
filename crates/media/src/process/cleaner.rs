//! Echo and noise out of the sound of a microphone, in three bands of 8 kHz each: in the lowest the way of the echo is
//! learned by the linear filter of AEC3 and what that leaves is taken out by [`Suppressor`]; the others follow it.

use std::collections::VecDeque;
use std::time::Duration;

use sonora::high_pass_filter::HighPassFilter;
use sonora::three_band_filter_bank::ThreeBandFilterBank;
use sonora_aec3::block::Block;
use sonora_aec3::block_processor::BlockProcessor;
use sonora_aec3::config::{DelaySelectionThresholds, EchoCanceller3Config};
use sonora_ns::config::{NsConfig, SuppressionLevel};
use sonora_ns::noise_suppressor::NoiseSuppressor;

use super::chain::{BLOCK, SIXTEEN_BITS};
use super::suppressor::{HOP, Played, Suppressor};
use crate::RATE;

const BANDS: usize = 3;
/// Samples of a band in a block, and how many in a second.
const PART: usize = BLOCK / BANDS;
const BAND_RATE: usize = 16_000;
/// The time of a hop.
const HOP_MS: usize = 4;
/// So much later than the speaker the microphone hears it, as the filter sees it, whatever the devices hold, in samples of a
/// band: by so much the delay that is told may be too long. With the way through the air, of 0 to 3 ms, and without what the
/// filter keeps for what comes before the first sound, it is in the middle of one of the filter's blocks.
const MARGIN: usize = 296;
const HEADROOM: usize = 96;
/// What the filter is told of that, so that it begins with the block which it would find itself.
const TOLD_MS: usize = 24;
/// The filter looks for the echo itself too, for the delay that is told may be wrong: by up to 0.3 s too short. But it changes
/// to another one only where so many of its last looks found that, for two who talk at once look like an echo now and then, and
/// with each change it begins to learn anew.
const REACH: usize = 3;
const SURE: i32 = 70;
/// The delay that is told may be off by so many samples, and only for so many hops by more.
const SLACK: usize = 5 * HOP;
const PATIENCE: u32 = 60;
/// More of the speaker than this is waited for by nobody: 0.6 s.
const MOST_WAITING: usize = 9_600;
/// A microphone that gives so much is driven too far, and its echo is no echo of the filter's.
const SATURATED: f32 = 32_700.0;
/// So many samples of a band must be there that there is always a whole part of it: hops and parts share no more.
const AHEAD: usize = 32;

type Bands = [[f32; PART]; BANDS];

/// Takes blocks of 10 ms.
pub(super) struct Cleaner {
    rumble: HighPassFilter,
    split: ThreeBandFilterBank,
    join: ThreeBandFilterBank,
    echo: Option<Box<Canceller>>,
    noise: Option<Box<NoiseSuppressor>>,
    block: [Vec<f32>; 1],
}

impl Cleaner {
    pub(super) fn new(echo: bool, noise: Option<SuppressionLevel>) -> Self {
        let noise =
            noise.map(|target_level| Box::new(NoiseSuppressor::new_with_bands(NsConfig { target_level }, BANDS)));
        Self {
            rumble: HighPassFilter::new(RATE.cast_signed(), 1),
            split: ThreeBandFilterBank::new(),
            join: ThreeBandFilterBank::new(),
            echo: echo.then(|| Box::new(Canceller::new())),
            noise,
            block: [vec![0.0; BLOCK]],
        }
    }

    /// Takes what the speaker plays.
    pub(super) fn render(&mut self, block: &[f32; BLOCK]) {
        if let Some(echo) = &mut self.echo {
            echo.render(block);
        }
    }

    /// Cleans what the microphone heard, which was played `delay` before.
    pub(super) fn capture(&mut self, block: &mut [f32; BLOCK], delay: Duration) {
        let [samples] = &mut self.block;
        samples.iter_mut().zip(&*block).for_each(|(sample, given)| *sample = given * SIXTEEN_BITS);
        let saturated = samples.iter().any(|sample| sample.abs() >= SATURATED);
        self.rumble.process_channels(&mut self.block);
        let [samples] = &self.block;
        let mut bands = [[0.0; PART]; BANDS];
        block.copy_from_slice(samples);
        self.split.analysis(block, &mut bands);
        if let Some(noise) = &mut self.noise {
            // It knows noise from what comes and goes, so it hears the echo too.
            noise.analyze(&bands[0]);
        }
        if let Some(echo) = &mut self.echo {
            echo.capture(&mut bands, saturated, delay);
        }
        if let Some(noise) = &mut self.noise {
            let [low, high @ ..] = &mut bands;
            noise.process(low);
            let gain = noise.upper_band_gain();
            high.iter_mut().enumerate().for_each(|(at, band)| noise.process_upper_band(band, at, gain));
        }
        self.join.synthesis(&bands, block);
        block.iter_mut().for_each(|sample| *sample /= SIXTEEN_BITS);
    }
}

/// Takes the echo out of the three bands.
struct Canceller {
    filter: BlockProcessor,
    suppressor: Suppressor,
    split: ThreeBandFilterBank,
    /// Of the lowest band of the speaker what waits for the microphone to hear it, and what the filter was given.
    waiting: VecDeque<f32>,
    played: Played,
    /// The filter was given the first of it; how many hops it is still to be given of what was not there in time; and for how
    /// long the delay that is told has been another one.
    begun: bool,
    owed: usize,
    off: u32,
    /// Of each band of the microphone what is no whole hop yet, and what is done.
    heard: [Vec<f32>; BANDS],
    clean: [Vec<f32>; BANDS],
    /// The upper bands wait for the lowest.
    late: [[f32; HOP]; BANDS - 1],
    block: Block,
    left: Block,
}

impl Canceller {
    fn new() -> Self {
        let mut config = EchoCanceller3Config::default();
        // It takes the pitch of a voice for an early echo.
        config.delay.detect_pre_echo = false;
        config.delay.num_filters = REACH;
        config.delay.delay_headroom_samples = HEADROOM;
        // The quick one of its two filters cancels the near end too, where both talk.
        config.filter.enable_coarse_filter_output_usage = false;
        config.delay.delay_selection_thresholds = DelaySelectionThresholds { initial: SURE, converged: SURE };
        let mut filter = BlockProcessor::new(&config, BAND_RATE, 1, 1);
        // Of what it would suppress itself nobody hears anything.
        filter.set_capture_output_usage(false);
        Self {
            filter,
            suppressor: Suppressor::new(),
            split: ThreeBandFilterBank::new(),
            waiting: VecDeque::with_capacity(MOST_WAITING),
            played: Played::new(),
            begun: false,
            owed: 0,
            off: 0,
            heard: std::array::from_fn(|_| Vec::with_capacity(PART + HOP)),
            clean: std::array::from_fn(|_| vec![0.0; AHEAD]),
            late: [[0.0; HOP]; BANDS - 1],
            block: Block::new(1, 1),
            left: Block::new(1, 1),
        }
    }

    fn render(&mut self, block: &[f32; BLOCK]) {
        let mut bands = [[0.0; PART]; BANDS];
        self.split.analysis(&block.map(|sample| sample * SIXTEEN_BITS), &mut bands);
        self.waiting.extend(bands[0]);
        self.waiting.drain(..self.waiting.len().saturating_sub(MOST_WAITING));
    }

    /// Gives the filter what the speaker plays [`MARGIN`] after the next hop of the microphone was in the room, or the newest
    /// where that is not there yet. The end of it all is heard `ahead` samples after that hop.
    fn refer(&mut self, ahead: usize) {
        let wanted = ahead.saturating_sub(MARGIN).clamp(HOP, MOST_WAITING);
        if !self.begun {
            if self.waiting.len() < wanted {
                return;
            }
            self.begun = true;
            let told = TOLD_MS.min(ahead * 1_000 / BAND_RATE);
            self.filter.set_audio_buffer_delay(i32::try_from(told).unwrap_or(i32::MAX));
            self.waiting.drain(..self.waiting.len() - wanted);
        }
        let off = self.waiting.len().abs_diff(wanted + self.owed * HOP) > SLACK;
        self.off = if off { self.off + 1 } else { 0 };
        if self.off > PATIENCE {
            // Other devices: what comes now does not go on from what was.
            (self.off, self.owed) = (0, 0);
            self.waiting.drain(..self.waiting.len().saturating_sub(wanted));
            (self.waiting.len()..wanted).for_each(|_| self.waiting.push_front(0.0));
        }
        self.owed += 1;
        while self.owed > 0 && self.waiting.len() >= HOP {
            self.owed -= 1;
            let mut hop = [0.0; HOP];
            hop.iter_mut().zip(self.waiting.drain(..HOP)).for_each(|(to, sample)| *to = sample);
            self.played.push(hop);
            self.block.view_mut(0, 0).copy_from_slice(&hop);
            self.filter.buffer_render(&self.block);
        }
    }

    fn capture(&mut self, bands: &mut Bands, saturated: bool, delay: Duration) {
        // From the next that the microphone heard to the end of what the speaker is to play.
        let ahead = (delay.as_secs_f64() * BAND_RATE as f64) as usize + PART + self.heard[0].len();
        self.heard.iter_mut().zip(&*bands).for_each(|(heard, band)| heard.extend_from_slice(band));
        let mut used = 0;
        while let Some(low) = self.heard[0][used..].first_chunk::<HOP>().copied() {
            self.refer(ahead.saturating_sub(used));
            self.block.view_mut(0, 0).copy_from_slice(&low);
            // Before the speaker played anything the filter says nothing.
            self.left.view_mut(0, 0).copy_from_slice(&low);
            self.filter.process_capture(false, saturated, Some(&mut self.left), &mut self.block);
            let mut left = low;
            // Should the filter ever run away, nothing of it may stay in what is learned from it.
            if self.left.view(0, 0).iter().all(|sample| sample.is_finite()) {
                left.copy_from_slice(self.left.view(0, 0));
            }
            let hops = usize::try_from(self.filter.get_metrics().delay_ms).unwrap_or(0) / HOP_MS;
            let mut clean = [0.0; HOP];
            let passes = self.suppressor.process(&low, &left, self.played.before(hops), &mut clean);
            self.clean[0].extend_from_slice(&clean);
            for (at, late) in self.late.iter_mut().enumerate() {
                self.clean[at + 1].extend(late.iter().map(|sample| sample * passes));
                late.copy_from_slice(&self.heard[at + 1][used..used + HOP]);
            }
            used += HOP;
        }
        for ((heard, clean), band) in self.heard.iter_mut().zip(&mut self.clean).zip(bands) {
            heard.drain(..used);
            band.copy_from_slice(&clean[..PART]);
            clean.drain(..PART);
        }
    }
}
