//! One call as the switchboard knows it.
//!
//! ```text
//! out: Dialing ─▶ Ringing ─▶ EarlyMedia ─┐
//! in:  Incoming ─────────────────────────┴▶ Connecting ─▶ Connected ⇄ Reconnecting
//!                     any of them ─▶ Ending ─▶ Ended (three seconds) ─▶ ∅
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::Uri;

use super::{Now, quality::Watch};
use crate::{
    contract::{
        AccountId, Act, Call, CallId, Cause, CauseKind, ConferenceId, Direction, HistoryId, HistoryRow, Hold, Media,
        MediaPath, Party, Phase, Timestamp,
    },
    fault::{Code, Fault},
    ringer::Heard,
    voice::Wish,
    words::Words,
};

/// A call that is over stays so long.
pub(super) const LINGER: Duration = Duration::from_secs(3);

/// A call.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: CallId,
    pub(crate) account: AccountId,
    pub(crate) direction: Direction,
    pub(crate) with: Party,
    pub(crate) stage: Stage,
    pub(crate) started_at: Timestamp,
    pub(crate) answered: Option<(Timestamp, Instant)>,
    pub(crate) held_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) silenced: bool,
    pub(crate) muted: bool,
    /// Its recording has a file that grows.
    pub(crate) recording: bool,
    /// It was asked for a recording, and the files of those that are over.
    pub(crate) taped: bool,
    pub(crate) recordings: Vec<String>,
    pub(crate) conference: Option<ConferenceId>,
    /// What we want of it, and what holds now.
    pub(crate) wish: Wish,
    pub(crate) remote_hold: bool,
    pub(crate) media: Media,
    pub(crate) quality: Watch,
    pub(crate) asked: String,
    /// The agent's name for it, once it has one.
    pub(crate) sip: Option<sip::CallId>,
    /// Whom we call.
    pub(crate) to: Option<Uri>,
    /// The offer of a call that came.
    pub(crate) offer: Option<Bytes>,
    pub(crate) exchange: Exchange,
    /// Something to offer once the exchange under way is over.
    pub(crate) pending: Option<Change>,
    /// What our offer under way is for.
    pub(crate) offered: Option<Change>,
    /// The agent was not ready for it: when it is asked again.
    pub(crate) ask_again: Option<Instant>,
    /// Why we end it, decided here before the agent agrees.
    pub(crate) decided: Option<(CauseKind, Option<Fault>)>,
    /// Its sound is lost.
    pub(crate) lost: Option<Lost>,
    /// When it leaves the list.
    pub(crate) leaves: Option<Instant>,
}

/// How far a call is.
#[derive(Debug)]
pub(crate) enum Stage {
    Dialing,
    Ringing,
    EarlyMedia,
    Incoming,
    Connecting,
    Connected,
    Ending,
    Ended { kind: CauseKind, fault: Option<Fault> },
}

/// An exchange of offer and answer that is under way (RFC 3264; one at a time).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    None,
    /// Our first offer is being made or answered.
    First,
    /// Our answer to a call that came is being made.
    Answering,
    /// A call that came had no offer: ours is being made for the 200, or its ACK is awaited.
    LateOffer,
    /// An offer of ours for a change is being made.
    Making,
    /// It is sent.
    Sent,
    /// Our answer to a change of theirs is being made.
    TheirOffer,
    /// They want us to offer the change: ours is being made, or its ACK is awaited.
    TheirLateOffer,
}

/// A change to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Tell the server where we are now; hold or talk as wished.
    Offer,
    /// The same on new sockets.
    Restart,
}

/// The sound of a call is lost (CONFORMANCE R15).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lost {
    pub(crate) since: Timestamp,
    pub(crate) why: &'static str,
    pub(crate) begun: Instant,
    pub(crate) restarts: u32,
    /// When the next thing is tried, or the call given up.
    pub(crate) next: Instant,
}

impl Entry {
    pub(crate) fn new(now: Now, id: CallId, account: AccountId, direction: Direction, with: Party) -> Self {
        Self {
            id,
            account,
            direction,
            with,
            stage: if direction == Direction::Out { Stage::Dialing } else { Stage::Incoming },
            started_at: now.wall,
            answered: None,
            held_at: None,
            ended_at: None,
            silenced: false,
            muted: false,
            recording: false,
            taped: false,
            recordings: Vec::new(),
            conference: None,
            wish: Wish::Talk,
            remote_hold: false,
            media: Media::default(),
            quality: Watch::default(),
            asked: String::new(),
            sip: None,
            to: None,
            offer: None,
            exchange: Exchange::None,
            pending: None,
            offered: None,
            ask_again: None,
            decided: None,
            lost: None,
            leaves: None,
        }
    }

    /// Has it been answered, and is it not over?
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Connecting | Stage::Connected)
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Ending | Stage::Ended { .. })
    }

    /// Is it the one that the agent of this account calls so? A new agent counts from the beginning again, so a call that
    /// has ended is not.
    pub(crate) fn is_of(&self, account: &AccountId, sip: sip::CallId) -> bool {
        self.sip == Some(sip) && self.account == *account && !matches!(self.stage, Stage::Ended { .. })
    }

    /// Our change did not come through: it waits for its turn again.
    pub(crate) fn offer_again(&mut self) {
        self.exchange = Exchange::None;
        let change = self.offered.take().unwrap_or(Change::Offer);
        if self.pending != Some(Change::Restart) {
            self.pending = Some(change);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.leaves, self.lost.map(|lost| lost.next), self.ask_again].into_iter().flatten().min()
    }

    /// What would work now.
    pub(crate) fn can(&self) -> Vec<Act> {
        let settled = self.exchange == Exchange::None && self.pending.is_none();
        let hold = if self.wish == Wish::Hold { Act::Resume } else { Act::Hold };
        let mut can = match self.stage {
            Stage::Incoming if self.exchange != Exchange::None => vec![Act::Hangup],
            Stage::Incoming if self.silenced => vec![Act::Answer, Act::Decline],
            Stage::Incoming => vec![Act::Answer, Act::Decline, Act::Ignore],
            Stage::Dialing | Stage::Ringing => vec![Act::Mute, Act::Hangup],
            Stage::EarlyMedia => vec![Act::Mute, Act::Hangup],
            Stage::Connecting => vec![Act::Mute, Act::Hangup],
            Stage::Connected if self.lost.is_some() => vec![Act::Mute, Act::Hangup],
            Stage::Connected => {
                let mut can = vec![Act::Mute, Act::Record, Act::Hangup];
                if settled {
                    can.push(hold);
                }
                if self.wish == Wish::Talk && !self.remote_hold {
                    can.push(Act::Dtmf);
                }
                can
            }
            Stage::Ending | Stage::Ended { .. } => Vec::new(),
        };
        can.extend(self.conference.is_some().then_some(Act::Leave));
        can
    }

    fn hold(&self) -> Hold {
        match (self.is_up() && self.wish == Wish::Hold, self.remote_hold) {
            (false, false) => Hold::None,
            (true, false) => Hold::Local,
            (false, true) => Hold::Remote,
            (true, true) => Hold::Both,
        }
    }

    /// Notes since when it is held.
    pub(crate) fn update_held(&mut self, now: Now) {
        self.held_at = (self.hold() != Hold::None).then(|| self.held_at.unwrap_or(now.wall));
    }

    /// Milliseconds since it was answered.
    pub(crate) fn since_answer(&self, now: Now) -> Option<u32> {
        let (_, answered) = self.answered?;
        u32::try_from(now.instant.saturating_duration_since(answered).as_millis()).ok()
    }

    fn phase(&self, words: &Words) -> Phase {
        match &self.stage {
            Stage::Dialing => Phase::Dialing {},
            Stage::Ringing => Phase::Ringing {},
            Stage::EarlyMedia => Phase::EarlyMedia {},
            Stage::Incoming => Phase::Incoming { may_auto_answer_at: None },
            Stage::Connecting | Stage::Connected if self.lost.is_some() => {
                let (since, why) = self.lost.map_or((self.started_at, ""), |lost| (lost.since, lost.why));
                Phase::Reconnecting { since, why: why.to_owned() }
            }
            Stage::Connecting => Phase::Connecting {},
            Stage::Connected => Phase::Connected {},
            Stage::Ending => Phase::Ending {},
            Stage::Ended { kind, fault } => Phase::Ended { cause: cause(*kind, fault.as_ref(), words) },
        }
    }

    /// The call as listeners see it.
    pub(crate) fn shown(&self, active: bool, words: &Words) -> Call {
        Call {
            id: self.id.clone(),
            account: self.account.clone(),
            direction: self.direction,
            with: self.with.clone(),
            phase: self.phase(words),
            started_at: self.started_at,
            answered_at: self.answered.map(|(at, _)| at),
            held_at: self.held_at,
            ended_at: self.ended_at,
            silenced: self.silenced,
            muted: self.muted,
            hold: self.hold(),
            media: self.media.clone(),
            trouble: self.quality.trouble(words).filter(|_| self.is_up()),
            active,
            can: self.can(),
            recording: self.recording,
            transfer: None,
            conference: self.conference.clone(),
            asked: self.asked.clone(),
        }
    }

    /// The row of the history that it leaves.
    pub(crate) fn row(&self, id: HistoryId, now: Now, words: &Words) -> HistoryRow {
        let (kind, fault) = match &self.stage {
            Stage::Ended { kind, fault } => (*kind, fault.as_ref()),
            _ => (CauseKind::HungUpHere, None),
        };
        HistoryRow {
            id,
            account: self.account.clone(),
            direction: self.direction,
            with: self.with.clone(),
            asked: self.asked.clone(),
            started_at: self.started_at,
            answered_at: self.answered.map(|(at, _)| at),
            ended_at: self.ended_at.unwrap_or(now.wall),
            cause: cause(kind, fault, words),
            recordings: self.recordings.clone(),
            quality: self.quality.kept(now, words).map(Box::new),
            seen: !self.is_missed(),
        }
    }

    /// A call that came, that nobody took and nobody refused here.
    pub(crate) fn is_missed(&self) -> bool {
        self.direction == Direction::In
            && self.answered.is_none()
            && !matches!(
                self.stage,
                Stage::Ended { kind: CauseKind::Declined | CauseKind::AnsweredElsewhere | CauseKind::HungUpHere, .. }
            )
    }

    /// What the ringer has to know.
    pub(crate) fn heard<'a>(&self, phase: &'a Phase, active: bool) -> Heard<'a> {
        Heard { phase, direction: self.direction, silenced: self.silenced, active }
    }

    /// Its phase without words, for the ringer.
    pub(crate) fn plain_phase(&self) -> Phase {
        match &self.stage {
            Stage::Ended { kind, .. } => Phase::Ended { cause: Cause { is: *kind, error: None, elsewhere: None } },
            Stage::Dialing => Phase::Dialing {},
            Stage::Ringing => Phase::Ringing {},
            Stage::EarlyMedia => Phase::EarlyMedia {},
            Stage::Incoming => Phase::Incoming { may_auto_answer_at: None },
            Stage::Connecting => Phase::Connecting {},
            Stage::Connected => Phase::Connected {},
            Stage::Ending => Phase::Ending {},
        }
    }

    /// Its sound has a way.
    pub(crate) fn has_path(&self) -> bool {
        self.media.path == MediaPath::Secure
    }
}

fn cause(kind: CauseKind, fault: Option<&Fault>, words: &Words) -> Cause {
    let elsewhere = fault.filter(|fault| fault.code == Code::Moved).and_then(|fault| fault.args.first());
    let elsewhere = elsewhere.map(|(_, address)| address.clone());
    Cause { is: kind, error: fault.map(|fault| words.error(fault)), elsewhere }
}
