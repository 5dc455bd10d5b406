//! The media thread: the only one that has sockets for sound and that moves it. It sleeps until an order, a datagram, a
//! device or a deadline wakes it; with no call and no tone there is nothing that would.

use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use media::{ladder::Delay, port::SoundPort};
use net::{Datagram, Poller};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use tokio::sync::mpsc;

use super::{
    call::{Call, Making},
    desk::{Desk, Told},
    devices::Devices,
    ear::Ear,
    network::Network,
    order::{Happened, Order, PathState, Wish},
    ready::Ready,
};
use crate::contract::{AccountId, CallId};

/// Quality is told once a second.
const QUALITY: Duration = Duration::from_secs(1);
/// How long the last words of the calls, and devices that close, may take at the end.
const FAREWELL: Duration = Duration::from_millis(500);

/// Gives orders to the media thread. Clones give them to the same one; when the last is dropped, the thread ends.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    orders: mpsc::UnboundedSender<Order>,
}

impl Voice {
    /// Gives an order; after [`Order::Shutdown`] there is nobody to take it.
    pub(crate) fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::debug!("the media thread has ended");
        }
    }
}

/// Starts the thread. When what it tells ends, the thread has ended.
pub(crate) fn start(port: Box<dyn SoundPort>, seed: [u8; 32]) -> (Voice, mpsc::UnboundedReceiver<Happened>) {
    let (orders, ordered) = mpsc::unbounded_channel();
    let (tell, told) = mpsc::unbounded_channel();
    let begun = std::thread::Builder::new().name("media".into()).spawn(move || {
        // Dropped last: who waits for the end waits for closed devices and written files too.
        let _ended = tell.clone();
        port.raise_priority();
        // Devices that close are waited for aside, and nothing else needs one.
        let aside = tokio::runtime::Builder::new_current_thread().build();
        let (desk_in, desk_told) = mpsc::unbounded_channel();
        match (aside, Poller::new(), Desk::start(port, desk_in)) {
            (Ok(aside), Ok(poller), Ok(desk)) => {
                let entered = aside.enter();
                Room::new(Box::new(poller.ports()), desk, seed, tell).run(poller, ordered, desk_told);
                drop(entered);
                aside.shutdown_timeout(FAREWELL);
            }
            (Err(error), ..) | (_, Err(error), _) => tracing::error!(%error, "the media thread cannot run"),
            (.., Err(error)) => tracing::error!(%error, "the sound desk cannot start"),
        }
    });
    if let Err(error) = begun {
        tracing::error!(%error, "the media thread cannot start");
    }
    (Voice { orders }, told)
}

/// What the thread knows. It is told the time, so that a simulation can have one too.
pub(super) struct Room {
    tell: mpsc::UnboundedSender<Happened>,
    rng: ChaCha12Rng,
    ready: Ready,
    devices: Devices,
    ear: Ear,
    calls: Vec<Call>,
    /// Who is talked with: a call, or the members of a conference.
    active: Vec<CallId>,
    delay: Delay,
    /// When quality is told next, while there is a call.
    quality_at: Option<Instant>,
}

impl Room {
    pub(super) fn new(
        network: Box<dyn Network>,
        desk: Desk,
        seed: [u8; 32],
        tell: mpsc::UnboundedSender<Happened>,
    ) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let ready = Ready::new(ChaCha12Rng::from_seed(rng.random()), network);
        let devices = Devices::new(desk, tell.clone());
        let ear = Ear::new(tell.clone());
        let (calls, active, quality_at) = (Vec::new(), Vec::new(), None);
        Self { tell, rng, ready, devices, ear, calls, active, delay: Delay::default(), quality_at }
    }

    fn run(
        mut self,
        mut poller: Poller,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut desk: mpsc::UnboundedReceiver<Told>,
    ) {
        let waker = poller.waker();
        let woken = &mut Context::from_waker(&waker);
        loop {
            while let Poll::Ready(told) = desk.poll_recv(woken) {
                // Without a desk there are no devices any more, and the calls go on.
                let Some(told) = told else { break };
                self.told(Instant::now(), told);
            }
            while let Poll::Ready(order) = orders.poll_recv(woken) {
                match order {
                    None | Some(Order::Shutdown) => return self.end(Instant::now()),
                    Some(order) => self.obey(Instant::now(), order),
                }
            }
            self.work(Instant::now());
            let deadline = self.deadline();
            if let Err(error) = poller.wait(deadline, |datagram| self.take(Instant::now(), &datagram)) {
                tracing::error!(%error, "the media thread cannot wait");
                return self.end(Instant::now());
            }
        }
    }

    fn end(mut self, now: Instant) {
        for call in self.calls.drain(..) {
            call.close(now, &self.tell);
        }
    }

    pub(super) fn deadline(&mut self) -> Option<Instant> {
        let calls = self.calls.iter().filter_map(Call::deadline).min();
        [calls, self.quality_at, self.ready.deadline(), self.devices.deadline(), self.ear.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does all that is due now.
    pub(super) fn work(&mut self, now: Instant) {
        self.ready.handle_timeout(now);
        self.devices.handle_timeout(now);
        self.ear.settle(now, &self.calls, &mut self.devices);
        // What came is heard first, and what that made the ear say goes out.
        for call in self.calls.iter_mut().filter(|call| call.has_news()) {
            call.work(now, &self.tell);
        }
        self.ear.tick(now, &mut self.calls, &self.active, &mut self.devices);
        for call in &mut self.calls {
            call.work(now, &self.tell);
        }
        let quality_at = self.quality_at.take().filter(|_| !self.calls.is_empty());
        self.quality_at = (!self.calls.is_empty()).then(|| quality_at.unwrap_or(now + QUALITY));
        if self.quality_at.is_some_and(|at| at <= now) {
            self.quality_at = Some(now + QUALITY);
            for call in self.calls.iter().filter(|call| call.is_audible()) {
                self.say(Happened::Quality { call: call.id.clone(), quality: call.session.quality() });
            }
        }
        self.ready.refill(now);
    }

    /// The desk has news.
    pub(super) fn told(&mut self, now: Instant, told: Told) {
        self.devices.told(now, told);
    }

    pub(super) fn take(&mut self, now: Instant, datagram: &Datagram<'_>) {
        let _known =
            self.calls.iter_mut().any(|call| call.take(now, datagram)) || self.ready.take_datagram(now, datagram);
    }

    pub(super) fn obey(&mut self, now: Instant, order: Order) {
        match order {
            Order::Ready { account, ways } => self.ready.set(now, account, ways),
            Order::Offer { call, account, wish } => self.offer(now, call, &account, wish),
            Order::Restart { call, account, wish } => self.restart(now, call, &account, wish),
            Order::Answer { call, account, offer, wish } => self.answer(now, call, &account, &offer, wish),
            Order::Accept { call, answer } => self.accept(now, call, &answer),
            Order::Rollback { call } => self.with(&call, |call| call.rollback(now)),
            Order::Talk { call, on } => {
                if on && self.calls.iter().any(|own| own.id == call) {
                    self.ear.end_listening();
                }
                self.with(&call, |call| call.talk(on));
            }
            Order::Mute { call, on } => self.with(&call, |call| call.mute(on)),
            Order::Record { call, to } => {
                let tell = self.tell.clone();
                self.with(&call, |call| call.record(now, to, &tell));
            }
            Order::Dtmf { call, digits } => {
                self.with(&call, |call| call.press(now, &digits));
                self.ear.press(&digits);
            }
            Order::Active { calls } => {
                self.active = calls;
                self.join();
            }
            Order::Close { call } => self.close(now, &call),
            Order::Sound(sounds) => self.ear.sound(sounds),
            Order::Key(key) => self.ear.press(key.encode_utf8(&mut [0; 4])),
            Order::Prefer(prefer) => self.devices.prefer(now, prefer),
            Order::Clean(clean) => self.devices.clean(clean),
            Order::Delay(delay) => {
                self.delay = delay;
                self.calls.iter_mut().for_each(|call| call.session.set_delay(delay));
            }
            Order::Listen { device } => self.ear.listen(now, device),
            Order::Watch { levels } => self.ear.levels = levels,
            // The loop has ended with it.
            Order::Shutdown => {}
        }
    }

    /// How many calls have sound here.
    #[cfg(test)]
    pub(super) const fn calls(&self) -> usize {
        self.calls.len()
    }

    fn with(&mut self, id: &CallId, change: impl FnOnce(&mut Call)) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.id == *id) {
            change(call);
        }
    }

    /// Several that are active hear each other.
    fn join(&mut self) {
        for call in &mut self.calls {
            call.join(self.active.len() > 1 && self.active.contains(&call.id));
        }
    }

    fn offer(&mut self, now: Instant, id: CallId, account: &AccountId, wish: Wish) {
        match self.call(now, &id, account) {
            Ok(call) => {
                let sdp = call.offer(wish);
                self.say(Happened::Offer { call: id, sdp });
            }
            Err(why) => self.say(Happened::NoPath { call: id, why }),
        }
    }

    fn restart(&mut self, now: Instant, id: CallId, account: &AccountId, wish: Wish) {
        let Some(call) = self.calls.iter_mut().find(|call| call.id == id) else {
            return self.offer(now, id, account, wish);
        };
        let happened = match self.ready.take(now, account) {
            Ok((sockets, _)) => Happened::Offer { sdp: call.restart(now, sockets, wish), call: id },
            Err(why) => Happened::NoPath { call: id, why },
        };
        self.say(happened);
    }

    fn answer(&mut self, now: Instant, id: CallId, account: &AccountId, offer: &Bytes, wish: Wish) {
        let new = self.calls.iter().all(|call| call.id != id);
        let tell = self.tell.clone();
        let call = match self.call(now, &id, account) {
            Ok(call) => call,
            Err(why) => return self.say(Happened::NoPath { call: id, why }),
        };
        let happened = match call.answer(now, offer, wish) {
            Ok((sdp, agreed)) => {
                let codec = agreed.send.first().map(|first| first.codec.name());
                Happened::Answer { call: id.clone(), sdp, remote_hold: agreed.remote_hold, codec }
            }
            Err(why) => {
                if new {
                    self.calls.retain(|call| call.id != id);
                }
                return self.say(Happened::Refused { call: id, why });
            }
        };
        let _ = tell.send(happened);
        Self::tell_checking(call, &tell);
    }

    fn accept(&mut self, now: Instant, id: CallId, answer: &Bytes) {
        let tell = self.tell.clone();
        let Some(call) = self.calls.iter_mut().find(|call| call.id == id) else {
            return self.say(Happened::Refused { call: id, why: media::offer::OfferError::NothingOffered });
        };
        let happened = match call.accept(now, answer) {
            Ok(agreed) => {
                let codec = agreed.send.first().map(|first| first.codec.name());
                Happened::Accepted { call: id, remote_hold: agreed.remote_hold, codec }
            }
            Err(why) => return self.say(Happened::Refused { call: id, why }),
        };
        let _ = tell.send(happened);
        Self::tell_checking(call, &tell);
    }

    fn tell_checking(call: &Call, tell: &mpsc::UnboundedSender<Happened>) {
        if call.is_checking() {
            let _ = tell.send(Happened::Path { call: call.id.clone(), path: PathState::Checking });
        }
    }

    fn close(&mut self, now: Instant, id: &CallId) {
        let Some(at) = self.calls.iter().position(|call| call.id == *id) else { return };
        self.calls.remove(at).close(now, &self.tell);
        self.active.retain(|active| active != id);
        self.join();
        self.ear.forget_keys();
    }

    /// The call of this id, new if there is none.
    fn call(&mut self, now: Instant, id: &CallId, account: &AccountId) -> Result<&mut Call, String> {
        let at = match self.calls.iter().position(|call| call.id == *id) {
            Some(at) => at,
            None => {
                let (sockets, ways) = self.ready.take(now, account)?;
                let seeds = [self.rng.random(), self.rng.random(), self.rng.random()];
                let mut call = Call::new(now, Making { id: id.clone(), sockets, ways, seeds })?;
                call.session.set_delay(self.delay);
                self.calls.push(call);
                self.calls.len() - 1
            }
        };
        Ok(&mut self.calls[at])
    }

    fn say(&self, happened: Happened) {
        // Who does not listen any more is about to send the shutdown.
        let _ = self.tell.send(happened);
    }
}
