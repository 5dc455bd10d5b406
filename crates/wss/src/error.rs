//! Why there is no link, one variant for each code a person may see.

use crate::certificate::CertificateFacts;

/// Why the link is down.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LinkError {
    /// The address is no `wss://` or `ws://` URL that RFC 6455 3 allows.
    #[error("the address is no WebSocket URL: {0}")]
    BadUrl(String),
    /// No name server knows the host.
    #[error("the host is not known: {0}")]
    HostUnknown(String),
    /// The host refuses connections on that port, or cannot be reached.
    #[error("the connection was refused: {0}")]
    ConnectRefused(String),
    /// The proxy does not lead to the server.
    #[error("the proxy does not lead to the server: {detail}")]
    Proxy {
        /// Does it want credentials, or other ones?
        who: bool,
        /// What it said.
        detail: String,
    },
    /// Nothing answered in time.
    #[error("nothing answered in time while trying to {0}")]
    ConnectTimeout(&'static str),
    /// TLS failed for another reason than the certificate.
    #[error("TLS failed: {0}")]
    TlsFailed(String),
    /// The certificate is of nobody we trust.
    #[error("the certificate is not trusted")]
    CertificateUntrusted(Box<CertificateFacts>),
    /// The certificate is not valid now.
    #[error("the certificate is not valid now")]
    CertificateExpired(Box<CertificateFacts>),
    /// The certificate is for another name.
    #[error("the certificate is for another name")]
    CertificateWrongName(Box<CertificateFacts>),
    /// The certificate is not the one that was trusted for this account.
    #[error("the certificate is not the one that was trusted")]
    CertificateChanged(Box<CertificateFacts>),
    /// The server answered the handshake with something else than 101 (RFC 6455 4.1).
    #[error("the server refused the WebSocket: {status:?} {detail}")]
    WebsocketRefused {
        /// The HTTP status, if there was one.
        status: Option<u16>,
        /// What was wrong.
        detail: String,
    },
    /// The server did not take the subprotocol `sip` (RFC 7118 4.1).
    #[error("the server does not speak SIP on this WebSocket")]
    SubprotocolMissing,
    /// The connection was up and is gone.
    #[error("the connection was lost: {detail}")]
    ConnectionLost {
        /// The close code, if the server closed (RFC 6455 7.4); its reason is never shown (7.1.6).
        code: Option<u16>,
        /// What was seen.
        detail: String,
    },
}

impl LinkError {
    /// Must a person act before it can work? Then nothing is tried again by itself (CONFORMANCE R10).
    #[must_use]
    pub const fn needs_person(&self) -> bool {
        match self {
            Self::BadUrl(_)
            | Self::CertificateUntrusted(_)
            | Self::CertificateExpired(_)
            | Self::CertificateWrongName(_)
            | Self::CertificateChanged(_)
            | Self::SubprotocolMissing => true,
            Self::WebsocketRefused { status, .. } => matches!(status, Some(401 | 403 | 404)),
            Self::Proxy { who, .. } => *who,
            Self::ConnectionLost { code, .. } => matches!(code, Some(1008)),
            Self::HostUnknown(_) | Self::ConnectRefused(_) | Self::ConnectTimeout(_) | Self::TlsFailed(_) => false,
        }
    }

    /// The certificate that was refused.
    #[must_use]
    pub const fn certificate(&self) -> Option<&CertificateFacts> {
        match self {
            Self::CertificateUntrusted(facts)
            | Self::CertificateExpired(facts)
            | Self::CertificateWrongName(facts)
            | Self::CertificateChanged(facts) => Some(facts),
            _ => None,
        }
    }
}
