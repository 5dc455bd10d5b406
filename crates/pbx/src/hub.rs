//! The hub: the one task that owns the exchange, and the doors of the connections to it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use crate::exchange::{Action, ConnectionId, Exchange};

/// What waits for the exchange, and for one connection, at most. A connection that does not take what it is sent is
/// dropped; one that sends too fast waits.
const QUEUE: usize = 256;

/// A handle on the hub.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    events: mpsc::Sender<Event>,
    last: Arc<AtomicU64>,
}

/// One end of a connection to the exchange. The exchange forgets it when it is dropped.
#[derive(Debug)]
pub(crate) struct Door {
    id: ConnectionId,
    events: mpsc::Sender<Event>,
    /// What the exchange sends; it ends when the exchange drops the connection.
    pub(crate) inbox: mpsc::Receiver<Bytes>,
}

#[derive(Debug)]
enum Event {
    Opened(ConnectionId, Option<String>, mpsc::Sender<Bytes>),
    Message(ConnectionId, Bytes),
    Closed(ConnectionId),
    DropAll,
}

impl Hub {
    /// Connects a phone, or the service of a number. Nothing, when the exchange has ended.
    pub(crate) async fn connect(&self, service: Option<&str>) -> Option<Door> {
        let id = ConnectionId(self.last.fetch_add(1, Ordering::Relaxed));
        let (outbox, inbox) = mpsc::channel(QUEUE);
        self.events.send(Event::Opened(id, service.map(str::to_owned), outbox)).await.ok()?;
        Some(Door { id, events: self.events.clone(), inbox })
    }

    /// Drops the connections of all phones.
    pub(crate) async fn disconnect_all(&self) {
        let _ = self.events.send(Event::DropAll).await;
    }
}

impl Door {
    /// Hands a message to the exchange. Says whether there still is one.
    pub(crate) async fn send(&self, bytes: Bytes) -> bool {
        self.events.send(Event::Message(self.id, bytes)).await.is_ok()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let (events, id) = (self.events.clone(), self.id);
        // A full queue is emptied by the hub; the end of the runtime ends the hub too.
        if let Err(mpsc::error::TrySendError::Full(event)) = events.try_send(Event::Closed(id))
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { events.send(event).await });
        }
    }
}

/// Starts the hub.
pub(crate) fn start(mut exchange: Exchange, mut stopped: watch::Receiver<bool>) -> Hub {
    let (events, mut inbox) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        let mut outboxes = BTreeMap::new();
        loop {
            let event = tokio::select! {
                event = inbox.recv() => event,
                () = told(&mut stopped) => None,
            };
            let Some(event) = event else { return };
            take(&mut exchange, &mut outboxes, event);
        }
    });
    Hub { events, last: Arc::new(AtomicU64::new(1)) }
}

struct Outbox {
    sender: mpsc::Sender<Bytes>,
    phone: bool,
}

fn take(exchange: &mut Exchange, outboxes: &mut BTreeMap<ConnectionId, Outbox>, event: Event) {
    match event {
        Event::Opened(id, service, sender) => {
            outboxes.insert(id, Outbox { sender, phone: service.is_none() });
            exchange.opened(id, service);
        }
        Event::Message(id, bytes) => exchange.receive(Instant::now(), id, bytes),
        Event::Closed(id) => {
            outboxes.remove(&id);
            exchange.closed(id);
        }
        Event::DropAll => {
            let phones: Vec<_> = outboxes.iter().filter(|(_, own)| own.phone).map(|(id, _)| *id).collect();
            for id in phones {
                outboxes.remove(&id);
                exchange.closed(id);
            }
        }
    }
    while let Some(action) = exchange.poll() {
        let dropped = match action {
            Action::Send(to, bytes) => match outboxes.get(&to).map(|own| own.sender.try_send(bytes)) {
                Some(Err(_)) => to,
                _ => continue,
            },
            Action::Drop(id) => id,
        };
        tracing::debug!(connection = dropped.0, "the exchange drops a connection");
        outboxes.remove(&dropped);
        exchange.closed(dropped);
    }
}

/// Waits until the practice line is to end.
pub(crate) async fn told(stopped: &mut watch::Receiver<bool>) {
    // An error says that nobody is left who could tell, which is the same.
    let _ = stopped.wait_for(|stop| *stop).await;
}
