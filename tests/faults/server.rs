//! A server over WSS that says every wrong thing: it takes one connection after the other and answers as it is told.

use std::{
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex},
    thread,
};

use acceptance::{PATIENCE, cert::Certificate};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sip::{Message, Request, Response, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, handshake::derive_accept_key, protocol::Role},
};

/// What the server says to a message: any number of frames.
pub(crate) type Script = Box<dyn FnMut(&Message) -> Vec<Bytes> + Send>;

/// A running server. It ends with the test.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    heard: Arc<Heard>,
}

/// What came, and a bell for who waits for more.
#[derive(Default)]
struct Heard {
    messages: Mutex<Vec<Message>>,
    bell: Condvar,
}

impl Server {
    /// Starts one that shows `certificate`, names `protocol` in its 101, and answers by `script`.
    pub(crate) fn start(certificate: &Certificate, protocol: &'static str, mut script: Script) -> Self {
        let chain = vec![CertificateDer::from_pem_slice(certificate.pem.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener of tokio does not block");
        let address = listener.local_addr().expect("it is bound");
        let heard = Arc::new(Heard::default());
        let log = heard.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                while let Ok((stream, _)) = listener.accept().await {
                    // Who goes away in the middle is what some of the tests want.
                    let _ = serve(stream, &acceptor, protocol, &mut script, &log).await;
                }
            });
        });
        Self { address, heard }
    }

    /// `wss://…` of it.
    pub(crate) fn url(&self) -> String {
        format!("wss://{}/", self.address)
    }

    /// What it has heard so far.
    pub(crate) fn heard(&self) -> Vec<Message> {
        self.heard.messages.lock().expect("nobody panics with it").clone()
    }

    /// Waits until `find` makes something of what it has heard.
    pub(crate) fn hears<T>(&self, what: &str, find: impl Fn(&[Message]) -> Option<T>) -> T {
        let all = self.heard.messages.lock().expect("nobody panics with it");
        let waiting = |all: &mut Vec<Message>| find(all).is_none();
        let (all, _) = self.heard.bell.wait_timeout_while(all, PATIENCE, waiting).expect("nobody panics with it");
        find(&all).unwrap_or_else(|| panic!("{what} never came: {all:?}"))
    }
}

async fn serve(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    protocol: &str,
    script: &mut Script,
    log: &Heard,
) -> Result<(), tungstenite::Error> {
    let mut stream = acceptor.accept(stream).await?;
    let request = head(&mut stream).await?;
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(frame) = socket.next().await {
        let frame = frame?;
        if !(frame.is_text() || frame.is_binary()) {
            continue;
        }
        let Ok(message) = Message::parse(frame.into_data()) else { continue };
        log.messages.lock().expect("nobody panics with it").push(message.clone());
        log.bell.notify_all();
        for said in script(&message) {
            socket.send(tungstenite::Message::binary(said)).await?;
        }
    }
    Ok(())
}

async fn head(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&request).into_owned())
}

/// An answer to `request`; `more` adds to it.
pub(crate) fn answer(request: &Request, code: u16, more: impl FnOnce(&mut Response)) -> Bytes {
    let mut response = request.respond(StatusCode::new(code).expect("a status"), Some("server"));
    more(&mut response);
    response.to_bytes()
}
