//! What a certificate says, for a person to judge.

use sha2::{Digest, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, time::ASN1Time};

/// The facts of a server's own certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The SHA-256 of its DER, in lower-case hexadecimal: what a pin is.
    pub sha256: String,
    /// Whom it is for.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// Is it signed by itself?
    pub self_signed: bool,
    /// The names and addresses it is for.
    pub names: Vec<String>,
    /// From when, as RFC 3339 in UTC.
    pub not_before: String,
    /// Until when, as RFC 3339 in UTC.
    pub not_after: String,
}

impl CertificateFacts {
    /// Reads a certificate. What cannot be read stays empty: the hash is always right.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let sha256 = hex(&fingerprint(der));
        let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Self { sha256, ..Self::default() } };
        let names = certificate.subject_alternative_name().ok().flatten().map(|names| {
            names.value.general_names.iter().filter_map(|name| match name {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                GeneralName::IPAddress(bytes) => address(bytes),
                _ => None,
            })
        });
        Self {
            sha256,
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            self_signed: certificate.subject() == certificate.issuer(),
            names: names.map(Iterator::collect).unwrap_or_default(),
            not_before: written(certificate.validity().not_before),
            not_after: written(certificate.validity().not_after),
        }
    }
}

/// The SHA-256 of a certificate.
pub(crate) fn fingerprint(der: &[u8]) -> [u8; 32] {
    Sha256::digest(der).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| std::net::Ipv6Addr::from(sixteen).to_string())
}

fn written(time: ASN1Time) -> String {
    OffsetDateTime::from_unix_timestamp(time.timestamp())
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_read() {
        let made = rcgen::generate_simple_self_signed(vec!["pbx.example.com".into(), "127.0.0.1".into()])
            .expect("a certificate");
        let facts = CertificateFacts::of(made.cert.der());
        assert_eq!(facts.names, ["pbx.example.com", "127.0.0.1"]);
        assert!(facts.self_signed && facts.sha256.len() == 64 && facts.not_after.ends_with('Z'), "{facts:?}");
    }

    #[test]
    fn what_is_no_certificate_still_has_a_hash() {
        let facts = CertificateFacts::of(b"rubbish");
        assert_eq!((facts.sha256.len(), facts.subject.as_str()), (64, ""));
    }
}
