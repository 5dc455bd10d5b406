//! What comes in: read, matched to what is known, checked in the order of RFC 3261 8.2, and handed on.

use std::time::Instant;

use bytes::Bytes;

use super::{UserAgent, request::ALLOW, respond::ACCEPT};
use crate::{
    body::{self, Unfit},
    call::LEAST_SESSION,
    error::ParseError,
    event::{Event, Party, Refused},
    header_name::HeaderName,
    headers::{Headers, Reason, SessionExpires},
    message::{Message, Request, Response},
    method::Method,
    name_addr::NameAddr,
    status::StatusCode,
    transaction::{Server, ServerKey, ServerState},
    uri::Uri,
};

/// The most requests that are worked on at once.
const MOST_SERVERS: usize = 64;

impl UserAgent {
    pub(super) fn receive(&mut self, now: Instant, bytes: Bytes) {
        // W3: keep-alives and padding are no messages.
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0)) {
            return;
        }
        match Message::parse(bytes) {
            Ok(Message::Response(response)) => self.on_response(now, response),
            Ok(Message::Request(request)) => self.on_request(now, request),
            Err(ParseError { kind, request: Some(request) }) if can_be_answered(&request) => {
                self.emit(Event::Misbehaved(kind.words()));
                self.respond_stateless(&request, kind.status());
            }
            Err(ParseError { kind, .. }) => self.emit(Event::Misbehaved(kind.words())),
        }
    }

    fn on_request(&mut self, now: Instant, request: Request) {
        if request.method == Method::Ack {
            return self.on_ack(now, &request);
        }
        let Some(key) = ServerKey::of(&request, None) else {
            return self.emit(Event::Misbehaved("a request whose Via names no way back"));
        };
        if let Some(known) = self.transactions.of_request(&key) {
            // RFC 3261 17.2.1: a request that comes again gets the same answer again.
            if let (Some(last), true) = (known.last.clone(), known.state != ServerState::Accepted) {
                self.transmit(last);
            }
            return;
        }
        if self.transactions.servers.len() >= MOST_SERVERS {
            let (status, why) = (StatusCode::SERVICE_UNAVAILABLE, "more requests at once than are worked on");
            self.emit(Event::Refused(Refused { method: Some(request.method.clone()), status: Some(status), why }));
            return self.respond_stateless(&request, status);
        }
        let (id, tag) = (self.transactions.next_id(), self.token());
        self.transactions.servers.push(Server {
            id,
            key,
            request: request.clone(),
            state: ServerState::Proceeding,
            last: None,
            tag,
        });
        if request.method == Method::Cancel {
            return self.on_cancel(now, id, &request);
        }
        if let Err((status, why, value)) = self.acceptable(&request) {
            self.refuse_with(now, id, status, why, |response| match status {
                StatusCode::SESSION_INTERVAL_TOO_SMALL => response.headers.push(HeaderName::MinSe, &value),
                StatusCode::METHOD_NOT_ALLOWED => response.headers.push(HeaderName::Allow, ALLOW),
                StatusCode::BAD_EXTENSION => response.headers.push(HeaderName::Unsupported, &value),
                StatusCode::UNSUPPORTED_MEDIA_TYPE if !value.is_empty() => {
                    response.headers.push(HeaderName::AcceptEncoding, &value);
                }
                StatusCode::UNSUPPORTED_MEDIA_TYPE => response.headers.push(HeaderName::Accept, ACCEPT),
                _ => {}
            });
            return;
        }
        let within = request.headers.tag(&HeaderName::To).is_some();
        match request.method {
            Method::Invite if within => self.on_reinvite(now, id, request),
            Method::Invite => self.on_invite(now, id, request),
            Method::Bye => self.on_bye(now, id, &request),
            Method::Update => self.on_update(now, id, request),
            Method::Prack => self.on_prack(now, id, &request),
            Method::Info => self.on_info(now, id, &request),
            Method::Options => self.on_options(now, id),
            Method::Notify => self.on_notify(now, id, &request),
            _ => {
                self.refuse(now, id, StatusCode::NOT_IMPLEMENTED, "a method that is known and not served");
            }
        }
    }

    /// RFC 3261 8.2.1 to 8.2.3, in their order: may the request be worked on? Else the status that says why not.
    fn acceptable(&self, request: &Request) -> Result<(), (StatusCode, &'static str, String)> {
        let plain = |status, why| Err((status, why, String::new()));
        if !ALLOW.split(", ").any(|method| method == request.method.as_str()) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "a method that this phone does not serve");
        }
        if !request.uri.is_sip() {
            return plain(StatusCode::UNSUPPORTED_URI_SCHEME, "a Request-URI that is not sip or sips");
        }
        let within = request.headers.tag(&HeaderName::To).is_some();
        if !within && !self.is_for_us(&request.uri) {
            return plain(StatusCode::NOT_FOUND, "it is for somebody else");
        }
        let unknown: Vec<String> = request
            .headers
            .elements(&HeaderName::Require)
            .into_iter()
            .filter(|tag| !["outbound", "gruu", "path", "100rel"].iter().any(|own| own.eq_ignore_ascii_case(tag)))
            .filter(|tag| !(tag.eq_ignore_ascii_case("timer") && self.config.session_expires.is_some()))
            .collect();
        if !unknown.is_empty() {
            return Err((
                StatusCode::BAD_EXTENSION,
                "it requires an extension that this phone does not have",
                unknown.join(", "),
            ));
        }
        let takes_session = matches!(request.method, Method::Invite | Method::Update);
        if takes_session {
            // RFC 3261 8.2.3, with what would be taken.
            match body::session(&request.headers, &request.body) {
                Ok(_) => {}
                Err(Unfit::Unknown) => {
                    return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a body that is no session description");
                }
                Err(Unfit::Coded) => {
                    let why = "a body in an encoding that this phone does not read";
                    return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, why, "identity".to_owned()));
                }
                Err(Unfit::Malformed) => {
                    return plain(StatusCode::BAD_REQUEST, "a multipart body that does not follow its grammar");
                }
            }
        }
        // RFC 4028 9: only who knows timers can do something about it.
        let interval = request.headers.typed::<SessionExpires>().and_then(Result::ok).filter(|_| takes_session);
        let short = interval.is_some_and(|interval| interval.seconds < LEAST_SESSION);
        if short && self.config.session_expires.is_some() && request.headers.has_token(&HeaderName::Supported, "timer")
        {
            let why = "a session that is to be refreshed too often";
            return Err((StatusCode::SESSION_INTERVAL_TOO_SMALL, why, LEAST_SESSION.to_string()));
        }
        Ok(())
    }

    /// W6: the user part of our Contact is a token of ours; host, port and parameters may be what they like. A server
    /// may write the address of record instead, or our GRUU.
    fn is_for_us(&self, uri: &Uri) -> bool {
        uri.user.as_deref() == Some(&self.contact_user)
            || uri.user == self.config.aor.user
            || [self.registration.gruu(), self.registration.temporary_gruu()]
                .into_iter()
                .flatten()
                .any(|gruu| gruu.user == uri.user && gruu.host == uri.host)
    }

    fn on_options(&mut self, now: Instant, id: crate::transaction::TransactionId) {
        // RFC 3261 11.2: as an INVITE would be answered.
        let status = if self.calls.len() >= super::MOST_CALLS { StatusCode::BUSY_HERE } else { StatusCode::OK };
        let supported = self.supported();
        self.respond_with(now, id, status, |response| Self::capabilities(&supported, response));
    }

    fn on_notify(&mut self, now: Instant, id: crate::transaction::TransactionId, request: &Request) {
        let event = request.headers.text(&HeaderName::Event).unwrap_or_default().to_ascii_lowercase();
        // W17: FreeSWITCH tells of waiting messages without being asked.
        if event.split(';').next().is_some_and(|event| event.trim() == "message-summary") {
            self.respond_plain(now, id, StatusCode::OK);
            self.emit(Event::MessageSummary(request.body.clone()));
        } else {
            // RFC 6665 7.2.2: with the events that would be.
            let why = "an event that nobody asked for";
            self.refuse_with(now, id, StatusCode::BAD_EVENT, why, |response| {
                response.headers.push(HeaderName::AllowEvents, "message-summary")
            });
        }
    }
}

/// RFC 3261 8.2.6.2: these go into the response as they are; without one of them there is none to make. An ACK is never
/// answered (17.1.1.3).
fn can_be_answered(request: &Request) -> bool {
    let needed = [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq];
    request.method != Method::Ack && needed.iter().all(|name| request.headers.get(name).is_some())
}

/// The SDP of a message, if there is one that can be used.
pub(crate) fn sdp(headers: &Headers, body: &Bytes) -> Option<Bytes> {
    body::session(headers, body).ok().flatten()
}

/// Who sent a message: what the server asserts (RFC 3325 9.1, Remote-Party-ID; W12), else `otherwise`.
pub(crate) fn party(headers: &Headers, otherwise: &HeaderName) -> (Option<Party>, bool) {
    let asserted = [HeaderName::PAssertedIdentity, HeaderName::RemotePartyId]
        .iter()
        .flat_map(|name| headers.name_addrs(name))
        .find(|address: &NameAddr| address.uri.user.is_some());
    match asserted {
        Some(address) => (Some(Party::from(&address)), true),
        None => (headers.name_addr(otherwise).as_ref().map(Party::from), false),
    }
}

/// The reason beside a BYE, a CANCEL or a refusal: one that says "elsewhere" counts first.
pub(crate) fn reason(headers: &Headers) -> Option<Reason> {
    let all = headers.all::<Reason>();
    all.iter().find(|reason| reason.is_answered_elsewhere()).or(all.first()).cloned()
}

/// The SDP of a response.
pub(crate) fn response_sdp(response: &Response) -> Option<Bytes> {
    sdp(&response.headers, &response.body)
}
