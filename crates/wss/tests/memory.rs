//! What a server can make the link keep in memory. Alone in its process, for it looks at the memory of the process.
#![cfg(target_os = "linux")]

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;
use wss::{LinkConfig, LinkEvent, Trust, open};

/// What one attack may cost (CONFORMANCE C52).
const MOST: u64 = 1024 * 1024;

/// The memory of this process that is in use, in octets.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") * 1024
}

async fn head(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.expect("a request"));
    }
    String::from_utf8(request).expect("text")
}

fn switching(request: &str) -> String {
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
    )
}

/// Says `start` and then `piece` for as long as the link listens, and tells by how much the memory grew meanwhile.
async fn attack(start: impl Fn(&str) -> Vec<u8>, piece: &[u8]) -> u64 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("ws://{}/", listener.local_addr().expect("bound"))).expect("a URL");
    let (_link, mut events) = open(LinkConfig::new(url, Trust::Platform, [7; 32]));
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let request = head(&mut stream).await;
    stream.write_all(&start(&request)).await.expect("sent");
    let (mut most, before) = (0, resident());
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event.expect("the link lives") {
                LinkEvent::Down { .. } => return most,
                LinkEvent::Message(message) => panic!("{} octets are a message", message.len()),
                _ => {}
            },
            // Once the link has closed there is nothing to say, but its last event is still to come.
            written = stream.write_all(piece), if !piece.is_empty() => {
                most = most.max(resident().saturating_sub(before));
                if written.is_err() {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

/// A gigabyte of whole messages, each taken as it comes, and by how much the memory grew meanwhile.
async fn flood() -> u64 {
    const SIZE: u32 = 200 * 1024;
    const COUNT: u64 = 1024 * 1024 * 1024 / SIZE as u64;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("ws://{}/", listener.local_addr().expect("bound"))).expect("a URL");
    let (_link, mut events) = open(LinkConfig::new(url, Trust::Platform, [7; 32]));
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let request = head(&mut stream).await;
    stream.write_all(switching(&request).as_bytes()).await.expect("sent");
    let frame = [&[0x82, 127][..], &u64::from(SIZE).to_be_bytes(), &vec![b'x'; SIZE as usize]].concat();
    let before = resident();
    let say = async {
        for _ in 0..COUNT {
            stream.write_all(&frame).await.expect("sent");
        }
    };
    let hear = async {
        let (mut heard, mut most) = (0, 0);
        while heard < COUNT {
            if let LinkEvent::Message(_) = events.recv().await.expect("the link lives") {
                heard += 1;
                most = most.max(resident().saturating_sub(before));
            }
        }
        most
    };
    tokio::join!(say, hear).1
}

#[tokio::test]
async fn no_server_makes_it_grow() {
    // CONFORMANCE S2.
    let grown = flood().await;
    assert!(grown < 20 * MOST, "a gigabyte of messages: {grown} octets");

    let open = |request: &str, frames: &[u8]| [switching(request).as_bytes(), frames].concat();
    for round in 0..2 {
        let grown = [
            ("an endless header", attack(|_| b"HTTP/1.1 101 Switching Protocols\r\nX: ".to_vec(), &[b'y'; 4096]).await),
            ("endless headers", attack(|_| b"HTTP/1.1 101 Switching Protocols\r\n".to_vec(), b"X: y\r\n").await),
            ("a length of 2^60", attack(|request| open(request, b"\x82\x7f\x10\0\0\0\0\0\0\0"), &[b'y'; 4096]).await),
            (
                "an endless message",
                attack(|request| open(request, b"\x02\x01y"), &[&[0, 126, 16, 0][..], &[b'y'; 4096]].concat()).await,
            ),
            (
                "a message of endless octets",
                attack(|request| open(request, b"\x02\x01y"), b"\0\x01y\0\x01y\0\x01y\0\x01y").await,
            ),
        ];
        for (name, grown) in grown {
            // The first round fills the pools of the allocator.
            assert!(round == 0 || grown < MOST, "{name}: {grown} octets");
        }
    }
}
