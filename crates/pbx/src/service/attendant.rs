//! Answers the calls to one number: the SIP side of a service.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ice::Identity;
use net::Udp;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use sip::{CallId, Event, Incoming, Input, Invite, Output, StatusCode, Uri, UserAgent};
use tokio::{
    sync::{mpsc, watch},
    time::sleep_until,
};

use super::{
    Row, Shared,
    conversation::Conversation,
    sound::Kind,
    talk::{self, End, Order, Told},
};
use crate::{
    DOMAIN,
    config::Language,
    hub::{Door, told as stopped},
};

/// Orders that wait for one conversation, at most; who presses keys faster loses some.
const QUEUE: usize = 32;
/// After so long, who wants to be called back is hung up on.
const TALK: Duration = Duration::from_secs(3);
/// So long it rings at who is called back.
const RINGS: Duration = Duration::from_secs(45);
/// The most callers that wait to be called back.
const MOST_RECALLS: usize = 8;
/// How long a farewell to all callers may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// One call.
struct Talk {
    orders: mpsc::Sender<Order>,
    /// Who is to be called back when it has ended.
    caller: Option<Uri>,
    /// When we end it by ourselves.
    ends: Option<Instant>,
}

/// Answers the calls to one number. The agent takes eight at once and is busy for more.
pub(super) struct Attendant {
    row: &'static Row,
    shared: Arc<Shared>,
    agent: UserAgent,
    rng: ChaCha12Rng,
    talks: BTreeMap<CallId, Talk>,
    recalls: Vec<(Instant, Uri)>,
    /// When the agent wants to be woken.
    due: Option<Instant>,
    tell: mpsc::Sender<(CallId, Told)>,
    told: mpsc::Receiver<(CallId, Told)>,
}

impl Attendant {
    pub(super) fn new(row: &'static Row, shared: Arc<Shared>, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let aor = Uri::parse(&format!("sip:{}@{DOMAIN}", row.number)).expect("a number and a name make a URI");
        let name = match shared.language {
            Language::English => row.names[0],
            Language::Mandarin => row.names[1],
        };
        let mut config = sip::Config::new(aor, rng.random());
        config.display_name = Some(name.to_owned());
        config.user_agent = "Bellbird practice line".to_owned();
        let (tell, told) = mpsc::channel(QUEUE);
        Self {
            row,
            shared,
            agent: UserAgent::new(config),
            rng,
            talks: BTreeMap::new(),
            recalls: Vec::new(),
            due: None,
            tell,
            told,
        }
    }

    /// Answers calls until `closing` says so or the exchange ends.
    pub(super) async fn run(mut self, mut door: Door, mut closing: watch::Receiver<bool>) {
        self.agent.handle_input(Instant::now(), Input::LinkUp);
        loop {
            let next = self.next();
            tokio::select! {
                message = door.inbox.recv() => match message {
                    Some(bytes) => self.agent.handle_input(Instant::now(), Input::Message(bytes)),
                    // The exchange drops who does not keep up. Another connection begins anew.
                    None => match self.shared.hub.connect(Some(self.row.number)).await {
                        Some(other) => {
                            door = other;
                            self.agent.handle_input(Instant::now(), Input::LinkDown);
                            self.agent.handle_input(Instant::now(), Input::LinkUp);
                        }
                        None => return,
                    },
                },
                Some((call, told)) = self.told.recv() => self.on_told(call, told),
                () = sleep_until(next.unwrap_or_else(Instant::now).into()), if next.is_some() => self.on_time(),
                () = stopped(&mut closing) => break,
            }
            if !self.drain(&door).await {
                return;
            }
        }
        let _ = tokio::time::timeout(FAREWELL, self.farewell(door)).await;
    }

    /// Ends all calls, and waits until the callers have said that they know.
    async fn farewell(&mut self, mut door: Door) {
        self.recalls.clear();
        let calls: Vec<_> = self.talks.keys().copied().collect();
        for call in calls {
            let _ = self.agent.hangup(Instant::now(), call);
        }
        while self.drain(&door).await && self.agent.live().1 > 0 {
            let Some(bytes) = door.inbox.recv().await else { return };
            self.agent.handle_input(Instant::now(), Input::Message(bytes));
        }
    }

    /// When something is due.
    fn next(&self) -> Option<Instant> {
        let ends = self.talks.values().filter_map(|talk| talk.ends);
        ends.chain(self.recalls.iter().map(|(at, _)| *at)).chain(self.due).min()
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        self.agent.handle_input(now, Input::Timeout);
        let ended: Vec<_> = self
            .talks
            .iter_mut()
            .filter_map(|(call, talk)| talk.ends.take_if(|at| *at <= now).map(|_| *call))
            .collect();
        for call in ended {
            let _ = self.agent.hangup(now, call);
        }
        let (due, later) = std::mem::take(&mut self.recalls).into_iter().partition(|(at, _)| *at <= now);
        self.recalls = later;
        let due: Vec<(Instant, Uri)> = due;
        for (_, to) in due {
            self.call_back(now, to);
        }
    }

    /// Sends what the agent wants sent, and does what its events ask for. Says whether there still is an exchange.
    async fn drain(&mut self, door: &Door) -> bool {
        loop {
            match self.agent.poll_output() {
                Output::Transmit(bytes) => {
                    if !door.send(bytes).await {
                        return false;
                    }
                }
                Output::Event(event) => self.on_event(event),
                Output::Timeout(due) => {
                    self.due = due;
                    return true;
                }
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Incoming(incoming) => self.on_call(now, *incoming),
            Event::Answered { call, sdp, .. } => {
                if let Some(talk) = self.talks.get_mut(&call) {
                    talk.ends = None;
                }
                self.take_answer(call, sdp);
            }
            Event::EarlyMedia { call, sdp, .. } => self.take_answer(call, Some(sdp)),
            Event::Confirmed { call, sdp } => self.take_answer(call, sdp),
            Event::ReofferAnswered { call, sdp } => self.take_answer(call, Some(sdp)),
            Event::Reoffer { call, sdp } => self.take_offer(now, call, sdp),
            Event::Digit { call, digit } => {
                self.order(call, Order::Press(digit));
            }
            Event::Ended { call, .. } => {
                // Without orders its conversation ends too.
                let caller = self.talks.remove(&call).and_then(|talk| talk.caller);
                if let Some(caller) = caller {
                    self.promise(now, caller);
                }
            }
            _ => {}
        }
    }

    fn on_told(&mut self, call: CallId, told: Told) {
        let now = Instant::now();
        // The call may have ended in the meantime: then there is nothing to do.
        let _ = match told {
            Told::Session(Some(sdp)) => self.agent.answer_offer(now, call, sdp.into()),
            Told::Session(None) => self.agent.refuse_offer(now, call, StatusCode::NOT_ACCEPTABLE_HERE),
            Told::Over => self.agent.hangup(now, call),
        };
    }

    /// Somebody calls: it is answered at once, or refused for a reason.
    fn on_call(&mut self, now: Instant, incoming: Incoming) {
        let call = incoming.call;
        let Some(mut end) = self.end(now, self.row.plays) else {
            let _ = self.agent.reject(now, call, StatusCode::SERVICE_UNAVAILABLE);
            return;
        };
        let sdp = match &incoming.offer {
            Some(offer) => end.conversation.answer(now, offer),
            None => Ok(end.conversation.offer()),
        };
        let sdp = match sdp {
            Ok(sdp) => sdp,
            Err(error) => {
                tracing::debug!(%error, number = self.row.number, "a call is refused");
                let _ = self.agent.reject(now, call, StatusCode::NOT_ACCEPTABLE_HERE);
                return;
            }
        };
        if self.agent.answer(now, call, sdp.into()).is_err() {
            return;
        }
        let caller = Uri::parse(&incoming.from.uri).ok().filter(|_| self.row.calls_back);
        let ends = self.row.calls_back.then(|| now + TALK);
        self.begin(call, end, caller, ends);
    }

    /// Calls somebody who asked for it, and lets them hear themselves.
    fn call_back(&mut self, now: Instant, to: Uri) {
        let Some(mut end) = self.end(now, Kind::Mirror) else { return };
        let offer = Bytes::from(end.conversation.offer());
        match self.agent.invite(now, Invite { to, offer }) {
            Ok(call) => self.begin(call, end, None, Some(now + RINGS)),
            Err(error) => tracing::debug!(%error, "nobody is called back"),
        }
    }

    /// Somebody is to be called back, once however often they asked.
    fn promise(&mut self, now: Instant, caller: Uri) {
        self.recalls.retain(|(_, other)| !other.is_equivalent(&caller));
        if self.recalls.len() < MOST_RECALLS {
            self.recalls.push((now + self.shared.call_back, caller));
        }
    }

    fn end(&mut self, now: Instant, kind: Kind) -> Option<End> {
        let socket = Udp::bind(IpAddr::V4(Ipv4Addr::LOCALHOST)).ok()?;
        let identity = Identity::generate().ok()?;
        let plays = (kind, self.shared.language);
        let conversation = Conversation::new(now, plays, (identity, socket.local()), self.rng.random()).ok()?;
        Some(End { conversation, socket })
    }

    fn begin(&mut self, call: CallId, end: End, caller: Option<Uri>, ends: Option<Instant>) {
        let (orders, inbox) = mpsc::channel(QUEUE);
        self.talks.insert(call, Talk { orders, caller, ends });
        tokio::spawn(talk::run(call, end, inbox, self.tell.clone()));
    }

    fn take_offer(&mut self, now: Instant, call: CallId, sdp: Option<Bytes>) {
        if !self.order(call, Order::Offer(sdp)) {
            let _ = self.agent.refuse_offer(now, call, StatusCode::SERVICE_UNAVAILABLE);
        }
    }

    fn take_answer(&mut self, call: CallId, sdp: Option<Bytes>) {
        if let Some(sdp) = sdp {
            self.order(call, Order::Answer(sdp));
        }
    }

    /// Says whether the order will be obeyed.
    fn order(&self, call: CallId, order: Order) -> bool {
        self.talks.get(&call).is_some_and(|talk| talk.orders.try_send(order).is_ok())
    }
}
