//! One phone: the real switchboard, the real agents and the real media room, joined as the driver joins them, on virtual
//! time.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde_json::json;

use super::{
    plan::Plan,
    port::{self, Sound},
};
use crate::{
    account::Profile,
    contract::{AccountWish, CallId, CauseKind, Command, Direction, Timestamp},
    run::{Connection, Joint, LinkOrder, Means, Out},
    switchboard::{Beginning, CallEntry, Effect, LineOrder, Now, Stage, Switchboard},
    voice::{Happened, Order, VirtualVoice, Ways},
};

/// How a call ended, as the phone tells its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) kind: CauseKind,
    pub(super) error: Option<&'static str>,
    pub(super) answered: bool,
    /// Was it our call?
    pub(super) ours: bool,
}

/// What a phone wants of the world.
#[derive(Debug)]
pub(super) enum Wants {
    /// A new link, of this generation.
    Open(u64),
    Link(u64, LinkOrder),
    Gone(u64),
}

pub(super) struct Phone {
    pub(super) number: usize,
    pub(super) joint: Joint,
    pub(super) voice: VirtualVoice,
    pub(super) sound: Arc<Mutex<Sound>>,
    /// Our name of each call by its Call-ID, and the other way round.
    pub(super) names: Vec<(String, CallId)>,
    pub(super) ends: BTreeMap<String, End>,
    /// What the media thread told and the loop has not heard yet.
    told: VecDeque<(Instant, Happened)>,
    lag: Duration,
    generation: u64,
    rng: ChaCha12Rng,
    pub(super) wants: VecDeque<Wants>,
    /// When each final response went out last.
    finals: BTreeMap<String, Instant>,
    /// A 2xx to an INVITE of a call that is up, without an ACK from us.
    pub(super) owes: Option<String>,
    /// A final response that went out again too soon.
    pub(super) twice: Option<String>,
    /// For the trace, when there is one.
    pub(super) said: Option<Vec<String>>,
}

/// The times of a moment; the wall clock of the simulation began with it.
pub(super) fn now(begun: Instant, instant: Instant) -> Now {
    let wall = Timestamp::from_unix_ms(1_700_000_000_000).plus(instant - begun);
    Now { instant, wall }
}

impl Phone {
    pub(super) fn new(at: Now, number: usize, seed: u64, plan: &Plan, address: IpAddr) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        rng.set_stream(number as u64 + 1);
        let user = ["anna", "ben"][number];
        let wish = json!({ "address": format!("sip:{user}@server.example"), "server": "wss://server.example/" });
        let wish: AccountWish = serde_json::from_value(wish).expect("a wish");
        let profile = Profile { id: "a1".into(), ..Profile::from_wish(&wish, None).expect("an account") };
        let beginning = Beginning { accounts: vec![profile], for_this_run: true, ..Beginning::default() };
        let (port, sound) = port::port(number, plan.ears);
        let voice = VirtualVoice::new(Box::new(port), rng.random(), address);
        Self {
            number,
            joint: Joint::new(Switchboard::new(at, beginning)),
            voice,
            sound,
            names: Vec::new(),
            ends: BTreeMap::new(),
            told: VecDeque::new(),
            lag: plan.lag[number],
            generation: 0,
            rng,
            wants: VecDeque::new(),
            finals: BTreeMap::new(),
            owes: None,
            twice: None,
            said: None,
        }
    }

    /// Someone asks for something; what cannot be done now is not done.
    pub(super) fn ask(&mut self, at: Now, command: Command) -> bool {
        let done = self.joint.board.command(at, command).is_ok();
        self.settle(at);
        done
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, at: Now) {
        if self.joint.next_deadline().is_some_and(|due| due <= at.instant) {
            self.joint.handle_timeout(at);
        }
        if self.voice.deadline().is_some_and(|due| due <= at.instant) {
            self.voice.work(at.instant);
        }
        self.settle(at);
    }

    pub(super) fn next_deadline(&mut self) -> Option<Instant> {
        let told = self.told.front().map(|(at, _)| *at);
        [self.joint.next_deadline(), self.voice.deadline(), told].into_iter().flatten().min()
    }

    /// Does all that is wanted, as the driver's loop does.
    pub(super) fn settle(&mut self, at: Now) {
        loop {
            let mut quiet = true;
            while let Some(out) = self.joint.poll() {
                quiet = false;
                match out {
                    Out::Link(generation, order) => self.wants.push_back(Wants::Link(generation, order)),
                    Out::Gone(generation) => self.wants.push_back(Wants::Gone(generation)),
                    Out::Said(said) => self.said(at.instant, &said),
                }
            }
            for effect in self.joint.board.take_effects() {
                quiet = false;
                self.perform(at, effect);
            }
            while let Some(happened) = self.voice.happened() {
                self.told.push_back((at.instant + self.lag, happened));
            }
            while self.told.front().is_some_and(|(due, _)| *due <= at.instant) {
                quiet = false;
                if let Some((_, happened)) = self.told.pop_front() {
                    self.joint.board.on_voice(at, happened);
                }
            }
            if quiet {
                return self.note_ends();
            }
        }
    }

    fn perform(&mut self, at: Now, effect: Effect) {
        match effect {
            Effect::Line(key, order) => {
                let Some(LineOrder::Open { profile, .. }) = self.joint.on_line(at, &key, order) else { return };
                self.generation += 1;
                let means = Means { password: None, instance: "urn:uuid:1", seed: self.rng.random() };
                let made = Connection::new(key, self.generation, &profile, means).expect("the profile is good");
                self.joint.open(at, made);
                self.wants.push_back(Wants::Open(self.generation));
            }
            Effect::Agent(account, order) => self.joint.on_agent(at, &account, order),
            Effect::Voice(order) => self.voice.order(at.instant, order),
            Effect::Ready { account, ways } => {
                let ways = ways.map(|(profile, _)| Ways {
                    loopback: false,
                    stun: Vec::new(),
                    turn: Vec::new(),
                    policy: profile.speech.policy(),
                });
                self.voice.order(at.instant, Order::Ready { account, ways });
            }
            // Nothing that a call depends on.
            Effect::Save(_)
            | Effect::Forget(_)
            | Effect::Settings(_)
            | Effect::Prefer(_)
            | Effect::Row(_)
            | Effect::Seen(_)
            | Effect::Secret(..)
            | Effect::Practice(_)
            | Effect::Stun { .. }
            | Effect::Notice(_) => {}
        }
    }

    fn said(&mut self, now: Instant, said: &crate::run::Said) {
        let text = String::from_utf8_lossy(&said.message);
        if let Some(trace) = &mut self.said {
            let to = if said.out { "->" } else { "<-" };
            let cseq = text.lines().find(|line| line.starts_with("CSeq:")).unwrap_or_default();
            trace.push(format!("{to} {} | {cseq}", text.lines().next().unwrap_or_default()));
        }
        self.watch_finals(now, said.out, &text);
        self.watch_acks(said.out, &text);
        let Some(call) = &said.call else { return };
        if self.names.iter().any(|(_, own)| own == call) {
            return;
        }
        if let Some(name) = text.lines().find_map(|line| line.strip_prefix("Call-ID: ")) {
            self.names.push((name.to_owned(), call.clone()));
        }
    }

    /// A 2xx is repeated after T1 at the earliest, and nothing else is over a stream (RFC 3261 13.3.1.4, 17.2.1).
    fn watch_finals(&mut self, now: Instant, out: bool, text: &str) {
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        if out && text.starts_with("SIP/2.0 ") && !text.starts_with("SIP/2.0 1") {
            let key = format!("{} {} {}", line("Via:"), line("CSeq:"), line("Call-ID:"));
            let before = self.finals.insert(key.clone(), now);
            if before.is_some_and(|before| now.saturating_duration_since(before) < Duration::from_millis(500)) {
                self.twice = Some(key);
            }
        }
    }

    /// Every 2xx gets its ACK, however often it comes (RFC 3261 13.2.2.4).
    fn watch_acks(&mut self, out: bool, text: &str) {
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        let call = line("Call-ID: ").trim_start_matches("Call-ID: ");
        if !out && text.starts_with("SIP/2.0 200") && line("CSeq:").ends_with(" INVITE") {
            let of_call = |own: &&CallEntry| self.names.iter().any(|(name, id)| name == call && *id == own.id);
            let up = self.joint.board.calls().iter().find(of_call).is_some_and(CallEntry::is_up);
            self.owes = up.then(|| call.to_owned());
        } else if out && text.starts_with("ACK ") && self.owes.as_deref() == Some(call) {
            self.owes = None;
        }
    }

    fn note_ends(&mut self) {
        for entry in self.joint.board.calls() {
            let Stage::Ended { kind, fault } = &entry.stage else { continue };
            // A call that never had an INVITE is nobody's but ours.
            let name = self.names.iter().find(|(_, call)| *call == entry.id);
            let name = name.map_or_else(|| format!("{}-{}", self.number, entry.id), |(name, _)| name.clone());
            let error = fault.as_ref().map(|fault| fault.code.as_str());
            self.ends.entry(name).or_insert(End {
                kind: *kind,
                error,
                answered: entry.answered.is_some(),
                ours: entry.direction == Direction::Out,
            });
        }
    }

    /// Forgets what the judge wants to know of calls.
    pub(super) fn forget(&mut self) {
        (self.names, self.ends, self.finals) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        (self.owes, self.twice) = (None, None);
    }

    /// Its calls that are not over.
    pub(super) fn open_calls(&self) -> impl Iterator<Item = &CallEntry> {
        self.joint.board.calls().iter().filter(|call| !matches!(call.stage, Stage::Ended { .. }))
    }

    /// The call that is talked on, by its Call-ID, when both ways of it should carry sound.
    pub(super) fn talks(&self) -> Option<&str> {
        let talking = |call: &&CallEntry| {
            self.joint.board.active().contains(&call.id)
                && matches!(call.stage, Stage::Connected)
                && call.lost.is_none()
                && call.wish == crate::voice::Wish::Talk
                && !call.remote_hold
        };
        let call = self.joint.board.calls().iter().find(talking)?;
        self.names.iter().find(|(_, own)| *own == call.id).map(|(name, _)| name.as_str())
    }

    /// Has its person muted a call?
    pub(super) fn is_muted(&self) -> bool {
        self.joint.board.calls().iter().any(|call| call.muted)
    }
}
