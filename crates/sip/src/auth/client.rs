//! The client's side: choose a challenge, answer it, and remember the nonce for the next request.

use rand::RngCore;
use rand_chacha::ChaCha12Rng;

use super::{Algorithm, Inputs, response};
use crate::{
    header_name::HeaderName,
    headers::{Challenge, Credentials},
    message::{Request, Response},
    method::Method,
    privacy::Secret,
    transaction::Tries,
};

/// Fresh challenges that are answered with the same password before it counts as wrong (C70).
const MOST_ANSWERS: u8 = 1;
/// Stale nonces in a row that are replaced without asking.
const MOST_STALE: u8 = 2;

/// Why a challenge is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no password.
    NoPassword,
    /// What we know was refused.
    Rejected,
    /// None of the challenges is a Digest that we know.
    Unusable,
    /// A realm that this account has never met, in the middle of a call (CONFORMANCE L1).
    ForeignRealm,
}

/// What an account proves itself with.
#[derive(Debug)]
pub(crate) struct Authenticator {
    pub(crate) user: String,
    pub(crate) password: Option<Secret<String>>,
    known: Vec<Known>,
}

/// A realm that was met, with its last nonce.
#[derive(Debug)]
struct Known {
    proxy: bool,
    register: bool,
    challenge: Challenge,
    algorithm: Algorithm,
    session: bool,
    nc: u32,
}

impl Authenticator {
    pub(crate) fn new(user: String, password: Option<Secret<String>>) -> Self {
        Self { user, password, known: Vec::new() }
    }

    /// Forgets what was met: the password is another one.
    pub(crate) fn set_password(&mut self, password: Option<Secret<String>>) {
        self.password = password;
        self.known.clear();
    }

    /// The algorithm that was used last.
    pub(crate) fn algorithm(&self) -> Option<&'static str> {
        self.known.last().map(|known| known.algorithm.name())
    }

    /// Puts credentials into a new request where the nonces of earlier ones may still be good.
    pub(crate) fn prepare(&mut self, request: &mut Request, rng: &mut ChaCha12Rng) {
        let register = request.method == Method::Register;
        for at in 0..self.known.len() {
            if self.known[at].register == register {
                self.write(at, request, rng);
            }
        }
    }

    /// Takes the challenges of a 401 or 407 and writes the answer into `request`, which is to be sent anew.
    ///
    /// # Errors
    /// [`Refusal`] when there is nothing to answer with.
    pub(crate) fn answer(
        &mut self,
        challenged: &Response,
        request: &mut Request,
        tries: &mut Tries,
        within_call: bool,
        rng: &mut ChaCha12Rng,
    ) -> Result<(), Refusal> {
        let proxy = challenged.status.code() == 407;
        let header = if proxy { HeaderName::ProxyAuthenticate } else { HeaderName::WwwAuthenticate };
        let (challenge, (algorithm, session)) = strongest(challenged, &header).ok_or(Refusal::Unusable)?;
        let realm = challenge.get("realm").ok_or(Refusal::Unusable)?.to_owned();
        if self.password.is_none() {
            return Err(Refusal::NoPassword);
        }
        // L1: the far end of a call may send a 401 too; only a realm that the server used before gets an answer.
        if within_call && !self.known.iter().any(|known| known.challenge.get("realm") == Some(&realm)) {
            return Err(Refusal::ForeignRealm);
        }
        let count =
            if challenge.is_stale() { (&mut tries.stale, MOST_STALE) } else { (&mut tries.answered, MOST_ANSWERS) };
        if *count.0 >= count.1 {
            return Err(Refusal::Rejected);
        }
        *count.0 += 1;
        let register = request.method == Method::Register;
        self.known.retain(|known| {
            !(known.proxy == proxy
                && known.register == register
                && known.challenge.get("realm") == Some(realm.as_str()))
        });
        self.known.push(Known { proxy, register, challenge, algorithm, session, nc: 0 });
        // Realms are few; a server that makes up new ones does not make us grow.
        if self.known.len() > 8 {
            self.known.remove(0);
        }
        request.headers.remove(if proxy { &HeaderName::ProxyAuthorization } else { &HeaderName::Authorization });
        for at in 0..self.known.len() {
            if self.known[at].proxy == proxy && self.known[at].register == register {
                self.write(at, request, rng);
            }
        }
        Ok(())
    }

    fn write(&mut self, at: usize, request: &mut Request, rng: &mut ChaCha12Rng) {
        let (Some(password), Some(known)) = (&self.password, self.known.get_mut(at)) else { return };
        known.nc = known.nc.wrapping_add(1);
        let (nc, cnonce) = (format!("{:08x}", known.nc), format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()));
        let field = |name| known.challenge.get(name).unwrap_or_default();
        let (realm, nonce, uri, method) =
            (field("realm"), field("nonce"), request.uri.to_string(), request.method.to_string());
        let qop = known.challenge.get("qop").and_then(chosen_qop);
        let proof = response(&Inputs {
            algorithm: known.algorithm,
            session: known.session,
            user: &self.user,
            realm,
            password,
            method: &method,
            uri: &uri,
            nonce,
            qop: qop.map(|qop| (qop, nc.as_str(), cnonce.as_str())),
            cnonce: &cnonce,
            body: &request.body,
        });
        let mut fields = vec![
            ("username", self.user.as_str()),
            ("realm", realm),
            ("nonce", nonce),
            ("uri", &uri),
            ("response", &proof),
        ];
        // A challenge without an algorithm is answered without one: old servers compare the field.
        fields.extend(known.challenge.get("algorithm").map(|algorithm| ("algorithm", algorithm)));
        if qop.is_some() || known.session {
            fields.push(("cnonce", &cnonce));
        }
        if let Some(qop) = qop {
            fields.extend([("qop", qop), ("nc", nc.as_str())]);
        }
        fields.extend(known.challenge.get("opaque").map(|opaque| ("opaque", opaque)));
        let header = if known.proxy { HeaderName::ProxyAuthorization } else { HeaderName::Authorization };
        request.headers.push(header, &Credentials::digest(&fields).to_string());
    }
}

/// The strongest Digest challenge that we know (RFC 8760 2.4 lets the client choose).
fn strongest(challenged: &Response, header: &HeaderName) -> Option<(Challenge, (Algorithm, bool))> {
    challenged
        .headers
        .get_all(header)
        .filter_map(|line| Challenge::parse(&String::from_utf8_lossy(line)).ok())
        .filter(|challenge| challenge.scheme.eq_ignore_ascii_case("Digest") && challenge.get("nonce").is_some())
        .filter(|challenge| challenge.get("qop").is_none_or(|offered| chosen_qop(offered).is_some()))
        .filter_map(|challenge| Algorithm::parse(challenge.get("algorithm")).map(|algorithm| (challenge, algorithm)))
        .reduce(|best, next| if next.1.0 > best.1.0 { next } else { best })
}

/// `auth` where it is offered, else `auth-int`; nothing when neither is.
fn chosen_qop(offered: &str) -> Option<&'static str> {
    ["auth", "auth-int"].into_iter().find(|own| offered.split(',').any(|token| token.trim().eq_ignore_ascii_case(own)))
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
        let mut own = Authenticator::new("bob".into(), Some(Secret::new("pw".into())));
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
        let mut own = Authenticator::new("bob".into(), Some(Secret::new("pw".into())));
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
        let mut own = Authenticator::new("bob".into(), Some(Secret::new("pw".into())));
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
        let mut own = Authenticator::new("bob".into(), Some(Secret::new("pw".into())));
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
