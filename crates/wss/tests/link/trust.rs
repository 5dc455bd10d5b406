//! Which servers are trusted.

use futures_util::StreamExt;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wss::{LinkError, LinkEvent, ProxyKind, Trust, open};

use crate::{
    proxy::{Relay, carry},
    server::{GOOD, Server, down, event, params, up},
};

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
async fn a_connection_proven_for_one_name_is_not_used_for_another_at_its_address() {
    // CVE-2020-15260: the server may be trusted as 127.0.0.1, and is at the same address as localhost.
    let (ca_key, mut ca) = (KeyPair::generate().expect("a key"), CertificateParams::default());
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&ca_key).expect("a certificate").pem().into_bytes();
    let own = KeyPair::generate().expect("a key");
    let chain = params("127.0.0.1").signed_by(&own, &Issuer::new(ca, ca_key)).expect("a certificate");
    let server = Server::with(vec![chain.der().clone()], &own).await;
    let config = server.config(Trust::ExtraCa(pem));
    let mut other = config.clone();
    other.url.set_host(Some("localhost")).expect("a host");
    let (link, mut events, mut socket) = up(&server, config).await;
    let (_other, mut refused) = open(other);
    let (accepted, (error, again)) = tokio::join!(server.accept(), down(&mut refused));
    assert!(accepted.is_err(), "it is left before anything is said");
    assert!(matches!(error, LinkError::CertificateWrongName(_)) && !again, "{error:?}");
    // And the first is as it was.
    link.send("SIP".into()).await;
    assert_eq!(socket.next().await.expect("a frame").expect("whole").into_data(), "SIP");
    drop(socket);
    down(&mut events).await;
}

#[tokio::test]
async fn a_certificate_signed_over_sha_1_is_refused() {
    // Made by `openssl x509 -req -sha1` for a hundred years, by the authority that is trusted: rcgen makes none.
    let [authority, certificate, key] = [
        &include_bytes!("sha1/authority.pem")[..],
        include_bytes!("sha1/certificate.pem"),
        include_bytes!("sha1/key.pem"),
    ];
    let certificate = CertificateDer::from_pem_slice(certificate).expect("a certificate");
    let key = KeyPair::from_pem(std::str::from_utf8(key).expect("text")).expect("a key");
    let server = Server::with(vec![certificate], &key).await;
    let (_link, mut events) = open(server.config(Trust::ExtraCa(authority.to_vec())));
    let (accepted, (error, again)) = tokio::join!(server.accept(), down(&mut events));
    assert!(accepted.is_err() && !again, "it is left before anything is said");
    assert!(matches!(error, LinkError::CertificateUntrusted(_)), "{error:?}");
}

/// A chain of one, signed by an authority that is trusted, and its verdict.
async fn signed(change: impl FnOnce(&mut CertificateParams)) -> LinkError {
    let (ca_key, mut ca) = (KeyPair::generate().expect("a key"), CertificateParams::default());
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&ca_key).expect("a certificate").pem().into_bytes();
    let own = KeyPair::generate().expect("a key");
    let mut asked = params("127.0.0.1");
    change(&mut asked);
    let certificate = asked.signed_by(&own, &Issuer::new(ca, ca_key)).expect("a certificate");
    judged(vec![certificate], own, Some(Trust::ExtraCa(pem))).await
}

#[tokio::test]
async fn a_certificate_of_tomorrow_for_no_name_or_for_another_use_is_refused() {
    let error =
        signed(|own| (own.not_before, own.not_after) = (date_time_ymd(2090, 1, 1), date_time_ymd(2091, 1, 1))).await;
    assert!(matches!(error, LinkError::CertificateExpired(_)), "{error:?}");
    // The name of the server in the common name only (RFC 9110 4.3.4 knows none).
    let error = signed(|own| {
        own.subject_alt_names.clear();
        own.distinguished_name.push(rcgen::DnType::CommonName, "127.0.0.1");
    });
    let error = error.await;
    assert!(matches!(error, LinkError::CertificateWrongName(_)), "{error:?}");
    let error = signed(|own| own.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ClientAuth)).await;
    assert!(matches!(error, LinkError::CertificateUntrusted(_)), "{error:?}");
}

#[tokio::test]
async fn a_wildcard_stands_for_one_label_only() {
    let (ca_key, mut ca) = (KeyPair::generate().expect("a key"), CertificateParams::default());
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&ca_key).expect("a certificate").pem().into_bytes();
    let issuer = Issuer::new(ca, ca_key);
    // Every name below `localhost` is this machine (RFC 6761 6.3), but not every resolver knows: a proxy leads there.
    for (name, host, good) in [
        ("*.pbx.localhost", "a.pbx.localhost", true),
        ("*.pbx.localhost", "a.b.pbx.localhost", false),
        ("*.pbx.localhost", "pbx.localhost", false),
        ("a*.pbx.localhost", "ab.pbx.localhost", false),
    ] {
        let own = KeyPair::generate().expect("a key");
        let certificate = params(name).signed_by(&own, &issuer).expect("a certificate");
        let server = Server::with(vec![certificate.der().clone()], &own).await;
        let mut config = server.config(Trust::ExtraCa(pem.clone()));
        config.url.set_host(Some(host)).expect("a host");
        let relay = Relay::new().await;
        config.proxy = Some(relay.proxy(ProxyKind::Http, None));
        let (_link, mut events) = open(config);
        let (stream, _) = relay.connect("HTTP/1.1 200 OK\r\n\r\n").await;
        carry(stream, &server);
        if good {
            let _socket = server.upgrade(GOOD).await;
            assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }), "{name} for {host}");
        } else {
            let (_, (error, _)) = tokio::join!(server.accept(), down(&mut events));
            assert!(
                matches!(error, LinkError::CertificateWrongName(_) | LinkError::CertificateUntrusted(_)),
                "{name} for {host}: {error:?}"
            );
        }
    }
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

/// The first thing the client says, without the head of its record.
async fn hello(stream: &mut TcpStream) -> Vec<u8> {
    let mut record = [0; 5];
    stream.read_exact(&mut record).await.expect("a record");
    let mut hello = vec![0; usize::from(u16::from_be_bytes([record[3], record[4]]))];
    stream.read_exact(&mut hello).await.expect("a hello");
    assert_eq!((record[0], hello[0]), (22, 1), "it is a ClientHello");
    hello
}

/// The octets of the ClientHello behind its random and session id: suites, and what is at the end of them.
fn suites(hello: &[u8]) -> (Vec<u16>, &[u8]) {
    let session = usize::from(hello[38]);
    let suites = &hello[39 + session..];
    let length = usize::from(u16::from_be_bytes([suites[0], suites[1]]));
    let list = suites[2..2 + length].chunks(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
    (list, &suites[2 + length..])
}

#[tokio::test]
async fn only_aead_with_a_fresh_key_is_offered_and_nothing_else_is_taken() {
    // TLS_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_RC4_128_SHA, TLS_RSA_WITH_3DES_EDE_CBC_SHA,
    // TLS_DH_anon_WITH_AES_128_GCM_SHA256, and the best suite over TLS 1.0 and 1.1.
    for (version, suite) in
        [(0x0303, 0x002f), (0x0303, 0xc011), (0x0303, 0x000a), (0x0303, 0x00a6), (0x0301, 0xc02f), (0x0302, 0xc02f_u16)]
    {
        let server = Server::new().await;
        let (_link, mut events) = open(server.config(Trust::Platform));
        let (mut stream, _) = server.listener.accept().await.expect("a connection");
        let hello = hello(&mut stream).await;
        let (offered, rest) = suites(&hello);
        // TLS 1.3, ECDHE with AES-GCM or ChaCha20-Poly1305, and the mark of RFC 5746.
        let good = |suite: &u16| {
            matches!(suite, 0x1301..=0x1303 | 0xc02b | 0xc02c | 0xc02f | 0xc030 | 0xcca8 | 0xcca9 | 0x00ff)
        };
        assert!(offered.len() > 5 && offered.iter().all(good), "{offered:04x?}");
        // supported_versions (43): TLS 1.3 and 1.2, nothing older.
        assert!(rest.windows(9).any(|own| own == [0, 43, 0, 5, 4, 3, 4, 3, 3]), "{rest:02x?}");

        let [high, low] = u16::to_be_bytes(version);
        let [first, second] = suite.to_be_bytes();
        let body = [&[high, low][..], &[9; 32], &[0, first, second, 0]].concat();
        let length = u8::try_from(body.len()).expect("short");
        let answer = [&[22, 3, 3, 0, length + 4, 2, 0, 0, length], &body[..]].concat();
        stream.write_all(&answer).await.expect("sent");
        let (error, _) = down(&mut events).await;
        assert!(matches!(error, LinkError::TlsFailed(_)), "{suite:04x} over {version:04x}: {error}");
        // An alert in clear (21), and nothing behind it.
        let mut last = Vec::new();
        let _ = stream.read_to_end(&mut last).await;
        assert!(last.len() == 7 && last[0] == 21, "{last:02x?}");
    }
}

#[tokio::test]
async fn the_server_is_told_which_name_is_meant() {
    let server = Server::new().await;
    let mut config = server.pinned();
    config.url.set_host(Some("localhost")).expect("a host");
    let (_link, _events) = open(config);
    let (mut stream, _) = server.listener.accept().await.expect("a connection");
    let hello = hello(&mut stream).await;
    assert!(hello.windows(14).any(|own| own == b"\0\x0c\0\0\x09localhost"), "RFC 6066 3: {hello:02x?}");
}
