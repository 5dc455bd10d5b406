//! Packets of the far end: which stream they belong to and what they carry.

use std::time::{Duration, Instant};

use super::{Session, SessionEvent, SessionOutput};
use crate::codec::Codec;
use crate::jitter::Inserted;
use crate::red::Redundant;
use crate::report::{Arrival, Reception};
use crate::rtp::{Header, Packet};

/// Stragglers of the stream before do not bring it back for so long.
const STRAGGLERS: Duration = Duration::from_millis(500);
/// Nothing for so long is silence.
const SILENCE: Duration = Duration::from_secs(5);
/// The same after the far end announced silence.
const ANNOUNCED_SILENCE: Duration = Duration::from_secs(30);
/// Comfort noise, RFC 3389, has a payload type of its own everywhere.
const COMFORT_NOISE: u8 = 13;

/// What a payload type stands for.
enum Meaning {
    Sound(Codec),
    Event(u32),
    Noise,
    Unknown,
}

impl Session {
    /// Takes a decrypted RTP packet. Whatever is none, or of no agreed payload type, changes nothing.
    pub fn handle_rtp(&mut self, now: Instant, bytes: &[u8]) {
        let Ok(Packet { header, payload }) = Packet::parse(bytes) else { return };
        if !self.red_recv.contains(&header.payload_type) {
            self.handle_payload(now, &header, payload);
            return;
        }
        let Ok(redundant) = Redundant::parse(payload) else { return };
        let header = Header { payload_type: redundant.payload_type, ..header };
        if self.handle_payload(now, &header, redundant.payload) && self.plays() {
            for copy in redundant.copies {
                if let Meaning::Sound(codec) = self.meaning(copy.payload_type) {
                    self.playout.insert_copy(&header, codec, copy.offset, copy.payload);
                }
            }
        }
    }

    /// `false` when it changed nothing.
    fn handle_payload(&mut self, now: Instant, header: &Header, payload: &[u8]) -> bool {
        let meaning = self.meaning(header.payload_type);
        let clock = match &meaning {
            Meaning::Sound(codec) if codec.duration(payload).is_some() => codec.clock(),
            Meaning::Event(clock) => *clock,
            Meaning::Noise => 8_000,
            _ => return false,
        };
        let Some(first) = self.follow(now, header, clock) else { return false };
        self.heard(now);
        let mut late = false;
        let new = match meaning {
            Meaning::Sound(codec) if self.plays() => {
                let inserted = self.playout.insert(now, header, codec, payload);
                late = inserted == Inserted::Late;
                inserted != Inserted::Duplicate
            }
            Meaning::Event(_) => {
                // Not agreed upon, and yet it comes: whoever sends it may leave the key in the sound as well.
                self.events_come = true;
                self.inband = None;
                if let Some(key) = self.dtmf_in.packet(header, payload) {
                    self.outputs.push_back(SessionOutput::Event(SessionEvent::Dtmf(key)));
                }
                self.playout.insert_other(header)
            }
            Meaning::Noise if self.plays() => self.playout.insert_noise(header, payload),
            _ => true,
        };
        if let Some(reception) = self.reception.as_mut().filter(|_| !first) {
            let arrival = if late { Arrival::Late } else { Arrival::InTime };
            reception.packet(now, header, clock, if new { arrival } else { Arrival::Again });
        }
        true
    }

    /// A sign of life of the far end.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        if std::mem::take(&mut self.silent) {
            self.outputs.push_back(SessionOutput::Event(SessionEvent::Heard));
        }
    }

    /// When the absence of everything is worth telling; never on hold.
    pub(super) fn silence_deadline(&self) -> Option<Instant> {
        let expected = self.report_at.is_some() && self.direction.receives() && !self.remote_hold;
        if !expected || self.silent {
            return None;
        }
        Some(self.heard_at + if self.playout.is_quiet() { ANNOUNCED_SILENCE } else { SILENCE })
    }

    /// By what was agreed, never by the number alone (WIRE: 101 is 48 kHz here and 8 kHz there).
    fn meaning(&self, payload_type: u8) -> Meaning {
        if let Some(agreed) = self.recv.iter().find(|agreed| agreed.pt == payload_type) {
            return Meaning::Sound(agreed.codec);
        }
        if let Some(events) = self.dtmf_recv.iter().find(|events| events.pt == payload_type) {
            return Meaning::Event(events.clock.max(1));
        }
        if payload_type == COMFORT_NOISE { Meaning::Noise } else { Meaning::Unknown }
    }

    /// Any SSRC may come, and another in mid-stream: servers change the source without a word. `Some(true)` for the
    /// first packet of a stream, `None` for a straggler of the one before.
    fn follow(&mut self, now: Instant, header: &Header, clock: u32) -> Option<bool> {
        match &self.reception {
            Some(reception) if reception.ssrc() == header.ssrc => return Some(false),
            Some(reception) => {
                if self.left.is_some_and(|(ssrc, at)| ssrc == header.ssrc && now < at + STRAGGLERS) {
                    return None;
                }
                let (expected, received) = reception.totals();
                self.before = (self.before.0 + expected, self.before.1 + received);
                self.judged = self.judged + reception.judged();
                self.left = Some((reception.ssrc(), now));
                self.playout.restart();
                self.dtmf_in.reset();
            }
            None => {}
        }
        self.reception = Some(Reception::new(now, header, clock));
        Some(true)
    }
}
