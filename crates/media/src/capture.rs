//! From sound to packets: level → mute → encode → add a copy → packetize.
//!
//! Nothing is encoded before [`Capture::set_sending`]: before the local answer a call must not even hold sound of the
//! microphone in a codec.

mod forward;
mod mute;

use std::{collections::VecDeque, time::Duration};

use crate::RATE;
use crate::agreed::AgreedCodec;
use crate::ladder::{FARTHEST, Plan};
use crate::level::Meter;
use crate::red::{Copy, Redundant};
use crate::rtp::{Header, Sequence, Ssrc, Timestamp};
use crate::{codec::VoiceEncoder, error::SoundError};

/// Samples of a short frame: 10 ms.
const SHORT: usize = RATE as usize / 100;

/// One sent stream.
pub struct Capture {
    encoder: Option<VoiceEncoder>,
    payload_type: u8,
    frame: Vec<f32>,
    frame_len: usize,
    usual_len: usize,
    short: bool,
    payload: Vec<u8>,
    /// Payload type of redundant sound, where the far end takes it.
    red: Option<u8>,
    plan: Option<Plan>,
    /// What was sent last, oldest first; kept only while copies are sent.
    sent: VecDeque<(Timestamp, Vec<u8>)>,
    redundant: Vec<u8>,
    ssrc: Ssrc,
    sequence: Sequence,
    /// Timestamp of `elapsed` = 0, in the codec's clock.
    base: Timestamp,
    clock: u32,
    /// Samples at 48 kHz since `base`.
    elapsed: u64,
    marker: bool,
    sending: bool,
    muted: bool,
    gain: f32,
    meter: Meter,
    packets: u32,
    octets: u32,
}

impl Capture {
    /// A stream that sends nothing yet.
    pub fn new(ssrc: Ssrc, sequence: Sequence, timestamp: Timestamp) -> Self {
        Self {
            encoder: None,
            payload_type: 0,
            frame: Vec::with_capacity(2880),
            frame_len: RATE as usize / 50,
            usual_len: RATE as usize / 50,
            short: false,
            payload: Vec::with_capacity(1275),
            red: None,
            plan: None,
            sent: VecDeque::with_capacity(usize::from(FARTHEST)),
            redundant: Vec::new(),
            ssrc,
            sequence,
            base: timestamp,
            clock: 8_000,
            elapsed: 0,
            marker: true,
            sending: false,
            muted: false,
            gain: 1.0,
            meter: Meter::default(),
            packets: 0,
            octets: 0,
        }
    }

    /// Sends with this codec from the next frame on; the same one goes on undisturbed. `ptime` is what the far end
    /// wishes, in ms.
    pub fn set_codec(&mut self, agreed: &AgreedCodec, ptime: u8) -> Result<(), SoundError> {
        // Opus and our frames know 10, 20, 40 and 60 ms; take the longest that is not longer than wished.
        let ms = match ptime {
            0..20 => 10,
            20..40 => 20,
            40..60 => 40,
            _ => 60,
        };
        self.usual_len = ms * RATE as usize / 1000;
        self.frame_len = if self.short { SHORT } else { self.usual_len };
        self.frame.clear();
        self.payload_type = agreed.pt;
        if self.encoder.as_ref().is_some_and(|encoder| encoder.codec() == agreed.codec) {
            return Ok(());
        }
        (self.base, self.elapsed) = (self.timestamp(), 0);
        (self.clock, self.marker) = (agreed.codec.clock(), true);
        self.sent.clear();
        self.encoder = Some(VoiceEncoder::new(agreed.codec, agreed.max_bitrate)?);
        (self.short, self.frame_len) = (false, self.usual_len);
        self.plan.map_or(Ok(()), |plan| self.follow(plan))
    }

    /// Whether copies may be sent, and under which payload type.
    pub fn set_red(&mut self, payload_type: Option<u8>) {
        self.red = payload_type;
    }

    /// Does against loss what the ladder says.
    pub fn follow(&mut self, plan: Plan) -> Result<(), SoundError> {
        self.plan = Some(plan);
        if plan.back.is_none() {
            self.sent.clear();
        }
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        encoder.set_bitrate(plan.bitrate, plan.copy)?;
        encoder.set_past(plan.past)?;
        encoder.set_loss(plan.loss);
        encoder.set_wideband(plan.wideband)?;
        self.settle()
    }

    /// Samples at 48 kHz that the next packet is short of; nothing while no sound is sent.
    pub fn short_of(&self) -> Option<usize> {
        self.is_sending().then(|| self.frame_len - self.frame.len())
    }

    /// How long the sound of a packet lasts.
    pub fn packet_time(&self) -> Duration {
        Duration::from_secs(self.frame_len as u64) / RATE
    }

    /// Makes packets short or as long as usual, once there is no sound of half a frame.
    fn settle(&mut self) -> Result<(), SoundError> {
        let short = self.plan.is_some_and(|plan| plan.short);
        let Some(encoder) = self.encoder.as_mut().filter(|_| short != self.short && self.frame.is_empty()) else {
            return Ok(());
        };
        encoder.set_short(short)?;
        self.short = short;
        self.frame_len = if short { SHORT } else { self.usual_len };
        self.sent.clear();
        Ok(())
    }

    /// Opens or closes the stream.
    pub fn set_sending(&mut self, sending: bool) {
        if sending && !self.sending {
            // RFC 3551 section 4.1: the marker begins a talk spurt.
            self.marker = true;
        }
        self.frame.clear();
        self.sending = sending;
    }

    /// Whether sound is sent.
    pub fn is_sending(&self) -> bool {
        self.sending && self.encoder.is_some()
    }

    /// Sends silence instead of sound, or sound again.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Whether silence is sent instead of sound.
    pub fn is_muted(&self) -> bool {
        self.muted
    }

    /// Takes sound of any length at 48 kHz. Gives each packet to `send`; with `hold_back` (an event is going out) time
    /// goes on and nothing is sent.
    pub fn push(&mut self, samples: &[f32], hold_back: bool, mut send: impl FnMut(Vec<u8>)) {
        self.meter.push(samples);
        if !self.is_sending() || hold_back {
            self.elapsed += (self.frame.len() + samples.len()) as u64;
            self.frame.clear();
            self.marker = true;
            return;
        }
        let mut rest = samples;
        while !rest.is_empty() {
            let (part, more) = rest.split_at(rest.len().min(self.frame_len - self.frame.len()));
            rest = more;
            self.take(part);
            if self.frame.len() == self.frame_len {
                self.send_frame(&mut send);
                // What the encoder refuses stays as it was.
                let _ = self.settle();
            }
        }
    }

    /// Level of the microphone in dBFS, mute or not.
    pub fn dbfs(&self) -> f32 {
        self.meter.dbfs()
    }

    /// The timestamp of the next sample.
    pub fn timestamp(&self) -> Timestamp {
        let units = (self.elapsed + self.frame.len() as u64) * u64::from(self.clock) / u64::from(RATE);
        // The timestamp wraps by its nature.
        self.base.plus(units as u32)
    }

    /// The clock of the timestamps.
    pub fn clock(&self) -> u32 {
        self.clock
    }

    /// Moves time on to at least `timestamp`, after an event that outlasted the sound.
    pub fn reach(&mut self, timestamp: Timestamp) {
        let ahead = timestamp.since(self.timestamp());
        if ahead > 0 {
            self.elapsed += ahead as u64 * u64::from(RATE / self.clock);
        }
    }

    /// Makes a packet of `payload` at `timestamp`, in sequence with those of sound.
    pub fn packet(&mut self, payload_type: u8, marker: bool, timestamp: Timestamp, payload: &[u8]) -> Vec<u8> {
        let header = Header { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        self.sequence = Sequence(self.sequence.0.wrapping_add(1));
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        header.packet(payload)
    }

    /// Packets and payload octets sent, for sender reports.
    pub fn sent(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }

    fn send_frame(&mut self, send: &mut impl FnMut(Vec<u8>)) {
        let len = self.frame.len();
        let frame = std::mem::take(&mut self.frame);
        let timestamp = self.timestamp();
        self.payload.clear();
        let encoded = self.encoder.as_mut().map(|encoder| encoder.encode(&frame, &mut self.payload));
        self.frame = frame;
        self.frame.clear();
        self.elapsed += len as u64;
        // RFC 7587 section 3.1.3: two bytes or less mean that there is nothing to send.
        if matches!(encoded, Some(Ok(()))) && self.payload.len() > 2 {
            let payload = std::mem::take(&mut self.payload);
            let marker = std::mem::take(&mut self.marker);
            let packet = match self.with_copy(timestamp, &payload) {
                Some(red) => {
                    let redundant = std::mem::take(&mut self.redundant);
                    let packet = self.packet(red, marker, timestamp, &redundant);
                    self.redundant = redundant;
                    packet
                }
                None => self.packet(self.payload_type, marker, timestamp, &payload),
            };
            self.payload = payload;
            send(packet);
        }
    }

    /// Makes redundant sound of `payload` and of that sent some packets before, where there is such; then its payload
    /// type is the answer.
    fn with_copy(&mut self, timestamp: Timestamp, payload: &[u8]) -> Option<u8> {
        let (red, back) = (self.red?, usize::from(self.plan?.back?));
        let back_then = self.sent.len().checked_sub(back).and_then(|at| self.sent.get(at));
        let copy = back_then.and_then(|(at, old)| {
            // Sound that was sent without a pause, so that the far end can work out whose copy it is.
            let units = timestamp.since(*at);
            let whole = units == (back * self.frame_len) as i64 * i64::from(self.clock) / i64::from(RATE);
            whole.then_some(Copy { payload_type: self.payload_type, offset: u16::try_from(units).ok()?, payload: old })
        });
        let bare = self.encoder.as_ref()?.codec().bare(payload);
        self.redundant.clear();
        let made = copy.map(|copy| {
            let sound = Redundant { payload_type: self.payload_type, payload, copies: vec![copy] };
            sound.write(&mut self.redundant)
        });
        if self.sent.len() == usize::from(FARTHEST) {
            self.sent.pop_front();
        }
        self.sent.push_back((timestamp, bare));
        matches!(made, Some(Ok(()))).then_some(red)
    }
}

#[cfg(test)]
mod tests;
