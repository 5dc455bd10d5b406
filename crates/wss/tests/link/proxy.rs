//! Through proxies, with a proxy that says what the test tells it to.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use wss::{Credentials, LinkConfig, LinkError, LinkEvent, Proxy, ProxyKind, open};

use crate::server::{GOOD, Server, down, event};

/// A proxy.
pub(crate) struct Relay(TcpListener);

impl Relay {
    pub(crate) async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a port"))
    }

    /// A link through it to a server that only it can find: the name is none that anybody else knows.
    fn config(&self, server: &Server, kind: ProxyKind, credentials: Option<Credentials>) -> LinkConfig {
        let mut config = server.pinned();
        config.url.set_host(Some("pbx.invalid")).expect("a host");
        LinkConfig { proxy: Some(self.proxy(kind, credentials)), ..config }
    }

    /// How it is named in a configuration.
    pub(crate) fn proxy(&self, kind: ProxyKind, credentials: Option<Credentials>) -> Proxy {
        let port = self.0.local_addr().expect("bound").port();
        Proxy { kind, host: "127.0.0.1".to_owned(), port, credentials }
    }

    async fn accept(&self) -> TcpStream {
        self.0.accept().await.expect("a connection").0
    }

    /// Reads one CONNECT, and answers it.
    pub(crate) async fn connect(&self, answer: &str) -> (TcpStream, String) {
        let mut stream = self.accept().await;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.expect("a request"));
        }
        stream.write_all(answer.as_bytes()).await.expect("sent");
        (stream, String::from_utf8(request).expect("text"))
    }
}

/// Carries octets between the client and the server for as long as both want.
pub(crate) fn carry(mut stream: TcpStream, server: &Server) {
    let to = server.listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut far = TcpStream::connect(to).await.expect("the server");
        let _ = copy_bidirectional(&mut stream, &mut far).await;
    });
}

async fn read<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.expect("octets");
    bytes
}

#[tokio::test]
async fn http_connect_leads_to_the_server_and_tls_is_with_it() {
    let (server, relay) = (Server::new().await, Relay::new().await);
    let port = server.listener.local_addr().expect("bound").port();
    let who = Some(Credentials::new("alice", "open sesame"));
    let (_link, mut events) = open(relay.config(&server, ProxyKind::Http, who));
    let (_, request) = relay
        .connect("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\r\n")
        .await;
    assert!(
        request.starts_with(&format!("CONNECT pbx.invalid:{port} HTTP/1.1\r\nHost: pbx.invalid:{port}\r\n")),
        "{request}"
    );
    assert!(!request.contains("Authorization"), "nothing is said unasked");
    let (stream, request) = relay.connect("HTTP/1.0 200 Connection established\r\n\r\n").await;
    assert!(request.contains("\r\nProxy-Authorization: Basic YWxpY2U6b3BlbiBzZXNhbWU=\r\n"), "{request}");
    carry(stream, &server);
    let (_socket, request) = server.upgrade(GOOD).await;
    assert!(request.contains(&format!("\r\nHost: pbx.invalid:{port}\r\n")), "{request}");
    assert!(!request.contains("Authorization"), "what is for the proxy is not for the server");
    assert!(matches!(event(&mut events).await, LinkEvent::Up { tls, .. } if tls.certificate.is_some()));
}

#[tokio::test]
async fn a_digest_of_the_proxy_is_answered_for_connect() {
    let (server, relay) = (Server::new().await, Relay::new().await);
    let who = Some(Credentials::new("alice", "open sesame"));
    let (_link, _events) = open(relay.config(&server, ProxyKind::Http, who));
    relay.connect("HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm=\"p\", nonce=\"n\"\r\n\r\n").await;
    let (_, request) = relay.connect("HTTP/1.1 200 OK\r\n\r\n").await;
    let port = server.listener.local_addr().expect("bound").port();
    let hash = |text: &str| {
        md5::Digest::finalize(md5::Digest::chain_update(<md5::Md5 as md5::Digest>::new(), text))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let right = hash(&format!("{}:n:{}", hash("alice:p:open sesame"), hash(&format!("CONNECT:pbx.invalid:{port}"))));
    assert!(request.contains(&format!("response=\"{right}\"")), "{request}");
}

#[tokio::test]
async fn a_proxy_that_does_not_let_through_says_why() {
    let refused = "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\r\n";
    for (answers, credentials, again) in [
        (vec![refused, refused], true, false),
        (vec![refused], false, false),
        (vec!["HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\n\r\n"], true, false),
        (vec!["HTTP/1.0 401 Unauthorized\r\n\r\n"], true, false),
        (vec!["HTTP/1.1 502 Bad Gateway\r\n\r\n"], true, true),
        (vec!["HTTP/1.1 200 OK\r\n\r\nSSH-2.0"], true, true),
        (vec!["220 mail.example.com ESMTP\r\n"], true, true),
    ] {
        let (server, relay) = (Server::new().await, Relay::new().await);
        let who = credentials.then(|| Credentials::new("alice", "canary"));
        let (_link, mut events) = open(relay.config(&server, ProxyKind::Http, who));
        for answer in &answers {
            relay.connect(answer).await;
        }
        let (error, own) = down(&mut events).await;
        assert!(error.to_string().contains("the proxy") && !error.to_string().contains("canary"), "{error}");
        assert_eq!((matches!(error, LinkError::Proxy { who: true, .. }), own), (!again, again), "{answers:?}");
    }
}

#[tokio::test]
async fn socks_leads_to_the_server_by_its_name() {
    for credentials in [false, true] {
        let (server, relay) = (Server::new().await, Relay::new().await);
        let who = credentials.then(|| Credentials::new("alice", "sesame"));
        let (_link, mut events) = open(relay.config(&server, ProxyKind::Socks5, who));
        let mut stream = relay.accept().await;
        if credentials {
            assert_eq!(read::<4>(&mut stream).await, [5, 2, 0, 2]);
            stream.write_all(&[5, 2]).await.expect("sent");
            assert_eq!(&read::<14>(&mut stream).await, b"\x01\x05alice\x06sesame");
            stream.write_all(&[1, 0]).await.expect("sent");
        } else {
            assert_eq!(read::<3>(&mut stream).await, [5, 1, 0]);
            stream.write_all(&[5, 0]).await.expect("sent");
        }
        assert_eq!(&read::<16>(&mut stream).await, b"\x05\x01\x00\x03\x0bpbx.invalid");
        assert_eq!(u16::from_be_bytes(read(&mut stream).await), server.listener.local_addr().expect("bound").port());
        // Where it is bound may be a name, an address or another.
        let bound: &[u8] =
            if credentials { b"\x05\x00\x00\x03\x01x\x00\x50" } else { &[5, 0, 0, 1, 10, 0, 0, 1, 0, 80] };
        stream.write_all(bound).await.expect("sent");
        carry(stream, &server);
        let (_socket, _) = server.upgrade(GOOD).await;
        assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    }
}

#[tokio::test]
async fn socks_that_does_not_let_through_says_why() {
    let connected = 0;
    for (chosen, verdict, reply, why) in [
        (&[5, 0xff][..], None, None, "other credentials"),
        (&[4, 0], None, None, "SOCKS5"),
        (&[5, 2], Some([1, 1]), None, "other credentials"),
        (&[5, 0], None, Some([5, 2, 0, 1]), "rules"),
        (&[5, 0], None, Some([5, 4, 0, 1]), "does not reach"),
        (&[5, 0], None, Some([5, 5, 0, 1]), "refuses the connection"),
        (&[5, 0], None, Some([5, connected, 0, 9]), "SOCKS5"),
    ] {
        let (server, relay) = (Server::new().await, Relay::new().await);
        let (_link, mut events) = open(relay.config(&server, ProxyKind::Socks5, Some(Credentials::new("a", "b"))));
        let mut stream = relay.accept().await;
        read::<4>(&mut stream).await;
        stream.write_all(chosen).await.expect("sent");
        if let Some(verdict) = verdict {
            read::<5>(&mut stream).await;
            stream.write_all(&verdict).await.expect("sent");
        }
        if let Some(reply) = reply {
            read::<18>(&mut stream).await;
            stream.write_all(&reply).await.expect("sent");
        }
        let (error, again) = down(&mut events).await;
        assert!(error.to_string().contains("the proxy") && error.to_string().contains(why), "{error}");
        assert_eq!(again, why != "other credentials", "{error}");
    }
}
