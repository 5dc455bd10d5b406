//! Real servers in front: nginx asks who we are, tinyproxy and microsocks let through.
#![cfg(target_os = "linux")]

use std::{
    fs,
    net::{Ipv4Addr, TcpStream as Probe},
    path::Path,
    process::{Child, Command, Stdio},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpListener};
use url::Url;
use wss::{Credentials, Identity, LinkConfig, LinkError, LinkEvent, Proxy, ProxyKind, Secret, Trust, open};

use crate::{
    program,
    server::{GOOD, Server, down, event, head, params, switching},
};

/// A program that serves at a port of its own until the test ends.
struct Running {
    child: Child,
    port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts what `command` makes of a free port, and waits until it listens.
    fn start(command: impl Fn(u16) -> Command) -> Self {
        // The port is free now; should somebody take it meanwhile, the program ends and another one is tried.
        for _ in 0..20 {
            let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let port = free.local_addr().expect("bound").port();
            drop(free);
            let mut command = command(port);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let name = command.get_program().to_owned();
            let child = command.spawn().unwrap_or_else(|error| panic!("{name:?} is there (a Debian package): {error}"));
            let mut running = Self { child, port };
            while running.child.try_wait().expect("its state").is_none() {
                if Probe::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                    return running;
                }
                std::thread::yield_now();
            }
        }
        panic!("it does not start");
    }
}

fn nginx(folder: &Path, port: u16, behind: u16) -> Command {
    let at = folder.display();
    let up = format!(
        "proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
         proxy_set_header Connection upgrade; add_header Set-Cookie \"sid=kept; Path=/; Secure\" always;"
    );
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {at}/{name};\n"))
        .collect();
    let text = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/errors;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\
         server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {at}/own.pem; ssl_certificate_key {at}/own.key;\n\
         ssl_client_certificate {at}/ca.pem; ssl_verify_client optional;\n\
         location /basic {{ auth_basic pbx; auth_basic_user_file {at}/users; {up} }}\n\
         location /certificate {{ if ($ssl_client_verify != SUCCESS) {{ return 403; }} {up} }} }} }}\n"
    );
    fs::write(folder.join("nginx.conf"), text).expect("written");
    let mut command = Command::new(program("nginx"));
    command.arg("-e").arg(folder.join("errors")).arg("-c").arg(folder.join("nginx.conf"));
    command
}

#[tokio::test]
async fn nginx_gets_the_credentials_and_the_certificate_it_asks_for() {
    let folder = TempDir::new().expect("a folder");
    let key = KeyPair::generate().expect("a key");
    let own = params("127.0.0.1").self_signed(&key).expect("a certificate");
    let (ca_key, mut ca) = (KeyPair::generate().expect("a key"), CertificateParams::default());
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = ca.self_signed(&ca_key).expect("a certificate");
    for (name, text) in [
        ("own.pem", own.pem()),
        ("own.key", key.serialize_pem()),
        ("ca.pem", authority.pem()),
        ("users", "alice:{PLAIN}open sesame\n".to_owned()),
    ] {
        fs::write(folder.path().join(name), text).expect("written");
    }
    let behind = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let behind_port = behind.local_addr().expect("bound").port();
    let running = Running::start(|port| nginx(folder.path(), port, behind_port));
    let config = |path: &str| {
        let url = Url::parse(&format!("wss://127.0.0.1:{}{path}", running.port)).expect("a URL");
        LinkConfig::new(url, Trust::Pin(Sha256::digest(own.der()).into()), [5; 32])
    };
    let serve = async || {
        let (mut stream, _) = behind.accept().await.expect("nginx comes");
        let request = head(&mut stream).await;
        stream.write_all(switching(&request, GOOD).as_bytes()).await.expect("sent");
        (stream, request)
    };

    let credentials = Some(Credentials::new("alice", "open sesame"));
    let (link, mut events) = open(LinkConfig { credentials, ..config("/basic?token=1") });
    let (_stream, request) = serve().await;
    assert!(request.starts_with("GET /basic?token=1 ") && request.contains("Authorization: Basic "), "{request}");
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    link.reconnect().await;
    let (_stream, request) = serve().await;
    assert!(request.contains("Cookie: sid=kept\r\n"), "{request}");
    for credentials in [Some(Credentials::new("alice", "wrong")), None] {
        let (_link, mut events) = open(LinkConfig { credentials, ..config("/basic") });
        assert!(matches!(down(&mut events).await, (LinkError::WebsocketRefused { status: Some(401), .. }, false)));
    }

    let key = KeyPair::generate().expect("a key");
    let chain = params("alice").signed_by(&key, &Issuer::new(ca, ca_key)).expect("a certificate").pem().into_bytes();
    let identity = Some(Identity { chain, key: Secret::new(key.serialize_pem()) });
    let (_link, mut events) = open(LinkConfig { identity, ..config("/certificate") });
    let _stream = serve().await;
    assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }));
    let (_link, mut events) = open(config("/certificate"));
    assert!(matches!(down(&mut events).await, (LinkError::WebsocketRefused { status: Some(403), .. }, false)));
}

#[tokio::test]
async fn tinyproxy_and_microsocks_let_through_who_has_the_password() {
    let folder = TempDir::new().expect("a folder");
    let tinyproxy = Running::start(|port| {
        let file = folder.path().join("tinyproxy.conf");
        let text = format!("Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nMaxClients 10\nBasicAuth alice sesame\n");
        fs::write(&file, text).expect("written");
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(file);
        command
    });
    let microsocks = Running::start(|port| {
        let mut command = Command::new("microsocks");
        command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-u", "alice", "-P", "sesame"]);
        command
    });
    for (kind, port) in [(ProxyKind::Http, tinyproxy.port), (ProxyKind::Socks5, microsocks.port)] {
        let through = |password: &str| {
            let credentials = Some(Credentials::new("alice", password));
            Some(Proxy { kind, host: "127.0.0.1".to_owned(), port, credentials })
        };
        let server = Server::new().await;
        let (_link, mut events) = open(LinkConfig { proxy: through("sesame"), ..server.pinned() });
        let _socket = server.upgrade(GOOD).await;
        assert!(matches!(event(&mut events).await, LinkEvent::Up { .. }), "{kind:?}");
        let (_link, mut events) = open(LinkConfig { proxy: through("wrong"), ..server.pinned() });
        let (error, again) = down(&mut events).await;
        assert!(matches!(error, LinkError::Proxy { who: true, .. }) && !again, "{kind:?}: {error}");
        drop(server);
        let gone = Server::new().await.pinned();
        let (_link, mut events) = open(LinkConfig { proxy: through("sesame"), ..gone });
        let (error, again) = down(&mut events).await;
        assert!(matches!(error, LinkError::Proxy { who: false, .. }) && again, "{kind:?}: {error}");
    }
}
