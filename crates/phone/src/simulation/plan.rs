//! What a seed stands for: who does what and when, and what the world does to them.

use std::time::Duration;

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha12Rng;

use super::stranger::Script;

/// Everything about one simulated call that is decided beforehand.
#[derive(Debug)]
pub(super) struct Plan {
    /// From each phone to the server.
    pub(super) latency: [Duration; 2],
    /// How long the media thread takes for an order.
    pub(super) lag: [Duration; 2],
    /// Connections that are lost.
    pub(super) cuts: Vec<Cut>,
    /// What is between the server and whom it calls.
    pub(super) far: Far,
    /// The way of the sound.
    pub(super) media: Media,
    /// Who rings beside Ben, and is Ben asked at all?
    pub(super) strangers: Vec<Script>,
    pub(super) ben_is_asked: bool,
    /// The server answers by itself with this.
    pub(super) refuses: Option<u16>,
    /// How long the server lets it ring.
    pub(super) rings: Duration,
    /// The codecs that the server does not pass.
    pub(super) forbids: &'static [&'static str],
    /// Do the phones have ears? Resampling for them costs a third as much as all the rest.
    pub(super) ears: bool,
    /// What the people do: after the beginning, and after the answer.
    pub(super) deeds: Vec<(Duration, usize, Deed)>,
    pub(super) talk: Vec<(Duration, usize, Deed)>,
}

/// The connection of a phone is lost at its message of this number, both ways counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) phone: usize,
    pub(super) at: u32,
    /// Does that message still arrive?
    pub(super) arrives: bool,
    /// How much later the phone and the server notice.
    pub(super) phone_notices: Duration,
    pub(super) server_notices: Duration,
    /// How long until it is up again.
    pub(super) back: Duration,
}

/// The far side of the server loses, repeats and reorders.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Far {
    pub(super) loss: f64,
    pub(super) twice: f64,
    pub(super) jitter: Duration,
}

/// The way of the sound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Media {
    pub(super) loss: f64,
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    /// Nothing gets through from then on (since the answer), for so long.
    pub(super) dark: Option<(Duration, Duration)>,
}

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Call,
    Answer,
    Decline,
    Ignore,
    Hangup,
    Hold,
    Resume,
    Mute,
    Unmute,
    /// The machine goes to another network.
    Move,
    /// The account is registered anew.
    Register,
}

const ANNA: usize = 0;
const BEN: usize = 1;

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let rng = &mut rng;
        let latency = [ms(rng, 1, 120), ms(rng, 1, 120)];
        let far = match rng.random_range(0..10) {
            0 => Far { loss: 0.1, twice: 0.1, jitter: ms(rng, 0, 400) },
            1 => Far { loss: 0.3, twice: 0.0, jitter: ms(rng, 0, 50) },
            2 => Far { loss: 0.0, twice: 0.4, jitter: ms(rng, 0, 900) },
            3 | 4 => Far { loss: 0.0, twice: 0.0, jitter: ms(rng, 0, 400) },
            _ => Far::default(),
        };
        let media = Media {
            loss: *[0.0, 0.0, 0.0, 0.0, 0.02, 0.1, 0.2].choose(rng).expect("some"),
            delay: ms(rng, 1, 150),
            jitter: if rng.random_bool(0.5) { Duration::ZERO } else { ms(rng, 0, 40) },
            dark: None,
        };
        let legs = if rng.random_bool(0.6) { 0 } else { rng.random_range(1..5) };
        let strangers = (0..legs).map(|_| Script::of(rng)).collect::<Vec<_>>();
        let ben_is_asked = strangers.is_empty() || rng.random_bool(0.85);
        let mut plan = Self {
            latency,
            lag: [ms(rng, 0, 30), ms(rng, 0, 30)],
            cuts: cuts(rng),
            far,
            media,
            strangers,
            ben_is_asked,
            refuses: rng.random_bool(0.04).then(|| *[408, 487, 503, 404, 480].choose(rng).expect("some")),
            rings: Duration::from_secs(rng.random_range(5..12)),
            forbids: match (rng.random_bool(0.98), seed.is_multiple_of(2)) {
                (true, true) => &["opus", "G722"],
                (true, false) => &["opus"],
                (false, _) => &[],
            },
            ears: rng.random_bool(0.2),
            deeds: vec![(ms(rng, 800, 1200), ANNA, Deed::Call)],
            talk: Vec::new(),
        };
        plan.rings(rng);
        plan.talks(rng);
        plan
    }

    /// What happens while it rings.
    fn rings(&mut self, rng: &mut ChaCha12Rng) {
        let answers = Duration::from_millis(1500) + ms(rng, 0, 2500);
        match rng.random_range(0..20) {
            0 => self.deeds.push((answers, BEN, Deed::Decline)),
            1 => self.deeds.push((answers, BEN, Deed::Ignore)),
            2 => {}
            _ => self.deeds.push((answers, BEN, Deed::Answer)),
        }
        // CANCEL against the 200, or long before it.
        match rng.random_range(0..20) {
            0..3 => {
                let near = (self.latency[0] + self.latency[1]) * 2;
                let early = rng.random_range(0..=2 * near.as_millis() as u64);
                let at = (answers + Duration::from_millis(early)).saturating_sub(near);
                self.deeds.push((at, ANNA, Deed::Hangup));
            }
            3 => self.deeds.push((ms(rng, 1000, 4000), ANNA, Deed::Hangup)),
            // Both call each other.
            4 => {
                self.deeds.push((ms(rng, 800, 1300), BEN, Deed::Call));
                self.deeds.push((answers, ANNA, Deed::Answer));
            }
            _ => {}
        }
    }

    /// What happens after the answer.
    fn talks(&mut self, rng: &mut ChaCha12Rng) {
        let mut length = ms(rng, 700, 2500);
        let who = rng.random_range(0..2);
        match rng.random_range(0..40) {
            0..4 => {
                // Glare, as often as not.
                let at = ms(rng, 0, 1500);
                let other = if rng.random() { at } else { at + ms(rng, 0, 300) };
                self.talk.extend([(at, who, Deed::Hold), (other, 1 - who, Deed::Hold)]);
                let again = at.max(other) + ms(rng, 200, 1500);
                self.talk.extend([(again, who, Deed::Resume), (again + ms(rng, 0, 100), 1 - who, Deed::Resume)]);
                length += again;
            }
            4..7 => {
                let at = ms(rng, 0, 1500);
                let again = at + ms(rng, 100, 1500);
                self.talk.extend([(at, who, Deed::Hold), (again, who, Deed::Resume)]);
                length += again;
            }
            7 => self.talk.extend([(ms(rng, 0, 500), who, Deed::Mute), (ms(rng, 500, 1000), who, Deed::Unmute)]),
            8..10 => {
                let at = ms(rng, 0, 1500);
                self.talk.push((at, who, Deed::Move));
                if rng.random_bool(0.4) {
                    self.talk.push((at + ms(rng, 0, 500), 1 - who, Deed::Move));
                }
                length += Duration::from_secs(if rng.random() { 4 } else { 24 });
            }
            10 => {
                self.talk.push((ms(rng, 0, 1000), who, Deed::Register));
                length += Duration::from_secs(1);
            }
            11 => {
                let from = ms(rng, 0, 1500);
                let long = *[3000, 8000, 14_000, 80_000].choose(rng).expect("some");
                self.media.dark = Some((from, Duration::from_millis(long)));
                length += from + Duration::from_millis(long.min(62_000)) + ms(rng, 0, 4000);
            }
            _ => {}
        }
        self.talk.push((length, who, Deed::Hangup));
        if rng.random_bool(0.15) {
            self.talk.push((length + ms(rng, 0, 50), 1 - who, Deed::Hangup));
        }
    }

    /// Is nothing in the way of a restart?
    pub(super) fn may_restart(&self) -> bool {
        self.media.loss == 0.0 && self.media.dark.is_none() && self.far.loss == 0.0 && self.cuts.is_empty()
    }

    /// Is the way of the sound always good?
    pub(super) fn has_clean_media(&self) -> bool {
        let moves = self.talk.iter().any(|(_, _, deed)| *deed == Deed::Move);
        self.media.loss == 0.0 && self.media.dark.is_none() && !moves
    }
}

fn cuts(rng: &mut ChaCha12Rng) -> Vec<Cut> {
    let count = match rng.random_range(0..10) {
        0..7 => 0,
        7..9 => 1,
        _ => 2,
    };
    let cut = |rng: &mut ChaCha12Rng| Cut {
        phone: rng.random_range(0..2),
        at: rng.random_range(1..24),
        arrives: rng.random(),
        phone_notices: notice(rng),
        server_notices: notice(rng),
        back: ms(rng, 50, 5000),
    };
    (0..count).map(|_| cut(rng)).collect()
}

fn notice(rng: &mut ChaCha12Rng) -> Duration {
    match rng.random_range(0..4) {
        0 | 1 => Duration::ZERO,
        2 => ms(rng, 1, 2000),
        _ => ms(rng, 2000, 35_000),
    }
}

fn ms(rng: &mut ChaCha12Rng, from: u64, to: u64) -> Duration {
    Duration::from_millis(rng.random_range(from..=to))
}
