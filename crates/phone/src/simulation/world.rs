//! The world round two phones: a clock, links that break, a server, strangers, and a network for sound.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use wss::{LinkError, LinkEvent, TlsFacts};

use super::{
    phone::{Phone, now},
    plan::{Deed, Plan},
    proxy::{End, Proxy},
    stranger::Stranger,
};
use crate::contract::Command;

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) begun: Instant,
    pub(super) now: Instant,
    pub(super) phones: [Phone; 2],
    pub(super) proxy: Proxy,
    pub(super) strangers: Vec<Stranger>,
    /// The link of each connection of each phone.
    pub(super) links: BTreeMap<(usize, u64), Link>,
    next_id: u64,
    /// When a message of this connection arrived last, to the server and back: it is a stream, nothing overtakes.
    pub(super) last: BTreeMap<(u64, bool), Instant>,
    /// Messages of each phone, both ways.
    pub(super) counted: [u32; 2],
    pub(super) addresses: [IpAddr; 2],
    moves: u8,
    pub(super) rng: ChaCha12Rng,
    /// What will happen, the soonest first, and what of one time was made first.
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    things: BTreeMap<u64, Thing>,
    number: u64,
    /// When the first call was answered, anywhere.
    pub(super) answered: Option<Instant>,
    pub(super) trace: Option<Vec<String>>,
    /// Something happened to the server's messages that the phones cannot know.
    pub(super) lost: u32,
}

/// The link of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link {
    /// It is being made.
    Connecting,
    /// It is up, under this number at the server.
    Up(u64),
    /// It is cut, but the phone does not know it yet.
    Dead,
    Closed,
}

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Thing {
    ToServer(End, Bytes),
    ToPhone { phone: usize, generation: u64, id: u64, bytes: Bytes },
    ToStranger(usize, Bytes),
    LinkUp(usize, u64),
    LinkDown(usize, u64, Duration),
    LinkClosed(usize, u64),
    ServerCloses(u64),
    Datagram { from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    Deed(usize, Deed),
}

impl World {
    pub(super) fn new(seed: u64, begun: Instant, traced: bool) -> Self {
        Self::of(Plan::of(seed), seed, begun, traced)
    }

    pub(super) fn of(plan: Plan, seed: u64, begun: Instant, traced: bool) -> Self {
        let addresses = [address(0, 0), address(1, 0)];
        let at = now(begun, begun);
        let mut phones = [0, 1].map(|number| Phone::new(at, number, seed, &plan, addresses[number]));
        if traced {
            phones.iter_mut().for_each(|phone| phone.said = Some(Vec::new()));
        }
        let strangers = plan.strangers.iter().enumerate().map(|(at, script)| Stranger::new(at, *script)).collect();
        let mut world = Self {
            proxy: Proxy::new(&plan),
            strangers,
            begun,
            now: begun,
            phones,
            links: BTreeMap::new(),
            next_id: 0,
            last: BTreeMap::new(),
            counted: [0; 2],
            addresses,
            moves: 0,
            rng: ChaCha12Rng::seed_from_u64(seed ^ 0x005e_ed0f_0000_0001),
            queue: BinaryHeap::new(),
            things: BTreeMap::new(),
            number: 0,
            answered: None,
            trace: traced.then(Vec::new),
            lost: 0,
            plan,
        };
        for (after, who, deed) in world.plan.deeds.clone() {
            world.later(after, Thing::Deed(who, deed));
        }
        for phone in 0..2 {
            world.phones[phone].settle(at);
            world.serve(phone);
        }
        world
    }

    pub(super) fn at(&self) -> crate::switchboard::Now {
        now(self.begun, self.now)
    }

    /// Adds a line to the trace.
    pub(super) fn note(&mut self, node: &str, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>10.3} {node:<8} {}", (self.now - self.begun).as_secs_f64(), what()));
        }
    }

    /// Lets the next thing happen, if it comes before `end`. Says whether one did.
    pub(super) fn step(&mut self, end: Instant) -> bool {
        let queued = self.queue.peek().map(|Reverse((at, _))| *at);
        let phones = self.phones.iter_mut().filter_map(Phone::next_deadline).min();
        let strangers = self.strangers.iter().filter_map(Stranger::next_deadline).min();
        let next = [queued, phones, strangers, self.proxy.next_deadline()].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= end) else {
            self.now = end;
            return false;
        };
        self.now = self.now.max(next);
        while let Some(Reverse((at, number))) = self.queue.peek().copied() {
            if at > self.now {
                break;
            }
            self.queue.pop();
            if let Some(thing) = self.things.remove(&number) {
                self.happen(thing);
            }
        }
        if self.proxy.next_deadline().is_some_and(|at| at <= self.now) {
            self.proxy.handle_timeout(self.now);
            self.serve_proxy();
        }
        for number in 0..self.strangers.len() {
            if self.strangers[number].next_deadline().is_some_and(|at| at <= self.now) {
                self.strangers[number].handle_timeout(self.now);
                self.serve_stranger(number);
            }
        }
        let at = self.at();
        for phone in 0..2 {
            if self.phones[phone].next_deadline().is_some_and(|due| due <= self.now) {
                self.phones[phone].handle_timeout(at);
                self.serve(phone);
            }
        }
        if self.answered.is_none() && self.phones.iter().any(|phone| phone.open_calls().any(|call| call.is_up())) {
            self.answered = Some(self.now);
            for (after, who, deed) in self.plan.talk.clone() {
                self.later(after, Thing::Deed(who, deed));
            }
        }
        true
    }

    fn happen(&mut self, thing: Thing) {
        let at = self.at();
        match thing {
            Thing::ToServer(from, bytes) => {
                self.proxy.receive(self.now, from, bytes);
                self.serve_proxy();
            }
            Thing::ToPhone { phone, generation, id, bytes } => {
                if matches!(self.links.get(&(phone, generation)), Some(Link::Up(own)) if *own == id) {
                    self.link(phone, generation, LinkEvent::Message(bytes));
                }
            }
            Thing::ToStranger(number, bytes) => {
                match sip::Message::parse(bytes).expect("what the server says is SIP") {
                    sip::Message::Request(request) => self.strangers[number].on_request(self.now, &request),
                    sip::Message::Response(response) => self.strangers[number].on_response(&response),
                }
                self.serve_stranger(number);
            }
            Thing::LinkUp(phone, generation) => {
                let Some(link) = self.links.get_mut(&(phone, generation)) else { return };
                if !matches!(link, Link::Connecting) {
                    return;
                }
                self.next_id += 1;
                *link = Link::Up(self.next_id);
                self.proxy.opened(self.next_id);
                let tls = TlsFacts { version: None, cipher: None, certificate: None };
                let server = Some(SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 443)));
                self.link(phone, generation, LinkEvent::Up { tls, server });
            }
            Thing::LinkDown(phone, generation, back) => {
                let Some(link) = self.links.get_mut(&(phone, generation)) else { return };
                if !matches!(link, Link::Dead) {
                    return;
                }
                *link = Link::Connecting;
                self.later(back, Thing::LinkUp(phone, generation));
                let error = LinkError::ConnectionLost { code: None, detail: "cut".to_owned() };
                let retry_at = Some((self.now + back).into());
                self.link(phone, generation, LinkEvent::Down { error, retry_at, tries: 0 });
            }
            Thing::LinkClosed(phone, generation) => self.link(phone, generation, LinkEvent::Closed),
            Thing::ServerCloses(id) => {
                self.proxy.closed(self.now, id);
                self.serve_proxy();
            }
            Thing::Datagram { from, to, bytes } => {
                if let Some(phone) = self.addresses.iter().position(|own| *own == to.ip()) {
                    self.phones[phone].voice.take(self.now, to, from, &bytes);
                    self.phones[phone].settle(at);
                    self.serve(phone);
                }
            }
            Thing::Deed(who, deed) => self.does(who, deed),
        }
    }

    pub(super) fn link(&mut self, phone: usize, generation: u64, event: LinkEvent) {
        let at = self.at();
        if !matches!(event, LinkEvent::Message(_)) {
            self.note(["anna", "ben"][phone], || format!("link {generation}: {}", kind(&event)));
        }
        self.phones[phone].joint.on_link(at, generation, event);
        self.phones[phone].settle(at);
        self.serve(phone);
    }

    /// A person does something.
    fn does(&mut self, who: usize, deed: Deed) {
        let at = self.at();
        let command = match deed {
            Deed::Call => {
                let to = ["ben", "anna"][who].to_owned();
                Command::Call { to, account: None }
            }
            Deed::Answer => Command::Answer { call: None },
            Deed::Decline => Command::Decline { call: None },
            Deed::Ignore => Command::Ignore { call: None },
            Deed::Hangup => return self.hangs_up(who),
            Deed::Hold => Command::Hold { call: None },
            Deed::Resume => Command::Resume { call: None },
            Deed::Mute => Command::Mute { call: None },
            Deed::Unmute => Command::Unmute { call: None },
            Deed::Register => Command::Register { account: None },
            Deed::Move => {
                self.moves += 1;
                self.addresses[who] = address(who, self.moves);
                self.phones[who].voice.moves(self.addresses[who]);
                self.note(["anna", "ben"][who], || "is on another network".to_owned());
                self.phones[who].joint.board.network_changed(at);
                self.phones[who].settle(at);
                return self.serve(who);
            }
        };
        let done = self.phones[who].ask(at, command);
        self.note(["anna", "ben"][who], || format!("{deed:?}{}", if done { "" } else { " (not now)" }));
        self.serve(who);
    }

    /// Is nobody about to do anything?
    pub(super) fn deeds_are_done(&self) -> bool {
        !self.things.values().any(|thing| matches!(thing, Thing::Deed(..)))
    }

    /// Ends all calls of one phone.
    pub(super) fn hangs_up(&mut self, who: usize) {
        let at = self.at();
        let calls: Vec<_> = self.phones[who].open_calls().map(|call| call.id.clone()).collect();
        for call in calls {
            self.note(["anna", "ben"][who], || format!("hangs up {call}"));
            self.phones[who].ask(at, Command::Hangup { call: Some(call) });
        }
        self.serve(who);
    }

    pub(super) fn later(&mut self, after: Duration, thing: Thing) {
        self.at_time(self.now + after, thing);
    }

    pub(super) fn at_time(&mut self, at: Instant, thing: Thing) {
        self.number += 1;
        self.queue.push(Reverse((at, self.number)));
        self.things.insert(self.number, thing);
    }
}

fn address(who: usize, moves: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, who as u8, moves, 1))
}

fn kind(event: &LinkEvent) -> &'static str {
    match event {
        LinkEvent::Step(_) => "step",
        LinkEvent::Up { .. } => "up",
        LinkEvent::Message(_) => "message",
        LinkEvent::Proof { .. } => "proof",
        LinkEvent::Suspect => "suspect",
        LinkEvent::Down { .. } => "down",
        LinkEvent::Closed => "closed",
    }
}
