//! The signs of life of one connection: which are due, which are owed. Pure: it only tells what to say.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::link::KeepAlive;

/// A ping that has no answer for this long makes the link suspect.
const SUSPECT: Duration = Duration::from_secs(2);

/// What one side says (RFC 5626 3.5.1) and what the other answers.
const CRLF_PING: &str = "\r\n\r\n";
pub(crate) const CRLF_PONG: &[u8] = b"\r\n";

/// The signs of life of one connection.
pub(crate) struct Pulse {
    keep: KeepAlive,
    /// Does the server answer CRLF pings?
    pub(crate) answers_crlf: bool,
    pub(crate) next_ping: Instant,
    owed: Option<Owed>,
    /// When the CRLF ping went out that has no answer yet.
    crlf: Option<Instant>,
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
    pub(crate) const fn new(keep: KeepAlive, next_ping: Instant) -> Self {
        Self { keep, answers_crlf: false, next_ping, owed: None, crlf: None, suspect: false, count: 0 }
    }

    /// When something is due; nothing where nobody is asked and nothing is owed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let owed =
            self.owed.as_ref().map(|owed| if self.suspect { owed.until } else { owed.until.min(owed.sent + SUSPECT) });
        let ping = (self.keep != KeepAlive::None).then_some(self.next_ping);
        owed.into_iter().chain(ping).min()
    }

    pub(crate) fn due(&mut self, now: Instant) -> Due {
        match &self.owed {
            Some(owed) if now >= owed.until => Due::Dead,
            Some(owed) if !self.suspect && now >= owed.sent + SUSPECT => {
                self.suspect = true;
                Due::Suspect
            }
            _ if self.keep != KeepAlive::None && now >= self.next_ping => Due::Ping,
            _ => Due::Nothing,
        }
    }

    /// The pings that are due, as configured.
    pub(crate) fn pings(&mut self, now: Instant, limit: Duration) -> Vec<Message> {
        let mut out = Vec::new();
        if matches!(self.keep, KeepAlive::Ping | KeepAlive::Both) {
            out.push(self.probe(now, limit));
        }
        if matches!(self.keep, KeepAlive::Crlf | KeepAlive::Both) {
            // RFC 5626 4.4.1: a server that agreed to keep alive and does not answer is a failed flow.
            if self.answers_crlf {
                self.owe(now, limit);
            }
            self.crlf = Some(now);
            out.push(Message::Text(Utf8Bytes::from_static(CRLF_PING)));
        }
        out
    }

    /// A ping for somebody who wants to know now: a WebSocket ping, which every server answers.
    pub(crate) fn probe(&mut self, now: Instant, limit: Duration) -> Message {
        Message::Ping(Bytes::copy_from_slice(&self.owe(now, limit)))
    }

    fn owe(&mut self, now: Instant, limit: Duration) -> [u8; 8] {
        self.count += 1;
        let payload = self.count.to_be_bytes();
        // An older one that is still owed keeps its own deadline: asking again gives nobody more time.
        let until = self.owed.as_ref().map_or(now + limit, |owed| owed.until.min(now + limit));
        self.owed = Some(Owed { payload, sent: now, until });
        payload
    }

    /// Is it the answer to a ping that is owed? Then the round trip.
    pub(crate) fn answered(&mut self, frame: &Message, now: Instant) -> Option<Duration> {
        let sent = match frame {
            Message::Pong(payload) => self.owed.take_if(|owed| owed.payload[..] == payload[..])?.sent,
            Message::Text(_) | Message::Binary(_) if is_crlf_pong(frame) => self.crlf.take()?,
            _ => return None,
        };
        Some(now - sent)
    }

    /// Something came: the server is not dead, though it may still owe a pong.
    pub(crate) fn alive(&mut self) {
        self.suspect = false;
        self.owed = None;
    }
}

fn is_crlf_pong(frame: &Message) -> bool {
    match frame {
        Message::Text(text) => text.as_bytes() == CRLF_PONG,
        Message::Binary(bytes) => bytes[..] == *CRLF_PONG,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn a_crlf_ping_is_owed_an_answer_only_by_a_server_that_keeps_alive() {
        let now = Instant::now();
        let at = |millis| now + Duration::from_millis(millis);
        for (answers, first, end) in [(false, None, None), (true, Some(2_000), Some(10_000))] {
            let mut pulse = Pulse::new(KeepAlive::Crlf, at(1_000_000));
            pulse.answers_crlf = answers;
            assert_eq!(pulse.pings(now, LIMIT), [Message::text("\r\n\r\n")]);
            let (mut suspect, mut dead) = (None, None);
            for millis in 0..20_000 {
                match pulse.due(at(millis)) {
                    Due::Suspect => suspect = suspect.or(Some(millis)),
                    Due::Dead => dead = dead.or(Some(millis)),
                    Due::Nothing | Due::Ping => {}
                }
            }
            assert_eq!((suspect, dead), (first, end), "RFC 5626 4.4.1: ten seconds");
        }
    }

    #[test]
    fn anything_that_comes_pays_what_is_owed_and_only_the_answer_tells_the_round_trip() {
        let now = Instant::now();
        let mut pulse = Pulse::new(KeepAlive::Both, now + LIMIT * 9);
        pulse.answers_crlf = true;
        let later = now + Duration::from_millis(7);
        for (frame, rtt) in [
            (Message::text("\r\n"), Some(later - now)),
            (Message::binary(&b"\r\n"[..]), Some(later - now)),
            (Message::text("\r\n\r\n"), None),
            (Message::text("SIP/2.0 200 OK\r\n\r\n"), None),
            (Message::Pong(Bytes::from_static(b"of another")), None),
        ] {
            pulse.crlf = None;
            assert_eq!(pulse.pings(now, LIMIT).len(), 2);
            assert_eq!(pulse.answered(&frame, later), rtt, "{frame:?}");
            pulse.alive();
            assert!(matches!(pulse.due(now + LIMIT * 2), Due::Nothing), "{frame:?}");
        }
    }
}
