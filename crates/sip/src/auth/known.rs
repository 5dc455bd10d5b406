//! A realm that was met: its nonce, and the proofs made with it.

use rand::RngCore;
use rand_chacha::ChaCha12Rng;

use super::{
    Algorithm, Inputs, Realm,
    offered::{Offered, chosen_qop},
    response,
};
use crate::{
    header_name::HeaderName,
    headers::{AuthenticationInfo, Challenge, Credentials},
    message::Request,
    privacy::Secret,
};

/// A realm that was met, with its last nonce.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) realm: Realm,
    pub(super) register: bool,
    challenge: Challenge,
    /// That of the challenge, or of an Authentication-Info since.
    pub(super) nonce: String,
    pub(super) algorithm: Algorithm,
    /// Of a `-sess` algorithm: the nonce and the cnonce that its key is made of (RFC 7616 3.4.2).
    session: Option<(String, String)>,
    pub(super) nc: u32,
}

impl Known {
    pub(super) fn new(offered: Offered, register: bool) -> Self {
        let nonce = offered.challenge.get("nonce").unwrap_or_default().to_owned();
        Self {
            realm: offered.realm,
            register,
            session: offered.session.then(|| (nonce.clone(), String::new())),
            nonce,
            challenge: offered.challenge,
            algorithm: offered.algorithm,
            nc: 0,
        }
    }

    fn key(&self) -> Option<(&str, &str)> {
        self.session.as_ref().map(|(nonce, cnonce)| (nonce.as_str(), cnonce.as_str()))
    }

    /// Adds a proof for the next count of the nonce to `request`.
    pub(super) fn prove(
        &mut self,
        user: &str,
        password: &Secret<String>,
        request: &mut Request,
        rng: &mut ChaCha12Rng,
    ) {
        self.nc = self.nc.wrapping_add(1);
        let nc = format!("{:08x}", self.nc);
        // The cnonce of a session stays: servers make its key of the first one or of this one.
        let cnonce = match &self.session {
            Some((_, cnonce)) if !cnonce.is_empty() => cnonce.clone(),
            _ => format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()),
        };
        if let Some((_, own)) = &mut self.session {
            own.clone_from(&cnonce);
        }
        let (uri, method) = (request.uri.to_string(), request.method.to_string());
        let (realm, nonce) = (self.realm.name.as_str(), self.nonce.as_str());
        let qop = self.challenge.get("qop").and_then(chosen_qop);
        let proof = response(&Inputs {
            algorithm: self.algorithm,
            session: self.key(),
            user,
            realm,
            password,
            method: &method,
            uri: &uri,
            nonce,
            qop: qop.map(|qop| (qop, nc.as_str(), cnonce.as_str())),
            body: &request.body,
        });
        let mut fields =
            vec![("username", user), ("realm", realm), ("nonce", nonce), ("uri", &uri), ("response", &proof)];
        // A challenge without an algorithm is answered without one: old servers compare the field.
        fields.extend(self.challenge.get("algorithm").map(|algorithm| ("algorithm", algorithm)));
        if qop.is_some() || self.session.is_some() {
            fields.push(("cnonce", &cnonce));
        }
        if let Some(qop) = qop {
            fields.extend([("qop", qop), ("nc", nc.as_str())]);
        }
        fields.extend(self.challenge.get("opaque").map(|opaque| ("opaque", opaque)));
        let header = if self.realm.proxy { HeaderName::ProxyAuthorization } else { HeaderName::Authorization };
        request.headers.push(header, &Credentials::digest(&fields).to_string());
    }

    /// What `rspauth` has to be in the answer to `own` (RFC 7616 3.5).
    pub(super) fn counter_proof(
        &self,
        user: &str,
        password: &Secret<String>,
        own: &Credentials,
        info: &AuthenticationInfo,
        body: &[u8],
    ) -> String {
        let field = |name| own.get(name).unwrap_or_default();
        response(&Inputs {
            algorithm: self.algorithm,
            session: self.key(),
            user,
            realm: &self.realm.name,
            password,
            // As for a request, but without a method.
            method: "",
            uri: field("uri"),
            nonce: field("nonce"),
            qop: own.get("qop").map(|qop| (info.get("qop").unwrap_or(qop), field("nc"), field("cnonce"))),
            body,
        })
    }
}
