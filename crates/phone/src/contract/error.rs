//! Errors are for a person first: a stable code, a sentence, and what to do.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Timestamp;

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, thiserror::Error)]
#[error("{code}: {message}")]
#[serde(rename_all = "camelCase")]
pub struct Error {
    /// Stable, kebab-case, documented, never reworded.
    pub code: String,
    /// One sentence in the language of the phone.
    pub message: String,
    /// The next sentence: why.
    pub why: Option<String>,
    /// And what to do.
    pub hint: Option<String>,
    /// The button that goes with it.
    pub act: Option<ErrorAct>,
    /// Whose fault it is.
    pub who: Who,
    /// The SIP status that said so.
    pub sip: Option<u16>,
    /// For the log and the curious. Never a secret.
    pub detail: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The certificate it is about.
    pub cert: Option<Certificate>,
}

/// What a person may do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorAct {
    /// Type the password.
    EnterPassword,
    /// Look at the certificate.
    ShowCertificate,
    /// Choose another device.
    ChooseDevice,
    /// Try again.
    Retry,
}

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// The server or the other end.
    Peer,
    /// The network between.
    Network,
    /// The person: something typed or chosen.
    User,
    /// This phone or this machine.
    Phone,
}

/// The facts of a server's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The SHA-256 of its DER in lower-case hexadecimal: what a pin is.
    pub sha256: String,
    /// Whom it is for.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// Is it signed by itself?
    pub self_signed: bool,
    /// The names and addresses it is for.
    pub names: Vec<String>,
    /// From when, RFC 3339; empty when it cannot be read.
    pub not_before: String,
    /// Until when, RFC 3339; empty when it cannot be read.
    pub not_after: String,
}
