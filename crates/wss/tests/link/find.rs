//! Finding the servers of a domain, with a real name server (dnsmasq) on loopback.
#![cfg(target_os = "linux")]

use std::{
    io::{BufRead, BufReader, Lines},
    net::{SocketAddr, UdpSocket},
    process::{Child, ChildStderr, Command, Stdio},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use url::Url;
use wss::{Dns, LinkConfig, LinkError, LinkEvent, Trust, open};

use crate::{
    program,
    server::{GOOD, Server, down, event, params},
};

/// A name server with records of its own; it ends with the test.
struct Names {
    running: Child,
    /// What it still says goes nowhere, but has to go.
    _words: Lines<BufReader<ChildStderr>>,
    address: SocketAddr,
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

impl Names {
    fn with(records: &[String]) -> Self {
        // The port is free now; should somebody take it meanwhile, another one is tried.
        for _ in 0..20 {
            let free = UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
            let mut running = Command::new(program("dnsmasq"))
                .args([
                    "--keep-in-foreground",
                    "--no-resolv",
                    "--no-hosts",
                    "--conf-file=/dev/null",
                    "--log-facility=-",
                ])
                .args(["--bind-interfaces", "--listen-address=127.0.0.1", "--local=/test/", "--pid-file", "--user="])
                .arg(format!("--port={}", free.port()))
                .args(records)
                .stderr(Stdio::piped())
                .spawn()
                .expect("dnsmasq is there (Debian has it in dnsmasq-base)");
            let mut words = BufReader::new(running.stderr.take().expect("its words")).lines();
            if words.any(|line| line.is_ok_and(|line| line.contains("started, version"))) {
                return Self { running, _words: words, address: free };
            }
            running.wait().expect("it has ended");
        }
        panic!("dnsmasq does not start");
    }

    fn config(&self, url: &str, server: &Server) -> LinkConfig {
        let url = Url::parse(url).expect("a URL");
        LinkConfig { url, discover: Some(Dns::Servers(vec![self.address])), ..server.pinned() }
    }
}

fn naptr(domain: &str, order: u16, service: &str, to: &str) -> String {
    format!("--naptr-record={domain},{order},10,s,{service},,{to}")
}

fn srv(service: &str, server: &Server, priority: u16) -> String {
    let port = server.listener.local_addr().expect("bound").port();
    format!("--srv-host={service},pbx.test,{port},{priority},10")
}

fn host(name: &str, address: &str) -> String {
    format!("--host-record={name},{address}")
}

/// A port of loopback where nobody listens: it was given to us and is given back.
async fn closed() -> Server {
    let server = Server::new().await;
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    Server { listener: gone, ..server }
}

/// Nobody may have come here.
fn untouched(trap: Server) {
    let listener = trap.listener.into_std().expect("a listener");
    assert_eq!(listener.accept().map_err(|error| error.kind()).err(), Some(std::io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn a_domain_is_enough() {
    let (server, trap) = (Server::new().await, Server::new().await);
    let names = Names::with(&[
        host("pbx.test", "127.0.0.1"),
        // What is not secure, or no WebSocket, is not asked for, however early it comes (S12).
        naptr("naptr.test", 1, "SIP+D2W", "_sip._ws.naptr.test"),
        naptr("naptr.test", 2, "SIPS+D2T", "_sips._tcp.naptr.test"),
        naptr("naptr.test", 3, "SIPS+D2W", "_any.else.test"),
        srv("_sip._ws.naptr.test", &trap, 1),
        srv("_sips._tcp.naptr.test", &trap, 1),
        srv("_sips._ws.naptr.test", &trap, 1),
        srv("_any.else.test", &server, 1),
        srv("_sips._ws.srv.test", &server, 1),
        srv("_sip._ws.srv.test", &trap, 1),
        host("port.test", "127.0.0.1"),
        srv("_sips._ws.port.test", &trap, 1),
    ]);
    let port = server.listener.local_addr().expect("bound").port();
    for url in ["wss://naptr.test/ws".to_owned(), "wss://srv.test/ws".to_owned(), format!("wss://port.test:{port}/ws")]
    {
        let (_link, mut events) = open(names.config(&url, &server));
        let (_socket, request) = server.upgrade(GOOD).await;
        let domain = url.split(['/', ':']).nth(3).expect("a domain");
        let named = if url.contains("port") { format!("{domain}:{port}") } else { domain.to_owned() };
        assert!(request.contains(&format!("\r\nHost: {named}\r\n")), "{request}");
        assert!(
            matches!(event(&mut events).await, LinkEvent::Up { server: Some(own), .. } if own.port() == port),
            "{url}"
        );
    }
    untouched(trap);
}

#[tokio::test]
async fn without_records_the_domain_is_the_server_at_443() {
    let (server, trap) = (Server::new().await, Server::new().await);
    let names = Names::with(&[
        host("plain.test", "127.0.0.9"),
        // A secure account does not fall back to what is not (S12).
        naptr("plain.test", 1, "SIP+D2W", "_sip._ws.plain.test"),
        srv("_sip._ws.plain.test", &trap, 1),
        host("pbx.test", "127.0.0.1"),
        "--srv-host=_sips._ws.not.test".to_owned(),
        host("not.test", "127.0.0.1"),
    ]);
    let at_443 = TcpListener::bind("127.0.0.9:443").await;
    let (_link, mut events) = open(names.config("wss://plain.test/ws", &server));
    match at_443 {
        Ok(listener) => drop(listener.accept().await.expect("it comes to 443")),
        // Only root listens there; any other end shows that the name was found.
        Err(_) => assert!(!matches!(down(&mut events).await, (LinkError::HostUnknown(_), _))),
    }
    let (_link, mut events) = open(names.config("wss://not.test/ws", &server));
    let (error, again) = down(&mut events).await;
    assert!(matches!(&error, LinkError::HostUnknown(why) if why.contains("no such service")) && again, "{error:?}");
    let (_link, mut events) = open(names.config("wss://nobody.test/ws", &server));
    assert!(matches!(down(&mut events).await, (LinkError::HostUnknown(_), true)));
    untouched(trap);
}

#[tokio::test]
async fn the_next_server_is_tried_when_one_fails() {
    let (gone, busy, server) = (closed().await, Server::new().await, Server::new().await);
    let records = [
        srv("_sips._ws.three.test", &gone, 10),
        srv("_sips._ws.three.test", &busy, 20),
        srv("_sips._ws.three.test", &server, 30),
        // Its IPv6 address leads nowhere.
        host("pbx.test", "127.0.0.1,::1"),
    ];
    drop(gone);
    let names = Names::with(&records);
    let config = names.config("wss://three.test/ws", &server);
    // Both servers have one certificate for the pin, as those of one operator do not; so the busy one is trusted too.
    let acceptor = server.acceptor.clone();
    let busy = Server { acceptor, ..busy };
    let (link, mut events) = open(config);
    busy.refuse("HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
    let (socket, _) = server.upgrade(GOOD).await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    // After a loss it begins with the best again.
    drop(socket);
    assert!(matches!(down(&mut events).await, (LinkError::ConnectionLost { .. }, true)));
    link.reconnect().await;
    let (_socket, _) = busy.upgrade(GOOD).await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
}

#[tokio::test]
async fn a_server_that_cannot_serve_is_left_for_the_next_but_not_the_last() {
    use futures_util::StreamExt;
    let (busy, server) = (Server::new().await, Server::new().await);
    let records =
        [srv("_sips._ws.two.test", &busy, 10), srv("_sips._ws.two.test", &server, 20), host("pbx.test", "127.0.0.1")];
    let names = Names::with(&records);
    let busy = Server { acceptor: server.acceptor.clone(), ..busy };
    let (link, mut events) = open(names.config("wss://two.test/ws", &server));
    let (mut left, _) = busy.upgrade(GOOD).await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    link.next_server().await;
    // It goes properly, and at once.
    assert!(matches!(left.next().await, Some(Ok(Message::Close(_)))));
    drop(left);
    let (mut socket, _) = server.upgrade(GOOD).await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    link.next_server().await;
    link.send("SIP".into()).await;
    assert_eq!(socket.next().await.expect("a frame").expect("whole").into_data(), "SIP");
}

#[tokio::test]
async fn the_certificate_is_that_of_the_domain_not_of_what_dns_says() {
    let (ca_key, mut ca) = (KeyPair::generate().expect("a key"), CertificateParams::default());
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&ca_key).expect("a certificate").pem().into_bytes();
    let issuer = Issuer::new(ca, ca_key);
    for (name, good) in [("named.test", true), ("pbx.test", false)] {
        let key = KeyPair::generate().expect("a key");
        let own = params(name).signed_by(&key, &issuer).expect("a certificate");
        let server = Server::with(vec![own.der().clone()], &key).await;
        let names = Names::with(&[host("pbx.test", "127.0.0.1"), srv("_sips._ws.named.test", &server, 1)]);
        let config = LinkConfig { trust: Trust::ExtraCa(pem.clone()), ..names.config("wss://named.test/ws", &server) };
        let (_link, mut events) = open(config);
        if good {
            let _socket = server.upgrade(GOOD).await;
            assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
        } else {
            let (_, (error, again)) = tokio::join!(server.accept(), down(&mut events));
            assert!(matches!(error, LinkError::CertificateWrongName(_)) && !again, "{error:?}");
        }
    }
}
