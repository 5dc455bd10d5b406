//! TLS by rustls: which certificates are trusted, and what is known of the connection afterwards.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    certificate::{CertificateFacts, fingerprint},
    error::LinkError,
    secret::Secret,
};

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// What the operating system trusts.
    Platform,
    /// That, and the authorities of this PEM text.
    ExtraCa(Vec<u8>),
    /// The server's own certificate with this SHA-256, whatever chain, name and dates it has (CONFORMANCE S11). That
    /// the server has its key is proven all the same.
    Pin([u8; 32]),
}

/// A certificate of our own, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those between it and its authority, as PEM.
    pub chain: Vec<u8>,
    /// The key as PEM: PKCS 8, PKCS 1 or SEC 1, without a pass phrase.
    pub key: Secret,
}

impl Identity {
    /// Reads one PEM text that holds the certificate, those between it and its authority, and the key.
    ///
    /// # Errors
    /// What is missing or does not fit, in words.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let (mut chain, mut key) = (String::new(), String::new());
        let mut into: Option<&mut String> = None;
        for line in text.lines().map(str::trim) {
            if let Some(label) = line.strip_prefix("-----BEGIN ") {
                into = match label.strip_suffix("-----") {
                    Some("CERTIFICATE") => Some(&mut chain),
                    Some("ENCRYPTED PRIVATE KEY") => return Err("the key has a pass phrase".to_owned()),
                    Some(label) if label.ends_with("PRIVATE KEY") => Some(&mut key),
                    _ => None,
                };
            }
            if let Some(part) = &mut into {
                part.push_str(line);
                part.push('\n');
            }
            if line.starts_with("-----END ") {
                into = None;
            }
        }
        let own = Self { chain: chain.into_bytes(), key: Secret::new(key) };
        let (chain, key) = own.read()?;
        ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(RootCertStore::empty())
            .with_client_auth_cert(chain, key)
            .map_err(|error| error.to_string())?;
        Ok(own)
    }

    /// What the certificate says.
    #[must_use]
    pub fn facts(chain: &[u8]) -> Option<CertificateFacts> {
        CertificateDer::from_pem_slice(chain).ok().map(|own| CertificateFacts::of(&own))
    }

    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let chain = CertificateDer::pem_slice_iter(&self.chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| error.to_string())?;
        let key = PrivateKeyDer::from_pem_slice(self.key.expose().as_bytes()).map_err(|error| error.to_string())?;
        Ok((chain, key))
    }
}

/// What is known of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLS 1.3` or `TLS 1.2`; nothing without TLS.
    pub version: Option<&'static str>,
    /// The cipher suite, by its registered name.
    pub cipher: Option<String>,
    /// The server's own certificate.
    pub certificate: Option<CertificateFacts>,
}

impl TlsFacts {
    /// A connection without TLS.
    pub(crate) const NONE: Self = Self { version: None, cipher: None, certificate: None };
}

/// Wraps `stream` in TLS with a server that is trusted.
///
/// # Errors
/// [`LinkError::TlsFailed`] and the four of the certificate.
pub(crate) async fn wrap(
    stream: TcpStream,
    host: &str,
    (trust, identity): (&Trust, Option<&Identity>),
) -> Result<(TlsStream<TcpStream>, TlsFacts), LinkError> {
    let failed = |text: String| LinkError::TlsFailed(text);
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .map_err(|error| LinkError::BadUrl(error.to_string()))?;
    let judge = Arc::new(Judge::new(trust)?);
    let unusable = |error: String| failed(format!("the certificate of our own cannot be used: {error}"));
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&judge) as Arc<dyn ServerCertVerifier>);
    let mut config = match identity {
        None => config.with_no_client_auth(),
        Some(own) => {
            let (chain, key) = own.read().map_err(unusable)?;
            config.with_client_auth_cert(chain, key).map_err(|error| unusable(error.to_string()))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream =
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| judge.verdict(&error))?;
    let connection = stream.get_ref().1;
    let facts = TlsFacts {
        version: connection
            .protocol_version()
            .map(|version| if version == rustls::ProtocolVersion::TLSv1_3 { "TLS 1.3" } else { "TLS 1.2" }),
        cipher: connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str().map(str::to_owned)),
        certificate: connection
            .peer_certificates()
            .and_then(|chain| chain.first())
            .map(|own| CertificateFacts::of(own)),
    };
    Ok((stream, facts))
}

/// ring, given by hand: no default of the process can change it. All of its suites are AEAD with ECDHE (C36).
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Verifies as the account wants it, and keeps what it saw.
#[derive(Debug)]
struct Judge {
    pin: Option<[u8; 32]>,
    inner: Option<Arc<dyn ServerCertVerifier>>,
    seen: Mutex<Option<Vec<u8>>>,
}

impl Judge {
    fn new(trust: &Trust) -> Result<Self, LinkError> {
        let failed = |error: String| LinkError::TlsFailed(error);
        let (pin, inner) = match trust {
            Trust::Pin(pin) => (Some(*pin), None),
            Trust::Platform => {
                let platform = Verifier::new(provider()).map_err(|error| failed(error.to_string()))?;
                (None, Some(Arc::new(platform) as Arc<dyn ServerCertVerifier>))
            }
            Trust::ExtraCa(pem) => (None, Some(with_extra(pem).map_err(failed)?)),
        };
        Ok(Self { pin, inner, seen: Mutex::new(None) })
    }

    /// What an error of the handshake means.
    fn verdict(&self, error: &std::io::Error) -> LinkError {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let facts = || Box::new(seen.as_deref().map(CertificateFacts::of).unwrap_or_default());
        let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) else {
            return LinkError::TlsFailed(error.to_string());
        };
        match error {
            TlsError::InvalidCertificate(_) if self.pin.is_some() => LinkError::CertificateChanged(facts()),
            TlsError::InvalidCertificate(why) => match why {
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => LinkError::CertificateExpired(facts()),
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    LinkError::CertificateWrongName(facts())
                }
                _ => LinkError::CertificateUntrusted(facts()),
            },
            other => LinkError::TlsFailed(other.to_string()),
        }
    }
}

/// The system's authorities and those of `pem`; where the system has none, only those.
fn with_extra(pem: &[u8]) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let extra =
        CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    if extra.is_empty() {
        return Err("the CA file holds no certificate".to_owned());
    }
    if let Ok(verifier) = Verifier::new_with_extra_roots(extra.iter().cloned(), provider()) {
        return Ok(Arc::new(verifier));
    }
    let mut roots = RootCertStore::empty();
    for own in extra {
        roots.add(own).map_err(|error| error.to_string())?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| error.to_string())?;
    Ok(verifier)
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.to_vec());
        match (&self.pin, &self.inner) {
            (Some(pin), _) if fingerprint(end_entity) == *pin => Ok(ServerCertVerified::assertion()),
            (None, Some(inner)) => inner.verify_server_cert(end_entity, intermediates, server_name, ocsp, now),
            _ => Err(TlsError::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
