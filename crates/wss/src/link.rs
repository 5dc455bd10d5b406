//! The link itself: a task that keeps one connection, finds out when it is dead, and makes the next one.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        error::ProtocolError,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};
use url::Url;

use crate::{
    backoff::Backoff,
    connect,
    error::LinkError,
    handshake,
    tls::{self, TlsFacts, Trust},
};

/// What is waiting to be sent or told, at most; then the other side waits.
const QUEUE: usize = 64;
/// A ping that has no answer for this long makes the link suspect.
const SUSPECT: Duration = Duration::from_secs(2);
/// A probe has less time than a ping: somebody waits for it (CONFORMANCE R3).
const PROBE: Duration = Duration::from_secs(4);
/// How long a close may take.
const CLOSING: Duration = Duration::from_secs(2);

/// What a link is made of.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// `wss://host[:port]/path`, or `ws://` for those who insist.
    pub url: Url,
    /// The Origin to give; `https://<host>` without one.
    pub origin: Option<String>,
    /// What User-Agent says.
    pub user_agent: String,
    /// Whom to trust.
    pub trust: Trust,
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
            ping: Duration::from_secs(25),
            pong: Duration::from_secs(10),
            limit: Duration::from_secs(10),
            seed,
        }
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
        /// With whom.
        server: SocketAddr,
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
enum Order {
    Send(Bytes),
    Probe,
    Reconnect,
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

    /// Pings as often as the server wants (RFC 5626 4.4.1, Flow-Timer); nothing is as configured.
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
    let task = Task {
        backoff: Backoff::new(config.seed),
        rng: ChaCha12Rng::from_seed(config.seed),
        every: config.ping,
        config,
        inbox,
        tell,
    };
    tokio::spawn(task.run());
    (Link { orders }, events)
}

struct Task {
    config: LinkConfig,
    backoff: Backoff,
    rng: ChaCha12Rng,
    every: Duration,
    inbox: mpsc::Receiver<Order>,
    tell: mpsc::Sender<LinkEvent>,
}

/// Why a connection is left.
enum Left {
    Lost(LinkError),
    Asked,
    Closed,
}

impl Task {
    async fn run(mut self) {
        loop {
            let left = self.connect_and_serve().await;
            let error = match left {
                Left::Closed => {
                    let _ = self.tell.send(LinkEvent::Closed).await;
                    return;
                }
                Left::Asked => {
                    self.backoff.reset();
                    continue;
                }
                Left::Lost(error) => error,
            };
            let retry_at = (!error.needs_person()).then(|| Instant::now() + self.backoff.next_wait());
            let tries = self.backoff.tries();
            if self.tell.send(LinkEvent::Down { error, retry_at, tries }).await.is_err() || !self.wait(retry_at).await {
                return;
            }
        }
    }

    /// Waits for the next try, or for somebody who wants it now. Says whether there is one.
    async fn wait(&mut self, until: Option<Instant>) -> bool {
        loop {
            tokio::select! {
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => return true,
                order = self.inbox.recv() => match order {
                    Some(Order::Reconnect) => {
                        self.backoff.reset();
                        return true;
                    }
                    None | Some(Order::Close) => {
                        let _ = self.tell.send(LinkEvent::Closed).await;
                        return false;
                    }
                    Some(Order::KeepAlive(every)) => self.every = every.unwrap_or(self.config.ping),
                    Some(Order::Send(_) | Order::Probe) => {}
                },
            }
        }
    }

    async fn connect_and_serve(&mut self) -> Left {
        let target = match connect::target(&self.config.url) {
            Ok(target) => target,
            Err(error) => return Left::Lost(error),
        };
        macro_rules! step {
            ($step:expr, $work:expr) => {{
                let _ = self.tell.send(LinkEvent::Step($step)).await;
                tokio::select! {
                    done = $work => match done {
                        Ok(done) => done,
                        Err(error) => return Left::Lost(error),
                    },
                    left = interrupted(&mut self.inbox) => return left,
                }
            }};
        }
        let limit = self.config.limit;
        let late = |what| move |_| LinkError::ConnectTimeout(what);
        let addresses = step!(Step::Find, async {
            timeout(limit, connect::find(&target)).await.map_err(late("find the host")).flatten()
        });
        let stream = step!(Step::Connect, connect::connect(&addresses, limit));
        let server = match stream.peer_addr() {
            Ok(server) => server,
            Err(error) => return Left::Lost(LinkError::ConnectRefused(error.to_string())),
        };
        let (origin, agent) = (self.config.origin.clone(), self.config.user_agent.clone());
        if target.secure {
            let trust = self.config.trust.clone();
            let (stream, tls) = step!(Step::Tls, async {
                timeout(limit, tls::wrap(stream, &target.host, &trust)).await.map_err(late("agree on TLS")).flatten()
            });
            let url = self.config.url.clone();
            let socket = step!(Step::Websocket, handshake::ask(stream, &url, &target, origin.as_deref(), &agent));
            self.serve(socket, tls, server).await
        } else {
            let url = self.config.url.clone();
            let socket = step!(Step::Websocket, handshake::ask(stream, &url, &target, origin.as_deref(), &agent));
            self.serve(socket, TlsFacts::NONE, server).await
        }
    }

    /// Carries messages until the connection ends.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        mut socket: WebSocketStream<S>,
        tls: TlsFacts,
        server: SocketAddr,
    ) -> Left {
        if self.tell.send(LinkEvent::Up { tls, server }).await.is_err() {
            return Left::Closed;
        }
        let mut pulse = Pulse { next_ping: self.next_ping(), owed: None, suspect: false, count: 0 };
        loop {
            let deadline = pulse.deadline();
            tokio::select! {
                frame = socket.next() => {
                    let event = match frame {
                        Some(Ok(frame)) => frame,
                        Some(Err(error)) => {
                            refuse(&mut socket, &error).await;
                            return Left::Lost(lost(&error));
                        }
                        None => return Left::Lost(LinkError::ConnectionLost { code: None, detail: "the server is gone".to_owned() }),
                    };
                    if let Some(left) = self.take(event, &mut pulse).await {
                        // The echo of a close is sent by the next look at the socket.
                        let _ = timeout(CLOSING, socket.next()).await;
                        return left;
                    }
                }
                order = self.inbox.recv() => match order {
                    Some(Order::Send(bytes)) => {
                        if let Err(error) = socket.send(frame(bytes)).await {
                            return Left::Lost(lost(&error));
                        }
                    }
                    Some(Order::Probe) => {
                        if let Err(error) = pulse.ping(&mut socket, PROBE.min(self.config.pong)).await {
                            return Left::Lost(lost(&error));
                        }
                    }
                    Some(Order::KeepAlive(every)) => {
                        self.every = every.unwrap_or(self.config.ping);
                        pulse.next_ping = self.next_ping();
                    }
                    Some(Order::Reconnect) => {
                        close(&mut socket).await;
                        return Left::Asked;
                    }
                    Some(Order::Close) | None => {
                        close(&mut socket).await;
                        return Left::Closed;
                    }
                },
                () = sleep_until(deadline) => match pulse.due(Instant::now()) {
                    Due::Nothing => {}
                    Due::Suspect => {
                        let _ = self.tell.send(LinkEvent::Suspect).await;
                    }
                    Due::Dead => return Left::Lost(LinkError::ConnectionLost { code: None, detail: "the server answers no ping".to_owned() }),
                    Due::Ping => {
                        pulse.next_ping = self.next_ping();
                        if let Err(error) = pulse.ping(&mut socket, self.config.pong).await {
                            return Left::Lost(lost(&error));
                        }
                    }
                },
            }
        }
    }

    async fn take(&mut self, frame: Message, pulse: &mut Pulse) -> Option<Left> {
        let rtt = match &frame {
            Message::Pong(payload) => pulse.answered(payload),
            _ => None,
        };
        // Whatever comes proves that the server lives; only a pong proves that it hears us, and ends the outage.
        pulse.alive();
        if rtt.is_some() {
            self.backoff.reset();
        }
        let _ = self.tell.send(LinkEvent::Proof { rtt }).await;
        match frame {
            Message::Text(text) => self.tell.send(LinkEvent::Message(text.into())).await.err().map(|_| Left::Closed),
            Message::Binary(bytes) => self.tell.send(LinkEvent::Message(bytes)).await.err().map(|_| Left::Closed),
            Message::Close(close) => {
                let code = close.map_or(1005, |close| close.code.into());
                Some(Left::Lost(LinkError::ConnectionLost {
                    code: Some(code),
                    detail: "the server closed it".to_owned(),
                }))
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => None,
        }
    }

    fn next_ping(&mut self) -> Instant {
        let most = u64::try_from(self.every.as_millis()).unwrap_or(u64::MAX).max(1);
        Instant::now() + Duration::from_millis(self.rng.random_range(most * 4 / 5..=most))
    }
}

/// Somebody wants no connection, or another one. What is sent meanwhile is dropped: there is nothing to send it on.
async fn interrupted(inbox: &mut mpsc::Receiver<Order>) -> Left {
    loop {
        match inbox.recv().await {
            Some(Order::Close) | None => return Left::Closed,
            Some(Order::Reconnect) => return Left::Asked,
            Some(Order::Send(_) | Order::Probe | Order::KeepAlive(_)) => {}
        }
    }
}

/// RFC 7118 4.2, 5: text where it is UTF-8, else binary.
fn frame(bytes: Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    }
}

async fn close<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) {
    let wait = async {
        let _ = socket.close(Some(CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() })).await;
        while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
    };
    let _ = timeout(CLOSING, wait).await;
}

/// RFC 6455 7.1.7: say why the connection is failed, as far as the error tells.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>, error: &Error) {
    let code = match error {
        Error::Capacity(_) => CloseCode::Size,
        Error::Utf8(_) => CloseCode::Invalid,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::Io(_)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => return,
        _ => CloseCode::Protocol,
    };
    let _ = timeout(CLOSING, socket.close(Some(CloseFrame { code, reason: Utf8Bytes::default() }))).await;
}

fn lost(error: &Error) -> LinkError {
    LinkError::ConnectionLost { code: Some(1006), detail: error.to_string() }
}

/// The signs of life of one connection.
struct Pulse {
    next_ping: Instant,
    owed: Option<Owed>,
    suspect: bool,
    count: u64,
}

struct Owed {
    payload: [u8; 8],
    sent: Instant,
    until: Instant,
}

enum Due {
    Nothing,
    Ping,
    Suspect,
    Dead,
}

impl Pulse {
    fn deadline(&self) -> Instant {
        let owed =
            self.owed.as_ref().map(|owed| if self.suspect { owed.until } else { owed.until.min(owed.sent + SUSPECT) });
        owed.map_or(self.next_ping, |owed| owed.min(self.next_ping))
    }

    fn due(&mut self, now: Instant) -> Due {
        match &self.owed {
            Some(owed) if now >= owed.until => Due::Dead,
            Some(owed) if !self.suspect && now >= owed.sent + SUSPECT => {
                self.suspect = true;
                Due::Suspect
            }
            _ if now >= self.next_ping => Due::Ping,
            _ => Due::Nothing,
        }
    }

    async fn ping<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        socket: &mut WebSocketStream<S>,
        limit: Duration,
    ) -> Result<(), Error> {
        self.count += 1;
        let payload = self.count.to_be_bytes();
        let now = Instant::now();
        // An older one that is still owed keeps its own deadline: asking again gives nobody more time.
        let until = self.owed.as_ref().map_or(now + limit, |owed| owed.until.min(now + limit));
        self.owed = Some(Owed { payload, sent: now, until });
        socket.send(Message::Ping(Bytes::copy_from_slice(&payload))).await
    }

    fn answered(&mut self, payload: &[u8]) -> Option<Duration> {
        let owed = self.owed.take_if(|owed| owed.payload == payload)?;
        Some(owed.sent.elapsed())
    }

    /// Something came: the server is not dead, though it may still owe a pong.
    fn alive(&mut self) {
        self.suspect = false;
        self.owed = None;
    }
}
