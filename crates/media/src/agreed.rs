//! What offer and answer agreed on: plain data between the negotiation, the secured path and
//! the voice pipeline.

use crate::codec::Codec;
use crate::xr::Wishes;

/// Which way sound goes, seen from us (RFC 8866 section 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// Only from us: we hold.
    SendOnly,
    /// Only to us: we are held.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// Whether we send.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether we receive.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same as the far end sees it.
    pub fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            same => same,
        }
    }

    /// The attribute's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

/// The part the far end plays in DTLS (RFC 8842 section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// It is the client.
    Active,
    /// It is the server.
    Passive,
    /// It leaves the choice to the answerer.
    Actpass,
}

/// The far end's side of the secured path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemotePath {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub pwd: String,
    /// `a=fingerprint` values, hash name in lower case, digits in upper case: `sha-256 AB:CD…`.
    pub fingerprints: Vec<String>,
    /// What the far end is or offers.
    pub setup: Setup,
    /// What followed `candidate:` in each candidate line.
    pub candidates: Vec<String>,
    /// Whether the far end is ICE-lite.
    pub ice_lite: bool,
    /// Whether it said that no more candidates come.
    pub end_of_candidates: bool,
    /// Whether its credentials are others than before.
    pub ice_restart: bool,
}

/// A codec with the payload type it has here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedCodec {
    /// What it is.
    pub codec: Codec,
    /// Payload type, 0..=127.
    pub pt: u8,
    /// Highest bit rate the far end wishes, in bit/s (`maxaveragebitrate`, RFC 7587 section 6.1).
    pub max_bitrate: Option<u32>,
}

/// Telephone events with the payload type they have here (RFC 4733).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgreedEvents {
    /// Payload type, 0..=127.
    pub pt: u8,
    /// Clock rate in Hz.
    pub clock: u32,
}

/// The outcome of an offer and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Where sound goes; `None` when the far end gave no path (held by port 0 and the like).
    pub remote: Option<RemotePath>,
    /// Whether we are the DTLS client.
    pub dtls_client: bool,
    /// Whether we control ICE: we made the first offer, or the far end is lite (RFC 8445 section 6.1.1).
    pub controlling: bool,
    /// Codecs with the far end's payload types; the first is used.
    pub send: Vec<AgreedCodec>,
    /// Codecs with our payload types; any may come at any time.
    pub recv: Vec<AgreedCodec>,
    /// Payload type for redundant sound (RFC 2198) made of the first codec of `send`; `None` where the far end does not
    /// take it.
    pub red: Option<u8>,
    /// Payload types of redundant sound that may come.
    pub red_recv: Vec<u8>,
    /// Telephone events to send, at the clock of the first codec of `send` where that was agreed.
    pub dtmf: Option<AgreedEvents>,
    /// Telephone events that may come, with our payload types.
    pub dtmf_recv: Vec<AgreedEvents>,
    /// Ours, after negotiation.
    pub direction: Direction,
    /// Whether the far end holds us.
    pub remote_hold: bool,
    /// Milliseconds of sound the far end wants in a packet; 20 if it said nothing.
    pub ptime: u8,
    /// Whether it takes packets of 10 ms too, where that is not what it wants.
    pub short: bool,
    /// Whether it makes use of deep redundancy in Opus (DRED), as we do.
    pub past: bool,
    /// Whether RTCP shares the port (RFC 5761).
    pub rtcp_mux: bool,
    /// Which extended reports the far end wishes to get (RFC 3611 section 5).
    pub xr: Wishes,
}
