//! A link as those see it who use it: what it is made of, what it tells and what can be asked of it.

use std::{fmt, net::SocketAddr, time::Duration};

use bytes::Bytes;
use tokio::{sync::mpsc, time::Instant};
use url::Url;

use crate::{
    error::LinkError,
    find::Dns,
    proxy::Proxy,
    secret::{Credentials, Secret},
    task::Task,
    tls::{Identity, TlsFacts, Trust},
};

/// What is waiting to be sent or told, at most; then the other side waits.
const QUEUE: usize = 64;

/// By what a link shows that it lives (RFC 7118 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepAlive {
    /// By WebSocket pings: every server answers them.
    #[default]
    Ping,
    /// By CRLF pairs (RFC 5626 3.5.1): not every server answers them, so an answer is owed only once
    /// [`Link::keep_alive`] told that the server keeps alive.
    Crlf,
    /// By both.
    Both,
    /// Not at all.
    None,
}

/// What a link is made of.
#[derive(Clone)]
pub struct LinkConfig {
    /// `wss://host[:port]/path`, or `ws://` for those who insist.
    pub url: Url,
    /// The Origin to give; `https://<host>` without one.
    pub origin: Option<String>,
    /// What User-Agent says.
    pub user_agent: String,
    /// Whom to trust.
    pub trust: Trust,
    /// Who we are to the HTTP server when it asks in the handshake (C18). They are another thing than the SIP account,
    /// and go to nobody without TLS.
    pub credentials: Option<Credentials>,
    /// The values of `Set-Cookie` that a login page of the server gave; what handshakes set is kept beside them (C19).
    pub cookies: Vec<Secret>,
    /// Further headers of the handshake, such as a token.
    pub headers: Vec<(String, Secret)>,
    /// Who we are in TLS when the server asks (C20).
    pub identity: Option<Identity>,
    /// Who is asked for the servers of the URL's host, by NAPTR and SRV, where the URL names no port (RFC 3263). Nobody:
    /// the host is the server.
    pub discover: Option<Dns>,
    /// The proxy to go through.
    pub proxy: Option<Proxy>,
    /// By what it shows that it lives.
    pub keep: KeepAlive,
    /// How often to ping: each wait is a random 80 to 100 % of it (RFC 5626 4.4).
    pub ping: Duration,
    /// How long an answer may take.
    pub pong: Duration,
    /// How long connecting and TLS may take, each.
    pub limit: Duration,
    /// Where its random numbers come from.
    pub seed: [u8; 32],
}

impl LinkConfig {
    /// A link to `url` with the usual values.
    #[must_use]
    pub fn new(url: Url, trust: Trust, seed: [u8; 32]) -> Self {
        Self {
            url,
            origin: None,
            user_agent: "Bellbird".to_owned(),
            trust,
            credentials: None,
            cookies: Vec::new(),
            headers: Vec::new(),
            identity: None,
            discover: None,
            proxy: None,
            keep: KeepAlive::default(),
            ping: Duration::from_secs(25),
            pong: Duration::from_secs(10),
            limit: Duration::from_secs(10),
            seed,
        }
    }
}

impl fmt::Debug for LinkConfig {
    /// The path and the query of the URL may hold a token (C22): they do not print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = (self.url.scheme(), self.url.host_str(), self.url.port());
        f.debug_struct("LinkConfig").field("url", &place).field("trust", &self.trust).finish_non_exhaustive()
    }
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Looking up the host.
    Find,
    /// Connecting.
    Connect,
    /// TLS.
    Tls,
    /// The WebSocket handshake.
    Websocket,
}

/// What happens to the link.
#[derive(Clone, Debug)]
pub enum LinkEvent {
    /// A step of connecting begins.
    Step(Step),
    /// It is up.
    Up {
        /// How it is secured.
        tls: TlsFacts,
        /// With whom; nothing through a proxy, which alone knows.
        server: Option<SocketAddr>,
    },
    /// One message came, text or binary.
    Message(Bytes),
    /// The server is alive: a pong, with the round trip, or anything else it sent.
    Proof {
        /// The round trip, if a pong told it.
        rtt: Option<Duration>,
    },
    /// The server owes an answer.
    Suspect,
    /// It is down.
    Down {
        /// Why.
        error: LinkError,
        /// When it is tried again by itself; never, when a person is needed.
        retry_at: Option<Instant>,
        /// How many tries there were since it was last proven.
        tries: u32,
    },
    /// It was closed, as asked.
    Closed,
}

#[derive(Debug)]
pub(crate) enum Order {
    Send(Bytes),
    Probe,
    Reconnect,
    NextServer,
    KeepAlive(Option<Duration>),
    Close,
}

/// A handle on the link. The link ends when it is closed or the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Link {
    orders: mpsc::Sender<Order>,
}

impl Link {
    /// Sends one message: as text, or as binary when it is no UTF-8 (RFC 7118 4.2). It is dropped while the link is
    /// down: who sent it hears of that.
    pub async fn send(&self, bytes: Bytes) {
        let _ = self.orders.send(Order::Send(bytes)).await;
    }

    /// Asks the server for a sign of life now.
    pub async fn probe(&self) {
        let _ = self.orders.send(Order::Probe).await;
    }

    /// Leaves the connection and makes another now: the network is another one.
    pub async fn reconnect(&self) {
        let _ = self.orders.send(Order::Reconnect).await;
    }

    /// The server said that it cannot serve now: leaves it for the next one that DNS names, as if it had not been to be
    /// had (RFC 3263 4.3). Where it is the last of them, the connection stays.
    pub async fn next_server(&self) {
        let _ = self.orders.send(Order::NextServer).await;
    }

    /// The server keeps the connection alive and wants pings so often (RFC 5626 4.4.1, Flow-Timer), so it owes an
    /// answer to CRLF pings too; nothing is as configured.
    pub async fn keep_alive(&self, every: Option<Duration>) {
        let _ = self.orders.send(Order::KeepAlive(every)).await;
    }

    /// Closes it properly. Nothing is tried again.
    pub async fn close(&self) {
        let _ = self.orders.send(Order::Close).await;
    }
}

/// Opens a link. It connects by itself and stays until it is closed.
#[must_use]
pub fn open(config: LinkConfig) -> (Link, mpsc::Receiver<LinkEvent>) {
    let (orders, inbox) = mpsc::channel(QUEUE);
    let (tell, events) = mpsc::channel(QUEUE);
    tokio::spawn(Task::new(config, inbox, tell).run());
    (Link { orders }, events)
}
