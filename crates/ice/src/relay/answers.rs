//! What a TURN server says, and what is believed of it.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_crypto::RTCCryptoProvider as _;
use rtc_shared::{TaggedBytesMut, TransportContext, TransportProtocol};
use rtc_stun::{integrity::MessageIntegrity, message::TransactionId};
use rtc_turn::client::Event;
use sansio::Protocol as _;

use super::{Lent, Peer, Relay, RelayOutput, USUAL_LIFETIME};
use crate::{
    error::RelayError,
    stun::{self, Class, Message},
};

/// How often a request is made anew after a stale nonce.
const MOST_STALE: u8 = 3;
/// RFC 8656 18.6 and RFC 8489 14.8.
const UNAUTHORIZED: u16 = 401;
const STALE_NONCE: u16 = 438;

impl Relay {
    pub(super) fn take_channel_data(&mut self, bytes: &[u8]) {
        let Some((head, data)) = bytes.split_at_checked(4) else { return };
        let (number, length) =
            (u16::from_be_bytes([head[0], head[1]]), usize::from(u16::from_be_bytes([head[2], head[3]])));
        let (Some(lent), Some(from), Some(data)) = (self.lent, self.channels.get(&number), data.get(..length)) else {
            return;
        };
        self.out.push_back(RelayOutput::Datagram { local: lent.address, from: *from, bytes: data.to_vec() });
    }

    pub(super) fn take_message(&mut self, now: Instant, message: Message<'_>, bytes: &[u8]) {
        let code = message.error_code();
        if !self.is_believed(&message, code) {
            return;
        }
        // A refused channel is no loss: what goes to that peer goes by indications then, and is not asked about again.
        if message.method() == stun::CHANNEL_BIND && code.is_some_and(|code| code != STALE_NONCE) {
            return;
        }
        let transport = TransportContext {
            local_addr: self.socket,
            peer_addr: self.server.address,
            transport_protocol: TransportProtocol::UDP,
            ecn: None,
        };
        // What it cannot use it drops; what matters comes as an event.
        let _ = self.client.handle_read(TaggedBytesMut { now, transport, message: BytesMut::from(bytes) });
        if message.method() == stun::REFRESH && !self.over {
            self.on_refresh(now, &message, code);
        }
        self.collect(now, code);
    }

    /// RFC 8489 9.2.5: an answer to a request of ours, signed by someone who knows the password. Only the two that ask for
    /// a signature cannot have one, and the answer to the first request of all, which has none itself.
    fn is_believed(&mut self, message: &Message<'_>, code: Option<u16>) -> bool {
        match message.class() {
            Class::Request => return false,
            // RFC 8656 11.6: never signed; the path judges what is inside.
            Class::Indication => return self.lent.is_some(),
            Class::Success | Class::Error => {}
        }
        if !self.client.has_transaction(&TransactionId(message.transaction())) {
            return false;
        }
        let Some(key) = &self.key else {
            self.key = code.filter(|code| *code == UNAUTHORIZED).and_then(|_| self.key_for(message));
            return true;
        };
        matches!(code, Some(UNAUTHORIZED | STALE_NONCE)) || message.is_signed(key, self.provider.crypto())
    }

    fn key_for(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        let realm = std::str::from_utf8(message.attribute(stun::REALM)?).ok()?.to_owned();
        let (username, password) = (self.server.username.clone(), self.server.password.clone());
        MessageIntegrity::long_term_integrity_key(username, realm, password, self.provider.crypto()).ok()
    }

    fn on_refresh(&mut self, now: Instant, message: &Message<'_>, code: Option<u16>) {
        match code {
            None => {
                self.stale = 0;
                let granted = message.attribute(stun::LIFETIME).and_then(|value| value.try_into().ok());
                let granted = granted.map(|value| Duration::from_secs(u32::from_be_bytes(value).into()));
                if let Some(lent) = &mut self.lent {
                    lent.until = now + granted.unwrap_or(USUAL_LIFETIME);
                }
            }
            Some(STALE_NONCE) if self.stale < MOST_STALE => {
                self.stale += 1;
                let _ = self.client.refresh_allocations(now);
            }
            Some(code) => self.lose(RelayError::Refused(code)),
        }
    }

    /// Takes what the crate has to tell and to send. `code`: the number of the error it was just given.
    pub(super) fn collect(&mut self, now: Instant, code: Option<u16>) {
        while let Some(event) = self.client.poll_event() {
            self.on_event(now, event, code);
        }
        while let Some(message) = self.client.poll_write() {
            self.note(&message.message);
            let bytes = message.message.to_vec();
            self.out.push_back(RelayOutput::Transmit { local: self.socket, to: self.server.address, bytes });
        }
    }

    fn on_event(&mut self, now: Instant, event: Event, code: Option<u16>) {
        match event {
            Event::AllocateResponse(_, address) if !self.over => {
                self.stale = 0;
                self.lent = Some(Lent { address, until: now + USUAL_LIFETIME });
                self.out.extend(self.candidate().map(RelayOutput::Found));
            }
            Event::AllocateError(..) if code == Some(STALE_NONCE) && self.stale < MOST_STALE => {
                self.stale += 1;
                self.key = None;
                if self.client.allocate(now).is_err() {
                    self.lose(RelayError::NoAnswer);
                }
            }
            Event::AllocateError(..) => self.lose(code.map_or(RelayError::NoAnswer, RelayError::Refused)),
            Event::CreatePermissionResponse(transaction, peer) => {
                self.asked.remove(&transaction);
                if let Some(Peer::Waiting { queue, .. }) = self.peers.insert(peer, Peer::Permitted) {
                    for bytes in queue {
                        self.send(now, peer, &bytes);
                    }
                }
            }
            Event::CreatePermissionError(transaction, _) => self.on_refused_peer(now, transaction, code),
            Event::DataIndicationOrChannelData(_, from, bytes) => {
                let data = self.lent.map(|lent| (lent.address, bytes.to_vec()));
                self.out.extend(data.map(|(local, bytes)| RelayOutput::Datagram { local, from, bytes }));
            }
            Event::TransactionTimeout(transaction) => match self.asked.remove(&transaction) {
                // The next datagram asks again.
                Some(peer) => drop(self.peers.remove(&peer)),
                None if self.lent.is_none() || self.refreshing == Some(transaction) => self.lose(RelayError::NoAnswer),
                // Without a channel there are indications.
                None => {}
            },
            _ => {}
        }
    }

    fn on_refused_peer(&mut self, now: Instant, transaction: TransactionId, code: Option<u16>) {
        let Some(peer) = self.asked.remove(&transaction) else { return };
        match self.peers.get_mut(&peer) {
            Some(Peer::Waiting { stale, .. }) if code == Some(STALE_NONCE) && *stale < MOST_STALE => {
                *stale += 1;
                self.ask_permission(now, peer);
            }
            _ => drop(self.peers.insert(peer, Peer::Refused)),
        }
    }

    /// Remembers what the crate does not tell: which request is the refresh, and which channel is whose.
    fn note(&mut self, bytes: &[u8]) {
        let Some(message) = Message::parse(bytes).filter(|message| message.class() == Class::Request) else { return };
        match message.method() {
            stun::REFRESH => self.refreshing = Some(TransactionId(message.transaction())),
            stun::CHANNEL_BIND => {
                let number = message.attribute(stun::CHANNEL_NUMBER).and_then(|value| value.first_chunk::<2>());
                if let (Some(number), Some(peer)) = (number, message.xored_address(stun::XOR_PEER_ADDRESS)) {
                    self.channels.insert(u16::from_be_bytes(*number), peer);
                }
            }
            _ => {}
        }
    }

    pub(super) fn lose(&mut self, error: RelayError) {
        if !self.over {
            (self.over, self.lent) = (true, None);
            self.out.push_back(RelayOutput::Lost(error));
        }
    }
}
