//! Wakes who reads a microphone once there is as much as it waits for. Threads of our own ring it; a callback of a device may
//! wake nobody.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

/// Rings once for each time it is set.
#[derive(Default)]
pub(crate) struct Alarm {
    /// What is waited for; 0 is nothing.
    frames: AtomicUsize,
    wake: OnceLock<Arc<dyn Fn() + Send + Sync>>,
}

impl Alarm {
    /// Rings when so many frames are there.
    pub(crate) fn set(&self, frames: usize, wake: &Arc<dyn Fn() + Send + Sync>) {
        self.wake.get_or_init(|| Arc::clone(wake));
        self.frames.store(frames, Ordering::SeqCst);
    }

    /// How many more frames than these are waited for.
    #[cfg(target_os = "linux")]
    pub(crate) fn missing(&self, there: usize) -> Option<usize> {
        self.frames.load(Ordering::SeqCst).checked_sub(there).filter(|missing| *missing > 0)
    }

    /// So many frames are there.
    pub(crate) fn tell(&self, there: usize) {
        let wanted = self.frames.load(Ordering::SeqCst);
        if wanted > 0
            && there >= wanted
            && self.frames.compare_exchange(wanted, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok()
            && let Some(wake) = self.wake.get()
        {
            wake();
        }
    }
}
