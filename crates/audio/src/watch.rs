//! Watches a stream from both sides. The callback counts itself, the error callback leaves one word; the thread that
//! uses the stream sees from it whether the device still works. A stream that stops without an error is common (a sink
//! that was unloaded, a default that moved), so silence of the callback counts as loss.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use media::port::{Health, PortError};

use crate::error;

/// A device that has called and then does not for this long is lost.
const SILENT: Duration = Duration::from_millis(200);
/// A device may take this long to call for the first time.
const STARTING: Duration = Duration::from_secs(2);

/// What the callbacks and the watcher share.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    calls: AtomicU64,
    /// In microseconds.
    latency: AtomicU32,
    failed: OnceLock<Failure>,
}

/// What ended a stream.
#[derive(Debug)]
pub(crate) enum Failure {
    /// As cpal said it: a callback only moves it, because to word it allocates.
    Cpal(cpal::Error),
    /// In the words of the port.
    Worded(PortError),
}

impl Failure {
    fn word(&self) -> PortError {
        match self {
            Self::Cpal(error) => error::word(error),
            Self::Worded(error) => error.clone(),
        }
    }
}

impl Pulse {
    /// The data callback ran. Wait-free.
    pub(crate) fn beat(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// The device told how long its samples are on their way. Wait-free.
    pub(crate) fn tell_latency(&self, latency: Option<Duration>) {
        if let Some(latency) = latency.and_then(|latency| u32::try_from(latency.as_micros()).ok()) {
            self.latency.store(latency, Ordering::Relaxed);
        }
    }

    /// Is the stream lost? Wait-free.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get().is_some()
    }

    /// The error callback ran with something that ends the stream. Only the first word is kept: a broken device may
    /// call thousands of times a second.
    ///
    /// # Errors
    /// What is not kept.
    pub(crate) fn fail(&self, failure: Failure) -> Result<(), Failure> {
        self.failed.set(failure)
    }
}

/// Judges a stream by its [`Pulse`].
#[derive(Debug)]
pub(crate) struct Watch {
    pulse: Arc<Pulse>,
    seen: u64,
    since: Option<Instant>,
    lost: Option<PortError>,
}

impl Watch {
    pub(crate) fn new(pulse: Arc<Pulse>) -> Self {
        Self { pulse, seen: 0, since: None, lost: None }
    }

    /// How long samples are on their way, as the device told last; nothing at first.
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_micros(self.pulse.latency.load(Ordering::Relaxed).into())
    }

    /// How the stream is at `now`. Once lost it stays lost.
    pub(crate) fn health(&mut self, now: Instant) -> Health {
        if let Some(lost) = &self.lost {
            return Health::Lost(lost.clone());
        }
        let calls = self.pulse.calls.load(Ordering::Relaxed);
        let since = *self.since.get_or_insert(now);
        if let Some(failure) = self.pulse.failed.get() {
            self.lost = Some(failure.word());
        } else if calls != self.seen {
            self.seen = calls;
            self.since = Some(now);
        } else if now.saturating_duration_since(since) >= if self.seen == 0 { STARTING } else { SILENT } {
            self.lost = Some(PortError::Unresponsive);
        }
        self.lost.clone().map_or(Health::Ok, Health::Lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: Instant, ms: u64) -> Instant {
        base + Duration::from_millis(ms)
    }

    #[test]
    fn a_device_that_stops_calling_is_lost() {
        let (pulse, base) = (Arc::new(Pulse::default()), Instant::now());
        let mut watch = Watch::new(Arc::clone(&pulse));
        assert_eq!(watch.health(base), Health::Ok);
        pulse.beat();
        assert_eq!(watch.health(at(base, 20)), Health::Ok);
        assert_eq!(watch.health(at(base, 210)), Health::Ok);
        assert_eq!(watch.health(at(base, 221)), Health::Lost(PortError::Unresponsive));
        pulse.beat();
        assert_eq!(watch.health(at(base, 230)), Health::Lost(PortError::Unresponsive), "lost stays lost");
    }

    #[test]
    fn a_device_has_two_seconds_to_start() {
        let base = Instant::now();
        let mut watch = Watch::new(Arc::default());
        assert_eq!(watch.health(base), Health::Ok);
        assert_eq!(watch.health(at(base, 1999)), Health::Ok);
        assert_eq!(watch.health(at(base, 2000)), Health::Lost(PortError::Unresponsive));
    }

    #[test]
    fn the_first_error_is_the_one_that_is_told() {
        let pulse = Arc::new(Pulse::default());
        assert!(pulse.fail(Failure::Worded(PortError::Gone("first".into()))).is_ok());
        assert!(pulse.fail(Failure::Worded(PortError::Gone("second".into()))).is_err());
        assert_eq!(Watch::new(pulse).health(Instant::now()), Health::Lost(PortError::Gone("first".into())));
    }
}
