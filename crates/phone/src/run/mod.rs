//! The driver: the only `select!` of the phone. It hands to the switchboard what happens, does what the switchboard wants,
//! and tells everybody who listens.

mod connection;
mod door;
mod effects;
mod ladder;
mod listeners;
mod network;
mod start;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::RngCore;
use rand_chacha::ChaCha12Rng;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, interval, sleep_until},
};

pub(crate) use door::Request;
pub(crate) use listeners::Queue;
pub use start::start;

use crate::{
    contract::{AccountId, Hello, Levels, Line, PhoneState, Quality, SipLine, TestId, Timestamp},
    fault::Fault,
    secret::{Secret, SecretError, SecretKind, SecretStore},
    setup::{Pace, PracticeHost, PracticeLine},
    store::Store,
    switchboard::{Key, LineEvent, Now, Switchboard},
    voice::{Happened, Order, Voice},
};
use connection::{Connection, GOODBYE, Outcome};
use ladder::Ladder;
use listeners::{Listeners, same_shape};
use network::Seen;

/// Between two states that differ only in numbers (CONTRACT: at most 30 a second).
const BETWEEN_STATES: Duration = Duration::from_millis(34);

/// What work aside brought.
enum Told {
    Link(u64, wss::LinkEvent),
    SecretLoaded(AccountId, Result<Vec<(SecretKind, Secret<String>)>, SecretError>),
    SecretKept(AccountId, Result<(), SecretError>),
    Practice(Result<PracticeLine, String>),
    Stun(TestId, Result<(), Fault>),
    Seen(u32),
}

struct Runner {
    board: Switchboard,
    connections: Vec<Connection>,
    voice: Voice,
    store: Store,
    secrets: Arc<dyn SecretStore>,
    environment: fn(&str) -> Option<String>,
    dns: wss::Dns,
    passwords: HashMap<(AccountId, SecretKind), Secret<String>>,
    practice: Option<Arc<dyn PracticeHost>>,
    listeners: Listeners,
    ladder: Ladder,
    hello: Hello,
    instance: String,
    pace: Pace,
    rng: ChaCha12Rng,
    generation: u64,
    tell: mpsc::Sender<Told>,
    seq: u64,
    published: Option<Arc<PhoneState>>,
    /// A state that differs only in numbers waits until then.
    publish_at: Option<Instant>,
    /// Who opened the microphone for the meter.
    listener: Option<u64>,
    ending: Option<(Instant, Vec<oneshot::Sender<()>>)>,
}

/// The ways in which something comes to the driver.
struct Ways {
    requests: mpsc::UnboundedReceiver<Request>,
    told: mpsc::Receiver<Told>,
    happened: mpsc::UnboundedReceiver<Happened>,
    trouble: watch::Receiver<Option<Fault>>,
}

fn now() -> Now {
    Now { instant: Instant::now(), wall: Timestamp::now() }
}

impl Runner {
    async fn run(mut self, mut ways: Ways) {
        let mut machine = network::Watch::new();
        let mut looks = interval(network::EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = true;
        self.settle().await;
        while !self.is_over() {
            let deadline = self.next_deadline();
            tokio::select! {
                request = ways.requests.recv(), if open => match request {
                    Some(request) => self.on_request(request).await,
                    // Nobody is left who could ask for anything.
                    None => {
                        open = false;
                        self.end(None).await;
                    }
                },
                Some(told) = ways.told.recv() => self.on_told(told).await,
                Some(happened) = ways.happened.recv() => self.on_happened(happened),
                Ok(()) = ways.trouble.changed() => {
                    let fault = ways.trouble.borrow_and_update().clone();
                    fault.into_iter().for_each(|fault| self.board.problem(fault));
                }
                _ = looks.tick() => match machine.look() {
                    Seen::Same => {}
                    Seen::Changed => self.board.network_changed(now()),
                    Seen::Slept => {
                        for connection in &self.connections {
                            connection.probe().await;
                        }
                    }
                },
                () = sleep_until(deadline.unwrap_or_else(Instant::now).into()), if deadline.is_some() => self.on_time().await,
            }
            self.settle().await;
        }
        self.close().await;
    }

    fn next_deadline(&self) -> Option<Instant> {
        let connections = self.connections.iter().filter_map(Connection::next_deadline);
        let ending = self.ending.as_ref().map(|(at, _)| *at);
        connections.chain(self.board.next_deadline()).chain(self.publish_at).chain(ending).min()
    }

    async fn on_time(&mut self) {
        let at = now();
        self.board.handle_timeout(at);
        for index in 0..self.connections.len() {
            if let Some(connection) = self.connections.get_mut(index)
                && connection.next_deadline().is_some_and(|due| due <= at.instant)
            {
                let generation = connection.generation;
                let outcomes = connection.on_timeout(at.instant).await;
                self.take_outcomes(generation, outcomes);
            }
        }
        self.connections.retain(|own| own.closing.is_none_or(|until| until > at.instant));
    }

    async fn on_told(&mut self, told: Told) {
        match told {
            Told::Link(generation, event) => {
                if let Some(connection) = self.connections.iter_mut().find(|own| own.generation == generation) {
                    let outcomes = connection.on_link(Instant::now(), event).await;
                    self.take_outcomes(generation, outcomes);
                }
            }
            Told::SecretLoaded(account, found) => {
                let found = found.map(|secrets| {
                    for (kind, secret) in secrets {
                        self.passwords.insert((account.clone(), kind), secret);
                    }
                });
                self.board.secret_loaded(now(), &account, found);
            }
            Told::SecretKept(account, kept) => self.board.secret_kept(&account, kept),
            Told::Practice(Ok(line)) => self.practice_up(line),
            Told::Practice(Err(why)) => self.board.practice_failed(&why),
            Told::Stun(test, answered) => self.board.on_stun(now(), &test, answered),
            Told::Seen(missed) => self.board.seen(missed),
        }
    }

    fn on_happened(&mut self, happened: Happened) {
        match happened {
            Happened::Levels { call, mic, far } => self.listeners.tell_all(&Line::Levels(Levels { call, mic, far })),
            Happened::Quality { call, quality } => {
                self.listeners.tell_all(&Line::Quality(Quality::of(call, &quality)));
            }
            happened => self.board.on_voice(now(), happened),
        }
    }

    /// What came of the link or the agent of a connection.
    fn take_outcomes(&mut self, generation: u64, outcomes: Vec<Outcome>) {
        let Some(at) = self.connections.iter().position(|own| own.generation == generation) else { return };
        let (key, leaving) = (self.connections[at].key.clone(), self.connections[at].closing.is_some());
        let mut gone = false;
        let mut heard: Option<bytes::Bytes> = None;
        for outcome in outcomes {
            match outcome {
                // A connection that is left says nothing about the line any more: another may have taken its place.
                Outcome::Line(event) if leaving => {
                    tracing::debug!(?event, "of a connection that is left");
                }
                Outcome::Line(event) => {
                    if let (Key::Account(account), LineEvent::Refused { fault, .. }) = (&key, &event) {
                        tracing::info!(%account, code = fault.code.as_str(), "the registration failed");
                    }
                    self.board.on_key(now(), &key, event);
                }
                Outcome::Agent(event) => {
                    let Key::Account(account) = &key else { continue };
                    let incoming = match &event {
                        sip::Event::Incoming(incoming) => Some(incoming.call),
                        _ => None,
                    };
                    self.board.on_agent(now(), account, event);
                    if let (Some(sip), Some(message)) = (incoming, &heard)
                        && let Some(call) = self.board.call_named(account, sip)
                    {
                        self.connections[at].name(message, call);
                    }
                }
                Outcome::Said { out, message } => {
                    if let Some(before) = heard.take() {
                        self.say(at, false, &before);
                    }
                    if out {
                        self.say(at, true, &message);
                    } else {
                        // It is told after what it caused, for an INVITE gets its call only then.
                        heard = Some(message);
                    }
                }
                Outcome::Gone => gone = true,
            }
        }
        if let Some(before) = heard {
            self.say(at, false, &before);
        }
        if gone {
            self.connections.remove(at);
        }
    }

    /// Tells a message to those who watch, and remembers it.
    fn say(&mut self, connection: usize, out: bool, message: &[u8]) {
        let Some(connection) = self.connections.get(connection) else { return };
        let Key::Account(account) = &connection.key else { return };
        let line = SipLine {
            at: Timestamp::now(),
            connection: connection.number,
            account: account.clone(),
            call: connection.call_of(message),
            out,
            text: ladder::redacted(message),
        };
        self.ladder.note(&line);
        self.listeners.tell_all(&Line::Sip(line));
    }

    /// Does all that is wanted, and tells the state if it is another one.
    async fn settle(&mut self) {
        loop {
            let effects = self.board.take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                self.perform(effect).await;
            }
        }
        self.publish();
    }

    fn publish(&mut self) {
        let state = self.board.state(self.seq);
        let at = Instant::now();
        match &self.published {
            Some(last) if **last == state => return,
            Some(last) if same_shape(last, &state) => {
                let due = *self.publish_at.get_or_insert(at + BETWEEN_STATES);
                if due > at {
                    return;
                }
            }
            _ => {}
        }
        self.publish_at = None;
        self.seq += 1;
        let state = Arc::new(PhoneState { seq: self.seq, ..state });
        self.published = Some(Arc::clone(&state));
        self.listeners.tell_all(&Line::State(state));
    }

    fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        seed
    }

    /// Hangs up, goes off the line, and gives the far ends a moment to hear of it.
    async fn end(&mut self, done: Option<oneshot::Sender<()>>) {
        let at = now();
        if let Some((_, waiting)) = &mut self.ending {
            waiting.extend(done);
            return;
        }
        self.ending = Some((at.instant + GOODBYE, done.into_iter().collect()));
        self.board.end_all(at);
        self.settle().await;
        for index in 0..self.connections.len() {
            let Some(connection) = self.connections.get_mut(index) else { break };
            let generation = connection.generation;
            let outcomes = connection.leave(at.instant, true).await;
            self.take_outcomes(generation, outcomes);
        }
    }

    fn is_over(&self) -> bool {
        self.ending.as_ref().is_some_and(|(at, _)| self.connections.is_empty() || *at <= Instant::now())
    }

    async fn close(mut self) {
        self.connections.clear();
        self.voice.order(Order::Shutdown);
        if let Some(practice) = &self.practice {
            practice.stop().await;
        }
        self.store.flush().await;
        self.listeners.close_all();
        for done in self.ending.into_iter().flat_map(|(_, waiting)| waiting) {
            let _ = done.send(());
        }
    }
}
