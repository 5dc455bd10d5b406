//! The link against a server that says what the test tells it to, byte by byte, over real TLS on loopback.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};
use url::Url;
use wss::{Link, LinkConfig, LinkError, LinkEvent, Trust, open};

const GOOD: &str = "Sec-WebSocket-Protocol: sip\r\n";

struct Server {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    pin: [u8; 32],
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(rcgen::DnType::CommonName, "pbx");
    params
}

impl Server {
    async fn with(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Self {
        let pin =
            sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &chain[0])).into();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
            .expect("a certificate");
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.expect("a port"),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pin,
        }
    }

    /// Signed by itself for 127.0.0.1.
    async fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = params("127.0.0.1").self_signed(&key).expect("a certificate");
        Self::with(vec![certificate.der().clone()], &key).await
    }

    fn config(&self, trust: Trust) -> LinkConfig {
        let url = Url::parse(&format!("wss://127.0.0.1:{}/ws", self.listener.local_addr().expect("bound").port()))
            .expect("a URL");
        LinkConfig::new(url, trust, [5; 32])
    }

    fn pinned(&self) -> LinkConfig {
        self.config(Trust::Pin(self.pin))
    }

    async fn accept(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let (stream, _) = self.listener.accept().await?;
        self.acceptor.accept(stream).await
    }

    /// Takes one handshake and answers 101 with `extra` headers.
    async fn upgrade(&self, extra: &str) -> (WebSocketStream<TlsStream<TcpStream>>, String) {
        let mut stream = self.accept().await.expect("TLS");
        let request = head(&mut stream).await;
        stream.write_all(switching(&request, extra).as_bytes()).await.expect("sent");
        (WebSocketStream::from_raw_socket(stream, Role::Server, None).await, request)
    }
}

async fn head(stream: &mut TlsStream<TcpStream>) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.expect("a request"));
    }
    String::from_utf8(request).expect("text")
}

fn accept_key(request: &str) -> String {
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes())
}

fn switching(request: &str, extra: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n{extra}\r\n",
        accept_key(request)
    )
}

/// The next event that is no step and no sign of life.
async fn event(events: &mut mpsc::Receiver<LinkEvent>) -> LinkEvent {
    loop {
        match events.recv().await.expect("the link lives") {
            LinkEvent::Step(_) | LinkEvent::Proof { .. } => {}
            event => return event,
        }
    }
}

async fn down(events: &mut mpsc::Receiver<LinkEvent>) -> (LinkError, bool) {
    match event(events).await {
        LinkEvent::Down { error, retry_at, .. } => (error, retry_at.is_some()),
        other => panic!("it is down, not {other:?}"),
    }
}

async fn up(
    server: &Server,
    config: LinkConfig,
) -> (Link, mpsc::Receiver<LinkEvent>, WebSocketStream<TlsStream<TcpStream>>) {
    let (link, mut events) = open(config);
    let (socket, _) = server.upgrade(GOOD).await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    (link, events, socket)
}

#[tokio::test]
async fn the_handshake_asks_for_sip_and_names_an_origin() {
    let server = Server::new().await;
    let (_link, mut events) = open(server.pinned());
    let (_socket, request) = server.upgrade("Sec-WebSocket-Protocol:  sip\r\n").await;
    let port = server.listener.local_addr().expect("bound").port();
    assert!(request.starts_with("GET /ws HTTP/1.1\r\n"));
    for line in
        [&format!("Host: 127.0.0.1:{port}"), "Sec-WebSocket-Version: 13", "Upgrade: websocket", "Connection: Upgrade"]
    {
        assert!(request.to_lowercase().contains(&format!("{}\r\n", line.to_lowercase())), "{line}\n{request}");
    }
    let lower = request.to_lowercase();
    assert!(
        lower.contains("sec-websocket-protocol: sip\r\n") && lower.contains("origin: https://127.0.0.1\r\n"),
        "{request}"
    );
    assert!(!lower.contains("sec-websocket-extensions"));
    let LinkEvent::Up { tls, .. } = event(&mut events).await else {
        panic!("it is up: two blanks before `sip` are Asterisk's way")
    };
    assert_eq!((tls.version, tls.certificate.map(|own| own.self_signed)), (Some("TLS 1.3"), Some(true)));
}

#[tokio::test]
async fn a_server_that_does_not_speak_sip_is_left() {
    for extra in [
        "",
        "Sec-WebSocket-Protocol: SIP2\r\n",
        "Sec-WebSocket-Protocol: sip, xmpp\r\n",
        "Sec-WebSocket-Protocol: xmpp\r\n",
        "Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Protocol: sip\r\n",
    ] {
        let server = Server::new().await;
        let (_link, mut events) = open(server.pinned());
        let (_socket, _) = server.upgrade(extra).await;
        let (error, again) = down(&mut events).await;
        assert!(matches!(error, LinkError::SubprotocolMissing) && !again, "{extra:?}: {error}");
    }
}

#[tokio::test]
async fn any_other_answer_is_a_refusal() {
    let cases: [(&str, Option<u16>, bool); 9] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Some(200), true),
        ("HTTP/1.1 302 Found\r\nLocation: wss://elsewhere/\r\n\r\n", Some(302), true),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", Some(403), false),
        ("HTTP/1.1 404 Not Found\r\n\r\n", Some(404), false),
        ("HTTP/1.1 401 Unauthorized\r\n\r\n", Some(401), false),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", Some(503), true),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\nSec-WebSocket-Protocol: sip\r\n\r\n",
            None,
            true,
        ),
        ("220 mail.example.com ESMTP\r\n\r\n", None, true),
        ("", None, true),
    ];
    for (answer, status, again) in cases {
        let server = Server::new().await;
        let (_link, mut events) = open(server.pinned());
        let mut stream = server.accept().await.expect("TLS");
        head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.expect("sent");
        stream.shutdown().await.expect("closed");
        drop(stream);
        let (error, own) = down(&mut events).await;
        assert!(
            matches!(&error, LinkError::WebsocketRefused { status: own, .. } if *own == status),
            "{answer}: {error:?}"
        );
        assert_eq!(own, again, "{answer}");
    }
}

#[tokio::test]
async fn an_extension_that_nobody_asked_for_fails_the_connection() {
    let server = Server::new().await;
    let (_link, mut events) = open(server.pinned());
    let (_socket, _) =
        server.upgrade("Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Extensions: permessage-deflate\r\n").await;
    assert!(matches!(down(&mut events).await, (LinkError::WebsocketRefused { .. }, true)));
}

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

#[tokio::test]
async fn nobody_there_has_its_own_word() {
    let server = Server::new().await;
    let config = server.pinned();
    drop(server);
    let (_link, mut events) = open(config.clone());
    assert!(matches!(down(&mut events).await, (LinkError::ConnectRefused(_), true)));
    let (_link, mut events) =
        open(LinkConfig { url: Url::parse("wss://no-such-host.invalid/").expect("a URL"), ..config.clone() });
    assert!(matches!(down(&mut events).await, (LinkError::HostUnknown(_), true)));
    let (_link, mut events) = open(LinkConfig { url: Url::parse("https://127.0.0.1/").expect("a URL"), ..config });
    assert!(matches!(down(&mut events).await, (LinkError::BadUrl(_), false)));
}

#[tokio::test]
async fn a_server_that_is_no_tls_server_has_its_own_word() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("wss://{}/", listener.local_addr().expect("bound"))).expect("a URL");
    let (_link, mut events) = open(LinkConfig::new(url, Trust::Pin([0; 32]), [1; 32]));
    let (mut stream, _) = listener.accept().await.expect("a connection");
    stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.expect("sent");
    assert!(matches!(down(&mut events).await, (LinkError::TlsFailed(_), true)));
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("wss://{}/", listener.local_addr().expect("bound"))).expect("a URL");
    let limit = Duration::from_millis(50);
    let (_link, mut events) = open(LinkConfig { limit, ..LinkConfig::new(url, Trust::Pin([0; 32]), [1; 32]) });
    let _silent = listener.accept().await.expect("a connection");
    assert!(matches!(down(&mut events).await, (LinkError::ConnectTimeout("agree on TLS"), true)));
}

#[tokio::test]
async fn text_and_binary_go_both_ways() {
    use futures_util::{SinkExt, StreamExt};
    let server = Server::new().await;
    let (link, mut events, mut socket) = up(&server, server.pinned()).await;
    for message in [Message::text("one"), Message::binary(&b"two"[..])] {
        let bytes = message.clone().into_data();
        socket.send(message).await.expect("sent");
        assert!(matches!(event(&mut events).await, LinkEvent::Message(own) if own == bytes));
    }
    link.send(Bytes::from_static("größe".as_bytes())).await;
    assert_eq!(socket.next().await.expect("a frame").expect("whole"), Message::text("größe"));
    link.send(Bytes::from_static(b"\xff\x00")).await;
    assert_eq!(socket.next().await.expect("a frame").expect("whole"), Message::binary(&b"\xff\x00"[..]));
    link.close().await;
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1000));
    socket.flush().await.expect("the echo");
    drop(socket);
    assert!(matches!(event(&mut events).await, LinkEvent::Closed));
}

#[tokio::test]
async fn a_message_in_pieces_is_one_message_and_pings_between_them_are_answered() {
    let server = Server::new().await;
    let (_link, mut events) = open(server.pinned());
    let mut stream = server.accept().await.expect("TLS");
    let request = head(&mut stream).await;
    stream.write_all(switching(&request, GOOD).as_bytes()).await.expect("sent");
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    stream.write_all(b"\x01\x02IN\x89\x01!\x80\x04VITE").await.expect("sent");
    assert!(matches!(event(&mut events).await, LinkEvent::Message(own) if own == "INVITE"));
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).await.expect("a pong");
    assert_eq!(pong, [0x8a, 0x81], "a masked pong of one octet");
}

#[tokio::test]
async fn what_no_server_may_send_ends_the_connection() {
    let huge = [b"\x82\x7f".as_slice(), &u64::MAX.to_be_bytes()].concat();
    let large = [b"\x82\x7f".as_slice(), &(300 * 1024_u64).to_be_bytes()].concat();
    let cases: [(&str, &[u8]); 6] = [
        ("a masked frame", b"\x81\x81\x00\x00\x00\x00x"),
        ("a reserved bit", b"\xc1\x01x"),
        ("an unknown opcode", b"\x83\x01x"),
        ("a fragmented ping", b"\x09\x01x"),
        ("an impossible length", &huge),
        ("a frame of 300 KiB", &large),
    ];
    for (name, bytes) in cases {
        let server = Server::new().await;
        let (_link, mut events) = open(server.pinned());
        let mut stream = server.accept().await.expect("TLS");
        let request = head(&mut stream).await;
        stream.write_all(switching(&request, GOOD).as_bytes()).await.expect("sent");
        assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
        stream.write_all(bytes).await.expect("sent");
        assert!(matches!(down(&mut events).await, (LinkError::ConnectionLost { .. }, true)), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_found_dead() {
    let server = Server::new().await;
    let config = LinkConfig { ping: Duration::from_millis(40), pong: Duration::from_millis(200), ..server.pinned() };
    // The socket stays open and is never read: the half-open connection after a change of network.
    let (_link, mut events, _socket) = up(&server, config).await;
    let (error, again) = down(&mut events).await;
    assert!(matches!(error, LinkError::ConnectionLost { code: None, .. }) && again, "{error}");
}

#[tokio::test]
async fn pings_prove_the_server_alive() {
    use futures_util::StreamExt;
    let server = Server::new().await;
    let config = LinkConfig { ping: Duration::from_millis(20), ..server.pinned() };
    let (_link, mut events, mut socket) = up(&server, config).await;
    let answering = tokio::spawn(async move { while socket.next().await.is_some_and(|frame| frame.is_ok()) {} });
    let mut proofs = 0;
    while proofs < 3 {
        if let LinkEvent::Proof { rtt: Some(_) } = events.recv().await.expect("the link lives") {
            proofs += 1;
        }
    }
    answering.abort();
}

#[tokio::test]
async fn a_close_is_taken_by_its_code_and_a_wish_connects_at_once() {
    use futures_util::StreamExt;
    use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
    for (code, again) in
        [(CloseCode::Away, true), (CloseCode::Restart, true), (CloseCode::Error, true), (CloseCode::Policy, false)]
    {
        let server = Server::new().await;
        let (link, mut events, mut socket) = up(&server, server.pinned()).await;
        socket.close(Some(CloseFrame { code, reason: "<b>canary</b>".into() })).await.expect("sent");
        let echo = tokio::spawn(async move { socket.next().await });
        let (error, own) = down(&mut events).await;
        assert!(
            matches!(&error, LinkError::ConnectionLost { code: Some(own), .. } if *own == u16::from(code)),
            "{error:?}"
        );
        assert!(!error.to_string().contains("canary") && own == again, "{error}");
        echo.await.expect("the echo");
        link.reconnect().await;
        let (_socket, _) = server.upgrade(GOOD).await;
        assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    }
}
