//! Joins each window to the phone: a listener's lines go down the window's channel, its commands go in by the same
//! door. What a window watches ends with the window.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use phone::{Door, Phone};
use serde_json::{Value, json};
use tauri::{async_runtime::JoinHandle, ipc::Channel};
use tokio::sync::watch;

use crate::{pace::Pace, window};

/// The windows that are joined to the phone, by their label.
pub(crate) struct Bridge {
    phone: Phone,
    elsewhere: watch::Sender<bool>,
    windows: Mutex<HashMap<String, Joined>>,
}

struct Joined {
    door: Door,
    pace: Pace,
    pump: JoinHandle<()>,
}

impl Bridge {
    pub(crate) fn new(phone: Phone) -> Self {
        Self { phone, elsewhere: watch::Sender::new(false), windows: Mutex::default() }
    }

    /// Tells the main window whether a call that rings shows elsewhere: in the call window, which leaves the keyboard
    /// to the program that has it. The page is told and does not guess, or a call might show nowhere.
    pub(crate) fn rings_elsewhere(&self, elsewhere: bool) {
        self.elsewhere.send_if_modified(|now| std::mem::replace(now, elsewhere) != elsewhere);
    }

    /// Sends every line of the phone down `channel` until the window goes or attaches anew.
    pub(crate) fn attach(&self, label: &str, channel: Channel<Value>) {
        let (door, mut listener) = self.phone.attach();
        let main = label == window::MAIN;
        let mut elsewhere = self.elsewhere.subscribe();
        elsewhere.mark_changed();
        let pump = tauri::async_runtime::spawn(async move {
            loop {
                let line = tokio::select! {
                    biased;
                    Ok(()) = elsewhere.changed(), if main => json!({ "elsewhere": *elsewhere.borrow_and_update() }),
                    line = listener.next() => match line.as_ref().map(serde_json::to_value) {
                        Some(Ok(line)) => line,
                        Some(Err(_)) => continue,
                        None => break,
                    },
                };
                if channel.send(line).is_err() {
                    break;
                }
            }
        });
        let mut windows = self.lock();
        // A page that attaches again and again gains no new pace by it.
        let pace = windows.get(label).map_or_else(|| Pace::new(Instant::now()), |before| before.pace);
        if let Some(before) = windows.insert(label.to_owned(), Joined { door, pace, pump }) {
            before.pump.abort();
        }
    }

    /// Hands one line of the window to the phone, unless they come faster than a person can be (H11).
    pub(crate) async fn send(&self, label: &str, line: String) -> Result<(), String> {
        let door = {
            let mut windows = self.lock();
            let joined = windows.get_mut(label).ok_or("not-attached")?;
            if !joined.pace.allows(Instant::now()) {
                return Err("too-fast".into());
            }
            joined.door.clone()
        };
        door.submit(&line).await;
        Ok(())
    }

    /// The window is gone: its listener goes too, and with it what it watched.
    pub(crate) fn detach(&self, label: &str) {
        if let Some(gone) = self.lock().remove(label) {
            gone.pump.abort();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Joined>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
