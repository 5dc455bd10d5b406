//! A certificate authority of the day, and what it signs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use sha2::{Digest, Sha256};

/// A certificate authority that nobody trusts but the test that made it.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub pem: String,
}

/// A certificate and its key.
pub struct Certificate {
    /// The certificate.
    pub pem: String,
    /// Its private key.
    pub key: String,
    /// SHA-256 of the certificate in lower-case hexadecimal: what `--pin` takes.
    pub sha256: String,
}

/// What is to be certified.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Host names and addresses.
    pub names: &'a [&'a str],
    /// Was its time over long ago?
    pub expired: bool,
}

impl Authority {
    /// Makes one.
    ///
    /// # Panics
    /// When the library cannot.
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::default();
        params.distinguished_name = called("Bellbird tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).expect("a certificate can be signed").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Signs a certificate, for a server or a client.
    ///
    /// # Panics
    /// When a name is neither a host name nor an address.
    #[must_use]
    pub fn certify(&self, wanted: Wanted<'_>) -> Certificate {
        let names: Vec<String> = wanted.names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names of hosts");
        params.distinguished_name = called("A server of the tests");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        if wanted.expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate can be signed");
        let sha256 = Sha256::digest(certificate.der()).iter().map(|byte| format!("{byte:02x}")).collect();
        Certificate { pem: certificate.pem(), key: key.serialize_pem(), sha256 }
    }

    /// Writes `ca.pem`, and `server.pem` with `server.key` for 127.0.0.1 and localhost, into `folder`. Returns the path
    /// of `ca.pem` and the certificate.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn furnish(&self, folder: &Path) -> (PathBuf, Certificate) {
        let server = self.certify(Wanted { names: &["127.0.0.1", "localhost"], expired: false });
        let ca = folder.join("ca.pem");
        for (name, text) in [("ca.pem", &self.pem), ("server.pem", &server.pem), ("server.key", &server.key)] {
            fs::write(folder.join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        (ca, server)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn called(name: &str) -> DistinguishedName {
    let mut all = DistinguishedName::new();
    all.push(DnType::CommonName, name);
    all
}
