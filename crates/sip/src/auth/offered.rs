//! What a response offers to prove ourselves with, and what a request of ours carries.

use super::{Algorithm, Realm, seen::MOST_REALMS};
use crate::{
    header_name::HeaderName,
    headers::{Challenge, Credentials},
    message::{Request, Response},
};

/// A challenge that we can answer.
pub(super) struct Offered {
    pub(super) realm: Realm,
    pub(super) challenge: Challenge,
    pub(super) algorithm: Algorithm,
    pub(super) session: bool,
}

/// The proofs that a request carries, those for the server first.
pub(super) fn sent(request: &Request) -> Vec<(Realm, Credentials)> {
    [(HeaderName::Authorization, false), (HeaderName::ProxyAuthorization, true)]
        .iter()
        .flat_map(|(header, proxy)| request.headers.get_all(header).map(move |line| (line, *proxy)))
        .filter_map(|(line, proxy)| Some((Credentials::parse(&String::from_utf8_lossy(line)).ok()?, proxy)))
        .filter_map(|(own, proxy)| Some((Realm { proxy, name: own.get("realm")?.to_owned() }, own)))
        .collect()
}

/// The strongest Digest challenge that we know of each realm (RFC 8760 2.4 lets the client choose). What a forking proxy
/// has gathered stands in both headers (RFC 3261 22.3).
pub(super) fn strongest(challenged: &Response) -> Vec<Offered> {
    let mut best: Vec<Offered> = Vec::new();
    for (header, proxy) in [(HeaderName::WwwAuthenticate, false), (HeaderName::ProxyAuthenticate, true)] {
        for offered in challenged.headers.get_all(&header).filter_map(|line| offered(line, proxy)) {
            match best.iter().position(|own| own.realm == offered.realm) {
                Some(at) if offered.algorithm > best[at].algorithm => best[at] = offered,
                None if best.len() < MOST_REALMS => best.push(offered),
                _ => {}
            }
        }
    }
    best
}

fn offered(line: &[u8], proxy: bool) -> Option<Offered> {
    let challenge = Challenge::parse(&String::from_utf8_lossy(line)).ok()?;
    let known = challenge.scheme.eq_ignore_ascii_case("Digest")
        && challenge.get("nonce").is_some()
        && challenge.get("qop").is_none_or(|offered| chosen_qop(offered).is_some());
    let (algorithm, session) = Algorithm::parse(challenge.get("algorithm")).filter(|_| known)?;
    let realm = Realm { proxy, name: challenge.get("realm")?.to_owned() };
    Some(Offered { realm, challenge, algorithm, session })
}

/// `auth` where it is offered, else `auth-int`; nothing when neither is.
pub(super) fn chosen_qop(offered: &str) -> Option<&'static str> {
    ["auth", "auth-int"].into_iter().find(|own| offered.split(',').any(|token| token.trim().eq_ignore_ascii_case(own)))
}
