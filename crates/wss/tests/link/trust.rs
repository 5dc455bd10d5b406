//! Which servers are trusted.

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::io::AsyncReadExt;
use wss::{LinkError, Trust, open};

use crate::server::{Server, down, params, up};

/// Opens a link to a server with this certificate; nothing of SIP or HTTP may reach it.
async fn judged(chain: Vec<Certificate>, key: KeyPair, trust: Option<Trust>) -> LinkError {
    let server = Server::with(chain.iter().map(|own| own.der().clone()).collect(), &key).await;
    let (_link, mut events) = open(server.config(trust.unwrap_or(Trust::Platform)));
    let accepted = tokio::join!(server.accept(), down(&mut events));
    if let (Ok(mut stream), _) = accepted {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "something was sent to a server that is not trusted");
    }
    let (error, again) = accepted.1;
    assert!(!again, "a person has to look at it");
    error
}

#[tokio::test]
async fn every_bad_certificate_has_its_own_word() {
    let key = || KeyPair::generate().expect("a key");
    let own = key();
    let error = judged(vec![params("127.0.0.1").self_signed(&own).expect("a certificate")], own, None).await;
    assert!(
        matches!(&error, LinkError::CertificateUntrusted(facts) if facts.self_signed && facts.names == ["127.0.0.1"]),
        "{error:?}"
    );

    // What `openssl req -x509` makes: signed by itself and an authority; a root added for it does not help.
    let own = key();
    let mut authority = params("127.0.0.1");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&own).expect("a certificate");
    let pem = certificate.pem().into_bytes();
    let error = judged(vec![certificate], own, Some(Trust::ExtraCa(pem))).await;
    assert!(matches!(error, LinkError::CertificateUntrusted(_)), "{error:?}");

    let (ca_key, mut ca) = (key(), CertificateParams::default());
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = ca.self_signed(&ca_key).expect("a certificate");
    let (pem, issuer) = (root.pem().into_bytes(), Issuer::new(ca, ca_key));
    let own = key();
    let wrong = params("192.0.2.1").signed_by(&own, &issuer).expect("a certificate");
    let error = judged(vec![wrong], own, Some(Trust::ExtraCa(pem.clone()))).await;
    assert!(matches!(error, LinkError::CertificateWrongName(_)), "{error:?}");

    let (own, mut old) = (key(), params("127.0.0.1"));
    (old.not_before, old.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    let expired = old.signed_by(&own, &issuer).expect("a certificate");
    let error = judged(vec![expired], own, Some(Trust::ExtraCa(pem))).await;
    assert!(
        matches!(&error, LinkError::CertificateExpired(facts) if facts.not_after.starts_with("2020-01-01")),
        "{error:?}"
    );

    let own = key();
    let error =
        judged(vec![params("127.0.0.1").self_signed(&own).expect("a certificate")], own, Some(Trust::Pin([1; 32])))
            .await;
    assert!(matches!(error, LinkError::CertificateChanged(_)), "{error:?}");
}

#[tokio::test]
async fn an_authority_of_the_account_is_trusted() {
    let (ca_key, mut ca) = (KeyPair::generate().expect("a key"), CertificateParams::default());
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&ca_key).expect("a certificate").pem().into_bytes();
    let own = KeyPair::generate().expect("a key");
    let certificate = params("127.0.0.1").signed_by(&own, &Issuer::new(ca, ca_key)).expect("a certificate");
    let server = Server::with(vec![certificate.der().clone()], &own).await;
    up(&server, server.config(Trust::ExtraCa(pem))).await;
}
