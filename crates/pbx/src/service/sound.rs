//! What makes the sound of a call: a mirror, or a player of music or digits.

use std::time::Instant;

use media::{agreed::Agreed, error::SoundError};

use super::{
    digits::Digits,
    mirror::Mirror,
    music::Music,
    player::{Player, Source},
};
use crate::config::Language;

/// What a caller hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Itself.
    Mirror,
    /// Music.
    Music,
    /// The digits it pressed.
    Digits,
}

/// A packet to send, before the path secures it.
#[derive(Debug)]
pub(super) enum Packet {
    /// RTP.
    Rtp(Vec<u8>),
    /// RTCP.
    Rtcp(Vec<u8>),
}

/// The sound of one call.
pub(super) enum Sound {
    /// Sends back what comes.
    Mirror(Box<Mirror>),
    /// Makes sound of its own.
    Player(Box<Player>),
}

impl Sound {
    pub(super) fn new(now: Instant, kind: Kind, language: Language, seed: [u8; 32]) -> Self {
        match kind {
            Kind::Mirror => Self::Mirror(Box::new(Mirror::new(now, seed))),
            Kind::Music => Self::Player(Box::new(Player::new(now, Source::Music(Music::default()), seed))),
            Kind::Digits => {
                Self::Player(Box::new(Player::new(now, Source::Digits(Box::new(Digits::new(language))), seed)))
            }
        }
    }

    /// Takes what offer and answer agreed on; again after each change.
    ///
    /// # Errors
    /// [`SoundError`] when the codec library refuses.
    pub(super) fn apply(&mut self, now: Instant, agreed: &Agreed) -> Result<(), SoundError> {
        match self {
            Self::Mirror(mirror) => {
                mirror.apply(now, agreed);
                Ok(())
            }
            Self::Player(player) => player.apply(now, agreed),
        }
    }

    /// Takes an open RTP packet.
    pub(super) fn handle_rtp(&mut self, now: Instant, bytes: &[u8]) {
        match self {
            Self::Mirror(mirror) => mirror.handle_rtp(now, bytes),
            Self::Player(player) => player.handle_rtp(now, bytes),
        }
    }

    /// Takes an open RTCP packet.
    pub(super) fn handle_rtcp(&mut self, now: Instant, bytes: &[u8]) {
        match self {
            Self::Mirror(mirror) => mirror.handle_rtcp(now, bytes),
            Self::Player(player) => player.handle_rtcp(now, bytes),
        }
    }

    /// A key came by SIP INFO.
    pub(super) fn press(&mut self, now: Instant, key: char) {
        if let Self::Player(player) = self {
            player.press(now, key);
        }
    }

    /// Does what is due; sound is made only while the path is `open`.
    pub(super) fn handle_timeout(&mut self, now: Instant, open: bool) {
        match self {
            Self::Mirror(mirror) => mirror.handle_timeout(now),
            Self::Player(player) => player.handle_timeout(now, open),
        }
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Mirror(mirror) => mirror.deadline(),
            Self::Player(player) => player.deadline(),
        }
    }

    /// The next packet to send.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Packet> {
        match self {
            Self::Mirror(mirror) => mirror.poll(),
            Self::Player(player) => player.poll(now),
        }
    }

    /// The far end is told that we leave.
    pub(super) fn close(&mut self, now: Instant) {
        match self {
            Self::Mirror(mirror) => mirror.close(now),
            Self::Player(player) => player.close(now),
        }
    }
}
