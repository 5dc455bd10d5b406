//! The driver: the only `select!` of the phone. It hands to the switchboard what happens, does what the switchboard wants,
//! and tells everybody who listens.

pub(crate) mod connection;
mod door;
mod effects;
mod joint;
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
    switchboard::Now,
    voice::{Happened, Order, Voice},
};
use connection::GOODBYE;
pub(crate) use connection::LinkOrder;
#[cfg(test)]
pub(crate) use connection::{Connection, Means};
pub(crate) use joint::{Joint, Out, Said};
use ladder::Ladder;
use listeners::{Listeners, same_shape};
use network::Seen;

/// Between two states that differ only in numbers (CONTRACT: at most 30 a second).
const BETWEEN_STATES: Duration = Duration::from_millis(34);

/// How long the last files of recordings may take at the end.
const FILES: Duration = Duration::from_secs(1);

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
    joint: Joint,
    /// The link of each connection.
    links: HashMap<u64, wss::Link>,
    voice: Voice,
    store: Store,
    secrets: Arc<dyn SecretStore>,
    environment: fn(&str) -> Option<String>,
    dns: wss::Dns,
    passwords: HashMap<(AccountId, SecretKind), Secret<String>>,
    practice: Option<Arc<dyn PracticeHost>>,
    /// Its last beginning or end, which may be under way.
    practice_order: Option<tokio::task::JoinHandle<()>>,
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
                Some(told) = ways.told.recv() => self.on_told(told),
                Some(happened) = ways.happened.recv() => self.on_happened(happened),
                Ok(()) = ways.trouble.changed() => {
                    let fault = ways.trouble.borrow_and_update().clone();
                    fault.into_iter().for_each(|fault| self.joint.board.problem(fault));
                }
                _ = looks.tick() => match machine.look() {
                    Seen::Same => {}
                    Seen::Changed => self.joint.board.network_changed(now()),
                    Seen::Slept => self.joint.probe(),
                },
                () = sleep_until(deadline.unwrap_or_else(Instant::now).into()), if deadline.is_some() => self.joint.handle_timeout(now()),
            }
            self.settle().await;
        }
        self.close(ways.happened).await;
    }

    fn next_deadline(&self) -> Option<Instant> {
        let ending = self.ending.as_ref().map(|(at, _)| *at);
        [self.joint.next_deadline(), self.publish_at, ending].into_iter().flatten().min()
    }

    fn on_told(&mut self, told: Told) {
        match told {
            Told::Link(generation, event) => self.joint.on_link(now(), generation, event),
            Told::SecretLoaded(account, found) => {
                let found = found.map(|secrets| {
                    for (kind, secret) in secrets {
                        self.passwords.insert((account.clone(), kind), secret);
                    }
                });
                self.joint.board.secret_loaded(now(), &account, found);
            }
            Told::SecretKept(account, kept) => self.joint.board.secret_kept(&account, kept),
            Told::Practice(Ok(line)) => self.practice_up(line),
            Told::Practice(Err(why)) => self.joint.board.practice_failed(&why),
            Told::Stun(test, answered) => self.joint.board.on_stun(now(), &test, answered),
            Told::Seen(missed) => self.joint.board.seen(missed),
        }
    }

    fn on_happened(&mut self, happened: Happened) {
        match happened {
            Happened::Levels { call, mic, far } => self.listeners.tell_all(&Line::Levels(Levels { call, mic, far })),
            Happened::Quality { call, quality } => {
                self.listeners.tell_all(&Line::Quality(Quality::of(call.clone(), &quality)));
                self.joint.board.on_voice(now(), Happened::Quality { call, quality });
            }
            happened => self.joint.board.on_voice(now(), happened),
        }
    }

    /// Tells a message to those who watch, and remembers it.
    fn say(&mut self, said: Said) {
        let line = SipLine {
            at: Timestamp::now(),
            connection: said.connection,
            account: said.account,
            call: said.call,
            out: said.out,
            text: ladder::redacted(&said.message),
        };
        self.ladder.note(&line);
        self.listeners.tell_all(&Line::Sip(line));
    }

    /// Does all that is wanted, and tells the state if it is another one.
    async fn settle(&mut self) {
        loop {
            while let Some(out) = self.joint.poll() {
                match out {
                    Out::Link(generation, order) => self.on_link(generation, order).await,
                    Out::Gone(generation) => drop(self.links.remove(&generation)),
                    Out::Said(said) => self.say(said),
                }
            }
            let effects = self.joint.board.take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                self.perform(effect).await;
            }
        }
        self.publish();
    }

    async fn on_link(&self, generation: u64, order: LinkOrder) {
        let Some(link) = self.links.get(&generation) else { return };
        match order {
            LinkOrder::Send(message) => link.send(message).await,
            LinkOrder::KeepAlive(every) => link.keep_alive(every).await,
            LinkOrder::Probe => link.probe().await,
            LinkOrder::Reconnect => link.reconnect().await,
            LinkOrder::NextServer => link.next_server().await,
            LinkOrder::Close => link.close().await,
        }
    }

    fn publish(&mut self) {
        let state = self.joint.board.state(self.seq);
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
        self.joint.board.end_all(at);
        self.settle().await;
        self.joint.leave_all(at);
    }

    fn is_over(&self) -> bool {
        self.ending.as_ref().is_some_and(|(at, _)| self.joint.connections.is_empty() || *at <= Instant::now())
    }

    async fn close(mut self, mut happened: mpsc::UnboundedReceiver<Happened>) {
        self.links.clear();
        self.voice.order(Order::Shutdown);
        if let Some(under_way) = self.practice_order.take() {
            let _ = under_way.await;
        }
        if let Some(practice) = &self.practice {
            practice.stop().await;
        }
        self.end_recordings(&mut happened).await;
        self.store.flush().await;
        self.listeners.close_all();
        for done in self.ending.into_iter().flat_map(|(_, waiting)| waiting) {
            let _ = done.send(());
        }
    }

    /// A file that ends with the phone stands in the history too: the media thread tells of it before it has ended.
    async fn end_recordings(&mut self, happened: &mut mpsc::UnboundedReceiver<Happened>) {
        let rest = async {
            while let Some(happened) = happened.recv().await {
                if matches!(happened, Happened::Recorded { .. }) {
                    self.joint.board.on_voice(now(), happened);
                }
            }
        };
        let _ = tokio::time::timeout(FILES, rest).await;
        for effect in self.joint.board.take_effects() {
            self.perform(effect).await;
        }
    }
}
