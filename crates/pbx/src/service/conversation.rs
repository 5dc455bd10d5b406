//! One call of a service as a pure state machine: offer and answer, the secured path, and what makes its sound.
//!
//! ```text
//! datagram ─▶ path ─▶ RTP, RTCP ─▶ sound ─▶ RTP, RTCP ─▶ path ─▶ datagram
//! SDP ─▶ negotiation ─┴─ agreed ────┘
//! ```

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ice::{Identity, LocalCandidate, Path, PathConfig, PathError, PathEvent, PathOutput, RemoteDescription, Timing};
use media::{
    agreed::{Agreed, Direction},
    error::SoundError,
    offer::{LocalPath, Negotiation, OfferError, Policy},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::sound::{Kind, Packet, Sound};
use crate::config::Language;

/// How long a path may take to become secure.
const OPENING: Duration = Duration::from_secs(30);
/// How long a path that was lost may take to come back. Consent has waited before (RFC 7675 5.1).
const RETURN: Duration = Duration::from_secs(10);

/// Why a description of the far end is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// It is none, or not one that we can agree to.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// There is no path to it.
    #[error(transparent)]
    Path(#[from] PathError),
    /// There is no sound for it.
    #[error(transparent)]
    Sound(#[from] SoundError),
}

/// What a conversation wants.
#[derive(Debug)]
pub(super) enum Output {
    /// Send this datagram.
    Datagram(SocketAddr, Vec<u8>),
    /// The far end is gone: the call is to be ended.
    Over,
    /// Nothing more; come again at this time, if there is one.
    Timeout(Option<Instant>),
}

/// One call of a service.
pub(super) struct Conversation {
    negotiation: Negotiation,
    path: Path,
    address: SocketAddr,
    sound: Sound,
    /// The path has so long to open, or to open again.
    patience: Option<Instant>,
    over: bool,
    out: VecDeque<Output>,
}

impl Conversation {
    /// A conversation over the socket at `address` that plays `kind`.
    ///
    /// # Errors
    /// [`PathError::Crypto`] when there is no crypto library.
    pub(super) fn new(
        now: Instant,
        (kind, language): (Kind, Language),
        (identity, address): (Arc<Identity>, SocketAddr),
        seed: [u8; 32],
    ) -> Result<Self, PathError> {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let path = Path::new(PathConfig {
            timing: Timing::FAST,
            allow_loopback: true,
            ..PathConfig::new(identity, vec![LocalCandidate::host(address)], rng.random())
        })?;
        Ok(Self {
            negotiation: Negotiation::new(rng.random(), Policy::default()),
            path,
            address,
            sound: Sound::new(now, kind, language, rng.random()),
            patience: None,
            over: false,
            out: VecDeque::new(),
        })
    }

    /// Makes an offer.
    pub(super) fn offer(&mut self) -> String {
        let local = self.local();
        self.negotiation.offer(&local, Direction::SendRecv)
    }

    /// Takes the answer to our offer.
    ///
    /// # Errors
    /// [`Refusal`]: end the call.
    pub(super) fn accept(&mut self, now: Instant, answer: &[u8]) -> Result<(), Refusal> {
        let agreed = self.negotiation.accept(answer)?;
        self.agree(now, &agreed)
    }

    /// Answers an offer, the first or a later one.
    ///
    /// # Errors
    /// [`Refusal`]: refuse the offer with 488.
    pub(super) fn answer(&mut self, now: Instant, offer: &[u8]) -> Result<String, Refusal> {
        let mut tried = self.negotiation.clone();
        let (mut sdp, mut agreed) = tried.answer(offer, &self.local(), Direction::SendRecv)?;
        if agreed.remote.as_ref().is_some_and(|remote| remote.ice_restart) {
            // RFC 8839 4.4.1.1.1: an answer to a restart has credentials of its own.
            self.path.restart(now, vec![LocalCandidate::host(self.address)]);
            tried = self.negotiation.clone();
            (sdp, agreed) = tried.answer(offer, &self.local(), Direction::SendRecv)?;
        }
        self.agree(now, &agreed)?;
        self.negotiation = tried;
        Ok(sdp)
    }

    /// A key came by SIP INFO.
    pub(super) fn press(&mut self, now: Instant, key: char) {
        self.sound.press(now, key);
    }

    /// A datagram came.
    pub(super) fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        self.path.handle_datagram(now, self.address, from, bytes);
        self.work(now);
    }

    /// The time of the last [`Output::Timeout`] has come.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.path.handle_timeout(now);
        self.sound.handle_timeout(now, self.path.is_secure());
        if self.patience.take_if(|until| *until <= now).is_some() {
            self.end();
        }
        self.work(now);
    }

    /// Says goodbye on the path. What is to be sent for it is in [`Self::poll`].
    pub(super) fn close(&mut self, now: Instant) {
        self.sound.close(now);
        self.work(now);
        self.path.close(now);
        self.drain_path(now);
    }

    /// The next thing that it wants.
    pub(super) fn poll(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| {
            // The path tells its time only when it has nothing else to tell, and it has been drained.
            let path = match self.path.poll_output() {
                PathOutput::Timeout(due) => due,
                _ => None,
            };
            Output::Timeout([path, self.sound.deadline(), self.patience].into_iter().flatten().min())
        })
    }

    fn local(&self) -> LocalPath {
        let own = self.path.local();
        LocalPath {
            ufrag: own.ufrag,
            pwd: own.pwd,
            fingerprint: own.fingerprint,
            candidates: own.candidates,
            default: self.address,
        }
    }

    fn agree(&mut self, now: Instant, agreed: &Agreed) -> Result<(), Refusal> {
        if let Some(remote) = &agreed.remote {
            self.path.set_remote(
                now,
                RemoteDescription {
                    ufrag: remote.ufrag.clone(),
                    pwd: remote.pwd.clone(),
                    fingerprints: remote.fingerprints.clone(),
                    candidates: remote.candidates.clone(),
                    controlling: agreed.controlling,
                    dtls_client: agreed.dtls_client,
                },
            )?;
            if !self.path.is_secure() {
                self.patience = Some(now + OPENING);
            }
        }
        self.sound.apply(now, agreed)?;
        self.work(now);
        Ok(())
    }

    /// Carries everything between path and sound until both rest.
    fn work(&mut self, now: Instant) {
        loop {
            self.drain_path(now);
            let Some(packet) = self.sound.poll(now) else { return };
            // What cannot be sent yet is late: it is dropped by the path.
            match packet {
                Packet::Rtp(bytes) => self.path.send_rtp(&bytes),
                Packet::Rtcp(bytes) => self.path.send_rtcp(&bytes),
            };
        }
    }

    fn drain_path(&mut self, now: Instant) {
        loop {
            match self.path.poll_output() {
                PathOutput::Transmit { to, bytes, .. } => self.out.push_back(Output::Datagram(to, bytes)),
                PathOutput::Event(event) => self.on_path(now, event),
                PathOutput::Timeout(_) => return,
            }
        }
    }

    fn on_path(&mut self, now: Instant, event: PathEvent) {
        match event {
            PathEvent::Rtp(bytes) => self.sound.handle_rtp(now, &bytes),
            PathEvent::Rtcp(bytes) => self.sound.handle_rtcp(now, &bytes),
            PathEvent::Secure(_) | PathEvent::Recovered => {
                self.patience = None;
                self.sound.handle_timeout(now, true);
            }
            // Its BYE is on the way, or a new handshake.
            PathEvent::Disconnected | PathEvent::ClosedByPeer => {
                self.patience.get_or_insert(now + RETURN);
            }
            PathEvent::Failed(error) => {
                tracing::debug!(%error, "the path of a service failed");
                self.end();
            }
            PathEvent::PairSelected { .. } => {}
        }
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            self.out.push_back(Output::Over);
        }
    }
}

#[cfg(test)]
mod tests;
