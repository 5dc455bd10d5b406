//! The opening handshake.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wss::{LinkError, LinkEvent, open};

use crate::server::{GOOD, Server, accept_key, close_code, down, event, frame, head, switching};

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

#[tokio::test]
async fn every_change_of_the_101_is_seen() {
    let good = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
    // What is changed, into what, and whether it is still an upgrade.
    let changes: [(&str, &str, bool); 29] = [
        ("", "", true),
        ("Upgrade: websocket", "upgrade: WebSocket", true),
        ("Connection: Upgrade", "CONNECTION:   keep-alive ,  upgrade", true),
        ("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade", true),
        ("Accept: KEY", "Accept:\t KEY \t", true),
        ("Switching Protocols", "", true),
        ("\r\n\r\n", "\r\nSia: SIP/2.0/TLS 127.0.0.1:5061\r\nContent-Length: 0\r\n\r\n", true),
        ("Upgrade: websocket\r\n", "", false),
        ("Upgrade: websocket", "Upgrade: websockets", false),
        ("Upgrade: websocket", "Upgrade: websocket, h2c", false),
        ("Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: websocket", false),
        ("Upgrade: websocket", "Upgrade:", false),
        ("Connection: Upgrade\r\n", "", false),
        ("Connection: Upgrade", "Connection: close", false),
        ("Connection: Upgrade", "Connection: Upgraded", false),
        ("Connection: Upgrade", "Connection: \"Upgrade\"", false),
        ("Sec-WebSocket-Accept: KEY\r\n", "", false),
        ("Accept: KEY", "Accept: KEYx", false),
        ("Accept: KEY", "Accept: LOWER", false),
        ("Accept: KEY", "Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", false),
        ("Sec-WebSocket-Accept: KEY", "Sec-WebSocket-Accept: KEY\r\nSec-WebSocket-Accept: KEY", false),
        ("Protocol: sip", "Protocol: sip\r\nSec-WebSocket-Extensions: x-webkit-deflate-frame", false),
        ("Sec-WebSocket-Protocol: sip", "Sec-WebSocket-Protocol: ", false),
        ("Sec-WebSocket-Protocol: sip", "Sec-WebSocket-Protocol: sips", false),
        ("HTTP/1.1 101", "HTTP/1.0 101", false),
        ("HTTP/1.1 101", "HTTP/2 101", false),
        ("HTTP/1.1 101", "HTTP/1.1 200", false),
        ("HTTP/1.1 101", "ICY 101", false),
        ("Upgrade: websocket\r\n", "Upgrade: websocket\r\nX Y: z\r\n", false),
    ];
    for (from, to, taken) in changes {
        let server = Server::new().await;
        let (_link, mut events) = open(server.pinned());
        let mut stream = server.accept().await.expect("TLS");
        let key = accept_key(&head(&mut stream).await);
        let answer = good.replacen(from, to, usize::from(!from.is_empty()));
        let answer = answer.replace("LOWER", &key.to_lowercase()).replace("KEY", &key);
        stream.write_all(answer.as_bytes()).await.expect("sent");
        match event(&mut events).await {
            LinkEvent::Up { .. } => assert!(taken, "{answer}"),
            LinkEvent::Down { error: LinkError::WebsocketRefused { .. } | LinkError::SubprotocolMissing, .. } => {
                assert!(!taken, "{answer}");
                // And nothing was sent on it.
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
                assert!(rest.is_empty(), "{rest:?}");
            }
            other => panic!("{other:?} of\n{answer}"),
        }
    }
}

#[tokio::test]
async fn a_101_that_comes_octet_by_octet_is_waited_for_and_nothing_is_sent_before_it() {
    let server = Server::new().await;
    let (link, mut events) = open(server.pinned());
    let mut stream = server.accept().await.expect("TLS");
    let answer = switching(&head(&mut stream).await, GOOD);
    for octet in answer.as_bytes() {
        // Somebody who sends now sends on no connection.
        link.send("early".into()).await;
        stream.write_all(&[*octet]).await.expect("sent");
        stream.flush().await.expect("sent");
    }
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    link.send("late".into()).await;
    assert_eq!(frame(&mut stream).await, (0x81, b"late".to_vec()));
}

#[tokio::test]
async fn what_comes_with_the_101_is_not_lost_and_is_judged_too() {
    for (behind, good) in [(&b"\x81\x02hi"[..], true), (b"\x82\x7e\x00\x02hi", false)] {
        let server = Server::new().await;
        let (_link, mut events) = open(server.pinned());
        let mut stream = server.accept().await.expect("TLS");
        let answer = switching(&head(&mut stream).await, GOOD);
        stream.write_all(&[answer.as_bytes(), behind].concat()).await.expect("sent");
        assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
        if good {
            assert!(matches!(event(&mut events).await, LinkEvent::Message(own) if own == "hi"));
        } else {
            assert_eq!(close_code(&mut stream).await, Some(1002));
        }
    }
}

#[tokio::test]
async fn a_head_has_its_limits() {
    let lines = |count: usize| "X: y\r\n".repeat(count);
    let start = "HTTP/1.1 101 Switching Protocols\r\n";
    for (name, answer) in [
        ("65 headers", format!("{start}{}\r\n", lines(65))),
        ("more than 16 KiB in a header", format!("{start}X: {}\r\n\r\n", "y".repeat(16 * 1024))),
        ("more than 16 KiB without any line", "H".repeat(17 * 1024)),
        ("a status line of more than 16 KiB", format!("HTTP/1.1 101 {}", "a".repeat(17 * 1024))),
    ] {
        let server = Server::new().await;
        let (_link, mut events) = open(server.pinned());
        let mut stream = server.accept().await.expect("TLS");
        head(&mut stream).await;
        // The client may leave before it was all said.
        let _ = stream.write_all(answer.as_bytes()).await;
        assert!(matches!(down(&mut events).await, (LinkError::WebsocketRefused { status: None, .. }, true)), "{name}");
    }
    let server = Server::new().await;
    let (_link, mut events) = open(server.pinned());
    server.upgrade(&format!("{GOOD}{}", lines(59))).await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }), "64 headers are few enough");
}
