//! Doing what the switchboard wants.

use std::{collections::HashMap, sync::Arc};

use super::{
    Runner, Told,
    connection::{Connection, LinkMeans, Means, link_of},
    network, now,
};
use crate::{
    account::Profile,
    contract::{AccountId, Keep, Line},
    secret::{Secret, SecretError, SecretKind},
    setup::PracticeLine,
    switchboard::{Effect, Key, LineEvent, LineOrder, SecretOrder},
    voice::{Order, TurnServer, Ways},
};

impl Runner {
    pub(super) async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Line(key, order) => {
                if let Some(LineOrder::Open { profile, typed }) = self.joint.on_line(now(), &key, order) {
                    self.open(key, &profile, typed);
                }
            }
            Effect::Agent(account, order) => self.joint.on_agent(now(), &account, order),
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

    fn open(&mut self, key: Key, profile: &Profile, typed: Vec<(SecretKind, Secret<String>)>) {
        self.generation += 1;
        let generation = self.generation;
        let instance = match &key {
            Key::Account(_) => self.instance.clone(),
            // A test is another phone to the server, so that it takes nobody's place (RFC 5626 4.1).
            Key::Test(_) => super::start::made_up_instance(&mut self.rng),
        };
        let kept = |kind| Some((kind, self.passwords.get(&(profile.id.clone(), kind)).cloned()?));
        let secrets: HashMap<_, _> = SecretKind::ALL.into_iter().filter_map(kept).chain(typed).collect();
        let password = secrets.get(&SecretKind::Sip).cloned();
        let (environment, dns) = (self.environment, self.dns.clone());
        let link = LinkMeans { secrets, environment, dns, pace: self.pace, seed: self.seed() };
        let means = Means { password, instance: &instance, seed: self.seed() };
        let made = link_of(profile, link)
            .and_then(|link| Ok((link, Connection::new(key.clone(), generation, profile, means)?)));
        match made {
            Ok((config, connection)) => {
                let (link, mut events) = wss::open(config);
                self.joint.open(now(), connection);
                self.links.insert(generation, link);
                let tell = self.tell.clone();
                tokio::spawn(async move {
                    while let Some(event) = events.recv().await {
                        if tell.send(Told::Link(generation, event)).await.is_err() {
                            return;
                        }
                    }
                });
            }
            Err(fault) => self.joint.board.on_key(now(), &key, LineEvent::Refused { fault, retry_in: None }),
        }
    }

    /// Finds the servers of an account and has its ways for sound ready.
    fn ready(&mut self, account: AccountId, ways: Option<(Box<Profile>, bool)>) {
        let voice = self.voice.clone();
        let Some((profile, loopback)) = ways else {
            return voice.order(Order::Ready { account, ways: None });
        };
        let policy = profile.speech.policy();
        let password = self.passwords.get(&(account.clone(), SecretKind::Turn)).cloned();
        if profile.stun.is_empty() && profile.turn.is_empty() {
            let ways = Some(Ways { loopback, stun: Vec::new(), turn: Vec::new(), policy });
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
            voice.order(Order::Ready { account, ways: Some(Ways { loopback, stun, turn, policy }) });
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
        let (tell, before) = (self.tell.clone(), self.practice_order.take());
        self.practice_order = Some(tokio::spawn(async move {
            // One after the other, or an end that comes late ends the next beginning.
            if let Some(before) = before {
                let _ = before.await;
            }
            if on {
                let started = practice.start().await;
                let _ = tell.send(Told::Practice(started)).await;
            } else {
                practice.stop().await;
            }
        }));
    }

    pub(super) fn practice_up(&mut self, line: PracticeLine) {
        let account = AccountId::practice();
        self.passwords.insert((account, SecretKind::Sip), line.password.clone());
        self.joint.board.practice_up(now(), Profile::practice(&line));
    }
}
