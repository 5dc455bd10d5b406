//! One call: what was agreed, the way for its sound, and the sound itself.

mod sound;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ice::{
    CandidateKind, Identity, LocalDescription, Path, PathConfig, PathEvent, PathOutput, RemoteDescription, Security,
    Timing,
};
use media::{
    mixer::Party,
    offer::{Agreed, Direction, LocalPath, Negotiation, OfferError},
    session::{Session, SessionConfig, SessionEvent, SessionOutput},
};
use net::Datagram;
use tokio::sync::mpsc;

use super::{
    order::{Happened, PathState, Ways, Wish},
    recording::Recording,
    sockets::{Relayed, Sockets},
};
use crate::contract::CallId;

/// How long a key is pressed.
pub(super) const PRESS: Duration = Duration::from_millis(120);
/// So long the sockets from before a restart stay open, for what is still on its way to them.
const LINGER: Duration = Duration::from_secs(2);

/// What a call is made of.
pub(super) struct Making {
    pub(super) id: CallId,
    pub(super) sockets: Sockets,
    pub(super) ways: Ways,
    /// For the description, the path and the sound.
    pub(super) seeds: [[u8; 32]; 3],
}

/// The sound of one call.
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) session: Session,
    negotiation: Negotiation,
    path: Path,
    sockets: Sockets,
    /// Those from before a restart, and when they are closed.
    before: Option<(Sockets, Option<Instant>)>,
    /// Was it answered here or there?
    talks: bool,
    muted: bool,
    recording: Option<Recording>,
    /// What it says and hears in a conference, while it is in one.
    party: Option<Box<Party>>,
    /// Did we make the first offer? Then there may be early sound.
    ours: bool,
    rtcp: bool,
    pair: Option<(SocketAddr, SocketAddr)>,
    security: Option<Security>,
    /// Something came since the last work.
    news: bool,
    due: Option<Instant>,
}

impl Call {
    /// A call of which nothing is agreed.
    ///
    /// # Errors
    /// What the crypto library says, in words.
    pub(super) fn new(now: Instant, making: Making) -> Result<Self, String> {
        let [words, path, sound] = making.seeds;
        let timing = if making.ways.loopback { Timing::FAST } else { Timing::STANDARD };
        // RFC 8827 6.5: two calls with one key could be told to be of one phone.
        let identity = Identity::generate().map_err(|error| error.to_string())?;
        let config = PathConfig {
            timing,
            allow_loopback: making.ways.loopback,
            ..PathConfig::new(identity, making.sockets.candidates(), path)
        };
        Ok(Self {
            id: making.id,
            session: Session::new(now, SessionConfig { seed: sound, cname: None, bitrate: making.ways.policy.bitrate }),
            negotiation: Negotiation::new(words, making.ways.policy),
            path: Path::new(config).map_err(|error| error.to_string())?,
            sockets: making.sockets,
            before: None,
            talks: false,
            muted: false,
            recording: None,
            party: None,
            ours: false,
            rtcp: true,
            pair: None,
            security: None,
            news: false,
            due: None,
        })
    }

    /// An offer under the credentials that hold.
    pub(super) fn offer(&mut self, wish: Wish) -> Bytes {
        self.ours |= self.negotiation.agreed().is_none();
        let local = self.local_path(self.path.local());
        self.negotiation.offer(&local, direction(wish)).into()
    }

    /// An offer of new ways: new sockets, for there are servers that take no restart from the old ones, and new
    /// credentials. Sound stays on the old ones until it is found on the new ones.
    pub(super) fn restart(&mut self, now: Instant, sockets: Sockets, wish: Wish) -> Bytes {
        let old = std::mem::replace(&mut self.sockets, sockets);
        // The pair in use is the one to keep: that of an older restart that nobody answered is not it.
        let in_use = |own: &Sockets| self.pair.is_some_and(|(local, _)| own.own(local));
        self.before = match self.before.take() {
            Some((oldest, _)) if in_use(&oldest) => Some((oldest, None)),
            _ => Some((old, None)),
        };
        self.path.restart(now, self.sockets.candidates());
        self.offer(wish)
    }

    /// Answers an offer; the first of a call or a later one.
    ///
    /// # Errors
    /// [`OfferError`]: what held before holds on.
    pub(super) fn answer(&mut self, now: Instant, offer: &[u8], wish: Wish) -> Result<(Bytes, &Agreed), OfferError> {
        let local = self.local_path(self.path.local());
        // What they want is known only when the offer is read, and our words depend on it: new credentials of theirs
        // ask for new ones of ours (RFC 8445 9, RFC 8839 4.4.1.1).
        let (_, trial) = self.negotiation.clone().answer(offer, &local, direction(wish))?;
        let local = if trial.remote.is_some_and(|remote| remote.ice_restart) {
            let local = self.path.restart(now, self.sockets.candidates());
            self.local_path(local)
        } else {
            local
        };
        let (sdp, agreed) = self.negotiation.answer(offer, &local, direction(wish))?;
        self.agree(now, &agreed)?;
        Ok((sdp.into(), self.negotiation.agreed().expect("it was answered just now")))
    }

    /// Takes the answer to our offer, or another one of another branch.
    ///
    /// # Errors
    /// [`OfferError`]: what held before holds on.
    pub(super) fn accept(&mut self, now: Instant, answer: &[u8]) -> Result<&Agreed, OfferError> {
        let agreed = self.negotiation.accept(answer)?;
        self.agree(now, &agreed)?;
        Ok(self.negotiation.agreed().expect("it was accepted just now"))
    }

    /// Our offer was refused: all is as it was before it, the sockets too where it was one of new ways.
    pub(super) fn rollback(&mut self, now: Instant) {
        self.negotiation.rollback();
        if self.path.cancel_restart(now)
            && let Some((before, _)) = self.before.take()
        {
            self.sockets = before;
        }
    }

    /// Presses keys, one after the other.
    pub(super) fn press(&mut self, now: Instant, digits: &str) {
        for key in digits.chars() {
            self.session.send_dtmf(now, key, PRESS);
        }
    }

    /// Takes what came to one of its sockets; `false` when it belongs to none of them.
    pub(super) fn take(&mut self, now: Instant, datagram: &Datagram<'_>) -> bool {
        let before = self.before.as_mut().map(|(sockets, _)| sockets);
        let mut all = std::iter::once(&mut self.sockets).chain(before);
        let Some(sockets) = all.find(|sockets| sockets.id() == datagram.mark) else { return false };
        self.news = true;
        if sockets.take(now, datagram) {
            for Relayed { local, from, bytes } in sockets.relayed() {
                self.path.handle_datagram(now, local, from, &bytes);
            }
        } else {
            self.path.handle_datagram(now, datagram.local, datagram.from, datagram.bytes);
        }
        true
    }

    /// Has something come that is not taken in yet?
    pub(super) const fn has_news(&self) -> bool {
        self.news
    }

    /// Does what is due, and sends and tells what there is.
    pub(super) fn work(&mut self, now: Instant, tell: &mpsc::UnboundedSender<Happened>) {
        if self.due.is_some_and(|at| at <= now) {
            for sockets in std::iter::once(&mut self.sockets).chain(self.before.as_mut().map(|(own, _)| own)) {
                sockets.handle_timeout(now);
            }
            self.path.handle_timeout(now);
            self.session.handle_timeout(now);
            if self.before.as_ref().is_some_and(|(_, end)| end.is_some_and(|end| end <= now)) {
                self.before = None;
            }
        }
        self.recording.take_if(|recording| !recording.advance(now));
        self.news = false;
        self.due = self.drain(now, tell);
    }

    /// When [`Self::work`] is due again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Says goodbye in both protocols.
    pub(super) fn close(mut self, now: Instant, tell: &mpsc::UnboundedSender<Happened>) {
        self.session.close(now);
        self.drain(now, tell);
        self.path.close(now);
        self.drain(now, tell);
        // One line a call, however many there were.
        if self.path.left_aside() > 0 {
            let (datagrams, pair) = (self.path.left_aside(), self.pair);
            tracing::info!(call = %self.id, ?pair, datagrams, "what did not come from the far end of the call was left aside");
        }
    }

    fn agree(&mut self, now: Instant, agreed: &Agreed) -> Result<(), OfferError> {
        if let Some(remote) = &agreed.remote {
            let remote = RemoteDescription {
                ufrag: remote.ufrag.clone(),
                pwd: remote.pwd.clone(),
                fingerprints: remote.fingerprints.clone(),
                candidates: remote.candidates.clone(),
                controlling: agreed.controlling,
                dtls_client: agreed.dtls_client,
            };
            // The negotiation lets no weak fingerprint through, so this is the crypto library's refusal.
            self.path.set_remote(now, remote).map_err(|_| OfferError::Insecure)?;
        }
        self.rtcp = agreed.rtcp_mux;
        if let Err(error) = self.session.apply(now, agreed) {
            tracing::error!(call = %self.id, %error, "the codec does not start");
        }
        self.due = Some(now);
        Ok(())
    }

    fn local_path(&self, local: LocalDescription) -> LocalPath {
        let all = self.sockets.candidates();
        let host = all.iter().find(|own| own.kind == CandidateKind::Host);
        LocalPath {
            ufrag: local.ufrag,
            pwd: local.pwd,
            fingerprint: local.fingerprint,
            candidates: local.candidates,
            // Loopback is bound only where it may be told.
            default: host.expect("there is a socket").address,
        }
    }

    /// Path and sound feed each other until neither has more to say.
    fn drain(&mut self, now: Instant, tell: &mpsc::UnboundedSender<Happened>) -> Option<Instant> {
        loop {
            let path = loop {
                match self.path.poll_output() {
                    PathOutput::Transmit { local, to, bytes } => self.send(now, local, to, &bytes),
                    PathOutput::Event(event) => self.on_path(now, event, tell),
                    PathOutput::Timeout(at) => break at,
                }
            };
            let mut quiet = true;
            let session = loop {
                match self.session.poll_output() {
                    SessionOutput::Rtp(packet) => quiet &= !self.path.send_rtp(&packet),
                    SessionOutput::Rtcp(packet) => quiet &= !(self.rtcp && self.path.send_rtcp(&packet)),
                    SessionOutput::Event(event) => self.on_session(event, tell),
                    SessionOutput::Timeout(at) => break at,
                }
            };
            if quiet {
                let sockets = self.sockets.deadline();
                let (before, end) = self.before.as_mut().map_or((None, None), |(own, end)| (own.deadline(), *end));
                return [path, session, sockets, before, end].into_iter().flatten().min();
            }
        }
    }

    fn send(&mut self, now: Instant, local: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if !self.sockets.send(now, local, to, bytes)
            && let Some((before, _)) = &mut self.before
        {
            before.send(now, local, to, bytes);
        }
    }

    fn on_path(&mut self, now: Instant, event: PathEvent, tell: &mpsc::UnboundedSender<Happened>) {
        let state = match event {
            PathEvent::Rtp(packet) => return self.session.handle_rtp(now, &packet),
            PathEvent::Rtcp(packet) => return self.session.handle_rtcp(now, &packet),
            PathEvent::PairSelected { local, remote } => {
                self.pair = Some((local, remote));
                if let Some((before, end)) = &mut self.before
                    && !before.own(local)
                {
                    *end = Some(now + LINGER);
                }
                self.secure()
            }
            PathEvent::Secure(security) => {
                self.security = Some(security);
                self.secure()
            }
            PathEvent::Recovered => self.secure(),
            PathEvent::Disconnected => Some(PathState::Lost),
            PathEvent::ClosedByPeer => Some(PathState::Closed),
            PathEvent::Failed(error) => Some(PathState::Failed(error)),
        };
        if let Some(path) = state {
            tracing::info!(call = %self.id, ?path, "path");
            let _ = tell.send(Happened::Path { call: self.id.clone(), path });
        }
    }

    fn secure(&self) -> Option<PathState> {
        let ((local, remote), security) = (self.pair?, self.security?);
        self.path.is_secure().then(|| PathState::Secure {
            security,
            local,
            remote,
            relay: self.sockets.is_relay(local),
        })
    }

    /// Are ways being tried, and none found yet?
    pub(super) fn is_checking(&self) -> bool {
        !self.path.is_secure()
    }

    fn on_session(&self, event: SessionEvent, tell: &mpsc::UnboundedSender<Happened>) {
        let call = self.id.clone();
        let happened = match event {
            SessionEvent::FirstSound => Happened::FirstSound { call },
            SessionEvent::Silent => Happened::Silent { call, silent: true },
            SessionEvent::Heard => Happened::Silent { call, silent: false },
            SessionEvent::SendInfo { key, length } => {
                Happened::SendInfo { call, key, ms: u32::try_from(length.as_millis()).unwrap_or(u32::MAX) }
            }
            // Nothing of this phone is operated by keys of the far end; the person is told of them.
            SessionEvent::Dtmf(digit) => Happened::Dtmf { call, digit },
        };
        let _ = tell.send(happened);
    }
}

const fn direction(wish: Wish) -> Direction {
    match wish {
        Wish::Talk => Direction::SendRecv,
        Wish::Hold => Direction::SendOnly,
    }
}
