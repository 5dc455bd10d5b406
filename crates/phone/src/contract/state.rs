//! The whole truth at one moment.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Account, AccountId, Call, ConnectStep, Devices, Error, TestId, Timestamp};

/// The state of the phone. Whoever connects gets one, and one more after each change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PhoneState {
    /// The version of the contract.
    pub contract: u32,
    /// Grows with each change; may jump.
    #[ts(type = "number")]
    pub seq: u64,
    /// All accounts, the practice line first.
    pub accounts: Vec<Account>,
    /// All calls, the oldest first.
    pub calls: Vec<Call>,
    /// Sound devices.
    pub devices: Devices,
    /// Do not disturb; always off in this version.
    pub dnd: Dnd,
    /// What the person chose.
    pub settings: Settings,
    /// Missed calls that were not seen.
    pub missed: u32,
    /// Grows with each change of the history.
    #[ts(type = "number")]
    pub history_seq: u64,
    /// What is wrong with the phone as a whole.
    pub problems: Vec<Error>,
    /// Is the microphone open for the meter?
    pub listening: bool,
    /// What the tray shows.
    pub tray: Tray,
    /// The tests of accounts, kept until replaced.
    pub tests: Vec<Test>,
}

/// Do not disturb.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Dnd {
    /// Is it on?
    pub on: bool,
    /// Until when; for good when null.
    pub until: Option<Timestamp>,
}

/// What the person chose; each key is a `setting` of the command `set`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// A language tag, or `system`.
    pub language: String,
    /// Light or dark.
    pub theme: Theme,
    /// The account for calls that name none.
    pub default_account: Option<AccountId>,
    /// Is there a practice line?
    pub practice: bool,
    /// What recordings are kept as.
    pub record_as: RecordAs,
    /// Does a tone tell both sides, every fifteen seconds, that a call is recorded?
    pub record_tone: bool,
    /// When the echo of the speaker is taken out of what the microphone hears.
    pub echo: Echo,
    /// How much of the noise round the microphone goes.
    pub noise: Noise,
    /// Is the level of the microphone brought to that of speech?
    pub level: bool,
    /// How soon sound is to be at the far end.
    pub delay: Delay,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: "system".to_owned(),
            theme: Theme::System,
            default_account: None,
            practice: true,
            record_as: RecordAs::default(),
            record_tone: false,
            // Whoever talks to loud speakers would be the only one not to hear what is wrong.
            echo: Echo::Auto,
            noise: Noise::Off,
            level: false,
            // Until whole calls with short packets are judged (docs/benchmarks.md).
            delay: Delay::Safe,
        }
    }
}

/// The format of a recording: two channels of 48 kHz, the near end left and the far end right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum RecordAs {
    /// 16 bits a sample: 11.5 MB a minute, and every program plays it.
    #[default]
    Wav,
    /// Opus in Ogg (RFC 7845): half a megabyte a minute.
    Ogg,
}

impl RecordAs {
    /// Of the name of a file.
    pub(crate) const fn ending(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Ogg => "ogg",
        }
    }
}

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Theme {
    System,
    Light,
    Dark,
}

/// When the echo of the speaker is taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Echo {
    /// Always.
    On,
    /// But where the speaker in use is a headset: what is sent is then heard a little sooner.
    Auto,
    /// Never.
    #[default]
    Off,
}

/// How much of the noise goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// Nothing.
    Off,
    /// About 6 dB.
    Low,
    /// About 12 dB.
    Medium,
    /// About 18 dB.
    High,
    /// Nearly all that is no speech.
    Strong,
}

impl From<Noise> for media::process::Noise {
    fn from(noise: Noise) -> Self {
        match noise {
            Noise::Off => Self::Off,
            Noise::Low => Self::Low,
            Noise::Medium => Self::Medium,
            Noise::High => Self::High,
            Noise::Strong => Self::Strong,
        }
    }
}

/// How soon sound is to be at the far end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Delay {
    /// As soon as the path allows: in packets of ten milliseconds once it has proved good.
    Auto,
    /// Always in longer packets, which bear more.
    #[default]
    Safe,
    /// In packets of ten milliseconds from the first one, until some are lost.
    Low,
}

impl From<Delay> for media::ladder::Delay {
    fn from(delay: Delay) -> Self {
        match delay {
            Delay::Auto => Self::Auto,
            Delay::Safe => Self::Safe,
            Delay::Low => Self::Low,
        }
    }
}

/// The six shapes of the tray: the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Tray {
    /// There is a call.
    InCall,
    /// An account cannot be reached.
    Unreachable,
    /// Calls were missed.
    Missed,
    /// Do not disturb.
    Dnd,
    /// An account is on its way to the line.
    Working,
    /// All is well.
    Ready,
}

/// A test of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Test {
    /// Its id.
    pub id: TestId,
    /// The account whose stored fields were the base, if one was named.
    pub account: Option<AccountId>,
    /// Its steps so far, in order; the last one is under way until it has a time or an error.
    pub steps: Vec<StepResult>,
    /// Is it over?
    pub done: bool,
}

/// One step of a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    /// Which.
    pub step: TestStep,
    /// How long it took, in milliseconds; null while it runs, when it failed and when it was skipped.
    pub ms: Option<u32>,
    /// Was it left out, because the account has nothing to try it on?
    pub skipped: bool,
    /// Why it failed.
    pub error: Option<Error>,
}

/// The steps of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum TestStep {
    /// Looking up the server.
    Find,
    /// Connecting.
    Connect,
    /// Securing.
    Tls,
    /// Opening the WebSocket.
    Websocket,
    /// Registering.
    Register,
    /// A STUN server answers.
    Sound,
}

impl From<ConnectStep> for TestStep {
    fn from(step: ConnectStep) -> Self {
        match step {
            ConnectStep::Find => Self::Find,
            ConnectStep::Connect => Self::Connect,
            ConnectStep::Tls => Self::Tls,
            ConnectStep::Websocket => Self::Websocket,
            ConnectStep::Register => Self::Register,
        }
    }
}
