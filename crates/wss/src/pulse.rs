//! The signs of life of one connection: which are due, which are owed.

use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message},
};

/// A ping that has no answer for this long makes the link suspect.
const SUSPECT: Duration = Duration::from_secs(2);

/// The signs of life of one connection.
pub(crate) struct Pulse {
    pub(crate) next_ping: Instant,
    owed: Option<Owed>,
    suspect: bool,
    count: u64,
}

struct Owed {
    payload: [u8; 8],
    sent: Instant,
    until: Instant,
}

pub(crate) enum Due {
    Nothing,
    Ping,
    Suspect,
    Dead,
}

impl Pulse {
    pub(crate) const fn new(next_ping: Instant) -> Self {
        Self { next_ping, owed: None, suspect: false, count: 0 }
    }

    pub(crate) fn deadline(&self) -> Instant {
        let owed =
            self.owed.as_ref().map(|owed| if self.suspect { owed.until } else { owed.until.min(owed.sent + SUSPECT) });
        owed.map_or(self.next_ping, |owed| owed.min(self.next_ping))
    }

    pub(crate) fn due(&mut self, now: Instant) -> Due {
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

    pub(crate) async fn ping<S: AsyncRead + AsyncWrite + Unpin>(
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

    pub(crate) fn answered(&mut self, payload: &[u8]) -> Option<Duration> {
        let owed = self.owed.take_if(|owed| owed.payload == payload)?;
        Some(owed.sent.elapsed())
    }

    /// Something came: the server is not dead, though it may still owe a pong.
    pub(crate) fn alive(&mut self) {
        self.suspect = false;
        self.owed = None;
    }
}
