//! Offer and answer, RFC 3264, for one call with one stream of sound over ICE and DTLS-SRTP.
//!
//! ```text
//!            offer()            accept()
//!   stable ───────────> offered ─────────> stable        accept() again: another fork, or the 200 after a 183
//!      │                   └──rollback()──────^
//!      └────answer()───────────────────────> stable
//! ```
//!
//! Offers are taken as servers send them: without mid, BUNDLE, rtpmap or direction, attributes in any order and case.
//! Sound that is not encrypted by DTLS-SRTP is refused and never falls back to less.

mod error;
mod read;
mod write;

use std::net::SocketAddr;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

pub use crate::agreed::{Agreed, AgreedCodec, AgreedEvents, Direction, RemotePath, Setup};
use crate::codec::{Codec, table};
use crate::sdp::SessionDescription;
use crate::xr::Wishes;
pub use error::OfferError;
use read::RemoteAudio;
use write::{Saying, sections};

/// Our side of the secured path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath {
    /// `a=ice-ufrag`
    pub ufrag: String,
    /// `a=ice-pwd`
    pub pwd: String,
    /// `sha-256 AB:CD…`
    pub fingerprint: String,
    /// What follows `candidate:` in each candidate line.
    pub candidates: Vec<String>,
    /// Address and port for `c=` and `m=`; never 0.0.0.0, which old servers take for hold.
    pub default: SocketAddr,
}

/// What we are ready to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Codecs, the best first; at least one.
    pub codecs: Vec<Codec>,
    /// Whether that order goes before the far end's in an answer of ours. Else theirs is kept, as RFC 3264 section 6.1
    /// recommends unless there is a reason.
    pub own_order: bool,
    /// Bits per second of Opus, 6 000..=510 000: what the far end is asked for (`maxaveragebitrate`, RFC 7587 section
    /// 6.1).
    pub bitrate: Option<u32>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { codecs: table::ROWS.iter().map(|row| row.codec).collect(), own_order: false, bitrate: None }
    }
}

/// What a payload type stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Sound(Codec),
    /// Redundant sound (RFC 2198) made of Opus.
    Redundant,
    /// Telephone events at this clock.
    Events(u32),
}

/// One `m=` line of the call; their number and order never change (RFC 3264 section 8).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Section {
    kind: String,
    protocol: String,
    /// Formats as they stood, for a section that is refused.
    formats: Vec<String>,
    mid: Option<String>,
    bundled: bool,
}

/// What we offered and wait to hear about.
#[derive(Debug, Clone)]
struct Offered {
    direction: Direction,
    formats: Vec<(Format, u8)>,
    /// What held before; each answer is judged by it.
    before: Option<Agreed>,
    /// Whether an answer was taken; more may come from other forks.
    answered: bool,
}

/// The negotiation of one call.
#[derive(Debug, Clone)]
pub struct Negotiation {
    policy: Policy,
    session_id: u64,
    version: u64,
    /// The last description sent, with its version left out.
    last: String,
    sections: Vec<Section>,
    /// Which section carries the sound.
    ours: usize,
    /// Payload types given so far; none ever means something else (RFC 3264 section 8.3.2).
    numbers: Vec<(Format, u8)>,
    offered: Option<Offered>,
    agreed: Option<Agreed>,
}

impl Negotiation {
    /// A call of which nothing is agreed. The seed makes the session id.
    pub fn new(seed: [u8; 32], policy: Policy) -> Self {
        // RFC 3264 section 5: the id fits a signed 64-bit number.
        let session_id = ChaCha12Rng::from_seed(seed).random_range(1..=i64::MAX as u64);
        Self {
            policy,
            session_id,
            version: 0,
            last: String::new(),
            sections: Vec::new(),
            ours: 0,
            numbers: Vec::new(),
            offered: None,
            agreed: None,
        }
    }

    /// What was agreed last.
    pub fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }

    /// Makes an offer, first or later. [`Direction::SendOnly`] puts the far end on hold.
    pub fn offer(&mut self, local: &LocalPath, direction: Direction) -> String {
        if self.sections.is_empty() {
            self.sections.push(Section {
                kind: "audio".into(),
                protocol: "UDP/TLS/RTP/SAVPF".into(),
                formats: Vec::new(),
                mid: Some("0".into()),
                bundled: true,
            });
        }
        let formats = self.offered_formats();
        // RFC 8842 section 5.2: an offer always says actpass, even when the role is settled.
        let (setup, rtcp_mux, xr) = ("actpass", true, Wishes::ALL);
        let sdp = self.write(&Saying { local, direction, setup, formats: &formats, rtcp_mux, xr });
        self.offered = Some(Offered { direction, formats, before: self.agreed.clone(), answered: false });
        sdp
    }

    /// Takes the answer to our offer. May be called again with another answer to the same offer: from another fork, or
    /// with the final response after an early one.
    pub fn accept(&mut self, answer: &[u8]) -> Result<Agreed, OfferError> {
        let offered = self.offered.clone().ok_or(OfferError::NothingOffered)?;
        let description = SessionDescription::parse(answer)?;
        let media = description.media.get(self.ours).ok_or(OfferError::NoSound)?;
        let remote = RemoteAudio::read(&description, media)?;
        let mut recv = codecs(&offered.formats);
        let mut dtmf_recv = events(&offered.formats);
        let mut red_recv = redundant(&offered.formats);
        // Some answer with numbers of their own and send with them as well (RFC 3264 section 6.1 forbids it).
        for (format, pt) in remote.numbers().filter(|(_, pt)| !offered.formats.iter().any(|(_, ours)| ours == pt)) {
            match format {
                Format::Sound(codec) => recv.push(AgreedCodec { codec, pt, max_bitrate: None }),
                Format::Redundant => red_recv.push(pt),
                Format::Events(clock) => dtmf_recv.push(AgreedEvents { pt, clock }),
            }
        }
        let before = offered.before.as_ref();
        let old = before.and_then(|before| before.remote.as_ref());
        let goes_on = old.is_some_and(|old| same_association(old, &remote.path));
        let dtls_client = match before {
            // RFC 8842 section 5.5: an association that goes on keeps its roles.
            Some(before) if goes_on => before.dtls_client,
            _ => remote.path.setup == Setup::Passive,
        };
        let remote_hold = match before {
            _ if offered.direction.sends() => !remote.direction.receives(),
            Some(before) => before.remote_hold,
            None => false,
        };
        let agreed = Agreed {
            dtls_client,
            controlling: remote.path.ice_lite || before.is_none_or(|before| before.controlling),
            direction: meet(offered.direction, remote.direction),
            remote_hold,
            red_recv,
            ..self.assemble(remote, recv, dtmf_recv, old)?
        };
        self.agreed = Some(agreed.clone());
        self.offered = Some(Offered { answered: true, ..offered });
        Ok(agreed)
    }

    /// The offer was refused: what held before holds on (RFC 3261 section 14.1). Once it is answered, nothing changes.
    pub fn rollback(&mut self) {
        self.offered.take_if(|offered| !offered.answered);
    }

    /// Answers an offer, first or later. A refused one changes nothing.
    pub fn answer(
        &mut self,
        offer: &[u8],
        local: &LocalPath,
        wanted: Direction,
    ) -> Result<(String, Agreed), OfferError> {
        let description = SessionDescription::parse(offer)?;
        let (ours, mut remote) = self.choose(&description)?;
        if self.policy.own_order {
            let place = |codec: &AgreedCodec| self.policy.codecs.iter().position(|own| *own == codec.codec);
            remote.codecs.sort_by_key(|codec| place(codec).unwrap_or(usize::MAX));
        }
        let mut next = self.clone();
        next.offered = None;
        next.ours = ours;
        next.sections = sections(&description);
        let formats: Vec<(Format, u8)> = remote.numbers().filter(|(format, _)| next.knows(*format)).collect();
        for (format, pt) in &formats {
            // W10: a number may change its meaning in a re-offer, for it is the offerer's to give.
            next.numbers.retain(|(old, number)| number != pt && old != format);
            next.numbers.push((*format, *pt));
        }
        let old = self.agreed.as_ref();
        let old_path = old.and_then(|old| old.remote.as_ref());
        let goes_on = old_path.is_some_and(|old| same_association(old, &remote.path));
        let dtls_client = match (old, remote.path.setup) {
            (Some(old), Setup::Actpass) if goes_on => old.dtls_client,
            // RFC 5763 section 5: active, so that the handshake can begin with the answer.
            (_, setup) => setup != Setup::Active,
        };
        let direction = meet(wanted, remote.direction);
        let agreed = Agreed {
            dtls_client,
            controlling: remote.path.ice_lite || old.is_some_and(|old| old.controlling),
            direction,
            remote_hold: !remote.direction.receives(),
            red_recv: redundant(&formats),
            ..self.assemble(remote, codecs(&formats), events(&formats), old_path)?
        };
        let setup = if dtls_client { "active" } else { "passive" };
        let (rtcp_mux, xr) = (agreed.rtcp_mux, agreed.xr.answered());
        let sdp = next.write(&Saying { local, direction, setup, formats: &formats, rtcp_mux, xr });
        next.agreed = Some(agreed.clone());
        *self = next;
        Ok((sdp, agreed))
    }

    /// The first section of sound that we can take, or why there is none.
    fn choose(&self, description: &SessionDescription) -> Result<(usize, RemoteAudio), OfferError> {
        let mut why = OfferError::NoSound;
        let first_call = self.agreed.is_none();
        for (index, media) in description.media.iter().enumerate() {
            // Later offers may only change the section in use.
            if !first_call && index != self.ours {
                continue;
            }
            match RemoteAudio::read(description, media) {
                Ok(remote) if remote.codecs.iter().any(|codec| self.policy.codecs.contains(&codec.codec)) => {
                    return Ok((index, remote));
                }
                Ok(_) => why = OfferError::NoCommonCodec,
                Err(OfferError::NoSound) => {}
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    fn assemble(
        &self,
        remote: RemoteAudio,
        recv: Vec<AgreedCodec>,
        dtmf_recv: Vec<AgreedEvents>,
        old: Option<&RemotePath>,
    ) -> Result<Agreed, OfferError> {
        let known = |codec: &AgreedCodec| self.policy.codecs.contains(&codec.codec);
        let send: Vec<AgreedCodec> = remote.codecs.into_iter().filter(known).collect();
        let first = send.first().ok_or(OfferError::NoCommonCodec)?;
        // Copies of the codec in use, and of no other.
        let red = remote.red.filter(|_| first.codec == Codec::Opus);
        // RFC 4733 section 2.1: events run on the clock of the sound they stand between, where the far end has that.
        let fitting = remote.events.iter().find(|events| events.clock == first.codec.clock());
        let dtmf = fitting.or(remote.events.first()).copied();
        let mut path = remote.path;
        // RFC 8839 section 4.4.1.1.1: new credentials mean a restart, new candidates alone do not.
        path.ice_restart = old.is_some_and(|old| old.ufrag != path.ufrag || old.pwd != path.pwd);
        Ok(Agreed {
            remote: Some(path),
            dtls_client: false,
            controlling: false,
            send,
            recv,
            red,
            red_recv: Vec::new(),
            dtmf,
            dtmf_recv,
            direction: Direction::Inactive,
            remote_hold: false,
            ptime: remote.ptime,
            short: remote.short,
            past: remote.past,
            rtcp_mux: remote.rtcp_mux,
            xr: remote.xr,
        })
    }

    fn knows(&self, format: Format) -> bool {
        match format {
            Format::Sound(codec) => self.policy.codecs.contains(&codec),
            Format::Redundant => self.policy.codecs.contains(&Codec::Opus),
            Format::Events(_) => true,
        }
    }

    /// All we can do, with the numbers given before and new ones for the rest.
    fn offered_formats(&mut self) -> Vec<(Format, u8)> {
        let mut wanted: Vec<(Format, u8)> = Vec::new();
        for codec in &self.policy.codecs {
            wanted.push((Format::Sound(*codec), table::row(*codec).offered));
        }
        if self.knows(Format::Redundant) {
            wanted.push((Format::Redundant, table::REDUNDANT.offered));
        }
        let clocks: Vec<u32> = self.policy.codecs.iter().map(|codec| codec.clock()).collect();
        for (clock, number) in [(48_000, 110), (8_000, 126)] {
            if clocks.contains(&clock) {
                wanted.push((Format::Events(clock), number));
            }
        }
        wanted.into_iter().map(|(format, number)| (format, self.number(format, number))).collect()
    }

    fn number(&mut self, format: Format, wish: u8) -> u8 {
        if let Some((_, number)) = self.numbers.iter().find(|(known, _)| *known == format) {
            return *number;
        }
        let taken = |number: u8| self.numbers.iter().any(|(_, other)| *other == number);
        // RFC 3551 section 6: 96..=127 are dynamic.
        let number = std::iter::once(wish).chain(96..=127).find(|number| !taken(*number)).unwrap_or(wish);
        self.numbers.push((format, number));
        number
    }
}

fn codecs(formats: &[(Format, u8)]) -> Vec<AgreedCodec> {
    let codec = |(format, pt): &(Format, u8)| match format {
        Format::Sound(codec) => Some(AgreedCodec { codec: *codec, pt: *pt, max_bitrate: None }),
        Format::Redundant | Format::Events(_) => None,
    };
    formats.iter().filter_map(codec).collect()
}

fn redundant(formats: &[(Format, u8)]) -> Vec<u8> {
    formats.iter().filter(|(format, _)| *format == Format::Redundant).map(|(_, pt)| *pt).collect()
}

fn events(formats: &[(Format, u8)]) -> Vec<AgreedEvents> {
    let events = |(format, pt): &(Format, u8)| match format {
        Format::Events(clock) => Some(AgreedEvents { pt: *pt, clock: *clock }),
        Format::Sound(_) | Format::Redundant => None,
    };
    formats.iter().filter_map(events).collect()
}

/// RFC 3264 section 6.1: we send if we want to and they receive, and the other way round.
fn meet(wanted: Direction, remote: Direction) -> Direction {
    match (wanted.sends() && remote.receives(), wanted.receives() && remote.sends()) {
        (true, true) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::RecvOnly,
        (false, false) => Direction::Inactive,
    }
}

/// Whether the DTLS association goes on: the certificate decides, and a restart of ICE alone does not end it
/// (RFC 8842 section 5.1).
fn same_association(old: &RemotePath, new: &RemotePath) -> bool {
    old.fingerprints == new.fingerprints
}

#[cfg(test)]
mod tests;
