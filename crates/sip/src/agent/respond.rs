//! Responses of ours.

use std::time::Instant;

use bytes::Bytes;

use super::{UserAgent, request::ALLOW};
use crate::{
    event::{Event, Refused},
    header_name::HeaderName,
    headers::Warning,
    message::{Request, Response},
    method::Method,
    status::StatusCode,
    timer::Timer,
    transaction::{ServerState, TransactionId},
};

/// The bodies that we read. Multiparts for the description in them (RFC 5621 8.2).
pub(super) const ACCEPT: &str = "application/sdp, multipart/mixed, multipart/alternative, multipart/related";

impl UserAgent {
    /// Answers the request of a transaction with `status` and nothing more.
    pub(crate) fn respond_plain(&mut self, now: Instant, id: TransactionId, status: StatusCode) -> Option<Bytes> {
        self.respond_with(now, id, status, |_| {})
    }

    /// Answers the request of a transaction; `more` adds to the response. Gives what was sent.
    pub(crate) fn respond_with(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: StatusCode,
        more: impl FnOnce(&mut Response),
    ) -> Option<Bytes> {
        let limit = now + self.config.times.limit();
        let server = self.transactions.server(id)?;
        let invite = server.request.method == Method::Invite;
        // RFC 3261 8.2.6.2: all responses but a 100 have our tag.
        let tag = Some(server.tag.as_str()).filter(|_| status != StatusCode::TRYING);
        let mut response = server.request.respond(status, tag);
        more(&mut response);
        let bytes = response.to_bytes();
        server.last = Some(bytes.clone());
        match (status.is_provisional(), invite) {
            (true, _) => {}
            (false, true) => {
                server.state = if status.is_success() { ServerState::Accepted } else { ServerState::Completed };
                self.timers.set(limit, Timer::TransactionEnd(id));
            }
            // Timer J is zero on a reliable transport (C8).
            (false, false) => self.transactions.remove_server(id),
        }
        self.transmit(bytes.clone());
        Some(bytes)
    }

    /// Refuses the request of a transaction by itself, and says why in the log.
    pub(crate) fn refuse(&mut self, now: Instant, id: TransactionId, status: StatusCode, why: &'static str) {
        self.refuse_with(now, id, status, why, |_| {});
    }

    /// The same; `more` adds to the response.
    pub(crate) fn refuse_with(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: StatusCode,
        why: &'static str,
        more: impl FnOnce(&mut Response),
    ) {
        if let Some(method) = self.transactions.server(id).map(|server| server.request.method.clone()) {
            self.emit(Event::Refused(Refused { method: Some(method), status: Some(status), why }));
        }
        self.respond_with(now, id, status, more);
    }

    /// Something is left aside without an answer; the log says why.
    pub(crate) fn leave_aside(&mut self, method: Option<Method>, why: &'static str) {
        self.emit(Event::Refused(Refused { method, status: None, why }));
    }

    /// Refuses the request of a transaction, with the reason beside it where there is one (RFC 3261 20.43).
    pub(crate) fn respond_refusal(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: StatusCode,
        warning: Option<Warning>,
    ) {
        let value = warning.map(|warning| warning.value(&self.host));
        self.respond_with(now, id, status, |response| {
            if let Some(value) = &value {
                response.headers.push(HeaderName::Warning, value);
            }
        });
    }

    /// Answers a request without a transaction: it could not be read well enough for one.
    pub(crate) fn respond_stateless(&mut self, request: &Request, status: StatusCode) {
        let tag = self.token();
        let mut response = request.respond(status, Some(&tag));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers.push(HeaderName::Allow, ALLOW);
        }
        self.transmit(response.to_bytes());
    }

    /// What an answer to OPTIONS, and a 2xx to INVITE, says of us (RFC 3261 11.2).
    pub(crate) fn capabilities(supported: &str, response: &mut Response) {
        response.headers.push(HeaderName::Allow, ALLOW);
        response.headers.push(HeaderName::Accept, ACCEPT);
        response.headers.push(HeaderName::Supported, supported);
    }
}
