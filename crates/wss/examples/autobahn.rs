//! Runs the cases of an Autobahn fuzzing server against the link: `cargo run -p wss --example autobahn -- 127.0.0.1:9001`.
//!
//! The link gives back each message of a case. Autobahn knows no subprotocol, and without `sip` the link leaves (RFC 7118
//! 4.1), so the link goes through a proxy that puts that one line into the 101 and touches nothing else. Two things are as RFC 7118 has
//! them and not as Autobahn wants: a message of more than 256 KiB ends the connection, and what is UTF-8 goes back as
//! text even when it came as binary.

use std::error::Error;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use url::Url;
use wss::{KeepAlive, LinkConfig, LinkEvent, Proxy, Trust, open};

/// The octets of a head of HTTP, its empty line included.
async fn head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

async fn relay(mut near: TcpStream, to: String) -> std::io::Result<()> {
    head(&mut near).await?;
    near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    let mut far = TcpStream::connect(to).await?;
    far.write_all(&head(&mut near).await?).await?;
    let mut answer = head(&mut far).await?;
    answer.truncate(answer.len() - 2);
    answer.extend(b"Sec-WebSocket-Protocol: sip\r\n\r\n");
    near.write_all(&answer).await?;
    copy_bidirectional(&mut near, &mut far).await.map(|_| ())
}

/// Goes through one case, and gives the last message that came.
async fn case(server: &str, proxy: &Proxy, path: &str) -> Result<String, Box<dyn Error>> {
    let url = Url::parse(&format!("ws://{server}/{path}"))?;
    let proxy = Some(proxy.clone());
    let config = LinkConfig { keep: KeepAlive::None, proxy, ..LinkConfig::new(url, Trust::Platform, [1; 32]) };
    let (link, mut events) = open(config);
    let mut last = String::new();
    while let Some(event) = events.recv().await {
        match event {
            LinkEvent::Message(message) => {
                last = String::from_utf8_lossy(&message).into_owned();
                link.send(message).await;
            }
            LinkEvent::Down { .. } => break,
            _ => {}
        }
    }
    Ok(last)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).ok_or("the address of the fuzzing server is missing")?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let proxy = Proxy::parse(&listener.local_addr()?.to_string()).ok_or("no proxy")?;
    let to = server.clone();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(relay(near, to.clone()));
        }
    });
    let count: u32 = case(&server, &proxy, "getCaseCount").await?.trim().parse()?;
    for number in 1..=count {
        case(&server, &proxy, &format!("runCase?case={number}&agent=Bellbird")).await?;
    }
    case(&server, &proxy, "updateReports?agent=Bellbird").await?;
    println!("{count} cases; the server has written its report");
    Ok(())
}
