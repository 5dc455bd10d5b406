//! The lines that a listener gets.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use ts_rs::TS;

use super::{AccountId, CallId, ConferenceId, Error, HistoryRow, Levels, PhoneState, Quality, Role, TestId, Timestamp};

/// One line, as `bellbird-cli run --json` prints it.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The first.
    Hello(Hello),
    /// The whole state: second, and after each change.
    State(#[serde(serialize_with = "whole")] Arc<PhoneState>),
    /// Something happened that leaves no state.
    Notice(Notice),
    /// How loud it is.
    Levels(Levels),
    /// How good a call is.
    Quality(Quality),
    /// A SIP message.
    Sip(SipLine),
    /// The answer to a command.
    #[serde(untagged)]
    Reply(Reply),
}

fn whole<S: Serializer>(state: &Arc<PhoneState>, serializer: S) -> Result<S::Ok, S::Error> {
    (**state).serialize(serializer)
}

/// Who speaks.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// `bellbird`.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// The version of the contract.
    pub contract: u32,
}

/// The answer to a command: accepted, or why not.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The id of the command; null when the line was none.
    #[ts(type = "number | string | null")]
    pub reply: serde_json::Value,
    /// It was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub ok: Option<Ok>,
    /// It was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<Error>,
}

/// What an accepted command gives; which of it depends on the command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct Ok {
    /// The account that was added or changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The call that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// The conference that the calls are joined in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conference: Option<ConferenceId>,
    /// The test that has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<TestId>,
    /// The pin of the certificate that a test is to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// Calls of the past.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<HistoryRow>>,
}

/// Something that happened and leaves no state.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "it lives until it is told")]
pub enum Notice {
    /// A call was missed.
    MissedCall {
        /// Which.
        row: HistoryRow,
    },
    /// Another device is used now.
    DeviceChanged {
        /// For what.
        role: Role,
        /// Its id; null when none is left.
        device: Option<String>,
    },
    /// A recording is over.
    Recorded {
        /// Of which call.
        call: CallId,
        /// The file; null where none could be made.
        path: Option<String>,
        /// How much of the call it holds.
        length_ms: u64,
        /// Why it is not whole.
        error: Option<Error>,
    },
    /// The far end pressed a key.
    Dtmf {
        /// In which call.
        call: CallId,
        /// 0-9, A-D, * or #.
        digit: char,
    },
    /// The practice line cannot run.
    PracticeStopped {
        /// Why.
        error: Error,
    },
}

/// A SIP message, with every secret left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SipLine {
    /// When.
    pub at: Timestamp,
    /// On which connection of the account, counted from 1.
    pub connection: u32,
    /// Of which account.
    pub account: AccountId,
    /// Of which call.
    pub call: Option<CallId>,
    /// Did we send it?
    pub out: bool,
    /// The message.
    pub text: String,
}
