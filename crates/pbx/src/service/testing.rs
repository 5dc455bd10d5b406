//! A service without its task and its sockets, for the tests: what the attendant does, on a clock of their own.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::Instant,
};

use bytes::Bytes;
use ice::Identity;
use sip::{CallId, Event, Input, StatusCode, Uri, UserAgent};

use super::{
    conversation::{Conversation, Output, Refusal},
    sound::Kind,
};
use crate::{DOMAIN, config::Language};

/// A certificate takes long to make.
static IDENTITY: LazyLock<Arc<Identity>> = LazyLock::new(|| Identity::generate().expect("there is a crypto library"));
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4_000);

/// The number 602, which has the most of all.
#[derive(Default)]
pub(crate) struct Service {
    talks: BTreeMap<CallId, Conversation>,
}

impl Service {
    /// Its agent, whose link is up.
    pub(crate) fn agent(now: Instant) -> UserAgent {
        let aor = Uri::parse(&format!("sip:602@{DOMAIN}")).expect("a number and a name make a URI");
        let mut agent = UserAgent::new(sip::Config::new(aor, [3; 32]));
        agent.handle_input(now, Input::LinkUp);
        agent
    }

    /// Something happened to the agent.
    pub(crate) fn told(&mut self, now: Instant, agent: &mut UserAgent, event: Event) {
        match event {
            Event::Incoming(incoming) => {
                let plays = (Kind::Digits, Language::English);
                let own = Conversation::new(now, plays, (Arc::clone(&IDENTITY), ADDRESS), [4; 32]);
                let mut own = own.expect("there is a crypto library");
                let sdp = described(now, &mut own, incoming.offer.as_ref());
                let _ = match sdp {
                    Ok(sdp) => agent.answer(now, incoming.call, sdp.into()),
                    Err(_) => agent.reject(now, incoming.call, StatusCode::NOT_ACCEPTABLE_HERE),
                };
                self.talks.insert(incoming.call, own);
            }
            Event::Reoffer { call, sdp } => {
                let Some(own) = self.talks.get_mut(&call) else { return };
                let _ = match described(now, own, sdp.as_ref()) {
                    Ok(sdp) => agent.answer_offer(now, call, sdp.into()),
                    Err(_) => agent.refuse_offer(now, call, StatusCode::NOT_ACCEPTABLE_HERE),
                };
            }
            Event::Confirmed { call, sdp: Some(sdp) } | Event::ReofferAnswered { call, sdp } => {
                self.take(now, agent, call, &sdp)
            }
            Event::Digit { call, digit } => {
                if let Some(own) = self.talks.get_mut(&call) {
                    own.press(now, digit);
                }
            }
            Event::Ended { call, .. } => drop(self.talks.remove(&call).map(|mut own| own.close(now))),
            _ => {}
        }
    }

    fn take(&mut self, now: Instant, agent: &mut UserAgent, call: CallId, sdp: &Bytes) {
        if self.talks.get_mut(&call).is_some_and(|own| own.accept(now, sdp).is_err()) {
            let _ = agent.hangup(now, call);
        }
    }

    /// A datagram comes to every conversation.
    pub(crate) fn datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        self.talks.values_mut().for_each(|own| own.handle_datagram(now, from, bytes));
    }

    /// Does what is due, and says when to come again.
    pub(crate) fn on_time(&mut self, now: Instant, agent: &mut UserAgent) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for (call, own) in &mut self.talks {
            own.handle_timeout(now);
            loop {
                match own.poll() {
                    Output::Datagram(..) => {}
                    Output::Over => drop(agent.hangup(now, *call)),
                    Output::Timeout(due) => {
                        next = next.into_iter().chain(due).min();
                        break;
                    }
                }
            }
        }
        next
    }

    /// How many conversations there are.
    pub(crate) fn len(&self) -> usize {
        self.talks.len()
    }
}

/// The answer to an offer, or an offer where there is none.
fn described(now: Instant, own: &mut Conversation, offer: Option<&Bytes>) -> Result<String, Refusal> {
    match offer {
        Some(offer) => own.answer(now, offer),
        None => Ok(own.offer()),
    }
}
