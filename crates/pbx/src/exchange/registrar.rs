//! The registrar (RFC 3261 10.3, RFC 5626 6, RFC 5627 5).

use std::time::{Duration, Instant};

use sip::{
    HeaderName, NameAddr, Request, Secret, StatusCode,
    auth::{Verdict, Verifier},
    headers::Contact,
};

use super::{ConnectionId, Exchange};

/// The shortest time that is granted (RFC 3261 10.3, item 7).
const SHORTEST: u32 = 60;
/// The longest.
const LONGEST: u32 = 3600;
/// The most Contacts of one user; the oldest goes.
const MOST_BINDINGS: usize = 8;

/// Where a user is reached.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) user: String,
    pub(crate) contact: NameAddr,
    pub(crate) connection: ConnectionId,
    /// `+sip.instance` and `reg-id`: a later one with the same takes its place (RFC 5626 6).
    flow: Option<(String, u32)>,
    ends: Instant,
}

impl Exchange {
    pub(super) fn register(&mut self, now: Instant, from: ConnectionId, request: &Request) {
        if let Some((status, after)) = self.faults.refuse_register {
            return self.answer_with(from, request, status, |response| {
                if let Some(after) = after {
                    response.headers.push(HeaderName::RetryAfter, &after.as_secs().to_string());
                }
            });
        }
        let Some(user) = request.headers.name_addr(&HeaderName::To).and_then(|to| to.uri.user_text()) else {
            return self.answer(from, request, StatusCode::BAD_REQUEST);
        };
        if !self.proves(from, request, &user, StatusCode::UNAUTHORIZED) {
            return;
        }
        self.bindings.retain(|binding| binding.ends > now);
        let asked = request.headers.seconds(&HeaderName::Expires);
        for contact in request.headers.all::<Contact>() {
            match contact {
                // RFC 3261 10.2.2: `*` goes only with Expires 0.
                Contact::All if asked == Some(0) => self.bindings.retain(|binding| binding.user != user),
                Contact::All => return self.answer(from, request, StatusCode::BAD_REQUEST),
                Contact::Address(address) => {
                    let expires = address.params.number("expires").or(asked).unwrap_or(LONGEST);
                    if expires > 0 && expires < SHORTEST {
                        return self.answer_with(from, request, StatusCode::INTERVAL_TOO_BRIEF, |response| {
                            response.headers.push(HeaderName::MinExpires, &SHORTEST.to_string());
                        });
                    }
                    self.bind(now, from, &user, address, expires.min(LONGEST));
                }
            }
        }
        self.learn(from, &request.headers);
        self.registered(now, from, request, &user);
    }

    fn bind(&mut self, now: Instant, from: ConnectionId, user: &str, contact: NameAddr, expires: u32) {
        let flow = contact.params.get("+sip.instance").zip(contact.params.number("reg-id"));
        self.bindings.retain(|own| {
            let same = own.contact.uri.is_equivalent(&contact.uri) || (flow.is_some() && own.flow == flow);
            own.user != user || !same
        });
        if expires == 0 {
            return;
        }
        let of_user = self.bindings.iter().filter(|own| own.user == user).count();
        if of_user >= MOST_BINDINGS
            && let Some(oldest) = self.bindings.iter().position(|own| own.user == user)
        {
            self.bindings.remove(oldest);
        }
        let ends = now + Duration::from_secs(expires.into());
        self.bindings.push(Binding { user: user.to_owned(), contact, connection: from, flow, ends });
    }

    /// RFC 3261 10.3, item 8: a 200 lists what is bound and for how long.
    fn registered(&mut self, now: Instant, from: ConnectionId, request: &Request, user: &str) {
        let contacts: Vec<String> = self
            .bindings
            .iter()
            .filter(|binding| binding.user == user)
            .map(|binding| {
                let mut contact = binding.contact.clone();
                let left = binding.ends.saturating_duration_since(now).as_secs();
                contact.params.set("expires", &left.to_string());
                if let (true, Some(gruu)) = (self.gruu, self.gruu_of(binding)) {
                    contact.params.set_quoted("pub-gruu", &gruu);
                }
                contact.to_string()
            })
            .collect();
        let outbound = request.headers.has_token(&HeaderName::Supported, "outbound")
            && self.bindings.iter().any(|binding| binding.connection == from && binding.flow.is_some());
        self.answer_with(from, request, StatusCode::OK, |response| {
            for contact in &contacts {
                response.headers.push(HeaderName::Contact, contact);
            }
            response.headers.push(HeaderName::Supported, "path, outbound, gruu");
            // RFC 5626 6: so the phone learns that it may rely on it.
            if outbound {
                response.headers.push(HeaderName::Require, "outbound");
            }
        });
    }

    /// RFC 5627 5.1: the address of record with the instance in `gr`.
    fn gruu_of(&self, binding: &Binding) -> Option<String> {
        let (instance, _) = binding.flow.as_ref()?;
        Some(format!("sip:{}@{};gr={}", binding.user, self.domain, instance.trim_matches(['<', '>'])))
    }

    /// Where `user` is reached now; `gr` picks one instance (RFC 5627 5.1).
    pub(super) fn find(&self, now: Instant, user: &str, gr: Option<&str>) -> Vec<Binding> {
        let of_instance = |binding: &Binding| match (gr, &binding.flow) {
            (None, _) => true,
            (Some(gr), Some((instance, _))) => instance.trim_matches(['<', '>']).eq_ignore_ascii_case(gr),
            (Some(_), None) => false,
        };
        let here = self.bindings.iter().filter(|own| own.user == user && own.ends > now);
        here.filter(|own| of_instance(own)).cloned().collect()
    }

    /// Is the request of `user`? If not, it is answered.
    pub(super) fn proves(&mut self, from: ConnectionId, request: &Request, user: &str, challenge: StatusCode) -> bool {
        if self.connections.get(&from).is_some_and(|connection| connection.service.is_some()) {
            return true;
        }
        let Some(password) = self.user(user).map(|user| user.password.clone()) else {
            self.answer(from, request, StatusCode::NOT_FOUND);
            return false;
        };
        // No user has this one, so every proof is wrong.
        let password = if self.faults.wrong_passwords { Secret::new(String::new()) } else { password };
        let claimed = Verifier::user(request);
        match self.verifier.verify(request, &password) {
            Verdict::Proven if claimed.as_deref() == Some(user) => return true,
            // A proof for somebody else (RFC 3261 10.3, item 4).
            Verdict::Proven => self.answer(from, request, StatusCode::FORBIDDEN),
            verdict => {
                let tag = self.token();
                let response = self.verifier.challenge(request, challenge, &tag, verdict == Verdict::Stale);
                self.send(from, response.to_bytes());
            }
        }
        false
    }
}
