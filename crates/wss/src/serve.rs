//! What goes on while a connection is up: messages both ways, signs of life, and the end.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rand::Rng;
use tokio::{
    io::{AsyncRead, AsyncWrite},
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

use crate::{
    error::LinkError,
    link::{LinkEvent, Order},
    pulse::{Due, Pulse},
    task::{Left, Task},
    tls::TlsFacts,
};

/// A probe has less time than a ping: somebody waits for it (CONFORMANCE R3).
const PROBE: Duration = Duration::from_secs(4);
/// How long a close may take.
const CLOSING: Duration = Duration::from_secs(2);

impl Task {
    /// Carries messages until the connection ends.
    pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        mut socket: WebSocketStream<S>,
        tls: TlsFacts,
        server: SocketAddr,
    ) -> Left {
        if self.tell.send(LinkEvent::Up { tls, server }).await.is_err() {
            return Left::Closed;
        }
        let mut pulse = Pulse::new(self.next_ping());
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
