//! The path itself: which datagram is what, which pair is used, which keys hold.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::Instant,
};

use crate::{
    agent::{AgentEvent, Pair},
    candidate::LocalCandidate,
    config::PathConfig,
    description::{LocalDescription, RemoteDescription},
    dtls::{Dtls, Progress},
    error::PathError,
    event::{PathEvent, PathOutput, Security},
    held::Held,
    identity::Fingerprint,
    provider::Provider,
    sessions::Sessions,
    srtp::Srtp,
};

/// What comes before it can be used is kept, up to this many datagrams.
const MOST_HELD_DTLS: usize = 32;
const MOST_HELD_SRTP: usize = 64;
/// Addresses of the far end that proved themselves; more are nobody's.
const MOST_PROVED: usize = 64;

/// A secured path.
pub struct Path {
    config: PathConfig,
    provider: Arc<Provider>,
    ice: Sessions,
    remote: Option<RemoteDescription>,
    pub(crate) dtls: Option<Dtls>,
    srtp: Option<Srtp>,
    security: Option<Security>,
    /// Where to send: the pair that was nominated, or until then the first that worked.
    selected: Option<Pair>,
    proved: HashSet<SocketAddr>,
    held_dtls: Held,
    held_srtp: Held,
    told_secure: bool,
    /// RFC 7675 5.1: the far end wants what we send. Lost with its answers.
    consent: bool,
    /// RFC 7675 5.2: it said goodbye, and nothing that it answers later takes that back.
    closed: bool,
    dead: bool,
    left_aside: u64,
    out: VecDeque<PathOutput>,
}

/// Neither passwords nor keys.
impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pair, dtls) = (self.selected, &self.dtls);
        write!(f, "Path {{ {pair:?}, {dtls:?}, secure: {}, dead: {} }}", self.is_secure(), self.dead)
    }
}

impl Path {
    /// A path that waits for the far end's description.
    ///
    /// # Errors
    /// [`PathError::Crypto`] when there is no crypto library.
    pub fn new(config: PathConfig) -> Result<Self, PathError> {
        let provider = Provider::new(config.seed)?;
        let ice = Sessions::new(&provider, config.timing, config.locals.clone());
        Ok(Self {
            config,
            provider,
            ice,
            remote: None,
            dtls: None,
            srtp: None,
            security: None,
            selected: None,
            proved: HashSet::new(),
            held_dtls: Held::new(MOST_HELD_DTLS, MOST_HELD_DTLS / 4),
            held_srtp: Held::new(MOST_HELD_SRTP, MOST_HELD_SRTP / 4 * 3),
            told_secure: false,
            left_aside: 0,
            consent: false,
            closed: false,
            dead: false,
            out: VecDeque::new(),
        })
    }

    /// What to tell the far end.
    #[must_use]
    pub fn local(&self) -> LocalDescription {
        let (ufrag, pwd, locals) = self.ice.local();
        let candidates = locals.iter().zip(0..).map(|(own, index)| own.line(index)).collect();
        LocalDescription { ufrag, pwd, fingerprint: self.config.identity.fingerprint().to_owned(), candidates }
    }

    /// Takes the far end's description: the first one, that of a restart, or that of another branch of a forked call.
    /// One that says nothing new changes nothing; new candidates under the old credentials are only added (W11).
    ///
    /// # Errors
    /// [`PathError::WeakFingerprint`]: refuse the session with 488. [`PathError::Crypto`].
    pub fn set_remote(&mut self, now: Instant, remote: RemoteDescription) -> Result<(), PathError> {
        let fingerprint = Fingerprint::strongest(&remote.fingerprints)?;
        let before = self.remote.replace(remote.clone());
        let other_end = before.as_ref().is_none_or(|before| {
            Fingerprint::strongest(&before.fingerprints).ok().as_ref() != Some(&fingerprint)
                || before.dtls_client != remote.dtls_client
        });
        if other_end {
            // Another certificate is another far end: nothing that the old one proved holds for it.
            self.dtls = Some(Dtls::new(
                Arc::clone(&self.provider),
                Arc::clone(&self.config.identity),
                fingerprint,
                remote.dtls_client,
                self.config.mtu,
            )?);
            (self.srtp, self.selected) = (None, None);
            (self.told_secure, self.consent, self.closed, self.dead) = (false, false, false, false);
            self.proved.clear();
            if before.is_some() {
                self.held_dtls.clear();
                self.held_srtp.clear();
            }
            self.ice.take_over();
        }
        let restarted = self.ice.take_offered();
        let same_credentials =
            before.as_ref().is_some_and(|before| before.ufrag == remote.ufrag && before.pwd == remote.pwd);
        if before.is_some() && !same_credentials && !restarted {
            // Another branch answered, to the same offer: what was found with the first one is nothing to it.
            self.ice.again();
        }
        // A far end may answer a restart under its old credentials: then the old session or the new one works, or both.
        self.ice.set_remote(now, &remote, self.config.allow_loopback, restarted || !same_credentials);
        self.work(now);
        Ok(())
    }

    /// Begins ICE anew, from these addresses (RFC 8445 9). Tell the far end what this returns, then give its answer to
    /// [`Self::set_remote`]. Sound and consent stay on the old pair until there is a new one, and for good if the far end
    /// does not take the restart; so its socket stays open until [`PathEvent::PairSelected`] names another. The keys stay
    /// if the far end's certificate does.
    pub fn restart(&mut self, now: Instant, locals: Vec<LocalCandidate>) -> LocalDescription {
        self.dead = false;
        self.ice.restart(locals);
        self.work(now);
        self.local()
    }

    /// Takes the last [`Self::restart`] back: the offer that carried it was refused, and the session is what it was
    /// before (RFC 3261 14.1). [`Self::local`] tells the old credentials and addresses again. Says whether
    /// there was a restart to take back: one that was answered stays.
    pub fn cancel_restart(&mut self, now: Instant) -> bool {
        let cancelled = self.ice.cancel();
        self.work(now);
        cancelled
    }

    /// A datagram came to the socket `local` (RFC 7983).
    pub fn handle_datagram(&mut self, now: Instant, local: SocketAddr, from: SocketAddr, bytes: &[u8]) {
        let pair = Pair { local, remote: from };
        match bytes.first() {
            Some(0..=3) => self.ice.receive(now, pair, bytes),
            Some(20..=63) if !self.dead => self.held_dtls.push(pair, bytes),
            Some(128..=191) if !self.dead => self.take_srtp(pair, bytes),
            _ => {
                self.left_aside += 1;
                return;
            }
        }
        self.work(now);
    }

    /// The time of the last [`PathOutput::Timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.ice.handle_timeout(now);
        if let Some(dtls) = &mut self.dtls
            && let Err(error) = dtls.handle_timeout(now)
        {
            self.fail(error);
        }
        self.work(now);
    }

    /// Sends an RTP packet. Says whether it went: before the keys and without a pair it is dropped.
    pub fn send_rtp(&mut self, packet: &[u8]) -> bool {
        self.send(packet, Srtp::protect_rtp)
    }

    /// Sends an RTCP packet, under the same rules.
    pub fn send_rtcp(&mut self, packet: &[u8]) -> bool {
        self.send(packet, Srtp::protect_rtcp)
    }

    fn send(&mut self, packet: &[u8], protect: fn(&mut Srtp, &[u8]) -> Option<Vec<u8>>) -> bool {
        let may_send = self.consent && !self.closed && !self.dead;
        let (Some(pair), Some(srtp), true) = (self.selected, &mut self.srtp, may_send) else { return false };
        let Some(bytes) = protect(srtp, packet) else { return false };
        self.transmit(pair, bytes);
        true
    }

    /// Says goodbye to the far end on the path itself. Nothing is sent after it.
    pub fn close(&mut self, now: Instant) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close(now);
        }
        self.flush_dtls();
        self.dead = true;
    }

    /// Can sound flow?
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.srtp.is_some() && self.selected.is_some() && self.consent && !self.closed && !self.dead
    }

    /// How many datagrams did nothing: they were not made with the keys of this path, came again, came from an address
    /// that has proved nothing, or are of no protocol that is spoken here. For the log.
    #[must_use]
    pub const fn left_aside(&self) -> u64 {
        self.left_aside
    }

    /// The next thing that the path wants; [`PathOutput::Timeout`] when that is all.
    pub fn poll_output(&mut self) -> PathOutput {
        if let Some(output) = self.out.pop_front() {
            return output;
        }
        if self.dead {
            return PathOutput::Timeout(None);
        }
        let dtls = self.dtls.as_ref().and_then(Dtls::next_timeout);
        PathOutput::Timeout([self.ice.next_timeout(), dtls].into_iter().flatten().min())
    }

    /// Does all that can be done now.
    fn work(&mut self, now: Instant) {
        while let Some(event) = self.ice.poll_event(self.selected.is_some() && self.consent) {
            self.on_agent(event);
        }
        if self.selected.is_some() && !self.dead {
            if let Err(error) = self.shake_hands(now) {
                self.flush_dtls();
                self.fail(error);
            }
            self.flush_dtls();
        }
        self.tell_secure();
        while let Some((pair, bytes)) = self.ice.poll_transmit() {
            self.transmit(pair, bytes);
        }
    }

    fn on_agent(&mut self, event: AgentEvent) {
        match event {
            AgentEvent::Selected(pair) => self.select(pair),
            // RFC 8445 12.1: the first pair that works will do until one is nominated. A nomination that is lost
            // would cost seconds.
            AgentEvent::Valid(pair) if self.selected.is_none() || !self.consent => self.select(pair),
            AgentEvent::Valid(_) => {}
            AgentEvent::Proved(address) => self.prove(address),
            AgentEvent::Failed if self.selected.is_none() => self.fail(PathError::NoPair),
            AgentEvent::Disconnected | AgentEvent::Failed => {
                self.consent = false;
                self.emit(PathEvent::Disconnected);
            }
            AgentEvent::Recovered => {
                self.consent = true;
                self.emit(PathEvent::Recovered);
            }
        }
    }

    fn select(&mut self, pair: Pair) {
        self.prove(pair.remote);
        let lost = !std::mem::replace(&mut self.consent, true);
        if self.selected.replace(pair) != Some(pair) {
            self.emit(PathEvent::PairSelected { local: pair.local, remote: pair.remote });
        } else if lost {
            self.emit(PathEvent::Recovered);
        }
    }

    fn prove(&mut self, address: SocketAddr) {
        if self.proved.len() < MOST_PROVED {
            self.proved.insert(address);
        }
    }

    /// DTLS comes only from addresses that ICE proved (L8): what others send waits, and is dropped with the path.
    fn shake_hands(&mut self, now: Instant) -> Result<(), PathError> {
        let Some(dtls) = &mut self.dtls else { return Ok(()) };
        dtls.begin(now);
        let mut closed = false;
        for (_, bytes) in self.held_dtls.take(&self.proved) {
            match dtls.receive(now, &bytes)? {
                Progress::None => {}
                Progress::Closed => closed = true,
                Progress::Done => {
                    let (srtp, security) = dtls.keys()?;
                    (self.srtp, self.security) = (Some(srtp), Some(security));
                }
            }
        }
        if closed {
            // RFC 7675 5.2: a goodbye takes the consent back at once.
            self.closed = true;
            self.emit(PathEvent::ClosedByPeer);
        }
        if self.srtp.is_some() {
            for (pair, bytes) in self.held_srtp.take(&self.proved) {
                self.take_srtp(pair, &bytes);
            }
        }
        Ok(())
    }

    /// SRTP counts only from addresses that proved themselves (L10), and any SSRC may come.
    fn take_srtp(&mut self, pair: Pair, bytes: &[u8]) {
        let Some(srtp) = &mut self.srtp else {
            self.held_srtp.push(pair, bytes);
            return;
        };
        if !self.proved.contains(&pair.remote) || bytes.len() < 12 {
            self.left_aside += 1;
            return;
        }
        // RFC 5761 4: the packet types of RTCP.
        let opened = if matches!(bytes[1], 192..=223) {
            srtp.open_rtcp(bytes).map(PathEvent::Rtcp)
        } else {
            srtp.open_rtp(bytes).map(PathEvent::Rtp)
        };
        let Some(event) = opened else {
            self.left_aside += 1;
            return;
        };
        if let Some(dtls) = &mut self.dtls {
            dtls.far_end_done = true;
        }
        self.emit(event);
    }

    fn tell_secure(&mut self) {
        if let Some(security) = self.security
            && self.is_secure()
            && !self.told_secure
        {
            self.told_secure = true;
            self.emit(PathEvent::Secure(security));
        }
    }

    fn flush_dtls(&mut self) {
        let Some(pair) = self.selected else { return };
        while let Some(bytes) = self.dtls.as_mut().and_then(Dtls::poll_transmit) {
            self.transmit(pair, bytes);
        }
    }

    fn fail(&mut self, error: PathError) {
        if !self.dead {
            self.dead = true;
            self.emit(PathEvent::Failed(error));
        }
    }

    fn emit(&mut self, event: PathEvent) {
        self.out.push_back(PathOutput::Event(event));
    }

    fn transmit(&mut self, pair: Pair, bytes: Vec<u8>) {
        self.out.push_back(PathOutput::Transmit { local: pair.local, to: pair.remote, bytes });
    }
}
