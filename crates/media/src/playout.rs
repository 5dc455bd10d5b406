//! From packets to sound: jitter buffer → decoder → time stretch → level.
//!
//! ```text
//!  insert → JitterBuffer → VoiceDecoder → ready ─ stretch ─→ pull → meter
//! ```

mod quiet;

use std::time::{Duration, Instant};

use crate::codec::noise::ComfortNoise;
use crate::codec::{Codec, VoiceDecoder};
use crate::error::SoundError;
use crate::jitter::{BLOCK, Inserted, JitterBuffer, JitterCounts, Step, Waiting};
use crate::level::Meter;
use crate::rtp::Header;
use crate::stretch;

/// Cross-fade between decoders and at the edges of sound: 5 ms.
const FADE: usize = 240;
/// A wrong wait beyond this is mended in every frame and at any place: 30 ms.
const URGENT: i64 = 1440;
/// Sound that should be longer by less may become longer by this, for a lag of less is hard to find in a voice: 7.5 ms.
const LEAST_LONGER: usize = 360;
/// What a stretch needs at most: a lag of 15 ms and its cross-fade.
const ROOM: usize = 960;
/// Frames in which no good place for a stretch was found before any place will do.
const PATIENCE: u32 = 10;
/// Frames between two stretches that are not urgent.
const REST: u32 = 4;

/// Samples played since the start, by where they came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlayoutCounts {
    /// From packets.
    pub decoded: u64,
    /// From the copy in a later packet.
    pub recovered: u64,
    /// Made up because sound was missing.
    pub concealed: u64,
    /// How many times something was made up in one piece.
    pub pieces: u64,
    /// Made up or silent because the sender was.
    pub quiet: u64,
    /// Taken out or put in to change the wait.
    pub stretched: u64,
}

/// One received stream as sound.
pub struct Playout {
    jitter: JitterBuffer,
    decoder: Option<VoiceDecoder>,
    /// Decoded and not yet played; `ready[..played]` is gone.
    ready: Vec<f32>,
    played: usize,
    /// The last sample played.
    last: f32,
    /// Whether the last block was nothing at all.
    silent: bool,
    /// How the far end's silence sounds, since it said so.
    noise: Option<ComfortNoise>,
    /// Whether the last block was that noise.
    noisy: bool,
    refused: u32,
    rest: u32,
    /// Whether the last block was made up because sound was missing.
    missing: bool,
    meter: Meter,
    counts: PlayoutCounts,
}

impl Playout {
    /// Waits for packets.
    pub fn new(now: Instant) -> Self {
        Self {
            jitter: JitterBuffer::new(now),
            decoder: None,
            ready: Vec::with_capacity(2 * 5760),
            played: 0,
            last: 0.0,
            silent: true,
            noise: None,
            noisy: false,
            refused: 0,
            rest: 0,
            missing: false,
            meter: Meter::default(),
            counts: PlayoutCounts::default(),
        }
    }

    /// Takes a packet of sound.
    pub fn insert(&mut self, now: Instant, header: &Header, codec: Codec, payload: &[u8]) -> Inserted {
        self.jitter.insert(now, header, codec, payload)
    }

    /// Takes a packet of comfort noise (RFC 3389): from now on the far end's silence sounds like that. `false` if it came
    /// before.
    pub fn insert_noise(&mut self, header: &Header, payload: &[u8]) -> bool {
        let new = self.jitter.insert_other(header);
        match &mut self.noise {
            Some(noise) if new => noise.update(payload),
            None if new => self.noise = ComfortNoise::new(payload),
            _ => {}
        }
        new
    }

    /// Takes a copy of an earlier packet that came with that of `carrier`, sampled `offset` units of the timestamp
    /// before it; `false` if it is of no use.
    pub fn insert_copy(&mut self, carrier: &Header, codec: Codec, offset: u16, payload: &[u8]) -> bool {
        self.jitter.insert_copy(carrier, codec, offset, payload)
    }

    /// Takes note of a packet that is no sound; `false` if it came before.
    pub fn insert_other(&mut self, header: &Header) -> bool {
        self.jitter.insert_other(header)
    }

    /// Whether the sender fell silent on purpose with its last packet.
    pub fn is_quiet(&self) -> bool {
        self.jitter.is_quiet()
    }

    /// Another stream begins: what waits is dropped, what is decoded fades out.
    pub fn restart(&mut self) {
        self.jitter.restart();
        self.cut_off();
        self.decoder = None;
        self.noise = None;
    }

    /// Fills `out` with the next sound at 48 kHz.
    pub fn pull(&mut self, now: Instant, out: &mut [f32]) {
        while self.ready.len() - self.played < out.len() {
            self.more(now);
        }
        out.copy_from_slice(&self.ready[self.played..self.played + out.len()]);
        self.played += out.len();
        self.last = out.last().copied().unwrap_or(self.last);
        self.meter.push(out);
    }

    /// Whether the next `samples` are there: decoded, or in the next packet with what is decoded.
    pub fn is_ready(&self, samples: usize) -> bool {
        let decoded = self.ready.len() - self.played;
        decoded >= samples || decoded + self.jitter.next_is_here() >= samples
    }

    /// Level of what is played, in dBFS.
    pub fn dbfs(&self) -> f32 {
        self.meter.dbfs()
    }

    /// Where the sound came from.
    pub fn counts(&self) -> PlayoutCounts {
        self.counts
    }

    /// What became of the packets.
    pub fn packets(&self) -> JitterCounts {
        self.jitter.counts()
    }

    /// How long sound waits here: relative to the fastest packets, with what is decoded already.
    pub fn delay(&self) -> Duration {
        self.jitter.delay()
    }

    /// How long the sound of a packet lasts, by the newest; 20 ms before the first.
    pub fn packet_time(&self) -> Duration {
        self.jitter.packet_time()
    }

    /// The wait aimed at.
    pub fn target(&self) -> Duration {
        self.jitter.target()
    }

    /// Where the last packet played is on the sender's clock, against ours: see [`JitterBuffer::transit`].
    #[cfg(feature = "testing")]
    pub fn transit(&self) -> Duration {
        self.jitter.transit()
    }

    /// By how many samples sound should be asked for earlier (negative: later), a little each time.
    pub fn pace(&self) -> i64 {
        self.jitter.pace()
    }

    /// The codec heard last.
    pub fn codec(&self) -> Option<Codec> {
        self.decoder.as_ref().map(VoiceDecoder::codec)
    }

    /// Decodes or makes up one more stretch of sound.
    fn more(&mut self, now: Instant) {
        self.ready.drain(..self.played);
        self.played = 0;
        let start = self.ready.len();
        let missing = std::mem::take(&mut self.missing);
        match self.jitter.next(now, start) {
            Step::Play { packet, skip } => {
                self.play(&packet, skip);
                self.leave_noise(start);
                self.stretch(start);
            }
            Step::Recover { samples, next } => {
                self.restore(samples, next.codec, |decoder, out| decoder.recover(&next.payload, samples, out));
                self.leave_noise(start);
            }
            Step::Restore { samples, before, next } => {
                self.restore(samples, next.codec, |decoder, out| decoder.restore(&next.payload, samples, before, out));
                self.leave_noise(start);
            }
            Step::Conceal { samples, lost: true } => {
                self.conceal(samples);
                self.leave_noise(start);
                self.counts.concealed += samples as u64;
                self.counts.pieces += u64::from(!missing);
                self.missing = true;
            }
            Step::Conceal { samples, lost: false } => self.quiet(samples),
            Step::Wait if self.has_noise() && self.jitter.is_quiet() => self.quiet(BLOCK),
            Step::Wait => {
                self.wait();
                self.leave_noise(start);
            }
        }
    }

    /// Appends the packet's sound but for the first `skip` samples, which were made up already.
    fn play(&mut self, packet: &Waiting, skip: usize) {
        let start = self.ready.len();
        let other = self.decoder.as_ref().is_none_or(|decoder| decoder.codec() != packet.codec);
        // What the old decoder would have gone on with, to blend the new one in.
        let mut old = Vec::new();
        if other {
            if let Some(decoder) = &mut self.decoder {
                let _ = decoder.conceal(BLOCK, &mut old);
            }
            self.decoder = VoiceDecoder::new(packet.codec).ok();
        }
        let decoded = self.decoder.as_mut().and_then(|decoder| decoder.decode(&packet.payload, &mut self.ready).ok());
        match decoded {
            Some(samples) if packet.copy => self.counts.recovered += samples as u64,
            Some(samples) => self.counts.decoded += samples as u64,
            None => {
                self.ready.truncate(start);
                self.conceal(packet.duration);
                self.counts.concealed += packet.duration as u64;
            }
        }
        if skip > 0 {
            self.ready.drain(start..self.ready.len().min(start + skip));
            self.join(start);
        }
        if self.silent {
            old.clear();
            old.resize(FADE, 0.0);
        }
        blend(&mut self.ready[start..], &old);
        self.silent = false;
    }

    /// Wears off, within 2 ms, the step that two sounds make which do not belong together.
    fn join(&mut self, at: usize) {
        let Some(before) = at.checked_sub(1).map_or(Some(self.last), |at| self.ready.get(at).copied()) else { return };
        let Some(mut step) = self.ready.get(at).map(|first| before - first) else { return };
        for sample in &mut self.ready[at..] {
            *sample = (*sample + step).clamp(-1.0, 1.0);
            step *= 0.96;
        }
    }

    /// Appends exactly `samples` of what was lost, made from a later packet of this codec where that can be done.
    fn restore(
        &mut self,
        samples: usize,
        codec: Codec,
        make: impl FnOnce(&mut VoiceDecoder, &mut Vec<f32>) -> Result<usize, SoundError>,
    ) {
        let start = self.ready.len();
        let same = self.decoder.as_mut().filter(|decoder| decoder.codec() == codec);
        if same.and_then(|decoder| make(decoder, &mut self.ready).ok()) == Some(samples) {
            self.counts.recovered += samples as u64;
        } else {
            self.ready.truncate(start);
            self.conceal(samples);
            self.counts.concealed += samples as u64;
        }
        self.silent = false;
    }

    /// Appends exactly `samples`.
    fn conceal(&mut self, samples: usize) {
        let end = self.ready.len() + samples;
        if let Some(decoder) = &mut self.decoder {
            let _ = decoder.conceal(samples, &mut self.ready);
        }
        self.ready.resize(end, 0.0);
    }

    /// Silence, after whatever sounded last has faded.
    fn wait(&mut self) {
        let start = self.ready.len();
        if self.silent {
            self.ready.resize(start + BLOCK, 0.0);
        } else {
            self.conceal(BLOCK);
            for (n, sample) in self.ready[start..].iter_mut().enumerate() {
                *sample *= 1.0 - (n + 1) as f32 / BLOCK as f32;
            }
            self.silent = true;
        }
        self.counts.quiet += BLOCK as u64;
    }

    /// Lets what is decoded, or what the decoder would go on with, fade out within 5 ms.
    fn cut_off(&mut self) {
        if self.ready.len() - self.played < FADE && !self.silent {
            let start = self.ready.len();
            self.conceal(BLOCK);
            self.leave_noise(start);
        }
        let keep = FADE.min(self.ready.len() - self.played);
        self.ready.truncate(self.played + keep);
        for (n, sample) in self.ready[self.played..].iter_mut().enumerate() {
            *sample *= 1.0 - (n + 1) as f32 / keep as f32;
        }
        self.silent = true;
    }

    /// Mends the wait by making the frame just decoded longer or shorter; where that is short, what waits before it too.
    fn stretch(&mut self, start: usize) {
        let start = start.min(self.ready.len().saturating_sub(ROOM));
        let wanted = self.jitter.wanted_stretch();
        self.rest = self.rest.saturating_sub(1);
        if wanted == 0 || (self.rest > 0 && wanted.abs() < URGENT) {
            return;
        }
        let force = self.refused >= PATIENCE || wanted.abs() > URGENT;
        let most = wanted.unsigned_abs() as usize;
        let by = if wanted < 0 {
            -(stretch::shorten(&mut self.ready, start, most, force) as i64)
        } else {
            stretch::lengthen(&mut self.ready, start, most.max(LEAST_LONGER), force) as i64
        };
        if by == 0 {
            self.refused += 1;
            return;
        }
        self.refused = 0;
        self.rest = REST;
        self.jitter.stretched(by);
        self.counts.stretched += by.unsigned_abs();
    }
}

/// Blends the first 5 ms of `new` from `old`; with less of `old` there is less of a blend.
fn blend(new: &mut [f32], old: &[f32]) {
    for (n, (sample, old)) in new.iter_mut().zip(old).take(FADE).enumerate() {
        *sample = *old + (*sample - *old) * (n + 1) as f32 / (FADE + 1) as f32;
    }
}
