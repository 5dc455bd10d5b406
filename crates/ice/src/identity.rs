//! The certificate by which the far end knows us (RFC 5763 5): one for each call, so that two calls cannot be
//! told to be of one phone (RFC 8827 6.5).

use std::sync::Arc;

use rtc_crypto::default_provider;
use rtc_dtls::crypto::Certificate;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use crate::error::PathError;

/// A P-256 certificate signed by itself, and its fingerprint.
pub struct Identity {
    pub(crate) certificate: Certificate,
    fingerprint: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.fingerprint)
    }
}

impl Identity {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`PathError::Crypto`] when the library refuses.
    pub fn generate() -> Result<Arc<Self>, PathError> {
        let provider = default_provider().map_err(|_| PathError::Crypto)?;
        // The name says nothing of the machine or the user (CONFORMANCE S32).
        let certificate = Certificate::generate_self_signed(vec!["bellbird".to_owned()], provider.crypto())
            .map_err(|_| PathError::Crypto)?;
        let der = certificate.certificate.first().ok_or(PathError::Crypto)?;
        let fingerprint = format!("sha-256 {}", written(&Sha256::digest(der)));
        Ok(Arc::new(Self { certificate, fingerprint }))
    }

    /// `sha-256 AB:CD:…`, as it stands in SDP (RFC 8122 5).
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// The hash that a fingerprint names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// What the far end's certificate has to hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    hash: Hash,
    digest: Vec<u8>,
}

impl Fingerprint {
    /// The strongest of those given. SHA-1 and MD5 prove nothing and are passed over (CONFORMANCE S10).
    pub(crate) fn strongest(given: &[String]) -> Result<Self, PathError> {
        given.iter().filter_map(|text| Self::parse(text)).max_by_key(|own| own.hash).ok_or(PathError::WeakFingerprint)
    }

    fn parse(text: &str) -> Option<Self> {
        let (hash, digits) = text.trim().split_once([' ', '\t'])?;
        let (hash, length) = match hash.to_ascii_lowercase().as_str() {
            "sha-256" => (Hash::Sha256, 32),
            "sha-384" => (Hash::Sha384, 48),
            "sha-512" => (Hash::Sha512, 64),
            _ => return None,
        };
        let digest = digits
            .trim()
            .split(':')
            .map(|pair| if pair.len() == 2 { u8::from_str_radix(pair, 16).ok() } else { None })
            .collect::<Option<Vec<u8>>>()?;
        (digest.len() == length).then_some(Self { hash, digest })
    }

    /// Does the certificate have it? The comparison takes the same time whatever the answer.
    pub(crate) fn matches(&self, der: &[u8]) -> bool {
        let own = match self.hash {
            Hash::Sha256 => Sha256::digest(der).to_vec(),
            Hash::Sha384 => Sha384::digest(der).to_vec(),
            Hash::Sha512 => Sha512::digest(der).to_vec(),
        };
        own.ct_eq(&self.digest).into()
    }
}

fn written(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: String) -> Vec<String> {
        vec![text]
    }

    #[test]
    fn any_case_of_a_fingerprint_is_the_same() {
        let der = b"certificate";
        let digest = written(&Sha256::digest(der));
        for text in
            [format!("sha-256 {digest}"), format!("SHA-256 {}", digest.to_lowercase()), format!(" Sha-256  {digest} ")]
        {
            assert!(Fingerprint::strongest(&of(text)).expect("strong").matches(der));
        }
    }

    #[test]
    fn the_strongest_one_has_to_match() {
        let der = b"certificate";
        let (good, bad) = (
            format!("sha-256 {}", written(&Sha256::digest(der))),
            format!("sha-512 {}", written(&Sha512::digest(b"another"))),
        );
        assert!(!Fingerprint::strongest(&[good.clone(), bad]).expect("strong").matches(der));
        let better = format!("sha-512 {}", written(&Sha512::digest(der)));
        assert!(Fingerprint::strongest(&[good, better]).expect("strong").matches(der));
    }

    #[test]
    fn what_proves_nothing_is_refused() {
        for weak in ["sha-1 AA:BB", "md5 AA", "sha-256 AA:BB", "sha-256 ZZ", "sha-256", ""] {
            assert_eq!(Fingerprint::strongest(&of(weak.to_owned())), Err(PathError::WeakFingerprint), "{weak}");
        }
    }
}
