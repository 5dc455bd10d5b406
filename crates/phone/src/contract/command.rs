//! What can be asked of the phone. A command is a wish: it is answered at once, and what comes of it is in the state.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{AccountId, AccountWish, CallId, HistoryId, Role, TestId};

/// A wish. Adding one is one row here and one arm of the switchboard.
#[derive(Clone, Deserialize, TS)]
#[serde(tag = "do", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub enum Command {
    /// Adds an account.
    AddAccount(Box<AccountWish>),
    /// Changes the account that the wish names.
    ChangeAccount(Box<AccountWish>),
    /// Removes an account with its secrets.
    RemoveAccount {
        /// Which.
        account: AccountId,
    },
    /// Comes on the line and stays there.
    Register {
        /// Which account; all without one.
        account: Option<AccountId>,
    },
    /// Goes off the line and stays there.
    Unregister {
        /// Which account; all without one.
        account: Option<AccountId>,
    },
    /// Tries an account step by step without keeping it.
    TestAccount(Box<AccountWish>),
    /// Trusts a certificate that was shown, for this account alone.
    TrustCertificate {
        /// The account whose line showed it.
        account: Option<AccountId>,
        /// Or the test that did.
        test: Option<TestId>,
        /// The SHA-256 that was shown.
        sha256: String,
    },
    /// Calls somebody.
    Call {
        /// A number, a name or an address.
        to: String,
        /// On which account; the default one without it.
        account: Option<AccountId>,
    },
    /// Answers.
    Answer {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
    },
    /// Refuses.
    Decline {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
    },
    /// Lets it ring there but not here.
    Ignore {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
    },
    /// Ends a call, however far it is.
    Hangup {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
    },
    /// Puts on hold.
    Hold {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
    },
    /// Takes off hold.
    Resume {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
    },
    /// Joins calls, so that all hear each other; those on hold are resumed.
    Conference {
        /// Which calls, each with those it is in a conference with; all that are up without it.
        calls: Option<Vec<CallId>>,
    },
    /// Takes a call out of its conference and puts it on hold.
    Leave {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
    },
    /// Sends silence instead of the microphone.
    Mute {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
    },
    /// Sends the microphone again.
    Unmute {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
    },
    /// Keeps what both sides say from now on in a file.
    Record {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
    },
    /// Ends the recording.
    StopRecording {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
    },
    /// Presses keys.
    Dtmf {
        /// Which call; the only one that fits without it.
        call: Option<CallId>,
        /// 0-9, A-D, `*`, `#`, and `,` for a pause of a second.
        digits: String,
    },
    /// Lets one key of the keypad be heard here, outside of any call.
    Key {
        /// 0-9, A-D, `*`, `#`.
        key: char,
    },
    /// Chooses a device.
    SetDevice {
        /// For what.
        role: Role,
        /// Its id, or `default`.
        device: String,
    },
    /// Says in which order devices are taken for a role: the first one that is there is used.
    SetDevices {
        /// For what.
        role: Role,
        /// Ids or `default`, the best first, 1..=8.
        devices: Vec<String>,
    },
    /// Lets these ring too when the ringer rings, so that a call is heard by who does not wear the headset.
    AlsoRing {
        /// Ids or `default`, 0..=8.
        devices: Vec<String>,
    },
    /// Changes a setting.
    Set {
        /// A key of [`super::Settings`].
        setting: String,
        /// Its value.
        #[ts(type = "unknown")]
        value: serde_json::Value,
    },
    /// Opens the microphone for the meter, for a minute at most.
    Listen {
        /// Which microphone; the chosen one without it.
        device: Option<String>,
    },
    /// Closes it again.
    Unlisten {},
    /// Asks for calls of the past, the newest first.
    History {
        /// Only those before this one.
        before: Option<HistoryId>,
        /// How many, 1..=500; 50 without it.
        limit: Option<u32>,
        /// Only those with this in a name, a number or what was dialled.
        filter: Option<String>,
    },
    /// Marks missed calls as seen.
    Seen {
        /// Those up to this one; all without it.
        before: Option<HistoryId>,
    },
    /// Asks for a stream.
    Watch {
        /// Which.
        watch: Watch,
        /// For `sip`: replay what was said for this call first.
        call: Option<CallId>,
    },
    /// Ends a stream.
    Unwatch {
        /// Which.
        watch: Watch,
    },
    /// Asks for the state again.
    State {},
}

/// A stream beside the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Watch {
    /// How loud it is, twenty times a second.
    Levels,
    /// How good each call is, once a second.
    Quality,
    /// Every SIP message, secrets left out.
    Sip,
}
