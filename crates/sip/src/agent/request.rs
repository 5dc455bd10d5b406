//! Requests of ours: made complete, sent, sent again with credentials, and what becomes of them.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{ContactForm, UserAgent};
use crate::{
    auth::{Refusal, Tries},
    event::{CallId, Event, Misuse},
    header_name::HeaderName,
    headers::{CSeq, Via},
    message::{Request, Response},
    method::Method,
    name_addr::NameAddr,
    params::Params,
    status::StatusCode,
    timer::Timer,
    transaction::{Client, ClientState, Purpose, TransactionId},
    uri::Uri,
};

/// What we let others do (RFC 3261 20.5). A method comes into this list when we do it.
pub(crate) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, NOTIFY";
/// The extensions we know (RFC 3261 20.37).
const SUPPORTED: &str = "outbound, gruu";

/// The most requests of ours that wait for an answer before those are kept back that the far end provokes.
const MOST_CLIENTS: usize = 128;

/// How long a change of a call is waited for after the last provisional response.
const LONGEST_CHANGE: Duration = Duration::from_secs(180);

const UNPROVEN: &str = "a server that claims to know the password and does not";

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A response came.
    Response(Box<Response>),
    /// None came within 64*T1: as if it were a 408 (RFC 3261 8.1.3.1).
    Timeout,
    /// The connection broke: as if it were a 503 (RFC 3261 8.1.3.1).
    Link,
    /// It was challenged and there is nothing to answer with.
    Refused(Refusal, StatusCode),
}

impl Outcome {
    /// The status it is or stands for.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Response(response) => response.status,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Link => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(_, status) => *status,
        }
    }
}

impl UserAgent {
    /// Sends `request` (which has no Via yet) in a transaction of its own.
    ///
    /// # Errors
    /// [`Misuse::NoLink`] when there is nothing to send it on.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        mut request: Request,
        purpose: Purpose,
    ) -> Result<TransactionId, Misuse> {
        if !self.link {
            return Err(Misuse::NoLink);
        }
        // RFC 7118 9.2: what is to be secure to its end does not begin in the clear.
        let route = request.headers.name_addr(&HeaderName::Route).map(|hop| hop.uri);
        if !self.config.secure && (request.uri.is_secure() || route.is_some_and(|hop| hop.is_secure())) {
            return Err(Misuse::Insecure);
        }
        // What the far end makes us say does not pile up (C52).
        let provoked = matches!(purpose, Purpose::Aside | Purpose::Prack(..));
        if provoked && self.transactions.clients.len() >= MOST_CLIENTS {
            return Err(Misuse::TooMany);
        }
        self.auth.prepare(&mut request, &mut self.rng);
        Ok(self.send_prepared(now, request, purpose, Tries::default()))
    }

    fn send_prepared(&mut self, now: Instant, mut request: Request, purpose: Purpose, tries: Tries) -> TransactionId {
        let branch = self.stamp(&mut request);
        let id = self.transactions.next_id();
        self.transmit(request.to_bytes());
        self.timers.set(now + self.config.times.limit(), Timer::RequestTimeout(id));
        let state = ClientState::Sent;
        self.transactions.clients.push(Client {
            id,
            purpose,
            request,
            branch,
            state,
            tries,
            longer: 0,
            reliable: Vec::new(),
        });
        id
    }

    /// Puts our Via on top (RFC 7118 5.2) and gives its branch.
    pub(crate) fn stamp(&mut self, request: &mut Request) -> String {
        let branch = format!("z9hG4bK{}", self.token());
        self.stamp_branch(request, &branch);
        branch
    }

    pub(crate) fn stamp_branch(&self, request: &mut Request, branch: &str) {
        let mut params = Params::new();
        params.set("branch", branch);
        let transport = if self.config.secure { "WSS" } else { "WS" };
        // RFC 6223 4.3: the keep-alives of a registration are those of the connection. An ACK has no answer to say so.
        if request.method == Method::Register {
            params.flag("keep");
        }
        let via = Via { transport: transport.into(), host: self.host.clone(), port: None, params };
        request.headers.push_front(HeaderName::Via, &via.to_string());
    }

    /// The extensions we know, as Supported says them outside of a REGISTER.
    pub(crate) fn supported(&self) -> String {
        let timer = if self.config.session_expires.is_some() { ", timer" } else { "" };
        format!("{SUPPORTED}{timer}")
    }

    /// What every request of ours says of us.
    pub(crate) fn describe(&self, request: &mut Request) {
        // RFC 4028 7.1: `timer` stands in every request.
        if request.method != Method::Register {
            request.headers.push(HeaderName::Supported, &self.supported());
        }
        // RFC 3262 4. Without an offer the first reliable response would bring one, which only the 2xx does here.
        if request.method == Method::Invite && !request.body.is_empty() {
            request.headers.push(HeaderName::Supported, "100rel");
        }
        if matches!(request.method, Method::Invite | Method::Register | Method::Options | Method::Update) {
            request.headers.push(HeaderName::Allow, ALLOW);
        }
        request.headers.push(HeaderName::UserAgent, &self.config.user_agent);
    }

    /// Our address of record with our name.
    pub(crate) fn own_address(&self) -> NameAddr {
        NameAddr {
            display: self.config.display_name.clone().map(Into::into),
            uri: self.config.aor.clone(),
            params: Params::new(),
        }
    }

    /// The URI that reaches this program: a GRUU while we have one (RFC 5627 4.3), else our Contact, which names nobody
    /// either. Who calls anonymously gives the temporary one (RFC 5627 4.4).
    fn contact_uri(&self, anonymous: bool) -> Uri {
        let gruu = if anonymous { self.registration.temporary_gruu() } else { self.registration.gruu() };
        let mut uri = gruu.cloned().unwrap_or_else(|| self.flow_uri());
        // RFC 5626 4.3: requests within a dialog shall come over this flow. A GRUU means that by itself only where the
        // REGISTER asked for it, and ours does not (RFC 7118 8.2, F1).
        if self.registration.keeps_flow() {
            uri.params.flag("ob");
        }
        uri
    }

    /// The URI that reaches this program over its connection.
    pub(crate) fn flow_uri(&self) -> Uri {
        let learned = self.registration.learned.clone().filter(|_| self.config.contact_form == ContactForm::Learned);
        let (host, port, transport) = match learned {
            Some((host, port)) => (host, port, "wss"),
            // RFC 7118 5.2: the URI parameter is `ws` for both.
            None => (self.host.clone(), None, "ws"),
        };
        let mut uri = Uri::sip(Some(&self.contact_user), host);
        uri.port = port;
        uri.params.set("transport", transport);
        uri
    }

    /// Our Contact as a header, for a call that is named, or outside of any.
    pub(crate) fn contact(&self) -> String {
        NameAddr::new(self.contact_uri(false)).to_string()
    }

    /// Our Contact as a header within `call`.
    pub(crate) fn contact_in(&self, call: CallId) -> String {
        let anonymous = self.calls.iter().any(|own| own.id == call && own.anonymous);
        NameAddr::new(self.contact_uri(anonymous)).to_string()
    }

    /// Our Contact as a header for a call that hides us.
    pub(crate) fn anonymous_contact(&self) -> String {
        NameAddr::new(self.contact_uri(true)).to_string()
    }

    /// A response came.
    pub(crate) fn on_response(&mut self, now: Instant, response: Response) {
        let limit = now + self.config.times.limit();
        let Some(client) = self.transactions.of_response(&response, &self.host) else {
            return self.leave_aside(None, "a response to nothing that waits for one");
        };
        let (id, purpose, invite) = (client.id, client.purpose, client.request.method == Method::Invite);
        if response.status.is_provisional() {
            if client.state == ClientState::Sent {
                client.state = ClientState::Proceeding;
                // Timer B runs only until the first answer; an INVITE may ring as long as it likes.
                if invite {
                    self.timers.cancel(Timer::RequestTimeout(id));
                }
            }
            // A change rings nobody: who says no more than "wait" is given up as a proxy would do it (16.6, timer C).
            // One that a reordering brings after the 2xx starts nothing anew.
            if matches!(purpose, Purpose::Reinvite(_)) && client.state != ClientState::Accepted {
                self.timers.set(now + LONGEST_CHANGE, Timer::RequestTimeout(id));
            }
            if invite && !self.acknowledge(now, id, &response) {
                // What it says does not count; that it came does.
                if let Purpose::Invite(call) = purpose {
                    self.invite_proceeds(now, call);
                }
                return;
            }
        } else if invite && response.status.is_success() {
            if client.state != ClientState::Accepted {
                client.state = ClientState::Accepted;
                let proven = self.auth.confirmed(&client.request, &response);
                self.timers.cancel(Timer::RequestTimeout(id));
                self.timers.set(limit, Timer::TransactionEnd(id));
                if proven.is_err() {
                    self.emit(Event::Misbehaved(UNPROVEN));
                }
            }
        } else {
            if client.state == ClientState::Accepted {
                return self.leave_aside(None, "a refusal after the answer");
            }
            self.timers.cancel(Timer::RequestTimeout(id));
            let Some(mut client) = self.transactions.remove_client(id) else { return };
            if invite {
                self.ack_refusal(&client, &response);
            }
            if response.status == StatusCode::SESSION_INTERVAL_TOO_SMALL {
                match self.lengthen(now, client, &response) {
                    Some(refused) => client = refused,
                    None => return,
                }
            }
            if matches!(response.status.code(), 401 | 407) && client.request.method != Method::Cancel {
                return self.challenged(now, client, response);
            }
            if invite {
                match self.follow(now, client, &response) {
                    Some(refused) => client = refused,
                    None => return,
                }
            }
            if response.status.is_success()
                && let Err(refusal) = self.auth.confirmed(&client.request, &response)
            {
                self.emit(Event::Misbehaved(UNPROVEN));
                // RFC 7616 3.5: a registrar that is not who it says has registered nobody (S1).
                if purpose == Purpose::Register {
                    return self.outcome(now, id, purpose, Outcome::Refused(refusal, response.status));
                }
            }
        }
        self.outcome(now, id, purpose, Outcome::Response(Box::new(response)));
    }

    /// RFC 3261 17.1.1.3: the ACK of a refusal belongs to the transaction, with its branch.
    fn ack_refusal(&mut self, client: &Client, response: &Response) {
        let mut ack = Request::new(Method::Ack, client.request.uri.clone());
        ack.headers.push(HeaderName::MaxForwards, "70");
        ack.headers.copy(&client.request.headers, &HeaderName::Route);
        ack.headers.copy(&client.request.headers, &HeaderName::From);
        ack.headers.copy(&response.headers, &HeaderName::To);
        ack.headers.copy(&client.request.headers, &HeaderName::CallId);
        let number = client.request.headers.typed::<CSeq>().and_then(Result::ok).map_or(1, |cseq| cseq.number);
        ack.headers.push(HeaderName::CSeq, &CSeq { number, method: Method::Ack }.to_string());
        self.stamp_branch(&mut ack, &client.branch);
        self.transmit(ack.to_bytes());
    }

    /// RFC 3261 22.2, 22.3: the same request with credentials and the next CSeq.
    fn challenged(&mut self, now: Instant, mut client: Client, response: Response) {
        let within_call = !matches!(client.purpose, Purpose::Register | Purpose::Invite(_));
        let mut request = client.request;
        request.headers.remove_first(&HeaderName::Via);
        if let Err(refusal) = self.auth.answer(&response, &mut request, &mut client.tries, within_call, &mut self.rng) {
            return self.outcome(now, client.id, client.purpose, Outcome::Refused(refusal, response.status));
        }
        if !self.may_send_again(client.purpose) {
            return self.outcome(now, client.id, client.purpose, Outcome::Response(Box::new(response)));
        }
        let longer = client.longer;
        let id = self.send_numbered(now, request, client.purpose, client.tries);
        if let Some(again) = self.transactions.client(id) {
            again.longer = longer;
        }
    }

    /// Sends a request once more that was refused as it was: with new proofs and the next CSeq.
    pub(crate) fn send_again(
        &mut self,
        now: Instant,
        mut request: Request,
        purpose: Purpose,
        tries: Tries,
    ) -> TransactionId {
        request.headers.remove_first(&HeaderName::Via);
        request.headers.remove(&HeaderName::Authorization);
        request.headers.remove(&HeaderName::ProxyAuthorization);
        self.auth.prepare(&mut request, &mut self.rng);
        self.send_numbered(now, request, purpose, tries)
    }

    fn send_numbered(&mut self, now: Instant, mut request: Request, purpose: Purpose, tries: Tries) -> TransactionId {
        let number = self.next_cseq(purpose, &request);
        request.headers.set(HeaderName::CSeq, &CSeq { number, method: request.method.clone() }.to_string());
        let id = self.send_prepared(now, request, purpose, tries);
        self.sent_again(purpose, id);
        id
    }

    /// The link is gone: what waits for an answer has failed. Calls that are up live on.
    pub(super) fn fail_pending(&mut self, now: Instant) {
        let waiting: Vec<TransactionId> = self
            .transactions
            .clients
            .iter()
            .filter(|client| client.state != ClientState::Accepted)
            .map(|client| client.id)
            .collect();
        for id in waiting {
            self.timers.cancel(Timer::RequestTimeout(id));
            if let Some(client) = self.transactions.remove_client(id) {
                self.outcome(now, id, client.purpose, Outcome::Link);
            }
        }
        self.registration_link_down();
    }

    pub(super) fn request_timed_out(&mut self, now: Instant, id: TransactionId) {
        if let Some(client) = self.transactions.remove_client(id) {
            self.outcome(now, id, client.purpose, Outcome::Timeout);
        }
    }

    fn outcome(&mut self, now: Instant, id: TransactionId, purpose: Purpose, outcome: Outcome) {
        match purpose {
            Purpose::Register => self.register_outcome(now, outcome),
            Purpose::Invite(call) => self.invite_outcome(now, id, call, outcome),
            Purpose::Reinvite(call) => self.reinvite_outcome(now, id, call, outcome),
            Purpose::Refresh(call) => self.refresh_outcome(now, call, &outcome),
            Purpose::Bye(call) if !outcome.status().is_provisional() => self.calls.retain(|own| own.id != call),
            Purpose::Bye(_) | Purpose::Prack(..) | Purpose::Aside => {}
        }
    }

    /// A whole ACK for a 2xx (RFC 3261 13.2.2.4): within the dialog, with the CSeq and the credentials of the INVITE.
    pub(crate) fn ack_success(
        &mut self,
        dialog: &mut crate::dialog::Dialog,
        invite: &Request,
        sdp: Option<Bytes>,
    ) -> Bytes {
        let number = invite.headers.typed::<CSeq>().and_then(Result::ok).map_or(1, |cseq| cseq.number);
        let mut ack = dialog.request(Method::Ack, Some(number));
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            ack.headers.copy(&invite.headers, &name);
        }
        if let Some(sdp) = sdp {
            ack = ack.with_body("application/sdp", sdp);
        }
        self.stamp(&mut ack);
        ack.to_bytes()
    }
}
