//! The proxy (RFC 3261 16): where a request goes, and what is written into it on the way.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Instant,
};

use sip::{HeaderName, Method, NameAddr, Params, Request, Response, StatusCode, Uri, headers::Via};

use super::{ConnectionId, Exchange};

/// What begins the branches of ours; the connection that the request came from follows.
const COOKIE: &str = "z9hG4bKpbx";

impl Exchange {
    /// RFC 3261 16.3 to 16.6.
    pub(super) fn route(&mut self, now: Instant, from: ConnectionId, mut request: Request) {
        let ack = request.method == Method::Ack;
        if request.headers.seconds(&HeaderName::MaxForwards) == Some(0) {
            if !ack {
                self.answer(from, &request, StatusCode::TOO_MANY_HOPS);
            }
            return;
        }
        if let Some(wanted) = request.headers.text(&HeaderName::ProxyRequire).map(std::borrow::Cow::into_owned) {
            return self.answer_with(from, &request, StatusCode::BAD_EXTENSION, |response| {
                response.headers.push(HeaderName::Unsupported, &wanted);
            });
        }
        self.strip_routes(&mut request);
        let within = request.headers.name_addr(&HeaderName::To).is_some_and(|to| to.tag().is_some());
        if within || ack {
            return match self.reached(now, &request.uri) {
                Some((to, uri)) => self.forward(from, to, request, uri),
                // RFC 3261 17.1.1.3: the ACK of a refusal ends here; nobody waits for an answer.
                None if ack => {}
                None => self.answer(from, &request, StatusCode::TEMPORARILY_UNAVAILABLE),
            };
        }
        if self.is_from_its_user(from, &request) {
            self.deliver(now, from, request);
        }
    }

    /// A request outside a dialog of somebody who proved it.
    fn deliver(&mut self, now: Instant, from: ConnectionId, request: Request) {
        if request.uri.host.as_ref() != Some(&self.domain) {
            return match self.reached(now, &request.uri) {
                Some((to, uri)) => self.begin(from, request, vec![(to, uri)]),
                None => self.answer(from, &request, StatusCode::NOT_FOUND),
            };
        }
        let Some(name) = request.uri.user_text() else {
            let status = if request.method == Method::Options { StatusCode::OK } else { StatusCode::NOT_FOUND };
            return self.answer_with(from, &request, status, |response| {
                response.headers.push(HeaderName::Allow, "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER");
                response.headers.push(HeaderName::Accept, "application/sdp");
            });
        };
        if let Some(service) = self.service(&name) {
            let uri = request.uri.clone();
            return self.begin(from, request, vec![(service, uri)]);
        }
        if self.user(&name).is_none() {
            return self.answer(from, &request, StatusCode::NOT_FOUND);
        }
        let gr = request.uri.params.get("gr");
        let targets: Vec<_> = self
            .find(now, &name, gr.as_deref())
            .into_iter()
            .map(|binding| (binding.connection, binding.contact.uri))
            .collect();
        if targets.is_empty() {
            return self.answer(from, &request, StatusCode::TEMPORARILY_UNAVAILABLE);
        }
        self.begin(from, request, targets);
    }

    fn begin(&mut self, from: ConnectionId, request: Request, targets: Vec<(ConnectionId, Uri)>) {
        if request.method == Method::Invite {
            self.fork(from, request, targets);
        } else if let Some((to, uri)) = targets.into_iter().next_back() {
            self.forward(from, to, request, uri);
        }
    }

    /// Is From a user of ours who proves it (RFC 3261 22.3)? If not, the request is answered.
    fn is_from_its_user(&mut self, from: ConnectionId, request: &Request) -> bool {
        let Some(name) = request.headers.name_addr(&HeaderName::From).and_then(|from| from.uri.user_text()) else {
            self.answer(from, request, StatusCode::FORBIDDEN);
            return false;
        };
        self.proves(from, request, &name, StatusCode::PROXY_AUTHENTICATION_REQUIRED)
    }

    /// Who has this Contact or this GRUU, and under which URI it knows itself.
    fn reached(&self, now: Instant, uri: &Uri) -> Option<(ConnectionId, Uri)> {
        let user = uri.user_text()?;
        if let (Some(gr), true) = (uri.params.get("gr"), uri.host.as_ref() == Some(&self.domain)) {
            let binding = self.find(now, &user, Some(&gr)).pop()?;
            return Some((binding.connection, binding.contact.uri));
        }
        let host = uri.host.as_ref()?;
        self.connections.iter().find_map(|(id, connection)| {
            let own = connection.contacts.iter().any(|(own, at)| *own == user && at == host);
            own.then(|| (*id, uri.clone()))
        })
    }

    fn service(&self, number: &str) -> Option<ConnectionId> {
        let of = |connection: &super::Connection| connection.service.as_deref() == Some(number);
        self.connections.iter().find(|(_, connection)| of(connection)).map(|(id, _)| *id)
    }

    /// RFC 3261 16.4: a Route that is ours has done its work.
    fn strip_routes(&self, request: &mut Request) {
        let routes = request.headers.name_addrs(&HeaderName::Route);
        request.headers.remove(&HeaderName::Route);
        for route in routes.iter().filter(|route| route.uri.host.as_ref() != Some(&self.domain)) {
            request.headers.push(HeaderName::Route, &route.to_string());
        }
    }

    /// Sends a request on without remembering it (RFC 3261 16.11): the branch is a function of the one it came with,
    /// so that an ACK or a CANCEL finds the same transaction.
    fn forward(&mut self, from: ConnectionId, to: ConnectionId, request: Request, uri: Uri) {
        let mut hash = DefaultHasher::new();
        (request.branch(), from).hash(&mut hash);
        let branch = self.branch(from, hash.finish());
        let request = self.prepared(request, uri, &branch);
        self.send(to, request.to_bytes());
    }

    /// The branch of a request that came from `from`.
    pub(super) fn branch(&self, from: ConnectionId, unique: u64) -> String {
        format!("{COOKIE}.{:x}.{unique:016x}", from.0)
    }

    /// RFC 3261 16.6: what every request gets on its way.
    pub(super) fn prepared(&self, mut request: Request, uri: Uri, branch: &str) -> Request {
        request.uri = uri;
        let hops = request.headers.seconds(&HeaderName::MaxForwards).unwrap_or(70).clamp(1, 70) - 1;
        request.headers.set(HeaderName::MaxForwards, &hops.to_string());
        // The proof was for us; who is called could use it. An identity is asserted by servers only (RFC 3325 5).
        for own in [HeaderName::ProxyAuthorization, HeaderName::Authorization, HeaderName::PAssertedIdentity] {
            request.headers.remove(&own);
        }
        if request.method == Method::Invite {
            let mut own = Uri::sip(None, self.domain.clone());
            own.params.set("transport", "ws");
            own.params.flag("lr");
            request.headers.push_front(HeaderName::RecordRoute, &NameAddr::new(own).to_string());
        }
        request.headers.push_front(HeaderName::Via, &self.via(branch).to_string());
        request
    }

    pub(super) fn via(&self, branch: &str) -> Via {
        let mut params = Params::new();
        params.set("branch", branch);
        Via { transport: "WSS".into(), host: self.domain.clone(), port: None, params }
    }

    /// RFC 3261 16.7, items 1 and 3: our Via comes off; its branch is given.
    pub(super) fn pop_via(&self, response: &mut Response) -> Option<String> {
        let all = response.headers.elements(&HeaderName::Via);
        let top = response.headers.typed::<Via>()?.ok()?;
        if top.host != self.domain || all.len() < 2 {
            return None;
        }
        response.headers.remove(&HeaderName::Via);
        for via in all.iter().skip(1).rev() {
            response.headers.push_front(HeaderName::Via, via);
        }
        top.branch().map(str::to_owned)
    }
}

/// The connection that a branch of ours names.
pub(super) fn origin(branch: &str) -> Option<ConnectionId> {
    let (id, _) = branch.strip_prefix(COOKIE)?.strip_prefix('.')?.split_once('.')?;
    u64::from_str_radix(id, 16).ok().map(ConnectionId)
}
