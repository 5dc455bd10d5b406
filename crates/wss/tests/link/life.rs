//! Signs of life, and ends.

use std::time::Duration;

use wss::{LinkConfig, LinkError, LinkEvent};

use crate::server::{GOOD, Server, down, event, up};

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
