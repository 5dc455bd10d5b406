//! Signs of life, and ends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use wss::{KeepAlive, LinkConfig, LinkError, LinkEvent, open};

use crate::server::{GOOD, Server, close_code, down, event, up};

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
async fn twenty_messages_go_over_one_connection() {
    use futures_util::StreamExt;
    let server = Server::new().await;
    let (link, _events, mut socket) = up(&server, server.pinned()).await;
    for number in 0..20 {
        let message = format!("SIP {number}");
        link.send(message.clone().into()).await;
        assert_eq!(socket.next().await.expect("a frame").expect("whole").into_data(), message);
    }
    let another = std::pin::pin!(server.listener.accept());
    assert!(futures_util::poll!(another).is_pending(), "nobody else has come");
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

#[tokio::test]
async fn it_keeps_alive_as_configured() {
    use futures_util::{SinkExt, StreamExt};
    for (keep, pings, crlfs) in [
        (KeepAlive::Ping, true, false),
        (KeepAlive::Crlf, false, true),
        (KeepAlive::Both, true, true),
        (KeepAlive::None, false, false),
    ] {
        let server = Server::new().await;
        let config = LinkConfig { keep, ping: Duration::from_millis(2), ..server.pinned() };
        let (link, mut events, mut socket) = up(&server, config).await;
        let (mut heard, mut round) = ((false, false), 0);
        link.send("go".into()).await;
        // Until what shall come has come; and a hundred round trips are time enough for what shall not.
        while heard != (pings, crlfs) || round < 100 {
            match socket.next().await.expect("a frame").expect("whole") {
                Message::Ping(_) => heard.0 = true,
                Message::Text(text) if text.as_str() == "\r\n\r\n" => heard.1 = true,
                Message::Text(_) => {
                    socket.send(Message::text("round")).await.expect("sent");
                    while !matches!(events.recv().await, Some(LinkEvent::Message(_))) {}
                    link.send("trip".into()).await;
                    round += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(heard, (pings, crlfs), "{keep:?}");
    }
}

#[tokio::test]
async fn a_crlf_is_answered_by_a_crlf_which_is_no_message() {
    use futures_util::{SinkExt, StreamExt};
    let server = Server::new().await;
    let config = LinkConfig { keep: KeepAlive::Crlf, ping: Duration::from_millis(20), ..server.pinned() };
    let (link, mut events, mut socket) = up(&server, config).await;
    link.keep_alive(Some(Duration::from_millis(20))).await;
    for _ in 0..3 {
        assert_eq!(socket.next().await.expect("a frame").expect("whole"), Message::text("\r\n\r\n"));
        socket.send(Message::text("\r\n")).await.expect("sent");
        assert!(matches!(events.recv().await, Some(LinkEvent::Proof { rtt: Some(_) })));
    }
    // Asterisk's own life sign, and a message behind it.
    for text in ["\r\n\r\n", "OPTIONS"] {
        socket.send(Message::text(text)).await.expect("sent");
    }
    assert!(matches!(event(&mut events).await, LinkEvent::Message(own) if own == "OPTIONS"));
}

#[tokio::test]
async fn only_a_server_that_keeps_alive_owes_an_answer_to_a_crlf() {
    use futures_util::{SinkExt, StreamExt};
    let server = Server::new().await;
    let (ping, pong) = (Duration::from_millis(5), Duration::from_millis(10));
    let config = LinkConfig { keep: KeepAlive::Crlf, ping, pong, ..server.pinned() };
    let (link, mut events, mut socket) = up(&server, config).await;
    // Asterisk, OpenSIPS and FreeSWITCH answer none: after twenty of them, in ten times the limit, it is still up.
    for _ in 0..20 {
        assert_eq!(socket.next().await.expect("a frame").expect("whole"), Message::text("\r\n\r\n"));
    }
    socket.send(Message::text("still here")).await.expect("sent");
    assert!(matches!(event(&mut events).await, LinkEvent::Message(own) if own == "still here"));
    link.keep_alive(Some(ping)).await;
    let (error, again) = down(&mut events).await;
    assert!(matches!(error, LinkError::ConnectionLost { code: None, .. }) && again, "{error}");
}

#[tokio::test]
async fn a_close_is_echoed_once_and_no_reserved_code_is_ever_sent() {
    let body = |code: u16| code.to_be_bytes().to_vec();
    let mut cases: Vec<(Vec<u8>, Option<u16>)> = vec![
        (Vec::new(), None),
        (vec![3], Some(1002)),
        ([&body(1000)[..], b"\xc3\x28"].concat(), Some(1007)),
        ([&body(1000)[..], "gr\u{fc}n".as_bytes()].concat(), Some(1000)),
    ];
    for code in (0..5_000).step_by(499).chain(998..1_017).chain([2_999, 3_000, 3_999, 4_000, 4_999, 5_000, u16::MAX]) {
        // RFC 6455 7.4: these may be on the wire; 1004, 1005, 1006 and 1015 may not. 1014 is younger than the library.
        let allowed = matches!(code, 1000..=1003 | 1007..=1013 | 3000..=4999);
        cases.push((body(code), Some(if allowed { code } else { 1002 })));
    }
    let server = Server::new().await;
    let (link, mut events) = open(server.pinned());
    for (body, echo) in cases {
        let mut stream = server.raw().await;
        assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
        let length = u8::try_from(body.len()).expect("short");
        stream.write_all(&[&[0x88, length], &body[..]].concat()).await.expect("sent");
        assert_eq!(close_code(&mut stream).await, echo, "{body:?}");
        // The server closes first (RFC 6455 7.1.1); behind the echo comes nothing.
        stream.shutdown().await.expect("closed");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "{body:?}: {rest:?}");
        let (error, _) = down(&mut events).await;
        match (&error, body.is_empty()) {
            (LinkError::ConnectionLost { code: Some(1005), .. }, true) => {}
            (LinkError::ConnectionLost { code: Some(1005), .. }, false) => panic!("{body:?}"),
            (LinkError::ConnectionLost { .. }, false) => {}
            _ => panic!("{body:?}: {error}"),
        }
        link.reconnect().await;
    }
    // What is lost without a close is 1006, of which nobody is told on the wire.
    let mut stream = server.raw().await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    stream.shutdown().await.expect("closed");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{rest:?}");
    assert!(matches!(down(&mut events).await, (LinkError::ConnectionLost { code: Some(1006), .. }, true)));
}
