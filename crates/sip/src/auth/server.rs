//! The server's side, for the practice line and the tests: make challenges, and check what answers them.

use rand::RngCore;
use rand_chacha::ChaCha12Rng;

use super::{Algorithm, Inputs, response, same};
use crate::{
    header_name::HeaderName,
    headers::{Challenge, Credentials},
    message::{Request, Response},
    privacy::Secret,
    status::StatusCode,
};

/// The most nonces that are remembered; older ones are stale.
const MOST_NONCES: usize = 256;

/// Checks the credentials of requests.
#[derive(Debug)]
pub struct Verifier {
    realm: String,
    algorithms: Vec<Algorithm>,
    nonces: Vec<(String, u32)>,
    rng: ChaCha12Rng,
}

/// What a request proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The user is who it says.
    Proven,
    /// There are no credentials: challenge.
    Missing,
    /// They are right but the nonce is too old or was used: challenge with `stale`.
    Stale,
    /// They are wrong.
    Wrong,
}

impl Verifier {
    /// Checks for `realm`, with challenges of `algorithms`, the preferred first.
    #[must_use]
    pub fn new(realm: &str, algorithms: &[Algorithm], rng: ChaCha12Rng) -> Self {
        Self { realm: realm.to_owned(), algorithms: algorithms.to_vec(), nonces: Vec::new(), rng }
    }

    /// The user name that a request gives, before anything is proven.
    #[must_use]
    pub fn user(request: &Request) -> Option<String> {
        credentials(request)?.get("username").map(str::to_owned)
    }

    /// A 401 or 407 with our challenges.
    pub fn challenge(&mut self, request: &Request, status: StatusCode, tag: &str, stale: bool) -> Response {
        let mut answer = request.respond(status, Some(tag));
        let header = if status.code() == 407 { HeaderName::ProxyAuthenticate } else { HeaderName::WwwAuthenticate };
        let nonce = format!("{:016x}{:016x}", self.rng.next_u64(), self.rng.next_u64());
        self.nonces.push((nonce.clone(), 0));
        if self.nonces.len() > MOST_NONCES {
            self.nonces.remove(0);
        }
        for algorithm in &self.algorithms {
            let mut fields = vec![
                ("realm", self.realm.as_str()),
                ("nonce", &nonce),
                ("algorithm", algorithm.name()),
                ("qop", "auth"),
            ];
            if stale {
                fields.push(("stale", "true"));
            }
            answer.headers.push(header.clone(), &Challenge::digest(&fields).to_string());
        }
        answer
    }

    /// Checks a request against the password of the user it names.
    pub fn verify(&mut self, request: &Request, password: &Secret<String>) -> Verdict {
        let Some(own) = credentials(request) else { return Verdict::Missing };
        let field = |name| own.get(name).unwrap_or_default();
        let Some((algorithm, session)) =
            Algorithm::parse(own.get("algorithm")).filter(|(algorithm, _)| self.algorithms.contains(algorithm))
        else {
            return Verdict::Wrong;
        };
        let qop = own.get("qop").map(|qop| (qop, field("nc"), field("cnonce")));
        let expected = response(&Inputs {
            algorithm,
            session: session.then(|| (field("nonce"), field("cnonce"))),
            user: field("username"),
            realm: &self.realm,
            password,
            method: request.method.as_str(),
            uri: field("uri"),
            nonce: field("nonce"),
            qop,
            body: &request.body,
        });
        if field("realm") != self.realm || !same(expected.as_bytes(), field("response").as_bytes()) {
            return Verdict::Wrong;
        }
        let count = u32::from_str_radix(field("nc"), 16).unwrap_or(0);
        match self.nonces.iter_mut().find(|(nonce, _)| nonce == field("nonce")) {
            // RFC 7616 3.4.5: the count of a nonce grows, so that nothing can be played again.
            Some((_, last)) if count > *last => {
                *last = count;
                Verdict::Proven
            }
            _ => Verdict::Stale,
        }
    }
}

fn credentials(request: &Request) -> Option<Credentials> {
    [HeaderName::Authorization, HeaderName::ProxyAuthorization]
        .iter()
        .find_map(|header| request.headers.text(header))
        .and_then(|text| Credentials::parse(&text).ok())
}
