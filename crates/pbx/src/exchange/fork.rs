//! INVITEs that are not answered yet (RFC 3261 16.7): one goes to every Contact of who is called, the first 2xx wins and
//! the best refusal counts.
//!
//! ```text
//! Fork: branch … branch ──2xx──▶ passed on, the others cancelled: "elsewhere"
//!          │ 3xx-6xx: acknowledged, kept ──all final──▶ the best one passed on ──▶ ∅
//!          └ the caller's CANCEL, or its connection gone ──▶ all cancelled
//! ```

use bytes::Bytes;
use rand::RngCore;
use sip::{
    HeaderName, Method, NameAddr, Request, Response, StatusCode, Uri,
    headers::{CSeq, Via},
};

use super::{ConnectionId, Exchange};

/// The most INVITEs of one connection that are not answered yet.
const MOST_FORKS: usize = 8;
/// What a CANCEL says to those who were too late (RFC 3326 3.1).
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// One INVITE.
#[derive(Debug)]
pub(crate) struct Fork {
    caller: ConnectionId,
    /// As it came.
    request: Request,
    branches: Vec<Branch>,
    answered: bool,
    cancelled: bool,
}

/// One of those it went to.
#[derive(Debug)]
struct Branch {
    name: String,
    to: ConnectionId,
    /// As it was sent.
    request: Request,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was heard. A CANCEL has to wait (RFC 3261 9.1): this is the reason it will give, if one is wanted.
    Silent(Option<Option<&'static str>>),
    /// It rings, or is tried.
    Proceeding,
    /// It gave a refusal; nothing, when it gave a 2xx.
    Final(Option<Box<Response>>),
}

impl Exchange {
    pub(super) fn fork(&mut self, caller: ConnectionId, request: Request, targets: Vec<(ConnectionId, Uri)>) {
        if self.forks.iter().any(|fork| fork.caller == caller && fork.request.branch() == request.branch()) {
            return;
        }
        if self.forks.iter().filter(|fork| fork.caller == caller).count() >= MOST_FORKS {
            return self.answer(caller, &request, StatusCode::SERVICE_UNAVAILABLE);
        }
        self.answer(caller, &request, StatusCode::TRYING);
        let mut branches = Vec::new();
        for (to, uri) in targets {
            let unique = self.rng.next_u64();
            let name = self.branch(caller, unique);
            let request = self.prepared(request.clone(), uri, &name);
            self.send(to, request.to_bytes());
            branches.push(Branch { name, to, request, state: State::Silent(None) });
        }
        self.forks.push(Fork { caller, request, branches, answered: false, cancelled: false });
    }

    /// The caller gives up.
    pub(super) fn cancel(&mut self, from: ConnectionId, request: &Request) {
        let of = |fork: &Fork| fork.caller == from && fork.request.branch() == request.branch();
        let Some(at) = self.forks.iter().position(of) else {
            return self.answer(from, request, StatusCode::NO_SUCH_CALL);
        };
        self.answer(from, request, StatusCode::OK);
        self.cancel_rest(at, None);
    }

    /// A connection is gone: what it asked for is cancelled, what it was asked is refused.
    pub(super) fn forks_closed(&mut self, id: ConnectionId) {
        for at in (0..self.forks.len()).rev() {
            if self.forks[at].caller == id {
                self.cancel_rest(at, None);
            }
            let request = self.forks[at].request.clone();
            for branch in self.forks[at].branches.iter_mut().filter(|branch| branch.to == id) {
                if !matches!(branch.state, State::Final(_)) {
                    let response = request.respond(StatusCode::TEMPORARILY_UNAVAILABLE, Some("gone"));
                    branch.state = State::Final(Some(Box::new(response)));
                }
            }
            self.finish(at);
        }
    }

    /// Takes a response whose Via is off already. Says whether it belonged here.
    pub(super) fn fork_response(&mut self, branch: &str, response: &Response) -> bool {
        let found = self.forks.iter().enumerate().find_map(|(at, fork)| {
            let branch = fork.branches.iter().position(|own| own.name == branch)?;
            Some((at, branch))
        });
        let Some((at, index)) = found else { return false };
        // The answer to a CANCEL of ours has the branch of the INVITE (RFC 3261 9.1).
        if response.cseq().is_none_or(|cseq| cseq.method != Method::Invite) {
            return true;
        }
        let (caller, quiet) = (self.forks[at].caller, self.forks[at].cancelled || self.forks[at].answered);
        let branch = &mut self.forks[at].branches[index];
        if response.status.is_provisional() {
            if let State::Silent(cancel) = branch.state {
                branch.state = State::Proceeding;
                if let Some(reason) = cancel {
                    let (to, bytes) = (branch.to, cancel_of(&branch.request, reason));
                    self.send(to, bytes);
                }
            }
            // A 100 is for the next hop only.
            if response.status != StatusCode::TRYING && !quiet {
                self.send(caller, response.to_bytes());
            }
        } else if response.status.is_success() {
            // RFC 3261 16.7, item 5: every 2xx is passed on at once.
            branch.state = State::Final(None);
            self.forks[at].answered = true;
            self.send(caller, response.to_bytes());
            self.cancel_rest(at, Some(ELSEWHERE));
            self.finish(at);
        } else {
            let (to, ack) = (branch.to, ack_of(&branch.request, response));
            branch.state = State::Final(Some(Box::new(response.clone())));
            self.send(to, ack);
            // RFC 3261 16.7, item 5: nobody else need be asked after a 6xx.
            if response.status.class() == 6 {
                self.cancel_rest(at, None);
            }
            self.finish(at);
        }
        true
    }

    fn cancel_rest(&mut self, at: usize, reason: Option<&'static str>) {
        self.forks[at].cancelled = true;
        let mut sent = Vec::new();
        for branch in &mut self.forks[at].branches {
            match &mut branch.state {
                State::Silent(wanted) => *wanted = Some(reason),
                State::Proceeding => sent.push((branch.to, cancel_of(&branch.request, reason))),
                State::Final(_) => {}
            }
        }
        for (to, bytes) in sent {
            self.send(to, bytes);
        }
    }

    /// When all have answered: the best refusal goes to the caller, unless somebody took the call.
    fn finish(&mut self, at: usize) {
        let all = &self.forks[at].branches;
        if !all.iter().all(|branch| matches!(branch.state, State::Final(_))) {
            return;
        }
        let fork = self.forks.remove(at);
        if fork.answered {
            return;
        }
        let refusals = fork.branches.into_iter().filter_map(|branch| match branch.state {
            State::Final(refusal) => refusal,
            _ => None,
        });
        // RFC 3261 16.7, item 6: a 6xx, else the lowest class.
        if let Some(best) = refusals.min_by_key(|response| (response.status.class() != 6, response.status)) {
            self.send(fork.caller, best.to_bytes());
        }
    }
}

/// RFC 3261 9.1: a CANCEL has the Request-URI, the Via, From, To, Call-ID and the CSeq number of what it cancels.
fn cancel_of(invite: &Request, reason: Option<&str>) -> Bytes {
    let mut cancel = within(invite, Method::Cancel, None);
    if let Some(reason) = reason {
        cancel.headers.push(HeaderName::Reason, reason);
    }
    cancel.to_bytes()
}

/// RFC 3261 17.1.1.3: the ACK of a refusal has the branch of the INVITE and the To of the refusal.
fn ack_of(invite: &Request, refusal: &Response) -> Bytes {
    within(invite, Method::Ack, refusal.headers.name_addr(&HeaderName::To)).to_bytes()
}

fn within(invite: &Request, method: Method, to: Option<NameAddr>) -> Request {
    let mut request = Request::new(method.clone(), invite.uri.clone());
    let headers = &mut request.headers;
    if let Some(Ok(via)) = invite.headers.typed::<Via>() {
        headers.push(HeaderName::Via, &via.to_string());
    }
    headers.push(HeaderName::MaxForwards, "70");
    for name in [HeaderName::From, HeaderName::To, HeaderName::CallId] {
        let own = invite.headers.text(&name).unwrap_or_default();
        match &to {
            Some(to) if name == HeaderName::To => headers.push(name, &to.to_string()),
            _ => headers.push(name, &own),
        }
    }
    let number = invite.headers.typed::<CSeq>().and_then(Result::ok).map_or(1, |cseq| cseq.number);
    headers.push(HeaderName::CSeq, &CSeq { number, method }.to_string());
    request
}
