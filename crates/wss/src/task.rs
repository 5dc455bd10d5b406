//! The task of a link: makes a connection, keeps it as long as it lives, and makes the next one.

use std::{net::SocketAddr, time::Duration};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::WebSocketStream;

use crate::{
    auth::{self, Asked},
    backoff::Backoff,
    connect::{self, Target},
    cookies::Jar,
    error::LinkError,
    find::Place,
    guard::Guard,
    handshake::{self, Shown},
    http::Head,
    link::{LinkConfig, LinkEvent, Order, Step},
    proxy::{self, Tunnel},
    tls::{self, TlsFacts},
    turns::Turn,
};

/// One link at work.
pub(crate) struct Task {
    pub(crate) config: LinkConfig,
    pub(crate) backoff: Backoff,
    pub(crate) rng: ChaCha12Rng,
    pub(crate) every: Duration,
    jar: Jar,
    pub(crate) inbox: mpsc::Receiver<Order>,
    pub(crate) tell: mpsc::Sender<LinkEvent>,
}

/// What a WebSocket runs on: TCP, or TLS on it.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// A connection that is up.
struct Connected {
    socket: WebSocketStream<Guard<Box<dyn Wire>>>,
    tls: TlsFacts,
    server: Option<SocketAddr>,
}

/// What was answered to who asked who we are, in one attempt to connect.
#[derive(Default)]
struct Proofs {
    proxy: Option<String>,
    server: Option<String>,
}

/// Why a connection is left.
pub(crate) enum Left {
    Lost(LinkError),
    /// For the next server.
    Next,
    Asked,
    Closed,
}

impl Task {
    pub(crate) fn new(config: LinkConfig, inbox: mpsc::Receiver<Order>, tell: mpsc::Sender<LinkEvent>) -> Self {
        Self {
            backoff: Backoff::new(config.seed),
            rng: ChaCha12Rng::from_seed(config.seed),
            every: config.ping,
            jar: Jar::default(),
            config,
            inbox,
            tell,
        }
    }

    /// Keeps the link until it is closed.
    pub(crate) async fn run(mut self) {
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
                // What is left for the next server is not the last.
                Left::Next => continue,
            };
            let retry_at = (!error.needs_person()).then(|| Instant::now() + self.backoff.next_wait());
            let tries = self.backoff.tries();
            let again_s = retry_at.map(|at| at.saturating_duration_since(Instant::now()).as_secs());
            tracing::info!(host = self.config.url.host_str(), %error, again_s, tries, "the link is down");
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
                    Some(Order::Send(_) | Order::Probe | Order::NextServer) => {}
                },
            }
        }
    }

    async fn connect_and_serve(&mut self) -> Left {
        let target = match connect::target(&self.config.url) {
            Ok(target) => target,
            Err(error) => return Left::Lost(error),
        };
        for set in std::mem::take(&mut self.config.cookies) {
            self.jar.take(&target, set.expose(), Instant::now());
        }
        let places = match self.places(&target).await {
            Ok(places) => places,
            Err(left) => return left,
        };
        let mut last = LinkError::HostUnknown("the domain has no server".to_owned());
        let mut places = places.into_iter().peekable();
        while let Some(place) = places.next() {
            match self.connect(&target, &place).await {
                Ok(Connected { socket, tls, server }) => {
                    match self.serve(socket, tls, server, places.peek().is_some()).await {
                        Left::Next => {
                            tracing::info!(host = place.host, port = place.port, "a server is left for the next")
                        }
                        left => return left,
                    }
                }
                // RFC 3263 4.3: the next server, unless it is a thing for a person.
                Err(Left::Lost(error)) if !error.needs_person() => {
                    tracing::debug!(host = place.host, port = place.port, %error, "a server is not to be had");
                    last = error;
                }
                Err(left) => return left,
            }
        }
        Left::Lost(last)
    }

    /// Where the server may be, the best first.
    async fn places(&mut self, target: &Target) -> Result<Vec<Place>, Left> {
        let Some(dns) = &self.config.discover else { return Ok(vec![Place::of(target)]) };
        let places = within(self.config.limit, "find the server", dns.places(target, &mut self.rng));
        step(Step::Find, &self.tell, &mut self.inbox, places).await
    }

    /// Connects, and answers the proxy and the server once each when they ask who we are.
    async fn connect(&mut self, target: &Target, place: &Place) -> Result<Connected, Left> {
        let mut proofs = Proofs::default();
        loop {
            if let Some(connected) = self.attempt(target, place, &mut proofs).await? {
                return Ok(connected);
            }
        }
    }

    /// One connection; nothing when it has to be made again with a proof.
    async fn attempt(
        &mut self,
        target: &Target,
        place: &Place,
        proofs: &mut Proofs,
    ) -> Result<Option<Connected>, Left> {
        let limit = self.config.limit;
        let Some((stream, _turn)) = self.reach(place, proofs).await? else { return Ok(None) };
        let server = if self.config.proxy.is_some() { None } else { stream.peer_addr().ok() };
        let (mut stream, tls): (Box<dyn Wire>, _) = if target.secure {
            let whom = (&self.config.trust, self.config.identity.as_ref());
            let wrap = within(limit, "agree on TLS", tls::wrap(stream, &target.host, whom));
            let (stream, tls) = step(Step::Tls, &self.tell, &mut self.inbox, wrap).await?;
            (Box::new(stream), tls)
        } else {
            (Box::new(stream), TlsFacts::NONE)
        };
        let shown = Shown { cookies: self.jar.header(target, Instant::now()), proof: proofs.server.clone() };
        let ask = handshake::ask(&mut stream, &self.config, target, &shown);
        let (head, key) = step(Step::Websocket, &self.tell, &mut self.inbox, ask).await?;
        for set in head.all("Set-Cookie") {
            self.jar.take(target, set, Instant::now());
        }
        if head.status == 401 {
            let proof = if proofs.server.is_some() {
                Err("it does not take the credentials")
            } else {
                self.proof(target, &head)
            };
            proofs.server = Some(proof.map_err(|why| {
                Left::Lost(LinkError::WebsocketRefused { status: Some(401), detail: why.to_owned() })
            })?);
            return Ok(None);
        }
        let socket = handshake::open(stream, head, &key).await.map_err(Left::Lost)?;
        Ok(Some(Connected { socket, tls, server }))
    }

    /// The answer to a 401 of the handshake: with credentials of their own, and never without TLS (C18).
    fn proof(&mut self, target: &Target, head: &Head) -> Result<String, &'static str> {
        let who = self.config.credentials.as_ref().ok_or("it asks for HTTP credentials, and there are none")?;
        if !target.secure {
            return Err("it asks for HTTP credentials, which are not sent without TLS");
        }
        let cnonce = cnonce(&mut self.rng);
        let asked = Asked { method: "GET", uri: &target.resource, cnonce: &cnonce };
        auth::answer(head.all("WWW-Authenticate"), who, &asked).ok_or("it asks for credentials of an unknown kind")
    }

    /// A connection to the server, or through the proxy to it. The turn is held until the WebSocket is open, or is not.
    async fn reach(&mut self, place: &Place, proofs: &mut Proofs) -> Result<Option<(TcpStream, Turn)>, Left> {
        let limit = self.config.limit;
        let proxy = self.config.proxy.as_ref();
        let find = async {
            match (proxy, &self.config.discover) {
                (Some(proxy), _) => connect::find(&proxy.host, proxy.port).await.map_err(proxy::not_had),
                (None, Some(dns)) => dns.addresses(place).await,
                (None, None) => connect::find(&place.host, place.port).await,
            }
        };
        let find = within(limit, "find the host", find);
        let addresses = step(Step::Find, &self.tell, &mut self.inbox, find).await?;
        let connecting = async {
            let connected = connect::connect(&addresses, limit).await;
            if proxy.is_some() { connected.map_err(proxy::not_had) } else { connected }
        };
        let (mut stream, turn) = step(Step::Connect, &self.tell, &mut self.inbox, connecting).await?;
        if let Some(proxy) = proxy {
            let cnonce = cnonce(&mut self.rng);
            let proof = (proofs.proxy.as_deref(), cnonce.as_str());
            let tunnel = proxy::tunnel(&mut stream, proxy, (&place.host, place.port), proof);
            let tunnel = within(limit, "get through the proxy", tunnel);
            if let Tunnel::Again(proof) = step(Step::Connect, &self.tell, &mut self.inbox, tunnel).await? {
                proofs.proxy = Some(proof);
                return Ok(None);
            }
        }
        Ok(Some((stream, turn)))
    }
}

/// A fresh text for an answer to a challenge.
fn cnonce(rng: &mut ChaCha12Rng) -> String {
    format!("{:032x}", rng.random::<u128>())
}

async fn within<T>(
    limit: Duration,
    what: &'static str,
    work: impl Future<Output = Result<T, LinkError>>,
) -> Result<T, LinkError> {
    timeout(limit, work).await.unwrap_or(Err(LinkError::ConnectTimeout(what)))
}

/// Does one step of connecting, unless somebody wants no connection any more.
async fn step<T>(
    step: Step,
    tell: &mpsc::Sender<LinkEvent>,
    inbox: &mut mpsc::Receiver<Order>,
    work: impl Future<Output = Result<T, LinkError>>,
) -> Result<T, Left> {
    let _ = tell.send(LinkEvent::Step(step)).await;
    tokio::select! {
        done = work => done.map_err(Left::Lost),
        left = interrupted(inbox) => Err(left),
    }
}

/// Somebody wants no connection, or another one. What is sent meanwhile is dropped: there is nothing to send it on.
async fn interrupted(inbox: &mut mpsc::Receiver<Order>) -> Left {
    loop {
        match inbox.recv().await {
            Some(Order::Close) | None => return Left::Closed,
            Some(Order::Reconnect) => return Left::Asked,
            Some(Order::Send(_) | Order::Probe | Order::NextServer | Order::KeepAlive(_)) => {}
        }
    }
}
