//! Joins each window to the phone: a listener's lines go down the window's channel, its commands go in by the same
//! door. What a window watches ends with the window.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use phone::{Door, Phone};
use serde_json::Value;
use tauri::{async_runtime::JoinHandle, ipc::Channel};

/// The windows that are joined to the phone, by their label.
pub(crate) struct Bridge {
    phone: Phone,
    windows: Mutex<HashMap<String, Joined>>,
}

struct Joined {
    door: Door,
    pump: JoinHandle<()>,
}

impl Bridge {
    pub(crate) fn new(phone: Phone) -> Self {
        Self { phone, windows: Mutex::default() }
    }

    /// Sends every line of the phone down `channel` until the window goes or attaches anew.
    pub(crate) fn attach(&self, label: &str, channel: Channel<Value>) {
        let (door, mut listener) = self.phone.attach();
        let pump = tauri::async_runtime::spawn(async move {
            while let Some(line) = listener.next().await {
                let Ok(line) = serde_json::to_value(&line) else { continue };
                if channel.send(line).is_err() {
                    break;
                }
            }
        });
        let before = self.lock().insert(label.to_owned(), Joined { door, pump });
        if let Some(before) = before {
            before.pump.abort();
        }
    }

    /// Hands one line of the window to the phone.
    pub(crate) async fn send(&self, label: &str, line: String) -> Result<(), String> {
        let door = self.lock().get(label).map(|joined| joined.door.clone());
        door.ok_or("not-attached")?.submit(&line).await;
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
