//! What goes on while a connection is up: messages both ways, signs of life, and the end.

use std::{future::poll_fn, io, net::SocketAddr, task::Poll, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rand::Rng;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
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
    guard::Guard,
    link::{LinkEvent, Order},
    pulse::{Due, Pulse},
    task::{Left, Task},
    tls::TlsFacts,
};

/// A probe has less time than a ping: somebody waits for it (CONFORMANCE R3).
const PROBE: Duration = Duration::from_secs(4);
/// How long a close may take.
const CLOSING: Duration = Duration::from_secs(2);
/// How much is read and thrown away while the server closes, in octets.
const LEFT_OVER: u64 = 1024 * 1024;

/// A WebSocket, and whether something is still to be written on it.
struct Socket<S> {
    stream: WebSocketStream<Guard<S>>,
    waiting: bool,
}

impl Task {
    /// Carries messages until the connection ends. Is there `another` server it may be left for?
    pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: WebSocketStream<Guard<S>>,
        tls: TlsFacts,
        server: Option<SocketAddr>,
        another: bool,
    ) -> Left {
        if self.tell.send(LinkEvent::Up { tls, server }).await.is_err() {
            return Left::Closed;
        }
        let mut socket = Socket { stream, waiting: false };
        let mut pulse = Pulse::new(self.config.keep, self.next_ping());
        loop {
            let deadline = pulse.deadline();
            let written = tokio::select! {
                frame = socket.next() => {
                    let frame = match frame {
                        Some(Ok(frame)) => frame,
                        Some(Err(error)) => {
                            socket.refuse(&error).await;
                            return Left::Lost(lost(&error));
                        }
                        None => return Left::Lost(LinkError::ConnectionLost { code: None, detail: "the server is gone".to_owned() }),
                    };
                    if let Some(left) = self.take(frame, &mut pulse).await {
                        // The echo of a close is sent by the next look at the socket.
                        let _ = timeout(CLOSING, socket.next()).await;
                        return left;
                    }
                    Ok(())
                }
                order = self.inbox.recv() => match order {
                    Some(Order::Send(bytes)) => socket.send(frame(bytes)),
                    Some(Order::Probe) => socket.send(pulse.probe(Instant::now(), PROBE.min(self.config.pong))),
                    Some(Order::KeepAlive(every)) => {
                        pulse.answers_crlf = every.is_some();
                        self.every = every.unwrap_or(self.config.ping);
                        pulse.next_ping = self.next_ping();
                        Ok(())
                    }
                    Some(Order::Reconnect) => {
                        socket.close().await;
                        return Left::Asked;
                    }
                    Some(Order::NextServer) if another => {
                        socket.close().await;
                        return Left::Next;
                    }
                    Some(Order::NextServer) => Ok(()),
                    Some(Order::Close) | None => {
                        socket.close().await;
                        return Left::Closed;
                    }
                },
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => match pulse.due(Instant::now()) {
                    Due::Nothing => Ok(()),
                    Due::Suspect => {
                        let _ = self.tell.send(LinkEvent::Suspect).await;
                        Ok(())
                    }
                    Due::Dead => return Left::Lost(LinkError::ConnectionLost { code: None, detail: "the server answers no ping".to_owned() }),
                    Due::Ping => {
                        pulse.next_ping = self.next_ping();
                        pulse.pings(Instant::now(), self.config.pong).into_iter().try_for_each(|ping| socket.send(ping))
                    }
                },
            };
            if let Err(error) = written {
                return Left::Lost(lost(&error));
            }
        }
    }

    async fn take(&mut self, frame: Message, pulse: &mut Pulse) -> Option<Left> {
        let rtt = pulse.answered(&frame, Instant::now());
        // Whatever comes proves that the server lives; only a pong proves that it hears us, and ends the outage.
        pulse.alive();
        if rtt.is_some() {
            self.backoff.reset();
        }
        let _ = self.tell.send(LinkEvent::Proof { rtt }).await;
        let message = match frame {
            Message::Text(text) => Bytes::from(text),
            Message::Binary(bytes) => bytes,
            Message::Close(close) => {
                // RFC 6455 7.1.5: a close without a code is 1005.
                let code = close.map_or(1005, |close| close.code.into());
                return Some(Left::Lost(LinkError::ConnectionLost {
                    code: Some(code),
                    detail: "the server closed it".to_owned(),
                }));
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return None,
        };
        // A line end alone is a sign of life, of whichever kind, and no message (RFC 5626 3.5.1, W3).
        if !message.is_empty() && message.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return None;
        }
        self.tell.send(LinkEvent::Message(message)).await.err().map(|_| Left::Closed)
    }

    fn next_ping(&mut self) -> Instant {
        Instant::now() + spread(&mut self.rng, self.every)
    }
}

/// RFC 5626 4.4: a random wait of 80 to 100 % of the time, so that those who came at once do not ping at once.
fn spread(rng: &mut impl Rng, time: Duration) -> Duration {
    let most = u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 4).clamp(1, u64::MAX / 4);
    Duration::from_millis(rng.random_range(most * 4 / 5..=most))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// The next frame. Meanwhile it writes what is to be written: a server that is slow to read is heard all the same.
    async fn next(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| {
            if self.waiting {
                match self.stream.poll_flush_unpin(cx) {
                    Poll::Ready(Ok(())) => self.waiting = false,
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Poll::Pending => {}
                }
            }
            self.stream.poll_next_unpin(cx)
        })
        .await
    }

    /// Puts a frame behind those that wait to be written. That fails when too much waits.
    fn send(&mut self, frame: Message) -> Result<(), Error> {
        self.waiting = true;
        self.stream.start_send_unpin(frame)
    }

    async fn close(&mut self) {
        let wait = async {
            let _ =
                self.send(Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() })));
            while self.next().await.is_some_and(|frame| frame.is_ok()) {}
        };
        let _ = timeout(CLOSING, wait).await;
    }

    /// RFC 6455 7.1.7: say why the connection is failed, as far as the error tells, and let the server close it.
    async fn refuse(&mut self, error: &Error) {
        let code = match error {
            Error::Capacity(_) => CloseCode::Size,
            Error::Utf8(_) => CloseCode::Invalid,
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => CloseCode::Protocol,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
            | Error::Io(_)
            | Error::ConnectionClosed
            | Error::AlreadyClosed => return,
            _ => CloseCode::Protocol,
        };
        let wait = async {
            let _ = self.stream.close(Some(CloseFrame { code, reason: Utf8Bytes::default() })).await;
            // What is unread when a socket is closed resets the connection, and the close frame is lost.
            let _ = tokio::io::copy(&mut self.stream.get_mut().below().take(LEFT_OVER), &mut tokio::io::sink()).await;
        };
        let _ = timeout(CLOSING, wait).await;
    }
}

/// RFC 7118 4.2, 5: text where it is UTF-8, else binary.
fn frame(bytes: Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    }
}

fn lost(error: &Error) -> LinkError {
    LinkError::ConnectionLost { code: Some(1006), detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;

    #[test]
    fn pings_are_spread_over_the_last_fifth_of_their_time() {
        let mut rng = rand_chacha::ChaCha12Rng::from_seed([7; 32]);
        for seconds in [25_u64, 120] {
            let (most, mut counts) = (seconds * 1_000, [0_u32; 5]);
            for _ in 0..10_000 {
                let wait = u64::try_from(spread(&mut rng, Duration::from_secs(seconds)).as_millis()).expect("short");
                assert!((most * 4 / 5..=most).contains(&wait), "{wait}");
                counts[usize::try_from((wait - most * 4 / 5) * 25 / most).expect("small").min(4)] += 1;
            }
            // Five standard deviations of 40 from the mean of 2,000.
            assert!(counts.iter().all(|count| count.abs_diff(2_000) < 200), "{counts:?}");
        }
        assert!(spread(&mut rng, Duration::MAX) > Duration::from_secs(1 << 32), "no overflow");
    }

    /// How far counts of 256 kinds are from even: 255 with a standard deviation of 22.6 for random ones.
    fn chi_square(counts: &[u32; 256]) -> f64 {
        let even = f64::from(counts.iter().sum::<u32>()) / 256.0;
        counts.iter().map(|count| (f64::from(*count) - even).powi(2) / even).sum()
    }

    #[tokio::test]
    async fn the_masks_of_a_hundred_thousand_frames_are_random() {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let stream = WebSocketStream::from_raw_socket(Guard::new(ours, Vec::new()), Role::Client, None).await;
        let mut socket = Socket { stream, waiting: false };
        let mut last = [0_u8; 4];
        let (mut values, mut steps) = ([[0_u32; 256]; 4], [0_u32; 256]);
        for _ in 0..100_000 {
            socket.send(Message::text("SIP/")).expect("room");
            socket.stream.flush().await.expect("written");
            let mut frame = [0; 10];
            theirs.read_exact(&mut frame).await.expect("a frame");
            assert_eq!(frame[..2], [0x81, 0x84], "a masked text of four octets");
            let mask: [u8; 4] = frame[2..6].try_into().expect("four octets");
            let payload: Vec<u8> = frame[6..].iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
            assert_eq!(payload, b"SIP/");
            for (counts, byte) in values.iter_mut().zip(mask) {
                counts[usize::from(byte)] += 1;
            }
            steps[usize::from(mask[3].wrapping_sub(last[3]))] += 1;
            last = mask;
        }
        // More than eight standard deviations from the mean: no run of the test will see that of random masks.
        for counts in values.iter().chain([&steps]) {
            assert!(chi_square(counts) < 450.0, "{}", chi_square(counts));
        }
    }
}
