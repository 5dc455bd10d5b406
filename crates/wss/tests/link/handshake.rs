//! The opening handshake.

use tokio::io::AsyncWriteExt;
use wss::{LinkError, LinkEvent, open};

use crate::server::{Server, down, event, head};

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
