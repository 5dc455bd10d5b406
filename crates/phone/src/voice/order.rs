//! What the switchboard asks of the media thread, and what it hears back. Everything is asynchronous: no order waits.

use std::net::SocketAddr;

use bytes::Bytes;
use ice::Security;
use media::{
    ladder::Delay,
    offer::{OfferError, Policy},
    port::{PortDevice, PortError},
    process::{Noise, Trouble},
    quality::Quality,
    tone::Tone,
};

use crate::{
    contract::{AccountId, CallId, Echo, InUse, Prefer, Role},
    secret::Secret,
    sound::{Kept, TapePlace},
};

/// How the ways for sound of an account are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ways {
    /// Is the server on this machine? Then, and only then, loopback addresses are gathered, offered and accepted (S9).
    pub(crate) loopback: bool,
    /// STUN servers, resolved.
    pub(crate) stun: Vec<SocketAddr>,
    /// TURN servers, resolved, with user and password.
    pub(crate) turn: Vec<TurnServer>,
    /// What its calls may speak.
    pub(crate) policy: Policy,
}

/// A TURN server over UDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TurnServer {
    pub(crate) address: SocketAddr,
    pub(crate) user: String,
    pub(crate) password: Secret<String>,
}

/// How our side takes part: what a hold changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To talk and to listen (`sendrecv`).
    Talk,
    /// To hold (`sendonly`): nothing of the room goes out.
    Hold,
}

/// What is asked of the media thread.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// Keeps sockets and candidates of an account ready ahead of any call, so that no INVITE waits; `None` drops them.
    /// Given again after a change of the network, it binds new ones.
    Ready { account: AccountId, ways: Option<Ways> },
    /// Makes an offer: the first of a call of ours, the answer to an INVITE without one, or a later change (hold, resume).
    /// Comes back as [`Happened::Offer`].
    Offer { call: CallId, account: AccountId, wish: Wish },
    /// The same on new sockets with new ICE credentials, after a change of the network or a lost path.
    Restart { call: CallId, account: AccountId, wish: Wish },
    /// Answers an offer. Comes back as [`Happened::Answer`] or [`Happened::Refused`]. Nothing of the microphone is
    /// encoded before [`Order::Talk`].
    Answer { call: CallId, account: AccountId, offer: Bytes, wish: Wish },
    /// Takes the answer to our offer; another one (another branch, or the final one after early media) replaces it.
    Accept { call: CallId, answer: Bytes },
    /// Our offer was refused: what held before holds on.
    Rollback { call: CallId },
    /// Lets the microphone out: the call was answered (L15). The microphone is opened by the first call that talks and
    /// closed with the last.
    Talk { call: CallId, on: bool },
    /// Sends silence instead of the microphone.
    Mute { call: CallId, on: bool },
    /// Begins to keep a call in a file, with a tone that tells so or without, or ends it.
    Record { call: CallId, to: Option<(TapePlace, bool)> },
    /// Presses keys: 0-9 A-D * # and `,`. The tones are heard locally too.
    Dtmf { call: CallId, digits: String },
    /// Whose sound is in the ear and who hears the microphone; the others are silent. Several hear each other too.
    Active { calls: Vec<CallId> },
    /// Ends the sound of a call and forgets it: RTCP BYE, DTLS close, sockets closed.
    Close { call: CallId },
    /// What the phone itself sounds like now: a tone on the ringer, a tone in the ear.
    Sound(Sounds),
    /// One press of a key on the keypad, heard locally outside a call.
    Key(char),
    /// Which devices to use.
    Prefer(Prefer),
    /// What to do to the sound of the microphone.
    Clean(Clean),
    /// How soon sound is to be at the far end, in all calls.
    Delay(Delay),
    /// Opens a microphone for the meter (`Some(None)`: the preferred one) or closes it.
    Listen { device: Option<Option<String>> },
    /// Does anybody watch the levels? They are told 20 times a second then.
    Watch { levels: bool },
    /// Ends everything; the thread ends when it is done.
    Shutdown,
}

/// What is done to the sound of the microphone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clean {
    /// When the echo of the speaker is taken out.
    pub(crate) echo: Echo,
    /// How much of the noise goes.
    pub(crate) noise: Noise,
    /// Is the level brought to that of speech?
    pub(crate) level: bool,
}

/// The phone's own sounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sounds {
    /// On the ringer device.
    pub(crate) ringer: Option<Tone>,
    /// In the ear.
    pub(crate) ear: Option<Tone>,
}

/// What the media thread tells.
#[derive(Clone, Debug)]
pub(crate) enum Happened {
    /// An offer is ready.
    Offer { call: CallId, sdp: Bytes },
    /// An answer is ready.
    Answer { call: CallId, sdp: Bytes, remote_hold: bool, codec: Option<&'static str> },
    /// An answer was taken.
    Accepted { call: CallId, remote_hold: bool, codec: Option<&'static str> },
    /// A description was refused, ours to answer or theirs to our offer.
    Refused { call: CallId, why: OfferError },
    /// No sockets, no path: a fault of this machine.
    NoPath { call: CallId, why: String },
    /// The path changed.
    Path { call: CallId, path: PathState },
    /// The first sound of the far end is in the ear.
    FirstSound { call: CallId },
    /// Nothing was heard for five seconds though there should be something; or there is something again.
    Silent { call: CallId, silent: bool },
    /// No telephone events were agreed: send this key by INFO.
    SendInfo { call: CallId, key: char, ms: u32 },
    /// A recording has a file.
    RecordingBegan { call: CallId },
    /// It is over.
    Recorded { call: CallId, kept: Kept },
    /// What devices there are and which are used. Told when it changes.
    Devices { all: Vec<PortDevice>, in_use: InUse, problem: Option<(Role, PortError)> },
    /// While a call needs it, another device is used than before.
    DeviceChanged { role: Role, device: Option<String> },
    /// What is wrong with the sound of the microphone, while somebody hears it. Told when it changes.
    Microphone { trouble: Option<Trouble> },
    /// Levels of each active call, or of the microphone alone (`call` null).
    Levels { call: Option<CallId>, mic: f32, far: Option<f32> },
    /// The far end pressed a key.
    Dtmf { call: CallId, digit: char },
    /// Quality of a call, once a second.
    Quality { call: CallId, quality: Quality },
    /// The microphone opened for the meter is closed (asked, a minute over, or lost).
    ListenEnded,
}

/// How far the path of a call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathState {
    /// Ways are being tried, or keys agreed.
    Checking,
    /// Sound can flow.
    Secure { security: Security, local: SocketAddr, remote: SocketAddr, relay: bool },
    /// The far end does not answer; it may again.
    Lost,
    /// It is over.
    Failed(ice::PathError),
    /// The far end said goodbye on the path itself.
    Closed,
}
