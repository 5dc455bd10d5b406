//! The task of a link: makes a connection, keeps it as long as it lives, and makes the next one.

use std::{net::SocketAddr, time::Duration};

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::WebSocketStream;

use crate::{
    backoff::Backoff,
    connect::{self, Target},
    error::LinkError,
    guard::Guard,
    handshake,
    link::{LinkConfig, LinkEvent, Order, Step},
    tls::{self, TlsFacts},
};

/// One link at work.
pub(crate) struct Task {
    pub(crate) config: LinkConfig,
    pub(crate) backoff: Backoff,
    pub(crate) rng: ChaCha12Rng,
    pub(crate) every: Duration,
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
    server: SocketAddr,
}

/// Why a connection is left.
pub(crate) enum Left {
    Lost(LinkError),
    Asked,
    Closed,
}

impl Task {
    pub(crate) fn new(config: LinkConfig, inbox: mpsc::Receiver<Order>, tell: mpsc::Sender<LinkEvent>) -> Self {
        Self {
            backoff: Backoff::new(config.seed),
            rng: ChaCha12Rng::from_seed(config.seed),
            every: config.ping,
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
        match self.connect(&target).await {
            Ok(Connected { socket, tls, server }) => self.serve(socket, tls, server).await,
            Err(left) => left,
        }
    }

    async fn connect(&mut self, target: &Target) -> Result<Connected, Left> {
        let limit = self.config.limit;
        let late = |what| move |_| LinkError::ConnectTimeout(what);
        let find = async { timeout(limit, connect::find(target)).await.map_err(late("find the host")).flatten() };
        let addresses = step(Step::Find, &self.tell, &mut self.inbox, find).await?;
        let connecting = connect::connect(&addresses, limit);
        // The turn is held until the WebSocket is open, or is not.
        let (stream, _turn) = step(Step::Connect, &self.tell, &mut self.inbox, connecting).await?;
        let server = stream.peer_addr().map_err(|error| Left::Lost(LinkError::ConnectRefused(error.to_string())))?;
        let (mut stream, tls): (Box<dyn Wire>, _) = if target.secure {
            let wrap = async {
                timeout(limit, tls::wrap(stream, &target.host, &self.config.trust))
                    .await
                    .map_err(late("agree on TLS"))
                    .flatten()
            };
            let (stream, tls) = step(Step::Tls, &self.tell, &mut self.inbox, wrap).await?;
            (Box::new(stream), tls)
        } else {
            (Box::new(stream), TlsFacts::NONE)
        };
        let ask = handshake::ask(&mut stream, &self.config, target);
        let (head, key) = step(Step::Websocket, &self.tell, &mut self.inbox, ask).await?;
        let socket = handshake::open(stream, head, &key).await.map_err(Left::Lost)?;
        Ok(Connected { socket, tls, server })
    }
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
            Some(Order::Send(_) | Order::Probe | Order::KeepAlive(_)) => {}
        }
    }
}
