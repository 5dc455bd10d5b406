//! What is remembered of a server, so that nobody else is given a proof, and what has been tried already.

use super::Algorithm;

/// Fresh challenges of a realm that are answered with the same password before it counts as wrong (C70).
const MOST_ANSWERS: u8 = 1;
/// Stale nonces of a realm in a row that are replaced without asking.
const MOST_STALE: u8 = 2;
/// Realms that one request is proven to: a proxy or two and the server (RFC 3261 22.3).
pub(super) const MOST_REALMS: usize = 4;

/// What an account knows of the digest of its server (CONFORMANCE S1, S13). It is handed in with the configuration and
/// may be kept from start to start; nothing in it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The strongest algorithm that the registrar asked for. After more than MD5, MD5 alone gets no answer.
    pub strongest: Option<Algorithm>,
    /// The realms for which the registrar took a proof of ours. While there are any, no other gets an answer.
    pub realms: Vec<String>,
}

/// Why a challenge is not answered, or an answer not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no password.
    NoPassword,
    /// What we know was refused.
    Rejected,
    /// None of the challenges is a Digest that we know.
    Unusable,
    /// A realm that this account has never proven itself to (CONFORMANCE L1, S1).
    ForeignRealm,
    /// MD5 alone, from a server that once asked for more (CONFORMANCE S13).
    Weaker,
    /// The server claims to know the password (`rspauth`), and does not (RFC 7616 3.5).
    Unproven,
}

/// Who asks: a proxy or a server, by the name of its realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Realm {
    pub(crate) proxy: bool,
    pub(crate) name: String,
}

/// How often a request was sent again because of a challenge, realm by realm.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tries(Vec<Tried>);

#[derive(Clone, Debug)]
struct Tried {
    realm: Realm,
    answered: u8,
    stale: u8,
}

impl Tries {
    /// May a challenge of `realm` be answered once more? A stale nonce is no refusal.
    pub(crate) fn take(&mut self, realm: &Realm, stale: bool) -> bool {
        let at = self.0.iter().position(|own| own.realm == *realm).unwrap_or_else(|| {
            self.0.push(Tried { realm: realm.clone(), answered: 0, stale: 0 });
            self.0.len() - 1
        });
        if self.0.len() > MOST_REALMS {
            return false;
        }
        let own = &mut self.0[at];
        let (count, most) = if stale { (&mut own.stale, MOST_STALE) } else { (&mut own.answered, MOST_ANSWERS) };
        *count += 1;
        *count <= most
    }
}
