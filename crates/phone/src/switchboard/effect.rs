//! What the switchboard wants done. The driver does it and tells what came of it.

use bytes::Bytes;
use media::offer::OfferError;
use sip::{StatusCode, Uri};

use crate::{
    account::Profile,
    contract::{AccountId, CallId, HistoryId, HistoryRow, Keep, Notice, Prefer, Settings, TestId},
    secret::{Secret, SecretKind},
    voice::Order,
};

/// Whose line it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// That of an account.
    Account(AccountId),
    /// That of a test.
    Test(TestId),
}

/// Something to do.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives until it is done")]
pub(crate) enum Effect {
    /// For a line.
    Line(Key, LineOrder),
    /// For the agent of an account.
    Agent(AccountId, AgentOrder),
    /// For the media thread.
    Voice(Order),
    /// Find the addresses of STUN and TURN servers, and have the ways for sound ready; nothing without a profile.
    Ready { account: AccountId, ways: Option<(Box<Profile>, bool)> },
    /// Keep an account.
    Save(Box<Profile>),
    /// Forget one.
    Forget(AccountId),
    /// Keep the settings.
    Settings(Settings),
    /// Keep the preferred devices.
    Prefer(Prefer),
    /// Keep a call of the past.
    Row(Box<HistoryRow>),
    /// Mark missed calls as seen.
    Seen(Option<HistoryId>),
    /// For the keychain.
    Secret(AccountId, SecretOrder),
    /// Start or stop the practice line.
    Practice(bool),
    /// Ask the STUN servers of a test.
    Stun { test: TestId, servers: Vec<String> },
    /// Tell everybody.
    Notice(Notice),
}

/// What a line is to do.
#[derive(Debug)]
pub(crate) enum LineOrder {
    /// Connect and register; an older line of the same key is left. A test brings its password; that of an account is
    /// known to the driver.
    Open { profile: Box<Profile>, typed: Vec<(SecretKind, Secret<String>)> },
    /// Unregister and close.
    Close,
    /// Leave the connection and make another.
    Reconnect,
    /// Ask for a sign of life.
    Probe,
}

/// What an agent is to do.
#[derive(Debug)]
pub(crate) enum AgentOrder {
    /// Call somebody; the driver tells what came of it by `invited`.
    Invite { call: CallId, to: Uri, offer: Bytes },
    /// It rings here.
    Ring(sip::CallId),
    /// Answer.
    Answer(sip::CallId, Bytes),
    /// Refuse, and say why: code and text of a Warning (RFC 3261 20.43).
    Reject(sip::CallId, StatusCode, Option<(u16, &'static str)>),
    /// End, however far it is.
    Hangup(sip::CallId),
    /// Offer a change.
    Reoffer(sip::CallId, Bytes),
    /// Answer an offer of a change.
    AnswerOffer(sip::CallId, Bytes),
    /// Refuse one: it is none that we can take.
    RefuseOffer(sip::CallId, OfferError),
    /// Send a key by INFO.
    Info { call: sip::CallId, key: char, ms: u32 },
}

/// What the keychain is to do.
#[derive(Debug)]
pub(crate) enum SecretOrder {
    /// Fetch what is kept.
    Load,
    /// Keep this one, for this run or for good.
    Keep(SecretKind, Secret<String>, Keep),
    /// Forget all of the account.
    Delete,
}
