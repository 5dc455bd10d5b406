//! Two agents and a path between them that loses, delays and reorders what they say (R12, R13): whatever is lost, both
//! come to the end of every call, once, and keep nothing of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use sip::{CallId, Config, Event, Input, Invite, Message, Output, StatusCode, Uri, UserAgent, testing::start};

const SEEDS: u64 = 1_500;

struct Path {
    now: Instant,
    agents: [UserAgent; 2],
    due: [Option<Instant>; 2],
    /// What is on its way: when it comes, and to whom.
    flying: BTreeMap<(Instant, u64), (usize, Bytes)>,
    sent: u64,
    rng: ChaCha12Rng,
    loss: f64,
    slowest: u64,
    /// The calls of both, and whether each has ended.
    calls: [HashMap<CallId, bool>; 2],
    /// Calls that were answered, as their side knows.
    up: HashSet<(usize, CallId)>,
    /// Offers that wait to be answered.
    asked: Vec<(usize, CallId)>,
    lost: u32,
}

impl Path {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let agent = |name: &str, rng: &mut ChaCha12Rng| {
            let aor = Uri::parse(&format!("sip:{name}@example.com")).expect("a URI");
            UserAgent::new(Config::new(aor, rng.random()))
        };
        let agents = [agent("alice", &mut rng), agent("bob", &mut rng)];
        let (loss, slowest) = (rng.random_range(0.0..0.4), rng.random_range(1..2000));
        let mut path = Self {
            now: start(),
            agents,
            due: [None; 2],
            flying: BTreeMap::new(),
            sent: 0,
            rng,
            loss,
            slowest,
            calls: [HashMap::new(), HashMap::new()],
            up: HashSet::new(),
            asked: Vec::new(),
            lost: 0,
        };
        for side in 0..2 {
            path.input(side, Input::LinkUp);
        }
        path
    }

    fn input(&mut self, side: usize, input: Input) {
        self.agents[side].handle_input(self.now, input);
        self.drain(side);
    }

    fn drain(&mut self, side: usize) {
        loop {
            match self.agents[side].poll_output() {
                Output::Transmit(bytes) if self.rng.random_bool(self.loss) => {
                    self.lost += u32::from(Message::parse(bytes).is_ok());
                }
                Output::Transmit(bytes) => {
                    let late = Duration::from_millis(self.rng.random_range(0..self.slowest));
                    self.sent += 1;
                    self.flying.insert((self.now + late, self.sent), (1 - side, bytes));
                }
                Output::Event(event) => self.told(side, &event),
                Output::Timeout(due) => {
                    self.due[side] = due;
                    return;
                }
            }
        }
    }

    fn told(&mut self, side: usize, event: &Event) {
        match event {
            Event::Incoming(incoming) => assert!(self.calls[side].insert(incoming.call, false).is_none()),
            Event::Answered { call, .. } | Event::Confirmed { call, .. } => {
                self.up.insert((side, *call));
            }
            Event::Reoffer { call, .. } => self.asked.push((side, *call)),
            Event::Ended { call, .. } => {
                let over = self.calls[side].insert(*call, true);
                assert_eq!(over, Some(false), "a call ends once");
            }
            _ => {}
        }
    }

    /// Lets time pass: what flies comes down, what is due is done.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let flying = self.flying.first_key_value().map(|((at, _), _)| *at);
            let next = [flying, self.due[0], self.due[1]].into_iter().flatten().min().filter(|at| *at <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            if flying == Some(next) {
                let ((..), (to, bytes)) = self.flying.pop_first().expect("just seen");
                self.input(to, Input::Message(bytes));
            }
            for side in 0..2 {
                if self.due[side].is_some_and(|due| due <= self.now) {
                    self.input(side, Input::Timeout);
                }
            }
            for (side, call) in std::mem::take(&mut self.asked) {
                let _ = if self.rng.random_bool(0.8) {
                    self.agents[side].answer_offer(self.now, call, "v=0 yes".into())
                } else {
                    self.agents[side].refuse_offer(self.now, call, StatusCode::NOT_ACCEPTABLE_HERE)
                };
                self.drain(side);
            }
        }
        self.now = end;
    }

    /// One of the two does something.
    fn act(&mut self) {
        let side = self.rng.random_range(0..2);
        let (now, act) = (self.now, self.rng.random_range(0..12));
        if self.calls[side].is_empty() && act < 6 {
            let to = Uri::parse(&format!("sip:{}@example.com", ["bob", "alice"][side])).expect("a URI");
            let called = self.agents[side].invite(now, Invite { to, offer: "v=0".into() }).expect("the link is up");
            self.calls[side].insert(called, false);
            return self.drain(side);
        }
        let calls: Vec<CallId> = self.calls[side].iter().filter(|(_, over)| !**over).map(|(call, _)| *call).collect();
        for call in calls {
            let agent = &mut self.agents[side];
            let _ = match act {
                0 | 1 => agent.ring(now, call),
                2..6 => agent.answer(now, call, "v=0".into()),
                6 => agent.reject(now, call, StatusCode::BUSY_HERE),
                7..11 => agent.reoffer(now, call, "v=0 more".into()),
                _ => agent.hangup(now, call),
            };
            self.drain(side);
        }
    }
}

#[test]
fn whatever_is_lost_both_come_to_the_end() {
    let (mut lost, mut up) = (0, 0);
    for seed in 0..SEEDS {
        let mut path = Path::new(seed);
        for _ in 0..path.rng.random_range(4..40) {
            path.act();
            let wait = path.rng.random_range(0..3000);
            path.pass(Duration::from_millis(wait));
        }
        // One of them hangs up at last; what that one says may be lost too. Who hears nothing is told by the timer of the
        // session (RFC 4028), within half an hour.
        let side = path.rng.random_range(0..2);
        for call in path.calls[side].keys().copied().collect::<Vec<_>>() {
            let _ = path.agents[side].hangup(path.now, call);
            path.drain(side);
        }
        let ringing = |path: &Path, side: usize| path.calls[side].values().any(|over| !over);
        path.pass(Duration::from_secs(4000));
        for (side, call) in &path.up {
            assert!(path.calls[*side][call], "seed {seed}, side {side}: a call that was up is still up");
        }
        // A phone that rings, or waits for an answer, does so until a person ends it.
        for side in 0..2 {
            if ringing(&path, side) {
                for call in path.calls[side].keys().copied().collect::<Vec<_>>() {
                    let _ = path.agents[side].hangup(path.now, call);
                    path.drain(side);
                }
            }
        }
        path.pass(Duration::from_secs(200));
        for side in 0..2 {
            assert_eq!(path.agents[side].live(), (0, 0, 0), "seed {seed}, side {side}: {:?}", path.agents[side]);
            assert!(!ringing(&path, side), "seed {seed}, side {side}: {:?}", path.calls);
        }
        lost += path.lost;
        up += path.up.len();
    }
    assert!(lost > 1000 && up > 500, "{lost} messages lost, {up} ends of calls that were up");
}
