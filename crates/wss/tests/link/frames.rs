//! Messages and frames, good and bad ones.

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use wss::{LinkError, LinkEvent, open};

use crate::server::{Server, close_code, down, event, frame, up};

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
    let mut stream = server.raw().await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    stream.write_all(b"\x01\x02IN\x89\x01!\x80\x04VITE").await.expect("sent");
    assert!(matches!(event(&mut events).await, LinkEvent::Message(own) if own == "INVITE"));
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).await.expect("a pong");
    assert_eq!(pong, [0x8a, 0x81], "a masked pong of one octet");
}

#[tokio::test]
async fn what_no_server_may_send_ends_the_connection() {
    let long = |form: u8, length: &[u8], count: usize| [&[0x82, form], length, &vec![b'x'; count]].concat();
    let cases: [(&str, u16, Vec<u8>); 17] = [
        ("a masked frame", 1002, b"\x81\x81\x00\x00\x00\x00x".to_vec()),
        ("reserved bit 1", 1002, b"\xc1\x01x".to_vec()),
        ("reserved bit 2", 1002, b"\xa1\x01x".to_vec()),
        ("reserved bit 3", 1002, b"\x91\x01x".to_vec()),
        ("an unknown opcode", 1002, b"\x83\x01x".to_vec()),
        ("an unknown control opcode", 1002, b"\x8b\x00".to_vec()),
        ("a fragmented ping", 1002, b"\x09\x01x".to_vec()),
        ("a ping of 126 octets", 1002, [&b"\x89\x7e\x00\x7e"[..], &[b'x'; 126]].concat()),
        ("a continuation of nothing", 1002, b"\x80\x01x".to_vec()),
        ("a message inside of another", 1002, b"\x01\x01x\x81\x01y".to_vec()),
        ("125 in two octets", 1002, long(126, &125_u16.to_be_bytes(), 125)),
        ("125 in eight octets", 1002, long(127, &125_u64.to_be_bytes(), 125)),
        ("65,535 in eight octets", 1002, long(127, &65_535_u64.to_be_bytes(), 65_535)),
        ("a length with the highest bit", 1002, long(127, &(1_u64 << 63 | 5).to_be_bytes(), 5)),
        ("a length of 2^60", 1009, long(127, &(1_u64 << 60).to_be_bytes(), 0)),
        ("a frame of 256 KiB and one", 1009, long(127, &(256 * 1024 + 1_u64).to_be_bytes(), 0)),
        ("no UTF-8 in a text", 1007, b"\x81\x02\xc3\x28".to_vec()),
    ];
    for (name, code, bytes) in cases {
        let server = Server::new().await;
        let (_link, mut events) = open(server.pinned());
        let mut stream = server.raw().await;
        assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
        stream.write_all(&bytes).await.expect("sent");
        assert_eq!(close_code(&mut stream).await, Some(code), "{name}");
        drop(stream);
        assert!(matches!(down(&mut events).await, (LinkError::ConnectionLost { .. }, true)), "{name}");
    }
}

#[tokio::test]
async fn the_longest_of_every_form_is_taken() {
    let server = Server::new().await;
    let (_link, mut events) = open(server.pinned());
    let mut stream = server.raw().await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    for length in [1_u32, 125, 126, 65_535, 65_536, 256 * 1024] {
        let [_, _, high, low] = length.to_be_bytes();
        match length {
            ..126 => stream.write_all(&[0x82, low]).await.expect("sent"),
            126..65_536 => stream.write_all(&[0x82, 126, high, low]).await.expect("sent"),
            _ => {
                stream.write_all(&[0x82, 127]).await.expect("sent");
                stream.write_u64(u64::from(length)).await.expect("sent");
            }
        }
        let text = vec![b'x'; length as usize];
        stream.write_all(&text).await.expect("sent");
        assert!(matches!(event(&mut events).await, LinkEvent::Message(own) if own == text), "{length}");
    }
}

#[tokio::test]
async fn utf_8_is_judged_over_fragments() {
    let server = Server::new().await;
    let (link, mut events) = open(server.pinned());
    let mut stream = server.raw().await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    stream.write_all(b"\x01\x01\xe2\x00\x01\x82\x80\x01\xac").await.expect("sent");
    assert!(matches!(event(&mut events).await, LinkEvent::Message(own) if own == "€"));
    for broken in [&b"\x01\x01\xe2\x80\x01\x28"[..], b"\x01\x01\xe2\x80\x00", b"\x01\x01a\x80\x03\xed\xa0\x80"] {
        stream.write_all(broken).await.expect("sent");
        assert_eq!(close_code(&mut stream).await, Some(1007), "{broken:?}");
        drop(stream);
        assert!(matches!(down(&mut events).await, (LinkError::ConnectionLost { .. }, true)), "{broken:?}");
        link.reconnect().await;
        stream = server.raw().await;
        assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    }
}

#[tokio::test]
async fn a_ping_is_answered_in_the_middle_of_a_large_message() {
    let server = Server::new().await;
    let (_link, mut events) = open(server.pinned());
    let mut stream = server.raw().await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    for piece in 0..200_u8 {
        stream.write_all(&[u8::from(piece == 0), 126, 4, 0]).await.expect("sent");
        stream.write_all(&[b'x'; 1024]).await.expect("sent");
        if piece % 20 == 7 {
            let payload = vec![piece; usize::from(piece % 125)];
            stream.write_all(&[&[0x89, piece % 125][..], &payload].concat()).await.expect("sent");
            // The rest of the message is not sent before the pong is here.
            assert_eq!(frame(&mut stream).await, (0x8a, payload));
        }
    }
    stream.write_all(b"\x80\x00").await.expect("sent");
    assert!(matches!(event(&mut events).await, LinkEvent::Message(own) if own.len() == 200 * 1024));
}

#[tokio::test]
async fn a_server_that_does_not_read_is_heard_and_left_when_too_much_waits() {
    let server = Server::new().await;
    let (link, mut events) = open(server.pinned());
    let mut stream = server.raw().await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    let text = Bytes::from(vec![b'x'; 128 * 1024]);
    let (mut heard, mut sent) = (0, 0);
    // The buffers of the system hold some of it, and the link a megabyte.
    let error = loop {
        link.send(text.clone()).await;
        sent += 1;
        assert!(sent < 1_000, "it takes whatever it is given");
        let _ = stream.write_all(b"\x81\x02hi").await;
        match event(&mut events).await {
            LinkEvent::Message(own) if own == "hi" => heard += 1,
            LinkEvent::Down { error, .. } => break error,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(error, LinkError::ConnectionLost { .. }) && heard > 8, "{error} after {heard}");
}
