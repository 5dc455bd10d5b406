//! Servers that are not there, or are none.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, net::TcpListener};
use url::Url;
use wss::{LinkConfig, LinkError, Trust, open};

use crate::server::{Server, down};

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
