//! Sound of our own, encoded and sent in real time by a session of `media`.

use std::time::{Duration, Instant};

use media::{RATE, Session, SessionConfig, SessionEvent, SessionOutput, agreed::Agreed, error::SoundError};

use super::{digits::Digits, music::Music, sound::Packet};

/// Sound made at a time: 20 ms.
const BLOCK: usize = RATE as usize / 50;
const BLOCK_TIME: Duration = Duration::from_millis(20);
/// After sleeping longer than this, the time slept is left out and not made up for.
const OVERSLEPT: Duration = Duration::from_millis(200);

/// What is played.
#[derive(Debug)]
pub(super) enum Source {
    /// Music.
    Music(Music),
    /// The digits that were pressed.
    Digits(Box<Digits>),
}

/// Plays a source to the far end.
pub(super) struct Player {
    session: Session,
    source: Source,
    /// When the next block is due; nothing while none may be sent.
    next: Option<Instant>,
    due: Option<Instant>,
    block: [f32; BLOCK],
}

impl Player {
    pub(super) fn new(now: Instant, source: Source, seed: [u8; 32]) -> Self {
        let mut session = Session::new(now, SessionConfig { seed, cname: None, bitrate: None });
        session.set_sending(true);
        Self { session, source, next: None, due: None, block: [0.0; BLOCK] }
    }

    pub(super) fn apply(&mut self, now: Instant, agreed: &Agreed) -> Result<(), SoundError> {
        self.session.apply(now, agreed)
    }

    /// The sound of the far end is not played to anybody: its buffer is bounded and drops what is old.
    pub(super) fn handle_rtp(&mut self, now: Instant, bytes: &[u8]) {
        self.session.handle_rtp(now, bytes);
    }

    pub(super) fn handle_rtcp(&mut self, now: Instant, bytes: &[u8]) {
        self.session.handle_rtcp(now, bytes);
    }

    pub(super) fn press(&mut self, now: Instant, key: char) {
        if let Source::Digits(digits) = &mut self.source {
            digits.press(now, key);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, open: bool) {
        self.session.handle_timeout(now);
        if !open || !self.session.is_sending() {
            self.next = None;
            return;
        }
        let mut next = self.next.unwrap_or(now);
        if now.saturating_duration_since(next) > OVERSLEPT {
            next = now;
        }
        while next <= now {
            match &mut self.source {
                Source::Music(music) => music.fill(&mut self.block),
                Source::Digits(digits) => digits.fill(now, &mut self.block),
            }
            self.session.capture(now, &self.block);
            next += BLOCK_TIME;
        }
        self.next = Some(next);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.next, self.due].into_iter().flatten().min()
    }

    pub(super) fn poll(&mut self, now: Instant) -> Option<Packet> {
        loop {
            match self.session.poll_output() {
                SessionOutput::Rtp(bytes) => return Some(Packet::Rtp(bytes)),
                SessionOutput::Rtcp(bytes) => return Some(Packet::Rtcp(bytes)),
                SessionOutput::Event(SessionEvent::Dtmf(key)) => self.press(now, key),
                // Whether the far end is still there, the path knows better.
                SessionOutput::Event(_) => {}
                SessionOutput::Timeout(due) => {
                    self.due = due;
                    return None;
                }
            }
        }
    }

    pub(super) fn close(&mut self, now: Instant) {
        self.session.close(now);
    }
}
