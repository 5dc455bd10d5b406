//! What is between the phones: links that are cut, a far side that loses, repeats and reorders, and a network for sound.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::Rng;
use wss::{LinkEvent, Step};

use super::{
    phone::Wants,
    proxy::End,
    world::{Link, Thing, World},
};
use crate::run::LinkOrder;

/// From the server to whom it calls beside the phones, and to its own neighbours.
const FAR: Duration = Duration::from_millis(15);

impl World {
    /// Carries what a phone wants.
    pub(super) fn serve(&mut self, phone: usize) {
        for line in self.phones[phone].said.as_mut().map(std::mem::take).unwrap_or_default() {
            self.note(["anna", "ben"][phone], || line);
        }
        while let Some(wants) = self.phones[phone].wants.pop_front() {
            match wants {
                Wants::Open(generation) => {
                    self.links.insert((phone, generation), Link::Connecting);
                    self.later(self.plan.latency[phone] * 4, Thing::LinkUp(phone, generation));
                }
                Wants::Gone(generation) => self.leave(phone, generation),
                Wants::Link(generation, LinkOrder::Send(bytes)) => self.send(phone, generation, bytes),
                // There is one server.
                Wants::Link(_, LinkOrder::KeepAlive(_) | LinkOrder::Probe | LinkOrder::NextServer) => {}
                Wants::Link(generation, LinkOrder::Close) => {
                    self.leave(phone, generation);
                    self.later(self.plan.latency[phone], Thing::LinkClosed(phone, generation));
                }
                Wants::Link(generation, LinkOrder::Reconnect) => {
                    // What is on its way to the old connection is lost with it.
                    self.lost += 1;
                    self.leave(phone, generation);
                    self.links.insert((phone, generation), Link::Connecting);
                    self.later(self.plan.latency[phone] * 4, Thing::LinkUp(phone, generation));
                    self.link(phone, generation, LinkEvent::Step(Step::Connect));
                }
            }
        }
        for (from, to, bytes) in self.phones[phone].voice.sent() {
            self.carry(from, to, bytes);
        }
    }

    fn leave(&mut self, phone: usize, generation: u64) {
        if let Some(Link::Up(id)) = self.links.insert((phone, generation), Link::Closed) {
            self.later(self.plan.latency[phone], Thing::ServerCloses(id));
        }
    }

    fn send(&mut self, phone: usize, generation: u64, bytes: Bytes) {
        let Some(Link::Up(id)) = self.links.get(&(phone, generation)).copied() else { return };
        if self.is_cut(phone, generation, id) {
            return;
        }
        let at = self.arrival(id, true, self.plan.latency[phone]);
        self.at_time(at, Thing::ToServer(End::Phone(id), bytes));
    }

    /// Counts a message of a phone; at the chosen one its connection breaks. Says whether the message is lost with it.
    fn is_cut(&mut self, phone: usize, generation: u64, id: u64) -> bool {
        self.counted[phone] += 1;
        let count = self.counted[phone];
        let Some(cut) = self.plan.cuts.iter().find(|cut| cut.phone == phone && cut.at == count).copied() else {
            return false;
        };
        self.lost += 1;
        self.note("network", || format!("cuts the connection {id} of phone {phone}: {cut:?}"));
        self.links.insert((phone, generation), Link::Dead);
        self.later(cut.phone_notices, Thing::LinkDown(phone, generation, cut.back));
        // What arrives comes before the end is noticed.
        let latency = self.plan.latency[phone] * 2;
        self.later(latency + cut.server_notices, Thing::ServerCloses(id));
        !cut.arrives
    }

    fn arrival(&mut self, id: u64, up: bool, latency: Duration) -> Instant {
        let last = self.last.entry((id, up)).or_insert(self.now);
        *last = (*last).max(self.now + latency);
        *last
    }

    pub(super) fn serve_proxy(&mut self) {
        while let Some((to, bytes, far)) = self.proxy.poll() {
            let mut copies = 1;
            let mut late = Duration::ZERO;
            if far {
                let away = self.plan.far;
                if away.loss > 0.0 && self.rng.random_bool(away.loss) {
                    copies = 0;
                    self.lost += 1;
                    self.note("network", || format!("loses {}", first_line(&bytes)));
                } else if away.twice > 0.0 && self.rng.random_bool(away.twice) {
                    copies = 2;
                }
                late = FAR + away.jitter.mul_f64(self.rng.random());
            }
            for _ in 0..copies {
                self.pass(to, bytes.clone(), late);
                late += Duration::from_millis(7);
            }
        }
    }

    fn pass(&mut self, to: End, bytes: Bytes, late: Duration) {
        match to {
            End::Stranger(number) => self.later(late, Thing::ToStranger(number, bytes)),
            End::Phone(id) => {
                let found = self.links.iter().find(|(_, link)| matches!(link, Link::Up(own) if *own == id));
                let Some((phone, generation)) = found.map(|(key, _)| *key) else {
                    self.lost += 1;
                    return;
                };
                if self.is_cut(phone, generation, id) {
                    return;
                }
                // The far side is behind the stream: it may reorder, the stream may not.
                let at = if late.is_zero() { self.now } else { self.now + late };
                let last = self.last.entry((id, false)).or_insert(at);
                let due = if late.is_zero() { (*last).max(at) } else { at } + self.plan.latency[phone];
                self.at_time(due, Thing::ToPhone { phone, generation, id, bytes });
            }
        }
    }

    pub(super) fn serve_stranger(&mut self, number: usize) {
        for bytes in self.strangers[number].take_sent() {
            self.note("stranger", || format!("{number}: {}", first_line(&bytes)));
            self.later(FAR, Thing::ToServer(End::Stranger(number), bytes));
        }
    }

    /// The network for sound.
    fn carry(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let media = self.plan.media;
        let dark = media.dark.zip(self.answered).is_some_and(|((begins, lasts), answered)| {
            (answered + begins..answered + begins + lasts).contains(&self.now)
        });
        let gone = !self.addresses.contains(&from.ip());
        if dark || gone || (media.loss > 0.0 && self.rng.random_bool(media.loss)) {
            return;
        }
        let late = media.jitter.mul_f64(if media.jitter.is_zero() { 0.0 } else { self.rng.random() });
        self.later(media.delay + late, Thing::Datagram { from, to, bytes });
    }
}

fn first_line(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned()
}
