//! What went wrong, before it is put into words. The phone keeps [`Fault`]s; [`crate::words::Words`] words them when a
//! state is published, so a change of the language rewords everything.
//!
//! The vocabulary is one table: a code, whose fault it is, the button that goes with it, and what its sentences need.

mod call;

use ice::PathError;
use media::{offer::OfferError, port::PortError, process::Trouble};
use sip::{RegistrationFailure, StatusCode, auth::Refusal};
use wss::{CertificateFacts, LinkError};

pub use call::cause;

use crate::{
    contract::{Certificate, ErrorAct, Role, Timestamp, Who},
    secret::SecretError,
};

macro_rules! codes {
    ($($name:ident $code:literal $who:ident $act:expr, [$($arg:literal)*];)*) => {
        /// A stable code of an error; the sentences are in `text/<language>/*.ftl` under the same name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $code, "`")] $name,)*
        }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as it stands in the lines.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Whose fault it is.
            #[must_use]
            pub const fn who(self) -> Who {
                match self { $(Self::$name => Who::$who,)* }
            }

            /// The button that goes with it.
            #[must_use]
            pub const fn act(self) -> Option<ErrorAct> {
                match self { $(Self::$name => $act,)* }
            }

            /// What its sentences may speak of; a sentence whose value is not given is left out.
            #[must_use]
            pub const fn args(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($arg),*],)* }
            }
        }
    };
}

const RETRY: Option<ErrorAct> = Some(ErrorAct::Retry);
const PASSWORD: Option<ErrorAct> = Some(ErrorAct::EnterPassword);
const CERTIFICATE: Option<ErrorAct> = Some(ErrorAct::ShowCertificate);
const DEVICE: Option<ErrorAct> = Some(ErrorAct::ChooseDevice);

// `scope` is `line` unless somebody says `call`; `role` is that of the device.
codes! {
    // the line
    HostUnknown "host-unknown" Network RETRY, ["host"];
    ConnectRefused "connect-refused" Network RETRY, ["host"];
    ConnectTimeout "connect-timeout" Network RETRY, ["host"];
    TlsFailed "tls-failed" Network RETRY, ["host"];
    CertificateUntrusted "certificate-untrusted" Network CERTIFICATE, ["host"];
    CertificateExpired "certificate-expired" Peer CERTIFICATE, ["host"];
    CertificateWrongName "certificate-wrong-name" Network CERTIFICATE, ["host"];
    CertificateChanged "certificate-changed" Network CERTIFICATE, ["host"];
    WebsocketRefused "websocket-refused" Peer RETRY, ["host"];
    HandshakePassword "handshake-password" User PASSWORD, ["host"];
    ProxyPassword "proxy-password" User PASSWORD, [];
    ProxyFailed "proxy-failed" Network RETRY, [];
    SubprotocolMissing "subprotocol-missing" Peer None, ["host"];
    WrongPassword "wrong-password" User PASSWORD, ["host" "user"];
    UnknownUser "unknown-user" User None, ["host" "user"];
    Forbidden "forbidden" Peer None, ["host" "user"];
    ServerUnavailable "server-unavailable" Peer RETRY, ["host"];
    ConnectionLost "connection-lost" Network RETRY, ["host" "scope"];
    BadSip "bad-sip" Peer RETRY, ["host"];
    PasswordNeeded "password-needed" User PASSWORD, ["user"];
    PasswordAnew "password-anew" User PASSWORD, ["host"];
    DigestWeaker "digest-weaker" Peer PASSWORD, ["host"];
    RealmChanged "realm-changed" Peer PASSWORD, ["host"];
    ServerUnproven "server-unproven" Peer PASSWORD, ["host"];
    NoKeychain "no-keychain" Phone None, [];
    KeychainLocked "keychain-locked" Phone PASSWORD, [];
    KeychainFailed "keychain-failed" Phone PASSWORD, [];
    // a call
    Busy "busy" Peer None, [];
    Declined "declined" Peer None, [];
    NoAnswer "no-answer" Peer None, [];
    Unreachable "unreachable" Peer None, [];
    NotFound "not-found" Peer None, ["number"];
    Moved "moved" Peer None, ["elsewhere"];
    NotAllowed "not-allowed" Peer None, ["number"];
    ServerError "server-error" Peer None, [];
    NoCommonCodec "no-common-codec" Peer None, [];
    MediaInsecure "media-insecure" Peer None, [];
    MediaFailed "media-failed" Network None, [];
    BadSdp "bad-sdp" Peer None, [];
    NotRegistered "not-registered" Network RETRY, [];
    BadNumber "bad-number" User None, ["number"];
    CallLimit "call-limit" User None, [];
    NotAnswered "not-answered" User None, [];
    ConferenceTooSmall "conference-too-small" User None, [];
    NotSecure "not-secure" User None, [];
    // sound
    NoMicrophone "no-microphone" User DEVICE, [];
    NoSpeaker "no-speaker" User DEVICE, [];
    DeviceLost "device-lost" Phone DEVICE, ["role"];
    DeviceBusy "device-busy" Phone DEVICE, ["role"];
    DeviceDenied "device-denied" User DEVICE, ["role"];
    SoundFailed "sound-failed" Phone DEVICE, [];
    MicrophoneQuiet "microphone-quiet" User DEVICE, [];
    MicrophoneClipped "microphone-clipped" User DEVICE, [];
    DiskFull "disk-full" Phone None, [];
    RecordingFailed "recording-failed" Phone None, [];
    // how good the sound of a call is
    SoundLoss "sound-loss" Network None, [];
    SoundBursts "sound-bursts" Network None, [];
    SoundLossTheirs "sound-loss-theirs" Peer None, [];
    SoundLossSent "sound-loss-sent" Network None, [];
    SoundUneven "sound-uneven" Network None, [];
    SoundDelayed "sound-delayed" Network None, [];
    SoundPoorThere "sound-poor-there" Peer None, [];
    // what was asked
    NoSuchAccount "no-such-account" User None, [];
    NoSuchCall "no-such-call" User None, [];
    NoSuchDevice "no-such-device" User DEVICE, [];
    NoSuchTest "no-such-test" User None, [];
    NoSuchCertificate "no-such-certificate" User CERTIFICATE, [];
    NoAccount "no-account" User None, [];
    WhichCall "which-call" User None, [];
    NotNow "not-now" User None, [];
    BadCommand "bad-command" User None, ["place"];
    BadSetting "bad-setting" User None, ["setting"];
    BadAccount "bad-account" User None, ["field"];
    AccountExists "account-exists" User None, [];
    AccountLimit "account-limit" User None, [];
    // the phone itself
    StoreDamaged "store-damaged" Phone None, ["file"];
    StoreFailed "store-failed" Phone None, [];
    PracticeFailed "practice-failed" Phone RETRY, [];
    AlreadyRunning "already-running" User None, [];
    NoDisplay "no-display" User None, [];
    Internal "internal" Phone None, [];
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its code.
    pub code: Code,
    /// The SIP status that said so.
    pub sip: Option<u16>,
    /// For the log and the curious; never a secret.
    pub detail: Option<String>,
    /// What the sentences speak of.
    pub args: Vec<(&'static str, String)>,
    /// The certificate it is about.
    pub cert: Option<Box<Certificate>>,
    /// When.
    pub at: Timestamp,
}

impl Fault {
    /// A fault of now.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self { code, sip: None, detail: None, args: Vec::new(), cert: None, at: Timestamp::now() }
    }

    /// With the SIP status that said so.
    #[must_use]
    pub fn sip(mut self, status: impl Into<Option<u16>>) -> Self {
        self.sip = status.into();
        self
    }

    /// With a text for the curious. It may come from anybody, so it is cleaned and cut.
    #[must_use]
    pub fn detail(mut self, text: impl AsRef<str>) -> Self {
        self.detail = Some(clean(text.as_ref(), 300));
        self
    }

    /// With something its sentences speak of, in place of an older one of that name. Nothing is nothing to speak of.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        self.args.retain(|(old, _)| *old != name);
        let value = clean(value.as_ref(), 120);
        if !value.trim().is_empty() {
            self.args.push((name, value));
        }
        self
    }

    /// With the host and user of the account, where its sentences speak of them.
    #[must_use]
    pub fn of_account(mut self, host: &str, user: &str) -> Self {
        for (name, value) in [("host", host), ("user", user)] {
            if self.code.args().contains(&name) {
                self = self.with(name, value);
            }
        }
        self
    }

    /// With the certificate it is about.
    #[must_use]
    pub fn cert(mut self, facts: &CertificateFacts) -> Self {
        self.cert = Some(Box::new(facts.into()));
        self
    }
}

/// Without what could deceive the eye or break a line (S5), and not too long.
fn clean(text: &str, most: usize) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().map(|c| if hidden(c) { ' ' } else { c }).take(most).collect()
}

impl From<&CertificateFacts> for Certificate {
    fn from(facts: &CertificateFacts) -> Self {
        Self {
            sha256: facts.sha256.clone(),
            subject: clean(&facts.subject, 200),
            issuer: clean(&facts.issuer, 200),
            self_signed: facts.self_signed,
            names: facts.names.iter().take(20).map(|name| clean(name, 200)).collect(),
            not_before: facts.not_before.clone(),
            not_after: facts.not_after.clone(),
        }
    }
}

impl From<&LinkError> for Fault {
    fn from(error: &LinkError) -> Self {
        match error {
            LinkError::BadUrl(why) => Self::new(Code::BadAccount).with("field", "server").detail(why),
            LinkError::HostUnknown(why) => Self::new(Code::HostUnknown).detail(why),
            LinkError::ConnectRefused(why) => Self::new(Code::ConnectRefused).detail(why),
            LinkError::ConnectTimeout(what) => Self::new(Code::ConnectTimeout).detail(what),
            LinkError::TlsFailed(why) => Self::new(Code::TlsFailed).detail(why),
            LinkError::CertificateUntrusted(facts) => Self::new(Code::CertificateUntrusted).cert(facts),
            LinkError::CertificateExpired(facts) => Self::new(Code::CertificateExpired).cert(facts),
            LinkError::CertificateWrongName(facts) => Self::new(Code::CertificateWrongName).cert(facts),
            LinkError::CertificateChanged(facts) => Self::new(Code::CertificateChanged).cert(facts),
            LinkError::WebsocketRefused { status: Some(401), detail } => {
                Self::new(Code::HandshakePassword).detail(detail)
            }
            LinkError::WebsocketRefused { status, detail } => {
                let text = status.map_or_else(|| detail.clone(), |status| format!("HTTP {status} {detail}"));
                Self::new(Code::WebsocketRefused).detail(text)
            }
            LinkError::Proxy { who, detail } => {
                Self::new(if *who { Code::ProxyPassword } else { Code::ProxyFailed }).detail(detail)
            }
            LinkError::SubprotocolMissing => Self::new(Code::SubprotocolMissing),
            LinkError::ConnectionLost { code, detail } => {
                let text = code.map_or_else(|| detail.clone(), |code| format!("close code {code} {detail}"));
                Self::new(Code::ConnectionLost).detail(text)
            }
        }
    }
}

/// Why a registration failed.
#[must_use]
pub fn of_registration(failure: RegistrationFailure, status: Option<StatusCode>) -> Fault {
    let code = match failure {
        RegistrationFailure::PasswordNeeded => Code::PasswordNeeded,
        RegistrationFailure::WrongPassword => Code::WrongPassword,
        RegistrationFailure::UnknownUser => Code::UnknownUser,
        RegistrationFailure::Forbidden => Code::Forbidden,
        RegistrationFailure::ServerUnavailable => Code::ServerUnavailable,
        RegistrationFailure::Timeout => Code::ConnectTimeout,
        RegistrationFailure::Link => Code::ConnectionLost,
        RegistrationFailure::BadAnswer => Code::BadSip,
    };
    Fault::new(code).sip(status.map(StatusCode::code))
}

/// Why a server that asks for a proof does not get it, where that is doubt about the server (CONFORMANCE S1, S13).
#[must_use]
pub fn of_challenge(refusal: Refusal) -> Option<Fault> {
    match refusal {
        Refusal::NoPassword | Refusal::Rejected | Refusal::Unusable => None,
        Refusal::ForeignRealm => Some(Fault::new(Code::RealmChanged)),
        Refusal::Weaker => Some(Fault::new(Code::DigestWeaker)),
        Refusal::Unproven => Some(Fault::new(Code::ServerUnproven)),
    }
}

/// Why a secret cannot be had.
#[must_use]
pub fn of_secret(error: &SecretError) -> Fault {
    match error {
        SecretError::NotFound => Fault::new(Code::PasswordNeeded),
        SecretError::Locked(why) => Fault::new(Code::KeychainLocked).detail(why),
        SecretError::NoKeychain(why) => Fault::new(Code::NoKeychain).detail(why),
        SecretError::Failed(why) => Fault::new(Code::KeychainFailed).detail(why),
    }
}

/// Why there is no sound device for `role`.
#[must_use]
pub fn of_port(role: Role, error: &PortError) -> Fault {
    let word = match role {
        Role::Mic => "mic",
        Role::Speaker => "speaker",
        Role::Ringer => "ringer",
    };
    let fault = match (error, role) {
        (PortError::NoDevice, Role::Mic) => Fault::new(Code::NoMicrophone),
        (PortError::NoDevice, _) => Fault::new(Code::NoSpeaker),
        (PortError::NoSuchDevice(_) | PortError::Gone(_) | PortError::Unresponsive, _) => {
            Fault::new(Code::DeviceLost).with("role", word)
        }
        (PortError::Busy(_), _) => Fault::new(Code::DeviceBusy).with("role", word),
        (PortError::Denied(_), _) => Fault::new(Code::DeviceDenied).with("role", word),
        (PortError::Failed(_), _) => Fault::new(Code::SoundFailed),
    };
    fault.detail(error.to_string())
}

/// What is wrong with the sound of a microphone.
#[must_use]
pub fn of_microphone(trouble: Trouble) -> Fault {
    Fault::new(match trouble {
        Trouble::Quiet => Code::MicrophoneQuiet,
        Trouble::Clipped => Code::MicrophoneClipped,
    })
}

/// Why an offer or an answer cannot be taken.
#[must_use]
pub fn of_offer(error: &OfferError) -> Fault {
    let code = match error {
        OfferError::BadSdp(_) | OfferError::NothingOffered => Code::BadSdp,
        OfferError::NoSound | OfferError::NoCommonCodec => Code::NoCommonCodec,
        OfferError::Insecure | OfferError::NoIce => Code::MediaInsecure,
    };
    Fault::new(code).detail(error.to_string())
}

/// Why there is no way for the sound.
#[must_use]
pub fn of_path(error: PathError) -> Fault {
    let code = match error {
        PathError::Fingerprint | PathError::WeakFingerprint | PathError::NoProfile => Code::MediaInsecure,
        PathError::NoPair | PathError::DtlsTimeout | PathError::DtlsRefused | PathError::Crypto => Code::MediaFailed,
    };
    Fault::new(code).detail(error.to_string())
}

#[cfg(test)]
mod tests;
