//! Doing what the switchboard wants.

use std::{sync::Arc, time::Instant};

use sip::{Invite, Misuse, UserAgent};

use super::{
    Runner, Told,
    connection::{Connection, Means},
    network, now,
};
use crate::{
    account::Profile,
    contract::{AccountId, CallId, Keep, Line},
    secret::{Secret, SecretError, SecretKind},
    setup::PracticeLine,
    switchboard::{AgentOrder, Effect, Key, LineEvent, LineOrder, SecretOrder},
    voice::{Order, TurnServer, Ways},
};

impl Runner {
    pub(super) async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Line(key, order) => self.on_line(key, order).await,
            Effect::Agent(account, order) => self.on_agent(&account, order).await,
            Effect::Voice(order) => self.voice.order(order),
            Effect::Ready { account, ways } => self.ready(account, ways),
            Effect::Save(profile) => self.store.save_account(&profile),
            Effect::Forget(account) => self.store.remove_account(&account),
            Effect::Settings(settings) => self.store.save_settings(&settings),
            Effect::Prefer(prefer) => self.store.save_prefer(&prefer),
            Effect::Row(row) => self.store.add_row(&row),
            Effect::Seen(before) => {
                let missed = self.store.mark_seen(before.as_ref()).await;
                // Through the queue, so that it is told in its turn.
                let _ = self.tell.try_send(Told::Seen(missed));
            }
            Effect::Secret(account, order) => self.on_secret(account, order),
            Effect::Practice(on) => self.on_practice(on),
            Effect::Stun { test, servers } => {
                let (tell, seed) = (self.tell.clone(), self.seed());
                tokio::spawn(async move {
                    let answered = network::ask_stun(servers, seed).await;
                    let _ = tell.send(Told::Stun(test, answered)).await;
                });
            }
            Effect::Notice(notice) => self.listeners.tell_all(&Line::Notice(notice)),
        }
    }

    async fn on_line(&mut self, key: Key, order: LineOrder) {
        let index = self.connections.iter().position(|own| own.key == key && own.closing.is_none());
        match (order, index) {
            (LineOrder::Open { profile, typed }, index) => {
                if let Some(index) = index {
                    self.leave(index, false).await;
                }
                self.open(key, &profile, typed);
            }
            (LineOrder::Close, Some(index)) => self.leave(index, true).await,
            (LineOrder::Reconnect, Some(index)) => self.connections[index].reconnect().await,
            (LineOrder::Probe, Some(index)) => self.connections[index].probe().await,
            (LineOrder::Close | LineOrder::Reconnect | LineOrder::Probe, None) => {}
        }
    }

    async fn leave(&mut self, index: usize, unregister: bool) {
        let connection = &mut self.connections[index];
        let generation = connection.generation;
        let outcomes = connection.leave(Instant::now(), unregister).await;
        self.take_outcomes(generation, outcomes);
    }

    fn open(&mut self, key: Key, profile: &Profile, typed: Vec<(SecretKind, Secret<String>)>) {
        self.generation += 1;
        let generation = self.generation;
        let instance = match &key {
            Key::Account(_) => self.instance.clone(),
            // A test is another phone to the server, so that it takes nobody's place (RFC 5626 4.1).
            Key::Test(_) => super::start::made_up_instance(&mut self.rng),
        };
        let kept = |kind| Some((kind, self.passwords.get(&(profile.id.clone(), kind)).cloned()?));
        let means = Means {
            secrets: SecretKind::ALL.into_iter().filter_map(kept).chain(typed).collect(),
            environment: self.environment,
            dns: self.dns.clone(),
            instance: &instance,
            user_agent: "Bellbird".to_owned(),
            pace: self.pace,
            seeds: (self.seed(), self.seed()),
        };
        match Connection::open(key.clone(), generation, profile, means) {
            Ok((mut connection, mut events)) => {
                connection.agent.register(Instant::now());
                self.connections.push(connection);
                let tell = self.tell.clone();
                tokio::spawn(async move {
                    while let Some(event) = events.recv().await {
                        if tell.send(Told::Link(generation, event)).await.is_err() {
                            return;
                        }
                    }
                });
            }
            Err(fault) => self.board.on_key(now(), &key, LineEvent::Refused { fault, retry_in: None }),
        }
    }

    async fn on_agent(&mut self, account: &AccountId, order: AgentOrder) {
        let at = Instant::now();
        // A call stays with the agent that has it, even while its connection is being left.
        let of_account = |own: &Connection| own.key == Key::Account(account.clone());
        let index = match &order {
            AgentOrder::Invite { .. } => {
                self.connections.iter().position(|own| of_account(own) && own.closing.is_none())
            }
            _ => self.connections.iter().rposition(of_account),
        };
        let Some(index) = index else {
            if let AgentOrder::Invite { call, .. } = order {
                self.board.invited(now(), &call, Err(Misuse::NoLink));
            }
            return;
        };
        match order {
            AgentOrder::Invite { call, to, offer } => self.invite(index, call, Invite { to, offer }).await,
            AgentOrder::Ring(call) => self.with(index, |agent| agent.ring(at, call)).await,
            AgentOrder::Answer(call, sdp) => self.with(index, |agent| agent.answer(at, call, sdp)).await,
            AgentOrder::Reject(call, status, why) => {
                self.with(index, |agent| agent.reject_with(at, call, status, why.map(Into::into))).await;
            }
            AgentOrder::Hangup(call) => self.with(index, |agent| agent.hangup(at, call)).await,
            AgentOrder::Reoffer(call, sdp) => {
                let sent = self.try_with(index, |agent| agent.reoffer(at, call, sdp)).await;
                if let Err(why) = sent
                    && let Some(call) = self.board.call_named(account, call)
                {
                    self.board.reoffer_failed(now(), &call, why);
                }
            }
            AgentOrder::AnswerOffer(call, sdp) => self.with(index, |agent| agent.answer_offer(at, call, sdp)).await,
            AgentOrder::RefuseOffer(call, why) => {
                let status = sip::StatusCode::new(why.sip_status()).unwrap_or(sip::StatusCode::NOT_ACCEPTABLE_HERE);
                self.with(index, |agent| agent.refuse_offer_with(at, call, status, Some(why.warning().into()))).await;
            }
            AgentOrder::Info { call, key, ms } => self.with(index, |agent| agent.info_digit(at, call, key, ms)).await,
        }
    }

    async fn invite(&mut self, index: usize, call: CallId, invite: Invite) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        let generation = connection.generation;
        let (sent, outcomes) = connection.with(|agent| agent.invite(Instant::now(), invite)).await;
        let first = outcomes.iter().find_map(|outcome| match outcome {
            super::Outcome::Said { out: true, message } => Some(message.clone()),
            _ => None,
        });
        if let Some(message) = first {
            connection.name(&message, call.clone());
        }
        self.board.invited(now(), &call, sent);
        self.take_outcomes(generation, outcomes);
    }

    async fn with(&mut self, index: usize, act: impl FnOnce(&mut UserAgent) -> Result<(), Misuse>) {
        if let Err(misuse) = self.try_with(index, act).await {
            // The call ended, or the far end was quicker: what came of it is told by the agent itself.
            tracing::debug!(%misuse, "an order came too late");
        }
    }

    async fn try_with(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut UserAgent) -> Result<(), Misuse>,
    ) -> Result<(), Misuse> {
        let Some(connection) = self.connections.get_mut(index) else { return Err(Misuse::NoLink) };
        let generation = connection.generation;
        let (done, outcomes) = connection.with(act).await;
        self.take_outcomes(generation, outcomes);
        done
    }

    /// Finds the servers of an account and has its ways for sound ready.
    fn ready(&mut self, account: AccountId, ways: Option<(Box<Profile>, bool)>) {
        let voice = self.voice.clone();
        let Some((profile, loopback)) = ways else {
            return voice.order(Order::Ready { account, ways: None });
        };
        let password = self.passwords.get(&(account.clone(), SecretKind::Turn)).cloned();
        if profile.stun.is_empty() && profile.turn.is_empty() {
            let ways = Some(Ways { loopback, stun: Vec::new(), turn: Vec::new() });
            return voice.order(Order::Ready { account, ways });
        }
        tokio::spawn(async move {
            let (mut stun, mut turn) = (Vec::new(), Vec::new());
            for server in &profile.stun {
                stun.extend(network::find(server).await);
            }
            for server in &profile.turn {
                let Some(password) = &password else { continue };
                turn.extend(network::find(&server.url).await.into_iter().map(|address| TurnServer {
                    address,
                    user: server.user.clone(),
                    password: password.clone(),
                }));
            }
            voice.order(Order::Ready { account, ways: Some(Ways { loopback, stun, turn }) });
        });
    }

    /// The keychain may keep us waiting for minutes: it is asked on a thread of its own.
    fn on_secret(&mut self, account: AccountId, order: SecretOrder) {
        let (store, tell) = (Arc::clone(&self.secrets), self.tell.clone());
        match order {
            SecretOrder::Load => {
                tokio::task::spawn_blocking(move || {
                    let get = |kind| store.get(account.as_str(), kind).map(|secret| (kind, secret));
                    // Without the first one there is nothing to be had from the others.
                    let found = get(SecretKind::Sip).map(|sip| {
                        let more = SecretKind::ALL.into_iter().filter(|kind| *kind != SecretKind::Sip);
                        std::iter::once(sip).chain(more.filter_map(|kind| get(kind).ok())).collect()
                    });
                    let _ = tell.blocking_send(Told::SecretLoaded(account, found));
                });
            }
            SecretOrder::Keep(kind, secret, keep) => {
                self.passwords.insert((account.clone(), kind), secret.clone());
                // One that was cleared: it is in no keychain either, wherever it was before.
                let cleared = secret.expose().is_empty() && kind != SecretKind::Sip;
                if keep == Keep::Run && !cleared {
                    return;
                }
                tokio::task::spawn_blocking(move || {
                    let kept: Result<(), SecretError> = if cleared {
                        store.delete(account.as_str(), kind)
                    } else {
                        store.set(account.as_str(), kind, &secret)
                    };
                    let _ = tell.blocking_send(Told::SecretKept(account, kept));
                });
            }
            SecretOrder::Delete => {
                self.passwords.retain(|(own, _), _| *own != account);
                tokio::task::spawn_blocking(move || {
                    for kind in SecretKind::ALL {
                        if let Err(error) = store.delete(account.as_str(), kind) {
                            tracing::warn!(%error, "a secret of a removed account could not be forgotten");
                        }
                    }
                });
            }
        }
    }

    fn on_practice(&mut self, on: bool) {
        let Some(practice) = self.practice.clone() else { return };
        let tell = self.tell.clone();
        tokio::spawn(async move {
            if on {
                let started = practice.start().await;
                let _ = tell.send(Told::Practice(started)).await;
            } else {
                practice.stop().await;
            }
        });
    }

    pub(super) fn practice_up(&mut self, line: PracticeLine) {
        let account = AccountId::practice();
        self.passwords.insert((account, SecretKind::Sip), line.password.clone());
        self.board.practice_up(now(), Profile::practice(&line));
    }
}
