//! A server that says what the test tells it to, byte by byte, over real TLS on loopback.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};
use url::Url;
use wss::{Link, LinkConfig, LinkError, LinkEvent, Trust, open};

pub(crate) const GOOD: &str = "Sec-WebSocket-Protocol: sip\r\n";

pub(crate) struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) pin: [u8; 32],
}

pub(crate) fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(rcgen::DnType::CommonName, "pbx");
    params
}

impl Server {
    pub(crate) async fn with(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Self {
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
    pub(crate) async fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = params("127.0.0.1").self_signed(&key).expect("a certificate");
        Self::with(vec![certificate.der().clone()], &key).await
    }

    pub(crate) fn config(&self, trust: Trust) -> LinkConfig {
        let url = Url::parse(&format!("wss://127.0.0.1:{}/ws", self.listener.local_addr().expect("bound").port()))
            .expect("a URL");
        LinkConfig::new(url, trust, [5; 32])
    }

    pub(crate) fn pinned(&self) -> LinkConfig {
        self.config(Trust::Pin(self.pin))
    }

    pub(crate) async fn accept(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let (stream, _) = self.listener.accept().await?;
        self.acceptor.accept(stream).await
    }

    /// Takes one handshake and answers it with `answer`, which is no 101.
    pub(crate) async fn refuse(&self, answer: &str) -> String {
        let mut stream = self.accept().await.expect("TLS");
        let request = head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.expect("sent");
        let _ = stream.shutdown().await;
        request
    }

    /// Takes one handshake and answers 101 with `extra` headers.
    pub(crate) async fn upgrade(&self, extra: &str) -> (WebSocketStream<TlsStream<TcpStream>>, String) {
        let mut stream = self.accept().await.expect("TLS");
        let request = head(&mut stream).await;
        stream.write_all(switching(&request, extra).as_bytes()).await.expect("sent");
        (WebSocketStream::from_raw_socket(stream, Role::Server, None).await, request)
    }

    /// The same, for who wants to write and read frames octet by octet.
    pub(crate) async fn raw(&self) -> TlsStream<TcpStream> {
        let mut stream = self.accept().await.expect("TLS");
        let request = head(&mut stream).await;
        stream.write_all(switching(&request, GOOD).as_bytes()).await.expect("sent");
        stream
    }
}

pub(crate) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.expect("a request"));
    }
    String::from_utf8(request).expect("text")
}

pub(crate) fn accept_key(request: &str) -> String {
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes())
}

pub(crate) fn switching(request: &str, extra: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n{extra}\r\n",
        accept_key(request)
    )
}

/// The next frame of the client: its first octet and what it carries. It has to be masked.
pub(crate) async fn frame(stream: &mut TlsStream<TcpStream>) -> (u8, Vec<u8>) {
    let first = stream.read_u8().await.expect("a frame");
    let length = stream.read_u8().await.expect("a length");
    assert_eq!(length & 0x80, 0x80, "it is masked");
    let length = match length & 0x7f {
        126 => u64::from(stream.read_u16().await.expect("a length")),
        127 => stream.read_u64().await.expect("a length"),
        length => u64::from(length),
    };
    let mut mask = [0; 4];
    stream.read_exact(&mut mask).await.expect("a mask");
    let mut payload = vec![0; usize::try_from(length).expect("a length")];
    stream.read_exact(&mut payload).await.expect("a payload");
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    (first, payload)
}

/// The code that the client closes with, if any; pings before it are let go.
pub(crate) async fn close_code(stream: &mut TlsStream<TcpStream>) -> Option<u16> {
    loop {
        match frame(stream).await {
            (0x88, payload) => return payload.first_chunk().map(|code| u16::from_be_bytes(*code)),
            (0x89 | 0x8a, _) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The next event that is no step and no sign of life.
pub(crate) async fn event(events: &mut mpsc::Receiver<LinkEvent>) -> LinkEvent {
    loop {
        match events.recv().await.expect("the link lives") {
            LinkEvent::Step(_) | LinkEvent::Proof { .. } => {}
            event => return event,
        }
    }
}

pub(crate) async fn down(events: &mut mpsc::Receiver<LinkEvent>) -> (LinkError, bool) {
    match event(events).await {
        LinkEvent::Down { error, retry_at, .. } => (error, retry_at.is_some()),
        other => panic!("it is down, not {other:?}"),
    }
}

pub(crate) async fn up(
    server: &Server,
    config: LinkConfig,
) -> (Link, mpsc::Receiver<LinkEvent>, WebSocketStream<TlsStream<TcpStream>>) {
    let (link, mut events) = open(config);
    let (socket, _) = server.upgrade(GOOD).await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    (link, events, socket)
}
