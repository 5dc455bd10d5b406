//! Calls, their parties and what became of them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{AccountId, CallId, CallQuality, ConferenceId, Error, HistoryId, Timestamp};

/// A call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// On which account.
    pub account: AccountId,
    /// Who called.
    pub direction: Direction,
    /// The other party.
    pub with: Party,
    /// How far it is.
    pub phase: Phase,
    /// Since when.
    pub started_at: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// Since when it is on hold.
    pub held_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Does it ring without a sound?
    pub silenced: bool,
    /// Is the microphone muted for it?
    pub muted: bool,
    /// Who holds it.
    pub hold: Hold,
    /// Its sound.
    pub media: Media,
    /// What has spoiled its sound for some seconds, and what one can do; null while it is well.
    pub trouble: Option<Error>,
    /// Is it talked on? At most one call is, or all members of one conference.
    pub active: bool,
    /// What would work now.
    pub can: Vec<Act>,
    /// Is it kept in a file?
    pub recording: bool,
    /// Always null in this version.
    #[ts(type = "null")]
    pub transfer: Option<()>,
    /// The conference it is in: all calls of the same one hear each other, and are held, resumed and muted as one.
    pub conference: Option<ConferenceId>,
    /// What was dialled or clicked; empty for a call that came.
    pub asked: String,
}

/// Who called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// We did.
    Out,
    /// They did.
    In,
}

/// The other party of a call, cleaned of everything that could deceive the eye (S5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    /// Its name; empty when nobody gave one.
    pub name: String,
    /// Its number or user name.
    pub number: String,
    /// Its address.
    pub uri: String,
    /// Always null in this version.
    pub contact: Option<String>,
    /// Who gave the name.
    pub name_from: NameFrom,
    /// Whether a server that we trust checked the number.
    pub verified: Option<Verified>,
}

/// Who gave a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum NameFrom {
    /// The person's own contacts.
    Contacts,
    /// Our server asserts it.
    Server,
    /// The caller says so.
    #[default]
    Caller,
}

/// What a check of the number found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Verified {
    /// It is right.
    Passed,
    /// It is not.
    Failed,
}

/// How far a call is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "there are few calls, and each ends")]
pub enum Phase {
    /// We call; nothing is known yet.
    Dialing {},
    /// We call; it rings there.
    Ringing {},
    /// We call; they send sound before answering.
    EarlyMedia {},
    /// We are called.
    Incoming {
        /// Always null in this version.
        may_auto_answer_at: Option<Timestamp>,
    },
    /// Answered, sound not yet there.
    Connecting {},
    /// One can talk.
    Connected {},
    /// The call outlives its network.
    Reconnecting {
        /// Since when.
        since: Timestamp,
        /// Why, as a code.
        why: String,
    },
    /// It is being hung up.
    Ending {},
    /// It is over; it stays for three seconds and then only in the history.
    Ended {
        /// Why.
        cause: Cause,
    },
}

/// Why a call is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// In one word.
    pub is: CauseKind,
    /// In sentences, where something went wrong.
    pub error: Option<Error>,
    /// Where the call was sent instead: another number, which only a person may choose to call.
    pub elsewhere: Option<String>,
}

/// Why a call is over, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// We hung up.
    HungUpHere,
    /// They did.
    HungUpThere,
    /// They talk to somebody else.
    Busy,
    /// The one who was called does not want it.
    Declined,
    /// Nobody answered.
    NoAnswer,
    /// The caller gave up.
    Cancelled,
    /// Another device of the same person answered.
    AnsweredElsewhere,
    /// They cannot be reached now.
    Unreachable,
    /// There is nobody of that number.
    NotFound,
    /// They are to be called elsewhere.
    Moved,
    /// The server does not allow it.
    NotAllowed,
    /// The two ends share no codec.
    NoCommonCodec,
    /// There was no way for the sound.
    MediaFailed,
    /// The network broke.
    Network,
    /// The server failed.
    ServerError,
}

/// Who holds a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// Nobody.
    #[default]
    None,
    /// We do.
    Local,
    /// They do.
    Remote,
    /// Both.
    Both,
}

/// The sound of a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// How far its path is.
    pub path: MediaPath,
    /// From the answer (ours or theirs) to the keys, in milliseconds.
    pub secure_ms: Option<u32>,
    /// From the answer to the first sound, in milliseconds.
    pub first_sound_ms: Option<u32>,
    /// The codec we send.
    pub codec: Option<String>,
    /// The SRTP profile.
    pub srtp: Option<String>,
    /// The cipher suite of the DTLS handshake that agreed its keys.
    pub cipher: Option<String>,
    /// Our end.
    pub local: Option<String>,
    /// Their end.
    pub remote: Option<String>,
    /// Does a TURN server relay it?
    pub relay: bool,
}

/// How far the path of the sound is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum MediaPath {
    /// There is none.
    #[default]
    None,
    /// Our addresses are being found.
    Gathering,
    /// Ways are being tried, or keys agreed.
    Checking,
    /// Sound can flow.
    Secure,
    /// It broke.
    Lost,
}

/// What can be done with a call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the command of the same name")]
pub enum Act {
    Answer,
    Decline,
    Ignore,
    Hold,
    Resume,
    Dtmf,
    Mute,
    Record,
    Hangup,
    Conference,
    Leave,
}

/// A call of the past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRow {
    /// Its id; ids grow with time.
    pub id: HistoryId,
    /// On which account.
    pub account: AccountId,
    /// Who called.
    pub direction: Direction,
    /// The other party.
    pub with: Party,
    /// What was dialled or clicked.
    pub asked: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why it ended.
    pub cause: Cause,
    /// The files that it was recorded to, in order; the person may have moved them since.
    #[serde(default)]
    pub recordings: Vec<String>,
    /// How good it was; null when there was not enough of it, and for calls of older versions.
    pub quality: Option<Box<CallQuality>>,
    /// Has the person seen it? Only missed calls are ever unseen.
    pub seen: bool,
}
