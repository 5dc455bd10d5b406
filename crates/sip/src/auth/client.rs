//! The client's side: choose a challenge, answer it, and remember the nonce for the next request.

use rand_chacha::ChaCha12Rng;

use super::{
    Algorithm, Realm, Refusal, Seen, Tries,
    known::Known,
    offered::{Offered, sent, strongest},
    same,
};
use crate::{
    header_name::HeaderName,
    headers::{AuthenticationInfo, Credentials},
    message::{Request, Response},
    method::Method,
    privacy::Secret,
};

/// Realms that are remembered: a server that makes up new ones does not make us grow.
const MOST_KNOWN: usize = 8;

/// What an account proves itself with.
#[derive(Debug)]
pub(crate) struct Authenticator {
    pub(crate) user: String,
    pub(crate) password: Option<Secret<String>>,
    known: Vec<Known>,
    seen: Seen,
    refusal: Option<Refusal>,
}

impl Authenticator {
    pub(crate) fn new(user: String, password: Option<Secret<String>>, seen: Seen) -> Self {
        Self { user, password, known: Vec::new(), seen, refusal: None }
    }

    /// Forgets what was met: the password is another one. What the server is like stays.
    pub(crate) fn set_password(&mut self, password: Option<Secret<String>>) {
        self.password = password;
        self.known.clear();
    }

    /// The algorithm that was used last.
    pub(crate) fn algorithm(&self) -> Option<&'static str> {
        self.known.last().map(|known| known.algorithm.name())
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Why the last challenge was not answered; nothing when it was.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// Puts credentials into a new request where the nonces of earlier ones may still be good.
    pub(crate) fn prepare(&mut self, request: &mut Request, rng: &mut ChaCha12Rng) {
        let register = request.method == Method::Register;
        let Some(password) = &self.password else { return };
        for known in self.known.iter_mut().filter(|known| known.register == register) {
            known.prove(&self.user, password, request, rng);
        }
    }

    /// Takes the challenges of a 401 or 407 and writes the answers into `request`, which is to be sent anew.
    ///
    /// # Errors
    /// [`Refusal`] when there is nothing to answer with, or nobody who may have an answer.
    pub(crate) fn answer(
        &mut self,
        challenged: &Response,
        request: &mut Request,
        tries: &mut Tries,
        within_call: bool,
        rng: &mut ChaCha12Rng,
    ) -> Result<(), Refusal> {
        let taken = self.take(challenged, request.method == Method::Register, tries, within_call);
        self.refusal = taken.err();
        taken?;
        request.headers.remove(&HeaderName::Authorization);
        request.headers.remove(&HeaderName::ProxyAuthorization);
        self.prepare(request, rng);
        Ok(())
    }

    /// Remembers the challenges that are to be answered: of each realm the strongest, and of several realms all that
    /// may have an answer (RFC 3261 22.3).
    fn take(
        &mut self,
        challenged: &Response,
        register: bool,
        tries: &mut Tries,
        within_call: bool,
    ) -> Result<(), Refusal> {
        let offered = strongest(challenged);
        if offered.is_empty() {
            return Err(Refusal::Unusable);
        }
        if self.password.is_none() {
            return Err(Refusal::NoPassword);
        }
        let mut refused = None;
        let mut taken = Vec::new();
        for one in offered {
            match self.judge(&one, within_call) {
                Ok(()) => taken.push(one),
                Err(refusal) => refused = refused.or(Some(refusal)),
            }
        }
        if let (true, Some(refusal)) = (taken.is_empty(), refused) {
            return Err(refusal);
        }
        for one in taken {
            if !tries.take(&one.realm, one.challenge.is_stale()) {
                return Err(Refusal::Rejected);
            }
            if register {
                self.seen.strongest = self.seen.strongest.max(Some(one.algorithm));
            }
            self.known.retain(|known| !(known.realm == one.realm && known.register == register));
            self.known.push(Known::new(one, register));
            if self.known.len() > MOST_KNOWN {
                self.known.remove(0);
            }
        }
        Ok(())
    }

    fn judge(&self, offered: &Offered, within_call: bool) -> Result<(), Refusal> {
        let name = &offered.realm.name;
        // S1, L1: once the registrar has taken a proof of ours, no other realm is given one. Before that the far end of
        // a call may send a 401 too; only a realm that the server used before gets an answer.
        let foreign = if self.seen.realms.is_empty() {
            within_call && !self.known.iter().any(|known| known.realm.name == *name)
        } else {
            !self.seen.realms.contains(name)
        };
        if foreign {
            return Err(Refusal::ForeignRealm);
        }
        // S13: who once had more than MD5 and asks for MD5 alone is not the same server, or somebody stands between.
        let strong = self.seen.strongest.is_some_and(|seen| seen > Algorithm::Md5);
        if strong && offered.algorithm == Algorithm::Md5 { Err(Refusal::Weaker) } else { Ok(()) }
    }

    /// Looks at what a 2xx to `request` says of our proof: the next nonce, and whether the server knows the password
    /// too (RFC 3261 20.6, RFC 7616 3.5).
    ///
    /// # Errors
    /// [`Refusal::Unproven`] when it says that it does and does not.
    pub(crate) fn confirmed(&mut self, request: &Request, response: &Response) -> Result<(), Refusal> {
        let register = request.method == Method::Register;
        let sent = sent(request);
        let info = response.headers.text(&HeaderName::AuthenticationInfo);
        if let Some(info) = info.and_then(|text| AuthenticationInfo::parse(&text).ok()) {
            // It names no realm; its cnonce tells which of our proofs it answers.
            let meant = |own: &&(Realm, Credentials)| {
                info.get("cnonce").is_none_or(|cnonce| own.1.get("cnonce") == Some(cnonce))
            };
            if let Some((realm, own)) = sent.iter().find(meant) {
                self.informed(realm, register, own, &info, response)?;
            }
        }
        // Only the registrar teaches: to an INVITE the far end may say what it likes (L1).
        if register {
            self.refusal = None;
            for (realm, _) in sent {
                if !self.seen.realms.contains(&realm.name) && self.seen.realms.len() < MOST_KNOWN {
                    self.seen.realms.push(realm.name);
                }
            }
        }
        Ok(())
    }

    fn informed(
        &mut self,
        realm: &Realm,
        register: bool,
        own: &Credentials,
        info: &AuthenticationInfo,
        response: &Response,
    ) -> Result<(), Refusal> {
        let known = self.known.iter_mut().find(|known| known.realm == *realm && known.register == register);
        let (Some(password), Some(known)) = (&self.password, known) else { return Ok(()) };
        if own.get("nonce") != Some(known.nonce.as_str()) {
            // Another answer has brought a newer one.
            return Ok(());
        }
        let right = info.get("rspauth").is_none_or(|proof| {
            same(known.counter_proof(&self.user, password, own, info, &response.body).as_bytes(), proof.as_bytes())
        });
        if !right {
            self.refusal = Some(Refusal::Unproven);
            return Err(Refusal::Unproven);
        }
        if let Some(next) = info.get("nextnonce").filter(|next| !next.is_empty()) {
            next.clone_into(&mut known.nonce);
            known.nc = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::{status::StatusCode, uri::Uri};

    fn challenged(lines: &[&str]) -> Response {
        let mut response = request().respond(StatusCode::UNAUTHORIZED, None);
        for line in lines {
            response.headers.push(HeaderName::WwwAuthenticate, line);
        }
        response
    }

    fn request() -> Request {
        Request::new(Method::Register, Uri::parse("sip:example.com").expect("a URI"))
    }

    fn proof(request: &Request) -> Credentials {
        Credentials::parse(&request.headers.text(&HeaderName::Authorization).expect("an answer")).expect("well formed")
    }

    #[test]
    fn the_strongest_known_challenge_is_answered() {
        let mut own = Authenticator::new("bob".into(), Some(Secret::new("pw".into())), Seen::default());
        let (mut request, mut tries, mut rng) = (request(), Tries::default(), ChaCha12Rng::from_seed([1; 32]));
        let lines = [
            r#"Digest realm="r", nonce="n1", algorithm=MD5, qop="auth""#,
            r#"Digest realm="r", nonce="n2", algorithm=SHA-512-256, qop="auth", opaque="o""#,
            r#"Digest realm="r", nonce="n3", algorithm=SHA3, qop="auth""#,
            r#"Basic realm="r""#,
        ];
        own.answer(&challenged(&lines), &mut request, &mut tries, false, &mut rng).expect("answered");
        let proof = proof(&request);
        assert_eq!(
            (proof.get("nonce"), proof.get("algorithm"), proof.get("opaque"), proof.get("nc")),
            (Some("n2"), Some("SHA-512-256"), Some("o"), Some("00000001"))
        );
        assert_eq!(own.algorithm(), Some("SHA-512-256"));
    }

    #[test]
    fn what_was_refused_is_not_sent_again() {
        let mut own = Authenticator::new("bob".into(), Some(Secret::new("pw".into())), Seen::default());
        let (mut request, mut tries, mut rng) = (request(), Tries::default(), ChaCha12Rng::from_seed([1; 32]));
        let line = |stale| format!(r#"Digest realm="r", nonce="n", stale={stale}"#);
        own.answer(&challenged(&[&line("false")]), &mut request, &mut tries, false, &mut rng).expect("the first time");
        assert_eq!(
            own.answer(&challenged(&[&line("false")]), &mut request, &mut tries, false, &mut rng),
            Err(Refusal::Rejected)
        );
        own.answer(&challenged(&[&line("true")]), &mut request, &mut tries, false, &mut rng)
            .expect("a stale nonce is no refusal");
        assert!(proof(&request).get("qop").is_none(), "a challenge of RFC 2069 has no qop");
        assert_eq!(request.headers.get_all(&HeaderName::Authorization).count(), 1);
    }

    #[test]
    fn nobody_else_gets_a_proof() {
        let (mut request, mut tries, mut rng) = (request(), Tries::default(), ChaCha12Rng::from_seed([1; 32]));
        let mut own = Authenticator::new("bob".into(), Some(Secret::new("pw".into())), Seen::default());
        let line = r#"Digest realm="evil", nonce="n""#;
        assert_eq!(
            own.answer(&challenged(&[line]), &mut request, &mut tries, true, &mut rng),
            Err(Refusal::ForeignRealm)
        );
        for useless in [
            r#"Basic realm="r""#,
            r#"Digest realm="r""#,
            r#"Digest realm="r", nonce="n", qop="auth-conf""#,
            r#"Digest realm="r", nonce="n", algorithm=MD4"#,
            "x",
        ] {
            assert_eq!(
                own.answer(&challenged(&[useless]), &mut request, &mut tries, false, &mut rng),
                Err(Refusal::Unusable),
                "{useless}"
            );
        }
        own.set_password(None);
        assert_eq!(
            own.answer(&challenged(&[line]), &mut request, &mut tries, false, &mut rng),
            Err(Refusal::NoPassword)
        );
        assert!(request.headers.get(&HeaderName::Authorization).is_none());
    }

    #[test]
    fn a_nonce_is_used_again_with_the_next_count() {
        let mut own = Authenticator::new("bob".into(), Some(Secret::new("pw".into())), Seen::default());
        let (mut first, mut tries, mut rng) = (request(), Tries::default(), ChaCha12Rng::from_seed([1; 32]));
        own.answer(
            &challenged(&[r#"Digest realm="r", nonce="n", qop="auth-int, auth""#]),
            &mut first,
            &mut tries,
            false,
            &mut rng,
        )
        .expect("answered");
        let mut second = request();
        own.prepare(&mut second, &mut rng);
        assert_eq!((proof(&second).get("nc"), proof(&second).get("qop")), (Some("00000002"), Some("auth")));
        let mut invite = Request::new(Method::Invite, Uri::parse("sip:bob@example.com").expect("a URI"));
        own.prepare(&mut invite, &mut rng);
        assert!(
            invite.headers.get(&HeaderName::Authorization).is_none(),
            "what the registrar asked is not told to others"
        );
    }
}
