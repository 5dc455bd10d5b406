//! The server's side of the WebSocket: TCP on loopback, TLS with a certificate made at start, the subprotocol `sip`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::PrivateKeyDer;
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Message, Utf8Bytes,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode, header},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    PbxError,
    hub::{Door, Hub, told},
};

/// The most connections at once; more wait for one to end.
const MOST: usize = 64;
/// How long TLS and the handshake may take together.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A connection from which nothing has come for so long is dead: phones ping every 25 s.
const IDLE: Duration = Duration::from_secs(120);
/// The most octets of a frame and of a message.
const LARGEST: usize = 256 * 1024;
/// How long nobody is let in after the system refused a connection.
const OUT_OF_BREATH: Duration = Duration::from_millis(100);
/// How long a close may take.
const CLOSING: Duration = Duration::from_secs(1);

/// Makes a key and a certificate for 127.0.0.1, and gives the SHA-256 of the certificate.
pub(crate) fn identity() -> Result<(TlsAcceptor, String), PbxError> {
    let failed = |error: &dyn std::fmt::Display| PbxError::Certificate(error.to_string());
    let made =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).map_err(|e| failed(&e))?;
    let certificate = made.cert.der().clone();
    let pin = Sha256::digest(&certificate).iter().map(|byte| format!("{byte:02x}")).collect();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(|e| failed(&e))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| failed(&e))?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(|e| failed(&e))?;
    Ok((TlsAcceptor::from(Arc::new(config)), pin))
}

/// Takes connections until it is stopped.
pub(crate) async fn run(listener: TcpListener, acceptor: TlsAcceptor, hub: Hub, mut stopped: watch::Receiver<bool>) {
    // What is declared in here is dropped before `stopped`: who waits until nobody waits any more finds the port free.
    let listener = listener;
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told(&mut stopped) => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors: others have to go first, and asking again at once would only take their time.
            tokio::select! {
                () = sleep(OUT_OF_BREATH) => continue,
                () = told(&mut stopped) => return,
            }
        };
        let (acceptor, hub, mut stopped) = (acceptor.clone(), hub.clone(), stopped.clone());
        tokio::spawn(async move {
            let shaken = tokio::select! {
                shaken = timeout(HANDSHAKE, shake_hands(stream, &acceptor)) => shaken.ok().flatten(),
                () = told(&mut stopped) => None,
            };
            if let Some(socket) = shaken
                && let Some(door) = hub.connect(None).await
            {
                serve(socket, door, stopped).await;
            }
            drop(place);
        });
    }
}

async fn shake_hands(stream: TcpStream, acceptor: &TlsAcceptor) -> Option<WebSocketStream<TlsStream<TcpStream>>> {
    let _ = stream.set_nodelay(true);
    let stream = acceptor.accept(stream).await.ok()?;
    let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    accept_hdr_async_with_config(stream, speaks_sip, Some(config)).await.ok()
}

/// RFC 7118 4.1: who does not offer `sip` is refused, and who does is told that it is used.
#[expect(clippy::result_large_err, reason = "the type is that of the library's callback")]
fn speaks_sip(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut tokens = offered.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    if tokens.any(|token| token.trim() == "sip") {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("sip"));
        return Ok(response);
    }
    let mut refusal = ErrorResponse::new(Some("only SIP is spoken here".to_owned()));
    *refusal.status_mut() = StatusCode::BAD_REQUEST;
    Err(refusal)
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: WebSocketStream<S>,
    mut door: Door,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            frame = timeout(IDLE, socket.next()) => {
                let bytes: Bytes = match frame {
                    Ok(Some(Ok(Message::Text(text)))) => text.into(),
                    Ok(Some(Ok(Message::Binary(bytes)))) => bytes,
                    // The library answers pings and closes by itself.
                    Ok(Some(Ok(_))) => continue,
                    _ => return,
                };
                if !door.send(bytes).await {
                    return;
                }
            }
            message = door.inbox.recv() => {
                let Some(bytes) = message else { return };
                let frame = match Utf8Bytes::try_from(bytes.clone()) {
                    Ok(text) => Message::Text(text),
                    Err(_) => Message::Binary(bytes),
                };
                if socket.send(frame).await.is_err() {
                    return;
                }
            }
            () = told(&mut stopped) => {
                let away = CloseFrame { code: CloseCode::Away, reason: Utf8Bytes::from_static("") };
                let _ = timeout(CLOSING, async {
                    let _ = socket.close(Some(away)).await;
                    while let Some(Ok(_)) = socket.next().await {}
                })
                .await;
                return;
            }
        }
    }
}
