//! Messages and frames, good and bad ones.

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use wss::{LinkError, LinkEvent, open};

use crate::server::{GOOD, Server, down, event, head, switching, up};

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
