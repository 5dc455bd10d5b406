//! The voice of one call: microphone sound and RTP in, speaker sound and RTP out.
//!
//! ```text
//!  microphone → capture ─┬→ Rtp            handle_rtp → demux ─┬→ playout → speaker
//!            send_dtmf ──┘                                     └→ keys
//!            reports  ───→ Rtcp           handle_rtcp → round trip, loss → ladder → capture
//! ```
//!
//! A pure state machine: feed it, then drain [`Session::poll_output`] down to its `Timeout`. Until
//! [`Session::set_sending`] no sound of the microphone is encoded, let alone sent.

mod control;
mod extended;
mod figures;
mod forward;
mod receive;
mod sound;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::agreed::{Agreed, AgreedCodec, AgreedEvents, Direction};
use crate::capture::Capture;
use crate::codec::Codec;
use crate::dtmf::{DtmfReceiver, DtmfSender, Step};
use crate::error::SoundError;
use crate::inband::InbandReceiver;
use crate::ladder::{Delay, Ladder};
use crate::playout::Playout;
use crate::quality::Sample;
use crate::report::{Reception, ReportClock};
use crate::rtp::{Sequence, Ssrc, Timestamp};
use crate::runs::Judged;
use extended::FarEnd;
pub use forward::Carried;

/// Figures are those of the last so many seconds.
const WINDOW: usize = 10;
/// Between two samples of the counters.
const SAMPLING: Duration = Duration::from_secs(1);

/// What a session is made from.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Source of SSRC, first sequence number, first timestamp and report times.
    pub seed: [u8; 32],
    /// Canonical name in RTCP; `None` makes a random one (RFC 7022 section 4.2), which tells nothing about anybody.
    pub cname: Option<String>,
    /// Bits per second of Opus, 6 000..=510 000, where the far end takes so many; `None` is as usual.
    pub bitrate: Option<u32>,
}

/// What a session asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionOutput {
    /// Send this RTP packet.
    Rtp(Vec<u8>),
    /// Send this RTCP packet.
    Rtcp(Vec<u8>),
    /// Something happened.
    Event(SessionEvent),
    /// Nothing more; call [`Session::handle_timeout`] then.
    Timeout(Option<Instant>),
}

/// What can happen to the voice of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEvent {
    /// The far end pressed a key: by a telephone event, or, where it agreed on none, in its sound.
    Dtmf(char),
    /// No telephone events were agreed: send this key by SIP INFO.
    SendInfo {
        /// The key.
        key: char,
        /// How long it is pressed.
        length: Duration,
    },
    /// The first sound of the far end is being played.
    FirstSound,
    /// Neither sound nor report has come for five seconds though they should (thirty after the far end announced
    /// silence).
    Silent,
    /// Something comes again after [`SessionEvent::Silent`].
    Heard,
}

/// Levels in dBFS, −96..=0; new twenty times a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// The microphone, mute or not.
    pub mic_dbfs: f32,
    /// What the far end says, as it is played.
    pub far_dbfs: f32,
}

/// The voice of one call.
pub struct Session {
    rng: ChaCha12Rng,
    clock: ReportClock,
    ssrc: Ssrc,
    cname: String,
    capture: Capture,
    captured_at: Instant,
    wants_sending: bool,
    direction: Direction,
    remote_hold: bool,
    recv: Vec<AgreedCodec>,
    red_recv: Vec<u8>,
    dtmf_recv: Vec<AgreedEvents>,
    dtmf_send: Option<AgreedEvents>,
    dtmf_out: DtmfSender,
    dtmf_start: Timestamp,
    dtmf_in: DtmfReceiver,
    /// Looks for keys in the sound, while there are no events.
    inband: Option<InbandReceiver>,
    /// An event came, agreed or not: from now on keys come so.
    events_come: bool,
    playout: Playout,
    /// Is what comes kept to be played, or only counted?
    listening: bool,
    reception: Option<Reception>,
    /// The stream before this one, and when it was left.
    left: Option<(Ssrc, Instant)>,
    /// Packets expected and received on streams before this one.
    before: (u64, u64),
    /// What became of those packets, one by one.
    judged: Judged,
    first_sound: bool,
    heard_at: Instant,
    silent: bool,
    rtt: Option<Duration>,
    /// Share of our packets the far end misses, 0..=1.
    far_loss: Option<f64>,
    /// What else it tells of our packets.
    far: FarEnd,
    ladder: Ladder,
    report_at: Option<Instant>,
    reports: u32,
    reported_packets: u32,
    samples: VecDeque<Sample>,
    sample_at: Instant,
    outputs: VecDeque<SessionOutput>,
}

impl Session {
    /// A session that neither sends nor plays until [`Self::apply`].
    pub fn new(now: Instant, config: SessionConfig) -> Self {
        let mut rng = ChaCha12Rng::from_seed(config.seed);
        let ssrc = Ssrc(rng.random());
        // RFC 3550 section 5.1: sequence and timestamp begin anywhere. The lower half keeps the first wrap away from
        // peers that guess the rollover counter of SRTP wrongly.
        let sequence = Sequence(rng.random_range(0..0x8000));
        let capture = Capture::new(ssrc, sequence, Timestamp(rng.random()));
        let cname = config.cname.unwrap_or_else(|| format!("{:024x}", rng.random::<u128>() >> 32));
        Self {
            rng,
            clock: ReportClock::new(now),
            ssrc,
            cname,
            capture,
            captured_at: now,
            wants_sending: false,
            direction: Direction::Inactive,
            remote_hold: false,
            recv: Vec::new(),
            red_recv: Vec::new(),
            dtmf_recv: Vec::new(),
            dtmf_send: None,
            dtmf_out: DtmfSender::default(),
            dtmf_start: Timestamp(0),
            dtmf_in: DtmfReceiver::default(),
            inband: None,
            events_come: false,
            playout: Playout::new(now),
            listening: true,
            reception: None,
            left: None,
            before: (0, 0),
            judged: Judged::default(),
            first_sound: false,
            heard_at: now,
            silent: false,
            rtt: None,
            far_loss: None,
            far: FarEnd::default(),
            ladder: Ladder::new(config.bitrate),
            report_at: None,
            reports: 0,
            reported_packets: 0,
            samples: VecDeque::with_capacity(WINDOW + 1),
            sample_at: now + SAMPLING,
            outputs: VecDeque::new(),
        }
    }

    /// Our SSRC, for those who want it in SDP.
    pub fn ssrc(&self) -> u32 {
        self.ssrc.0
    }

    /// Takes what offer and answer agreed on; again after each re-offer. What did not change goes on undisturbed.
    pub fn apply(&mut self, now: Instant, agreed: &Agreed) -> Result<(), SoundError> {
        if !self.direction.receives() && agreed.direction.receives() {
            self.heard_at = now;
        }
        if self.direction.receives() && !agreed.direction.receives() {
            self.playout.restart();
        }
        self.direction = agreed.direction;
        self.remote_hold = agreed.remote_hold;
        self.recv.clone_from(&agreed.recv);
        self.red_recv.clone_from(&agreed.red_recv);
        self.dtmf_recv.clone_from(&agreed.dtmf_recv);
        self.dtmf_send = agreed.dtmf;
        self.far.wishes = agreed.xr;
        // A far end that takes events sends them too; only one that knows none has its keys in the sound.
        let inband = agreed.dtmf.is_none() && agreed.direction.receives() && !self.events_come;
        self.inband = inband.then(|| self.inband.take().unwrap_or_else(InbandReceiver::new));
        if agreed.remote.is_none() {
            self.report_at = None;
        } else if self.report_at.is_none() {
            self.report_at = Some(crate::report::next_report(&mut self.rng, now, self.reports == 0));
        }
        self.capture.set_red(agreed.red);
        let set = match agreed.send.first() {
            Some(first) => {
                self.ladder.agree(agreed.red.is_some(), first.max_bitrate);
                self.ladder.allow_past(agreed.past);
                self.ladder.allow_short(agreed.short && first.codec == Codec::Opus);
                let set = self.capture.set_codec(first, agreed.ptime);
                set.and_then(|()| self.capture.follow(self.ladder.plan()))
            }
            None => Ok(()),
        };
        self.update_sending();
        set
    }

    /// Lets microphone sound out, or stops it. Off until the call is answered here; hold stops it by itself.
    pub fn set_sending(&mut self, sending: bool) {
        self.wants_sending = sending;
        self.update_sending();
    }

    /// How soon sound is to be at the far end.
    pub fn set_delay(&mut self, delay: Delay) {
        self.ladder.set_delay(delay);
        // What the encoder refuses stays as it was, which is safe.
        let _ = self.capture.follow(self.ladder.plan());
    }

    /// Sends silence instead of the microphone, or the microphone again.
    pub fn set_muted(&mut self, muted: bool) {
        self.capture.set_muted(muted);
    }

    /// Whether silence is sent instead of the microphone.
    pub fn is_muted(&self) -> bool {
        self.capture.is_muted()
    }

    /// Whether microphone sound goes out now.
    pub fn is_sending(&self) -> bool {
        self.capture.is_sending()
    }

    /// Presses a key of `0`-`9`, `A`-`D`, `*`, `#`, or waits a second for `,`; keys queue up. `false` when the key is
    /// none or the call does not send. Without agreed telephone events [`SessionEvent::SendInfo`] comes instead.
    pub fn send_dtmf(&mut self, now: Instant, key: char, length: Duration) -> bool {
        if !self.capture.is_sending() {
            return false;
        }
        if self.dtmf_send.is_none() {
            let known = crate::dtmf::code(key).is_some();
            if known {
                self.outputs.push_back(SessionOutput::Event(SessionEvent::SendInfo { key, length }));
            }
            return known;
        }
        let pressed = self.dtmf_out.press(key, length);
        self.send_events(now);
        pressed
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.send_events(now);
        if self.report_at.is_some_and(|at| at <= now) {
            self.send_report(now, false);
            self.report_at = Some(crate::report::next_report(&mut self.rng, now, false));
        }
        while self.sample_at <= now {
            self.sample_at += SAMPLING;
            self.samples.push_back(self.sample());
            if self.samples.len() > WINDOW {
                self.samples.pop_front();
            }
        }
        if self.silence_deadline().is_some_and(|at| at <= now) {
            self.silent = true;
            self.outputs.push_back(SessionOutput::Event(SessionEvent::Silent));
        }
    }

    /// The next thing to do; drain it to `Timeout`.
    pub fn poll_output(&mut self) -> SessionOutput {
        self.outputs.pop_front().unwrap_or_else(|| {
            let deadlines = [
                self.dtmf_out.deadline(self.captured_at),
                self.report_at,
                self.silence_deadline(),
                Some(self.sample_at),
            ];
            SessionOutput::Timeout(deadlines.into_iter().flatten().min())
        })
    }

    /// The far end is told that we leave (RFC 3550 section 6.6). The session is of no use after that.
    pub fn close(&mut self, now: Instant) {
        if self.report_at.take().is_some() {
            self.send_report(now, true);
        }
        self.wants_sending = false;
        self.update_sending();
    }

    /// How loud both sides are.
    pub fn levels(&self) -> Levels {
        Levels { mic_dbfs: self.capture.dbfs(), far_dbfs: self.playout.dbfs() }
    }

    /// Sound goes out only both ways and unheld: a call on hold hears nothing of the room.
    fn update_sending(&mut self) {
        let sending = self.wants_sending && self.direction == Direction::SendRecv && !self.remote_hold;
        if sending != self.capture.is_sending() {
            self.capture.set_sending(sending);
        }
        if !sending {
            self.dtmf_out.clear();
        }
    }

    fn send_events(&mut self, now: Instant) {
        let Some(events) = self.dtmf_send else { return };
        while let Some(step) = self.dtmf_out.step(now, events.clock) {
            match step {
                Step::Send { event, marker } => {
                    if marker {
                        self.dtmf_start = self.capture.timestamp();
                    }
                    let packet = self.capture.packet(events.pt, marker, self.dtmf_start, &event.to_bytes());
                    self.outputs.push_back(SessionOutput::Rtp(packet));
                }
                Step::Over(units) => {
                    let units = u64::from(units) * u64::from(self.capture.clock()) / u64::from(events.clock.max(1));
                    self.capture.reach(self.dtmf_start.plus(units as u32));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
