//! What is open for one role, what is being opened, and what failed.

use std::time::{Duration, Instant};

use media::port::PortError;

use super::choice::Choice;

/// A device that failed is not tried again for so long while there is another.
const AVOID: Duration = Duration::from_secs(30);
/// When all failed, they are tried again after this.
const RETRY: Duration = Duration::from_secs(2);

/// One role.
pub(super) struct Slot<S> {
    pub(super) open: Option<Open<S>>,
    pub(super) opening: Option<(u64, Choice)>,
    pub(super) problem: Option<PortError>,
    pub(super) retry_at: Option<Instant>,
    /// The device that was used last since the role is needed.
    pub(super) last: Option<String>,
    /// It was told that there is none any more.
    pub(super) told_none: bool,
    avoid: Vec<(String, Instant)>,
}

/// A stream in use.
pub(super) struct Open<S> {
    pub(super) stream: S,
    pub(super) choice: Choice,
    pub(super) device: String,
}

impl<S> Slot<S> {
    pub(super) const fn new() -> Self {
        Self {
            open: None,
            opening: None,
            problem: None,
            retry_at: None,
            last: None,
            told_none: false,
            avoid: Vec::new(),
        }
    }

    /// The device in use.
    pub(super) fn device(&self) -> Option<&str> {
        self.open.as_ref().map(|open| open.device.as_str())
    }

    /// Those that failed lately.
    pub(super) fn avoided(&self, now: Instant) -> Vec<&str> {
        self.avoid.iter().filter(|(_, until)| *until > now).map(|(id, _)| id.as_str()).collect()
    }

    /// A device failed.
    pub(super) fn failed(&mut self, now: Instant, device: Option<String>, why: PortError) {
        self.problem = Some(why);
        match device {
            Some(device) => {
                self.avoid.retain(|(id, until)| *id != device && *until > now);
                self.avoid.push((device, now + AVOID));
            }
            None => self.exhausted(now),
        }
    }

    /// These devices are there. One that went and comes again is as good as new.
    pub(super) fn listed<'a>(&mut self, there: impl Fn(&str) -> bool + 'a) {
        self.avoid.retain(|(id, _)| there(id));
        if let Some(open) = &mut self.open
            && open.choice == Choice::UNKNOWN
        {
            open.choice.device = Some(open.device.clone());
        }
    }

    /// When something may be tried again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.avoid.iter().map(|(_, until)| *until).chain(self.retry_at).min()
    }

    /// Forgets what is over by now.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.forgive();
        }
        self.avoid.retain(|(_, until)| *until > now);
    }

    /// Nothing is left to try; do it all again later.
    pub(super) fn exhausted(&mut self, now: Instant) {
        if self.retry_at.is_none_or(|at| at <= now) {
            self.retry_at = Some(now + RETRY);
        }
    }

    /// Everything may be tried again.
    pub(super) fn forgive(&mut self) {
        self.avoid.clear();
        self.retry_at = None;
    }

    /// The role is not needed any more. Gives back what was open.
    pub(super) fn close(&mut self) -> Option<S> {
        let open = std::mem::replace(self, Self::new()).open;
        open.map(|open| open.stream)
    }
}

/// Gives up a stream that died.
pub(super) fn lose<S: Send + 'static>(now: Instant, slot: &mut Slot<S>, why: PortError) -> bool {
    let Some(open) = slot.open.take() else { return false };
    tracing::warn!(device = open.device, %why, "a sound device is lost");
    // The default may go by another name than it opens under.
    if let Some(device) = open.choice.device {
        slot.failed(now, Some(device), why.clone());
    }
    slot.failed(now, Some(open.device), why);
    drop_aside(Some(open.stream));
    true
}

/// Closing a device may take its driver a while, and packets shall not wait for it. Without a runtime nothing else waits.
pub(super) fn drop_aside<S: Send + 'static>(stream: Option<S>) {
    if let (Some(stream), Ok(runtime)) = (stream, tokio::runtime::Handle::try_current()) {
        runtime.spawn_blocking(move || drop(stream));
    }
}
