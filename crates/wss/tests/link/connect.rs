//! Servers that are not there, or are none.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use url::Url;
use wss::{LinkConfig, LinkError, LinkEvent, Trust, open};

use crate::server::{GOOD, Server, down, event, head, switching};

#[tokio::test]
async fn nobody_there_has_its_own_word() {
    let server = Server::new().await;
    let config = server.pinned();
    drop(server);
    let (_link, mut events) = open(config.clone());
    assert!(matches!(down(&mut events).await, (LinkError::ConnectRefused(_), true)));
    let (_link, mut events) =
        open(LinkConfig { url: Url::parse("wss://no-such-host.invalid/").expect("a URL"), ..config.clone() });
    assert!(matches!(down(&mut events).await, (LinkError::HostUnknown(_), true)));
    let (_link, mut events) = open(LinkConfig { url: Url::parse("https://127.0.0.1/").expect("a URL"), ..config });
    assert!(matches!(down(&mut events).await, (LinkError::BadUrl(_), false)));
}

#[tokio::test]
async fn a_server_that_is_no_tls_server_has_its_own_word() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("wss://{}/", listener.local_addr().expect("bound"))).expect("a URL");
    let (_link, mut events) = open(LinkConfig::new(url, Trust::Pin([0; 32]), [1; 32]));
    let (mut stream, _) = listener.accept().await.expect("a connection");
    stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.expect("sent");
    assert!(matches!(down(&mut events).await, (LinkError::TlsFailed(_), true)));
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("wss://{}/", listener.local_addr().expect("bound"))).expect("a URL");
    let limit = Duration::from_millis(50);
    let (_link, mut events) = open(LinkConfig { limit, ..LinkConfig::new(url, Trust::Pin([0; 32]), [1; 32]) });
    let _silent = listener.accept().await.expect("a connection");
    assert!(matches!(down(&mut events).await, (LinkError::ConnectTimeout("agree on TLS"), true)));
}

#[tokio::test]
async fn one_connection_at_a_time_is_made_to_an_address() {
    const ACCOUNTS: usize = 5;
    let server = Server::new().await;
    let links: Vec<_> = (0..ACCOUNTS).map(|_| open(server.pinned())).collect();
    let connecting = AtomicUsize::new(0);
    let handshake = async |stream: TcpStream| {
        let others = connecting.fetch_add(1, Ordering::SeqCst);
        let mut stream = server.acceptor.accept(stream).await.expect("TLS");
        let request = head(&mut stream).await;
        // Others have had all these round trips to connect too.
        assert_eq!((others, connecting.fetch_sub(1, Ordering::SeqCst)), (0, 1), "one at a time (RFC 6455 4.1)");
        stream.write_all(switching(&request, GOOD).as_bytes()).await.expect("sent");
        stream
    };
    let serve = async {
        let mut handshakes = FuturesUnordered::new();
        let (mut accepted, mut sockets) = (0, Vec::new());
        while sockets.len() < ACCOUNTS {
            tokio::select! {
                stream = server.listener.accept(), if accepted < ACCOUNTS => {
                    accepted += 1;
                    handshakes.push(handshake(stream.expect("a connection").0));
                }
                Some(socket) = handshakes.next() => sockets.push(socket),
            }
        }
        sockets
    };
    let all = async {
        let mut links = links;
        for (_, events) in &mut links {
            assert!(matches!(event(events).await, LinkEvent::Up { .. }));
        }
        links
    };
    tokio::join!(serve, all);
}
