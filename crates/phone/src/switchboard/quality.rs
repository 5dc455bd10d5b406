//! How good a call is, second by second: what spoils it, said while one can still act, and what is kept of it.

use media::quality::{Grade, Quality};

use super::{Now, Switchboard, call::Stage};
use crate::{
    contract::{CallId, CallQuality, Error},
    fault::{Code, Fault},
    voice::Wish,
    words::Words,
};

/// So many poor seconds in a row are said.
pub(super) const SAID_AFTER: u32 = 4;
/// So many good ones in a row end it, and they must be better than what is just not poor.
const OVER_AFTER: u32 = 8;
const GOOD: f64 = 3.8;
/// Poor, by the opinion of it.
const POOR: f64 = 3.6;
/// The first seconds of a call say nothing of the rest: the buffer finds its length.
pub(super) const SETTLING: u32 = 2;
/// A share of packets, in per cent, that is a loss.
const LOSSY: f64 = 2.0;
/// Where the far end tells no opinion, so much of ours lost is poor.
const LOSSY_THERE: f64 = 10.0;
/// Packets in a row from which a loss is one in bursts.
const BURSTY: f64 = 2.0;
/// A round trip, in milliseconds, that spoils a conversation.
const LONG: f64 = 400.0;

/// What spoils the sound now, if it is poor: here, where it is heard by ourselves, else there.
fn cause(quality: &Quality) -> Option<Code> {
    let far_loss = quality.far_loss_pct;
    if quality.mos < POOR {
        if quality.late_pct > quality.loss_pct {
            return Some(Code::SoundUneven);
        }
        if quality.loss_pct >= LOSSY {
            // What is lost one way only is likelier lost at the end that sends it: its uplink is the thin one.
            return Some(match far_loss {
                Some(far) if 4.0 * far < quality.loss_pct => Code::SoundLossTheirs,
                _ if quality.burst.is_some_and(|row| row >= BURSTY) => Code::SoundBursts,
                _ => Code::SoundLoss,
            });
        }
        let late = quality.rtt_ms.is_some_and(|rtt| rtt >= LONG) || quality.concealed_pct < 1.0;
        return Some(if late { Code::SoundDelayed } else { Code::SoundUneven });
    }
    let lossy = far_loss.is_some_and(|far| far >= LOSSY);
    match quality.far_mos {
        Some(mos) if mos < POOR => Some(if lossy { Code::SoundLossSent } else { Code::SoundPoorThere }),
        None if far_loss.is_some_and(|far| far >= LOSSY_THERE) => Some(Code::SoundLossSent),
        _ => None,
    }
}

/// A sum, and of how many it is.
#[derive(Clone, Copy, Debug, Default)]
struct Mean(f64, u32);

impl Mean {
    fn add(&mut self, value: impl Into<Option<f64>>) {
        if let Some(value) = value.into() {
            *self = Self(self.0 + value, self.1 + 1);
        }
    }

    /// To two places.
    fn get(self) -> Option<f64> {
        (self.1 > 0).then(|| (100.0 * self.0 / f64::from(self.1)).round() / 100.0)
    }
}

/// The quality of one call.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// What is said.
    trouble: Option<Fault>,
    /// What was seen last, and for how many seconds in a row.
    seen: (Option<Code>, u32),
    /// Poor seconds in a row, whatever the cause, and good ones.
    poor: u32,
    good: u32,
    seconds: u32,
    /// For how many seconds each was the cause.
    causes: Vec<(Code, u32)>,
    sums: Sums,
}

#[derive(Debug, Default)]
struct Sums {
    mos: Mean,
    loss: Mean,
    burst: Mean,
    late: Mean,
    concealed: Mean,
    jitter: Mean,
    rtt: Mean,
    far_loss: Mean,
    far_mos: Mean,
}

impl Watch {
    /// A second of the call in which one can talk.
    fn second(&mut self, now: Now, quality: &Quality) {
        self.seconds += 1;
        if self.seconds <= SETTLING {
            return;
        }
        let cause = cause(quality);
        self.add(cause, quality);
        self.seen = if self.seen.0 == cause { (cause, self.seen.1 + 1) } else { (cause, 1) };
        self.poor = if cause.is_some() { self.poor + 1 } else { 0 };
        self.good = if cause.is_none() && quality.mos >= GOOD { self.good + 1 } else { 0 };
        let said = self.trouble.as_ref().map(|fault| fault.code);
        match cause {
            // It is said once the sound has been poor for so long, and said anew once another cause has lasted so long.
            Some(code) if said != Some(code) && if said.is_none() { self.poor } else { self.seen.1 } >= SAID_AFTER => {
                self.trouble = Some(Fault { at: now.wall, ..Fault::new(code) });
            }
            _ if self.good >= OVER_AFTER => self.trouble = None,
            _ => {}
        }
    }

    /// Nobody can talk now: what was seen tells nothing of what will be.
    fn pause(&mut self) {
        (self.trouble, self.seen, self.poor, self.good) = (None, (None, 0), 0, 0);
    }

    fn add(&mut self, cause: Option<Code>, quality: &Quality) {
        let sums = &mut self.sums;
        for (sum, value) in [
            (&mut sums.mos, Some(quality.mos)),
            (&mut sums.loss, Some(quality.loss_pct)),
            (&mut sums.burst, quality.burst),
            (&mut sums.late, Some(quality.late_pct)),
            (&mut sums.concealed, Some(quality.concealed_pct)),
            (&mut sums.jitter, Some(quality.jitter_ms)),
            (&mut sums.rtt, quality.rtt_ms),
            (&mut sums.far_loss, quality.far_loss_pct),
            (&mut sums.far_mos, quality.far_mos),
        ] {
            sum.add(value);
        }
        let Some(code) = cause else { return };
        match self.causes.iter_mut().find(|(known, _)| *known == code) {
            Some((_, seconds)) => *seconds += 1,
            None => self.causes.push((code, 1)),
        }
    }

    /// What spoils the sound, in words.
    pub(crate) fn trouble(&self, words: &Words) -> Option<Error> {
        self.trouble.as_ref().map(|fault| words.error(fault))
    }

    /// What is kept of the call; nothing of one that nobody could talk in.
    pub(crate) fn kept(&self, now: Now, words: &Words) -> Option<CallQuality> {
        let sums = &self.sums;
        let mos = sums.mos.get()?;
        let longest = self.causes.iter().max_by_key(|(_, seconds)| *seconds);
        let trouble = longest.filter(|(_, seconds)| *seconds >= SAID_AFTER);
        Some(CallQuality {
            grade: Grade::of(mos).into(),
            mos,
            loss_pct: sums.loss.get().unwrap_or(0.0),
            burst: sums.burst.get(),
            late_pct: sums.late.get().unwrap_or(0.0),
            concealed_pct: sums.concealed.get().unwrap_or(0.0),
            jitter_ms: sums.jitter.get().unwrap_or(0.0),
            rtt_ms: sums.rtt.get(),
            far_loss_pct: sums.far_loss.get(),
            far_mos: sums.far_mos.get(),
            poor_s: self.causes.iter().map(|(_, seconds)| seconds).sum(),
            trouble: trouble.map(|(code, _)| words.error(&Fault { at: now.wall, ..Fault::new(*code) })),
        })
    }
}

impl Switchboard {
    /// A second of a call is over.
    pub(super) fn on_quality(&mut self, now: Now, id: &CallId, quality: &Quality) {
        let Some(call) = self.call_mut(id) else { return };
        let talks = call.lost.is_none() && call.wish == Wish::Talk && !call.remote_hold;
        match call.stage {
            Stage::Connected if talks => call.quality.second(now, quality),
            _ => call.quality.pause(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
