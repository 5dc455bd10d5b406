//! Transactions over a reliable transport (RFC 3261 17, RFC 6026): nothing is repeated, and what is over is over at
//! once, but for an INVITE that was accepted or refused.
//!
//! ```text
//! client  Calling ──1xx──▶ Proceeding ──2xx──▶ Accepted ──M──▶ ∅     (INVITE)
//!            │B              │ 300-699: ACK, ∅
//!         Trying ──1xx──▶ Proceeding ──final──▶ ∅ (K = 0)             (others; F in both)
//! server  Proceeding ──2xx──▶ Accepted ──L──▶ ∅                       (INVITE)
//!            └──300-699──▶ Completed ──ACK or H──▶ ∅ (I = 0)
//!         Trying ──final──▶ ∅ (J = 0)                                 (others)
//! ```

use bytes::Bytes;

use crate::{
    auth::Tries,
    event::{CallId, LegId},
    header_name::HeaderName,
    headers::{Via, ViaRef},
    host::Host,
    message::{Request, Response},
    method::Method,
    token::parts,
};

/// Names a transaction within the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TransactionId(pub(crate) u64);

/// Whose request it was, so that the response finds its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The registration.
    Register,
    /// The INVITE that makes a call.
    Invite(CallId),
    /// An INVITE within a call.
    Reinvite(CallId),
    /// An UPDATE that keeps a session alive.
    Refresh(CallId),
    /// The PRACK of a provisional response, within the early dialog of a branch or within the call.
    Prack(CallId, LegId),
    /// The end of a call.
    Bye(CallId),
    /// Something whose answer changes nothing: CANCEL, INFO, the BYE of a branch that lost.
    Aside,
}

/// A request of ours that waits for its answer.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: TransactionId,
    pub(crate) purpose: Purpose,
    /// The request as it was sent: for ACK, CANCEL and to send it again with credentials.
    pub(crate) request: Request,
    pub(crate) branch: String,
    pub(crate) state: ClientState,
    /// How often this request has been sent with credentials.
    pub(crate) tries: Tries,
    /// How often a 422 made its interval longer.
    pub(crate) longer: u8,
    /// The RSeq of the last reliable provisional response of each branch, by its tag (RFC 3262 4).
    pub(crate) reliable: Vec<(String, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientState {
    /// Calling or Trying.
    Sent,
    Proceeding,
    /// RFC 6026 7.2: a 2xx came; others of other branches may follow.
    Accepted,
}

impl Client {
    /// RFC 3261 17.1.3: the branch of the top Via and the method of CSeq. The transport beside it does not count:
    /// Asterisk may print `WS` over TLS.
    pub(crate) fn matches(&self, branch: &str, method: &Method) -> bool {
        self.branch == branch && self.request.method == *method
    }
}

/// A request of the far end that waits for our answer.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) id: TransactionId,
    pub(crate) key: ServerKey,
    pub(crate) request: Request,
    pub(crate) state: ServerState,
    /// The last response, which answers a request that comes again.
    pub(crate) last: Option<Bytes>,
    /// The tag of our end, the same in every response (RFC 3261 8.2.6.2).
    pub(crate) tag: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerState {
    /// Trying or Proceeding.
    Proceeding,
    /// A 300-699 to INVITE: the ACK is to come.
    Completed,
    /// RFC 6026 7.1: a 2xx to INVITE.
    Accepted,
}

/// RFC 3261 17.2.3, with the Call-ID: OpenSIPS gives two pings one branch (W8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerKey {
    branch: String,
    host: Host,
    port: Option<u16>,
    method: Method,
    call_id: Bytes,
}

impl ServerKey {
    /// The key of a request; an ACK has that of its INVITE, and `of` lets a CANCEL look for one.
    pub(crate) fn of(request: &Request, of: Option<Method>) -> Option<Self> {
        let hops = request.headers.text(&HeaderName::Via)?;
        let via = ViaRef::parse(parts(&hops, true).next()?)?;
        let method = of.unwrap_or_else(|| match &request.method {
            Method::Ack => Method::Invite,
            method => method.clone(),
        });
        Some(Self {
            branch: via.branch().unwrap_or_default().to_owned(),
            host: Host::of(via.host),
            port: via.port,
            method,
            call_id: Bytes::copy_from_slice(request.headers.get(&HeaderName::CallId)?),
        })
    }
}

/// The transactions of an agent, few enough to be looked through.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    pub(crate) clients: Vec<Client>,
    pub(crate) servers: Vec<Server>,
    last: u64,
}

impl Transactions {
    pub(crate) fn next_id(&mut self) -> TransactionId {
        self.last += 1;
        TransactionId(self.last)
    }

    pub(crate) fn client(&mut self, id: TransactionId) -> Option<&mut Client> {
        self.clients.iter_mut().find(|client| client.id == id)
    }

    pub(crate) fn server(&mut self, id: TransactionId) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| server.id == id)
    }

    pub(crate) fn remove_client(&mut self, id: TransactionId) -> Option<Client> {
        let at = self.clients.iter().position(|client| client.id == id)?;
        Some(self.clients.remove(at))
    }

    pub(crate) fn remove_server(&mut self, id: TransactionId) {
        self.servers.retain(|server| server.id != id);
    }

    /// The client transaction that a response belongs to.
    pub(crate) fn of_response(&mut self, response: &Response, sent_by: &Host) -> Option<&mut Client> {
        let vias = response.headers.all::<Via>();
        // RFC 3261 8.1.3.3: a response with more Vias than ours went astray.
        let [via] = vias.as_slice() else { return None };
        if via.host != *sent_by {
            return None;
        }
        let (branch, cseq) = (via.branch()?, response.cseq()?);
        self.clients.iter_mut().find(|client| client.matches(branch, &cseq.method))
    }

    /// The server transaction that a request belongs to.
    pub(crate) fn of_request(&mut self, key: &ServerKey) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| server.key == *key)
    }
}
