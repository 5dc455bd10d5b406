//! Who we are to the HTTP server: credentials, cookies, tokens, certificates.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use md5::Md5;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use rustls_pki_types::PrivateKeyDer;
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt};
use url::Url;
use wss::{Credentials, Identity, LinkConfig, LinkError, LinkEvent, Secret, Trust, open};

use crate::server::{GOOD, Server, down, event, params};

/// A header of a request.
fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let mut values =
        request.lines().filter_map(|line| line.split_once(": ").filter(|(own, _)| own.eq_ignore_ascii_case(name)));
    let value = values.next().map(|(_, value)| value);
    assert!(values.next().is_none(), "{name} is there once\n{request}");
    value
}

/// A parameter of an answer, without its quotes.
fn param(answer: &str, name: &str) -> String {
    let all = answer.split_once(' ').expect("parameters").1;
    let own = all.split(", ").find_map(|own| own.strip_prefix(name)?.strip_prefix('='));
    own.unwrap_or_else(|| panic!("{name} in {answer}")).trim_matches('"').to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Is it the right answer to a digest challenge? Computed here once more.
fn is_right(answer: &str, hash: fn(String) -> String, password: &str) -> bool {
    let of = |name| param(answer, name);
    let a1 = hash(format!("{}:{}:{password}", of("username"), of("realm")));
    let a2 = hash(format!("GET:{}", of("uri")));
    let right = hash(format!("{a1}:{}:{}:{}:{}:{a2}", of("nonce"), of("nc"), of("cnonce"), of("qop")));
    of("response") == right
        && of("uri") == "/ws"
        && of("nonce") == "n,1"
        && of("nc") == "00000001"
        && of("cnonce").len() > 15
}

fn known(server: &Server) -> LinkConfig {
    LinkConfig { credentials: Some(Credentials::new("alice", "http-canary")), ..server.pinned() }
}

#[tokio::test]
async fn a_401_to_the_handshake_is_answered_once_with_credentials_of_their_own() {
    type Check = fn(&str) -> bool;
    let cases: [(&str, Check); 4] = [
        ("Basic realm=\"pbx\"", |answer| answer == "Basic YWxpY2U6aHR0cC1jYW5hcnk="),
        ("Digest realm=\"p\", qop=\"auth\", nonce=\"n,1\"", |answer| {
            is_right(answer, |text| hex(&Md5::digest(text)), "http-canary")
        }),
        ("Digest realm=\"p\", qop=\"auth\", nonce=\"n,1\", algorithm=SHA-256", |answer| {
            is_right(answer, |text| hex(&Sha256::digest(text)), "http-canary")
        }),
        // Two challenges: the stronger one.
        (
            "Basic realm=\"pbx\"\r\nWWW-Authenticate: Digest realm=\"p\", qop=\"auth\", nonce=\"n,1\", algorithm=SHA-256",
            |answer| is_right(answer, |text| hex(&Sha256::digest(text)), "http-canary"),
        ),
    ];
    for (challenge, check) in cases {
        let server = Server::new().await;
        let (_link, mut events) = open(known(&server));
        let answer = format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n");
        let request = server.refuse(&answer).await;
        assert_eq!(header(&request, "Authorization"), None, "nothing is said unasked");
        let (_socket, request) = server.upgrade(GOOD).await;
        let answer = header(&request, "Authorization").expect("an answer");
        assert!(check(answer), "{challenge}: {answer}");
        assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    }
}

#[tokio::test]
async fn a_401_that_cannot_be_answered_or_comes_again_waits_for_a_person() {
    let answer = |challenge: &str| format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\n\r\n");
    for (challenge, credentials, handshakes) in [
        ("Basic realm=\"pbx\"", true, 2),
        ("Digest realm=\"p\", qop=\"auth\", nonce=\"n\", stale=true", true, 2),
        ("Negotiate", true, 1),
        ("Basic realm=\"pbx\"", false, 1),
    ] {
        let server = Server::new().await;
        let config = if credentials { known(&server) } else { server.pinned() };
        let (link, mut events) = open(config);
        for _ in 0..handshakes {
            server.refuse(&answer(challenge)).await;
        }
        let (error, again) = down(&mut events).await;
        assert!(
            matches!(&error, LinkError::WebsocketRefused { status: Some(401), detail } if !detail.is_empty()),
            "{error:?}"
        );
        assert!(!again, "a wrong password is not tried for ever");
        // The next handshake is that of a person's wish, and begins anew.
        link.reconnect().await;
        let (_socket, request) = server.upgrade(GOOD).await;
        assert_eq!(header(&request, "Authorization"), None);
    }
}

#[tokio::test]
async fn credentials_do_not_go_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("ws://{}/ws", listener.local_addr().expect("bound"))).expect("a URL");
    let config = LinkConfig::new(url, Trust::Platform, [1; 32]);
    let (_link, mut events) =
        open(LinkConfig { credentials: Some(Credentials::new("alice", "http-canary")), ..config });
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut request = vec![0; 4096];
    let count = stream.read(&mut request).await.expect("a request");
    assert!(request[..count].ends_with(b"\r\n\r\n"));
    stream
        .write_all(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"p\", nonce=\"n\"\r\n\r\n")
        .await
        .expect("sent");
    let (error, again) = down(&mut events).await;
    assert!(
        matches!(&error, LinkError::WebsocketRefused { status: Some(401), detail } if detail.contains("TLS")),
        "{error:?}"
    );
    assert!(!again);
}

#[tokio::test]
async fn cookies_are_kept_for_the_next_handshake() {
    let server = Server::new().await;
    let config = LinkConfig {
        cookies: vec![Secret::new("login=L; Path=/; Secure".into()), Secret::new("old=O; Max-Age=0".into())],
        ..known(&server)
    };
    let (link, mut events) = open(config);
    let asked = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\nSet-Cookie: sid=1; Path=/ws; HttpOnly\r\n\r\n";
    let request = server.refuse(asked).await;
    assert_eq!(header(&request, "Cookie"), Some("login=L"));
    let (_socket, request) = server
        .upgrade(&format!("{GOOD}Set-Cookie: sid=2; Path=/ws\r\nSet-Cookie: other=3; Domain=elsewhere.org\r\n"))
        .await;
    assert_eq!(header(&request, "Cookie"), Some("sid=1; login=L"));
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    link.reconnect().await;
    let (_socket, request) = server.upgrade(GOOD).await;
    assert_eq!(header(&request, "Cookie"), Some("sid=2; login=L"));
}

#[tokio::test]
async fn further_headers_are_sent_but_none_of_the_handshake() {
    let server = Server::new().await;
    let headers = |name: &str, value: &str| vec![(name.to_owned(), Secret::new(value.to_owned()))];
    let (_link, mut events) = open(LinkConfig { headers: headers("Authorization", "Bearer t0ken"), ..server.pinned() });
    let (_socket, request) = server.upgrade(GOOD).await;
    assert_eq!(header(&request, "Authorization"), Some("Bearer t0ken"));
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    for (name, value) in
        [("Host", "x"), ("sec-websocket-KEY", "x"), ("X-A", "x\r\nX-B: y"), ("X A", "x"), ("", "x"), ("Cookie", "a=b")]
    {
        let server = Server::new().await;
        let (_link, mut events) = open(LinkConfig { headers: headers(name, value), ..server.pinned() });
        let mut stream = server.accept().await.expect("TLS");
        assert!(matches!(down(&mut events).await, (LinkError::BadUrl(_), false)), "{name}");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "{name}");
    }
}

/// A log that is looked at and not kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_token_in_the_url_is_sent_and_neither_it_nor_another_secret_is_ever_shown() {
    let log = Log::default();
    let _guard = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish()
        .set_default();
    let server = Server::new().await;
    let mut config = LinkConfig {
        headers: vec![("X-Token".to_owned(), Secret::new("header-canary".to_owned()))],
        cookies: vec![Secret::new("sid=cookie-canary; Path=/".to_owned())],
        ..known(&server)
    };
    config.url.set_path("/path-canary/ws");
    config.url.set_query(Some("token=query-canary&x=%20"));
    let shown = format!("{config:?}");
    let (link, mut events) = open(config);
    let request = server.refuse("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\n\r\n").await;
    assert!(request.starts_with("GET /path-canary/ws?token=query-canary&x=%20 HTTP/1.1\r\n"), "{request}");
    let (mut socket, request) = server.upgrade(GOOD).await;
    assert!(request.contains("header-canary") && request.contains("cookie-canary"), "{request}");
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    socket.close(None).await.expect("closed");
    drop(socket);
    let mut errors = vec![down(&mut events).await.0];
    link.reconnect().await;
    server.refuse("HTTP/1.1 403 Forbidden\r\n\r\n").await;
    errors.push(down(&mut events).await.0);
    let log = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("text");
    // A link that goes down says where and why, in words.
    assert!(log.contains("the link is down") && log.contains("host=\"127.0.0.1\"") && log.contains("403"), "{log}");
    for own in [log, shown, format!("{errors:?}"), errors.iter().map(ToString::to_string).collect()] {
        assert!(!own.contains("canary") && !own.contains("aHR0cC1jYW5hcnk"), "{own}");
    }
}

/// A server that asks for certificates of `authority`.
async fn strict(authority: &rcgen::Certificate) -> Server {
    let mut server = Server::new().await;
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).expect("an authority");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .expect("a verifier");
    let key = KeyPair::generate().expect("a key");
    let own = params("127.0.0.1").self_signed(&key).expect("a certificate");
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
        .expect("a certificate");
    config.session_storage = Arc::new(NoServerSessionStorage {});
    server.acceptor = TlsAcceptor::from(Arc::new(config));
    server.pin = Sha256::digest(own.der()).into();
    server
}

async fn first(events: &mut tokio::sync::mpsc::Receiver<LinkEvent>, server: &Server) -> LinkEvent {
    let accept = async {
        if let Ok(mut stream) = server.accept().await {
            let request = crate::server::head(&mut stream).await;
            stream.write_all(crate::server::switching(&request, GOOD).as_bytes()).await.expect("sent");
        }
    };
    tokio::join!(accept, event(events)).1
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_gets_that_of_the_account() {
    let (ca_key, mut ca) = (KeyPair::generate().expect("a key"), CertificateParams::default());
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = ca.self_signed(&ca_key).expect("a certificate");
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("a key");
    let mut own = CertificateParams::new(vec!["alice".to_owned()]).expect("a name");
    own.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ClientAuth);
    let chain = own.signed_by(&key, &issuer).expect("a certificate").pem().into_bytes();
    let identity = Identity { chain, key: Secret::new(key.serialize_pem()) };
    assert!(!format!("{identity:?}").contains("PRIVATE"));

    let server = strict(&authority).await;
    let (_link, mut events) = open(LinkConfig { identity: Some(identity.clone()), ..server.pinned() });
    assert!(matches!(first(&mut events, &server).await, LinkEvent::Up { .. }));

    let (_link, mut events) = open(server.pinned());
    let down = first(&mut events, &server).await;
    assert!(matches!(down, LinkEvent::Down { .. }), "without one it is refused: {down:?}");

    let broken = Identity { key: Secret::new("no key".to_owned()), ..identity };
    let (_link, mut events) = open(LinkConfig { identity: Some(broken), ..server.pinned() });
    let (error, _) = crate::server::down(&mut events).await;
    assert!(matches!(&error, LinkError::TlsFailed(why) if why.contains("of our own")), "{error:?}");
}
