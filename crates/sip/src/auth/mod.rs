//! Digest authentication (RFC 7616, RFC 8760): the computing, the client's side and the server's.

mod client;
mod known;
mod offered;
mod seen;
mod server;

pub(crate) use client::Authenticator;
pub(crate) use seen::{Realm, Tries};
pub use seen::{Refusal, Seen};
pub use server::{Verdict, Verifier};

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

use crate::privacy::Secret;

/// The algorithms, weakest first: the strongest that is offered is taken (C71).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// MD5, also where none is named (RFC 7616 3.3).
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-512/256.
    Sha512_256,
}

impl Algorithm {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }

    /// The algorithm of a name without `-sess`, as [`Self::name`] gives it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::parse(Some(name)).filter(|(_, session)| !session).map(|(algorithm, _)| algorithm)
    }

    /// The algorithm of a name and whether it is a `-sess` one; nothing for one we do not know.
    fn parse(name: Option<&str>) -> Option<(Self, bool)> {
        let name = name.unwrap_or("MD5").to_ascii_uppercase();
        let (base, session) = name.strip_suffix("-SESS").map_or((name.as_str(), false), |base| (base, true));
        let algorithm = [Self::Md5, Self::Sha256, Self::Sha512_256].into_iter().find(|own| own.name() == base)?;
        Some((algorithm, session))
    }

    fn hash(self, parts: &[&[u8]]) -> String {
        fn run<D: Digest>(parts: &[&[u8]]) -> String {
            let mut hash = D::new();
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    hash.update(b":");
                }
                hash.update(part);
            }
            hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
        }
        match self {
            Self::Md5 => run::<Md5>(parts),
            Self::Sha256 => run::<Sha256>(parts),
            Self::Sha512_256 => run::<Sha512_256>(parts),
        }
    }
}

/// What a response is computed from (RFC 7616 3.4.1).
pub(crate) struct Inputs<'a> {
    pub(crate) algorithm: Algorithm,
    /// Of a `-sess` algorithm: the nonce and the cnonce that its key is made of (RFC 7616 3.4.2).
    pub(crate) session: Option<(&'a str, &'a str)>,
    pub(crate) user: &'a str,
    pub(crate) realm: &'a str,
    pub(crate) password: &'a Secret<String>,
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) nonce: &'a str,
    /// `qop`, `nc` and `cnonce`; nothing for a challenge of RFC 2069 without qop.
    pub(crate) qop: Option<(&'a str, &'a str, &'a str)>,
    pub(crate) body: &'a [u8],
}

/// The value of `response`.
pub(crate) fn response(of: &Inputs<'_>) -> String {
    let hash = |parts: &[&[u8]]| of.algorithm.hash(parts);
    let mut a1 = hash(&[of.user.as_bytes(), of.realm.as_bytes(), of.password.expose().as_bytes()]);
    if let Some((nonce, cnonce)) = of.session {
        a1 = hash(&[a1.as_bytes(), nonce.as_bytes(), cnonce.as_bytes()]);
    }
    let a2 = match of.qop {
        Some(("auth-int", ..)) => hash(&[of.method.as_bytes(), of.uri.as_bytes(), hash(&[of.body]).as_bytes()]),
        _ => hash(&[of.method.as_bytes(), of.uri.as_bytes()]),
    };
    match of.qop {
        Some((qop, nc, cnonce)) => {
            hash(&[a1.as_bytes(), of.nonce.as_bytes(), nc.as_bytes(), cnonce.as_bytes(), qop.as_bytes(), a2.as_bytes()])
        }
        None => hash(&[a1.as_bytes(), of.nonce.as_bytes(), a2.as_bytes()]),
    }
}

/// Compares without telling by its time where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfcs_come_out() {
        // RFC 2617 3.5.
        let password = Secret::new("Circle Of Life".to_owned());
        let mut inputs = Inputs {
            algorithm: Algorithm::Md5,
            session: None,
            user: "Mufasa",
            realm: "testrealm@host.com",
            password: &password,
            method: "GET",
            uri: "/dir/index.html",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            qop: Some(("auth", "00000001", "0a4f113b")),
            body: b"",
        };
        assert_eq!(response(&inputs), "6629fae49393a05397450978507c4ef1");
        // RFC 7616 3.9.1.
        let password = Secret::new("Circle of Life".to_owned());
        inputs = Inputs {
            realm: "http-auth@example.org",
            password: &password,
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            qop: Some(("auth", "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
            ..inputs
        };
        assert_eq!(response(&inputs), "8ca523f5e9506fed4657c9700eebdbec");
        inputs.algorithm = Algorithm::Sha256;
        assert_eq!(response(&inputs), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
        // RFC 7616 3.9.2, with the user name as it is.
        let password = Secret::new("Secret, or not?".to_owned());
        let inputs = Inputs {
            algorithm: Algorithm::Sha512_256,
            session: None,
            user: "J\u{e4}s\u{f8}n Doe",
            realm: "api@example.org",
            password: &password,
            method: "GET",
            uri: "/doe.json",
            nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            qop: Some(("auth", "00000001", "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm")),
            body: b"",
        };
        // What the RFC prints follows from no reading of its own text; this was computed from it with OpenSSL.
        assert_eq!(response(&inputs), "7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c");
    }

    #[test]
    fn the_body_and_the_session_count_where_they_shall() {
        // Computed from RFC 3261 22.4 and RFC 7616 3.4.2 with another library.
        let password = Secret::new("zanzibar".to_owned());
        let mut inputs = Inputs {
            algorithm: Algorithm::Md5,
            session: None,
            user: "bob",
            realm: "biloxi.com",
            password: &password,
            method: "INVITE",
            uri: "sip:bob@biloxi.com",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            qop: Some(("auth-int", "00000001", "0a4f113b")),
            body: b"v=0\r\n",
        };
        assert_eq!(response(&inputs), "77226bb823dc077c1ad3537415667bae");
        inputs.algorithm = Algorithm::Sha256;
        assert_eq!(response(&inputs), "554a9ffe79ce71c3cb6c9630deddd2787d8033f895e5cdef6a73c8e84ed4c979");
        inputs.session = Some((inputs.nonce, "0a4f113b"));
        assert_eq!(response(&inputs), "0b4a1efc19e1b701ec5775b6b16dde0fc416102e34a6c5bd6f957b20b5d79170");
    }

    #[test]
    fn names_have_no_case_and_md5_is_the_default() {
        assert_eq!(Algorithm::parse(None), Some((Algorithm::Md5, false)));
        assert_eq!(Algorithm::parse(Some("sha-256-sess")), Some((Algorithm::Sha256, true)));
        assert_eq!(Algorithm::parse(Some("SHA-1")), None);
        for algorithm in [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256] {
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::named("MD5-sess"), None);
    }
}
