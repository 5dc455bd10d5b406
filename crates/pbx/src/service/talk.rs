//! The driver of one conversation: its socket, its timer, and the orders of the attendant.

use std::{pin::pin, time::Instant};

use bytes::Bytes;
use net::Udp;
use sip::CallId;
use tokio::{sync::mpsc, time::sleep_until};

use super::conversation::{Conversation, Output};

/// The largest datagram that is read: more than any network carries in one piece.
const LARGEST: usize = 2048;
/// Datagrams read before others get their turn.
const AT_ONCE: usize = 32;

/// What the attendant wants of a conversation. When nobody is left to order anything, it ends.
#[derive(Debug)]
pub(super) enum Order {
    /// The far end offers a change, or asks for an offer of ours.
    Offer(Option<Bytes>),
    /// The far end answered our offer.
    Answer(Bytes),
    /// The far end pressed a key, by INFO.
    Press(char),
}

/// What a conversation tells the attendant.
#[derive(Debug)]
pub(super) enum Told {
    /// The answer to an offer, or our own; nothing, when it is refused.
    Session(Option<String>),
    /// The far end is gone.
    Over,
}

/// Our end of a call: a conversation, and the socket that it goes over.
pub(super) struct End {
    pub(super) conversation: Conversation,
    pub(super) socket: Udp,
}

/// Runs a conversation until there are no more orders, or it is over.
pub(super) async fn run(
    call: CallId,
    End { mut conversation, socket }: End,
    mut orders: mpsc::Receiver<Order>,
    told: mpsc::Sender<(CallId, Told)>,
) {
    let mut buffer = [0; LARGEST];
    loop {
        let due = match send(&mut conversation, &socket) {
            Ok(due) => due,
            Err(Ended) => {
                let _ = told.send((call, Told::Over)).await;
                break;
            }
        };
        let sleep = pin!(sleep_until(due.unwrap_or_else(Instant::now).into()));
        tokio::select! {
            order = orders.recv() => {
                let Some(order) = order else { break };
                if let Some(answer) = obey(&mut conversation, order) && told.send((call, answer)).await.is_err() {
                    break;
                }
            }
            ready = socket.readable() => {
                if ready.is_err() {
                    break;
                }
                for _ in 0..AT_ONCE {
                    let Some((length, from)) = socket.try_recv(&mut buffer) else { break };
                    conversation.handle_datagram(Instant::now(), from, &buffer[..length]);
                }
            }
            () = sleep, if due.is_some() => conversation.handle_timeout(Instant::now()),
        }
    }
    conversation.close(Instant::now());
    let _ = send(&mut conversation, &socket);
}

/// The far end is gone.
struct Ended;

/// Sends what waits, and says when to come again.
fn send(conversation: &mut Conversation, socket: &Udp) -> Result<Option<Instant>, Ended> {
    loop {
        match conversation.poll() {
            Output::Datagram(to, bytes) => {
                socket.send(to, &bytes);
            }
            Output::Over => return Err(Ended),
            Output::Timeout(due) => return Ok(due),
        }
    }
}

fn obey(conversation: &mut Conversation, order: Order) -> Option<Told> {
    let now = Instant::now();
    match order {
        Order::Offer(None) => Some(Told::Session(Some(conversation.offer()))),
        Order::Offer(Some(offer)) => match conversation.answer(now, &offer) {
            Ok(sdp) => Some(Told::Session(Some(sdp))),
            Err(error) => {
                tracing::debug!(%error, "a change is refused");
                Some(Told::Session(None))
            }
        },
        Order::Answer(answer) => conversation.accept(now, &answer).err().map(|error| {
            tracing::debug!(%error, "an answer is not taken");
            Told::Over
        }),
        Order::Press(key) => {
            conversation.press(now, key);
            None
        }
    }
}
