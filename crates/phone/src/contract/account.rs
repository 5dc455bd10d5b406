//! Accounts and their line: can one be reached?

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{AccountId, Certificate, Error, Timestamp};

/// An account as listeners see it. No secret is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Is it the practice line of this phone?
    pub practice: bool,
    /// Can one be reached?
    pub line: LineState,
    /// Waiting messages; always null in this version.
    #[ts(type = "null")]
    pub voicemail: Option<()>,
    /// How the connection is secured, while there is one.
    pub security: Option<Security>,
    /// Where its password is.
    pub secret: SecretState,
    /// What the person calls it.
    pub name: String,
    /// `sip:user@domain`.
    pub address: String,
    /// The server, `wss://…`.
    pub server: String,
    /// The user part of the address.
    pub user: String,
    /// The domain of the address.
    pub domain: String,
    /// The name for the password, where it is not the user.
    pub auth_user: Option<String>,
    /// The name that others see.
    pub display_name: Option<String>,
    /// A private certificate authority, PEM.
    pub ca: Option<String>,
    /// The pinned certificate, SHA-256 in hexadecimal.
    pub pin: Option<String>,
    /// The Origin of the handshake, where it is not the server's own.
    pub origin: Option<String>,
    /// The name for the HTTP side of the server, where that asks for one in the handshake.
    pub http_user: Option<String>,
    /// The names of further headers of the handshake; what they say is a secret.
    pub headers: Vec<String>,
    /// Our own certificate for TLS.
    pub client_cert: Option<Certificate>,
    /// The proxy to go through, `http://[user@]host:port` or `socks5://…`; `none` for no proxy, and nothing for that of the
    /// system.
    pub proxy: Option<String>,
    /// By what the connection is kept alive.
    pub keepalive: Keepalive,
    /// STUN servers, `stun:host:port`.
    pub stun: Vec<String>,
    /// TURN servers.
    pub turn: Vec<Turn>,
    /// How our Contact looks.
    pub contact_form: ContactForm,
    /// For how long to ask the server to keep us, in seconds.
    pub expires_s: u32,
    /// Codecs of its calls, the best first: `opus`, `g722`, `pcmu`, `pcma`. This order goes before that of others; an empty
    /// list is all of them, in the order of whoever calls.
    pub codecs: Vec<String>,
    /// Bits per second of Opus in both directions, 6000 to 510000; nothing for the usual.
    pub bitrate: Option<u32>,
    /// Shall it be on the line?
    pub enabled: bool,
}

/// A TURN server; its password is a secret of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Turn {
    /// `turn:host:port`.
    pub url: String,
    /// The user there.
    pub user: String,
}

/// How our Contact looks (W16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ContactForm {
    /// A random `.invalid` name (RFC 7118 B.1).
    #[default]
    Invalid,
    /// The address that the server sees.
    Learned,
}

/// Can one be reached on an account?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum LineState {
    /// It shall not be on the line.
    Off {},
    /// On the way.
    Connecting {
        /// How far.
        step: ConnectStep,
        /// Since when.
        since: Timestamp,
        /// Why it connects.
        why: ConnectWhy,
    },
    /// One can be reached.
    Registered {
        /// Since when.
        since: Timestamp,
        /// Until when the server keeps us unless we refresh, which we do.
        expires_at: Timestamp,
        /// The last pong, response or request seen.
        proven_at: Timestamp,
        /// The last round trip, in milliseconds.
        rtt_ms: Option<u32>,
        /// The address of the server; empty through a proxy, which alone knows it.
        server: String,
        /// How many connections there are.
        flows: u32,
    },
    /// Silent too long; being probed now.
    Suspect {
        /// Since when.
        since: Timestamp,
        /// The last sign of life.
        proven_at: Timestamp,
    },
    /// Not reachable; tried again by itself.
    Retrying {
        /// When.
        at: Timestamp,
        /// The how manieth try that will be.
        attempt: u32,
        /// Why.
        error: Error,
    },
    /// Not reachable; needs a person.
    Failed {
        /// Why.
        error: Error,
    },
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectStep {
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
}

/// Why an account connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectWhy {
    /// The phone or the account has just begun.
    Start,
    /// Somebody asked.
    Asked,
    /// The network is another one.
    NetworkChanged,
    /// The connection was lost.
    ConnectionLost,
}

/// How the connection of an account is secured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Security {
    /// The TLS version.
    pub tls: String,
    /// The cipher suite.
    pub cipher: String,
    /// The server's certificate.
    pub cert: Option<Certificate>,
    /// The digest that proved us.
    pub digest: Option<String>,
}

/// Where a password is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum SecretState {
    /// In the keychain.
    Stored,
    /// In memory, for this run.
    Run,
    /// Nowhere: it must be typed.
    Missing,
}

/// By what a connection is kept alive (RFC 7118 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Keepalive {
    /// By WebSocket pings.
    #[default]
    Ping,
    /// By CRLF pairs.
    Crlf,
    /// By both.
    Both,
    /// Not at all.
    None,
}

/// Where a password shall be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// In the keychain of the system.
    Keychain,
    /// In memory, for this run.
    Run,
}

/// What a person wants of an account. What is absent stays as it is (or as usual, for a new one); an empty text or list
/// clears. It is the only thing that carries a password into the phone.
#[derive(Clone, Default, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[ts(optional_fields)]
#[expect(missing_docs, reason = "each is the field of Account of the same name")]
pub struct AccountWish {
    /// Which account: absent to add one.
    pub account: Option<AccountId>,
    pub name: Option<String>,
    pub address: Option<String>,
    pub server: Option<String>,
    pub user: Option<String>,
    pub domain: Option<String>,
    pub auth_user: Option<String>,
    pub display_name: Option<String>,
    pub ca: Option<String>,
    pub pin: Option<String>,
    pub origin: Option<String>,
    pub http_user: Option<String>,
    /// Further headers of the handshake, `Name: value`, one a line. What they say is a secret.
    #[ts(optional, type = "string")]
    pub headers: Option<crate::secret::Typed>,
    /// Our certificate for TLS and its key without a pass phrase, as one PEM text.
    #[ts(optional, type = "string")]
    pub client_cert: Option<crate::secret::Typed>,
    pub proxy: Option<String>,
    pub keepalive: Option<Keepalive>,
    pub stun: Option<Vec<String>>,
    pub turn: Option<Vec<Turn>>,
    pub contact_form: Option<ContactForm>,
    pub expires_s: Option<u32>,
    pub codecs: Option<Vec<String>>,
    /// As in Account; 0 clears.
    pub bitrate: Option<u32>,
    pub enabled: Option<bool>,
    /// The SIP password.
    #[ts(optional, type = "string")]
    pub password: Option<crate::secret::Typed>,
    /// The password for the HTTP side of the server.
    #[ts(optional, type = "string")]
    pub http_password: Option<crate::secret::Typed>,
    /// The password of the proxy.
    #[ts(optional, type = "string")]
    pub proxy_password: Option<crate::secret::Typed>,
    /// The password of the TURN servers.
    #[ts(optional, type = "string")]
    pub turn_password: Option<crate::secret::Typed>,
    /// Where to keep them; `keychain` when absent.
    pub keep: Option<Keep>,
}
