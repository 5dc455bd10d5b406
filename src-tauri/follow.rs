//! The shell as one more listener of the phone: it draws the tray, raises the call window and posts notifications,
//! all derived from the state. It remembers only what it has already drawn.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use phone::{
    Listener, Phone,
    contract::{Call, Command, Line, Notice, Phase, PhoneState},
};
use tauri::{AppHandle, Manager};

use crate::{
    notify::{self, Pressed},
    tray, window,
    words::Words,
};

/// Follows the phone until it ends.
pub(crate) async fn follow(app: AppHandle, phone: Phone, mut listener: Listener) {
    let mut drawn =
        Drawn { tray: None, words: Words::of("system"), language: "system".into(), ringing: HashMap::new(), next: 1 };
    let (press, mut pressed) = tokio::sync::mpsc::unbounded_channel();
    notify::listen(&app, move |number, what| {
        let _ = press.send((number, what));
    });
    loop {
        tokio::select! {
            line = listener.next() => match line {
                Some(Line::State(state)) => drawn.state(&app, &state),
                Some(Line::Notice(Notice::MissedCall { row })) => notify::missed(&app, &row.with, &drawn.words),
                Some(Line::Notice(Notice::Recorded { path, error, .. })) => {
                    notify::recorded(&app, path.as_deref(), error.as_ref(), &drawn.words);
                }
                Some(_) => {}
                None => return,
            },
            Some((number, what)) = pressed.recv() => drawn.pressed(&app, &phone, number, what).await,
        }
    }
}

/// Does a call ring now? What a window does to the keyboard then decides where it shows.
#[derive(Default)]
pub(crate) struct Ringing(AtomicBool);

impl Ringing {
    pub(crate) fn now(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Drawn {
    tray: Option<tray::Shown>,
    words: Words,
    language: String,
    /// The calls that ring, each with the number of its notification.
    ringing: HashMap<String, i32>,
    next: i32,
}

impl Drawn {
    fn state(&mut self, app: &AppHandle, state: &PhoneState) {
        if self.language != state.settings.language {
            self.language.clone_from(&state.settings.language);
            self.words = Words::of(&self.language);
        }
        let shown = tray::Shown::of(state);
        if self.tray.as_ref() != Some(&shown) {
            if let Err(error) = tray::draw(app, &shown, &self.words) {
                tracing::warn!(%error, "the tray could not be drawn");
            }
            self.tray = Some(shown);
        }
        self.ring(app, state);
    }

    /// An incoming call shows in the main window if that has the keyboard, else in the call window; never in both.
    fn ring(&mut self, app: &AppHandle, state: &PhoneState) {
        let ringing: Vec<&Call> =
            state.calls.iter().filter(|call| matches!(call.phase, Phase::Incoming { .. })).collect();
        self.ringing.retain(|id, number| {
            if ringing.iter().any(|call| call.id.as_str() == id) {
                return true;
            }
            notify::withdraw(app, *number);
            let answered = state
                .calls
                .iter()
                .any(|call| call.id.as_str() == id && matches!(call.phase, Phase::Connecting {} | Phase::Connected {}));
            // Who answers while the window is closed wants to see the call, and to be able to end it.
            if answered && app.get_webview_window(window::MAIN).is_none() {
                show_main(app);
            }
            false
        });
        for call in &ringing {
            if self.ringing.contains_key(call.id.as_str()) {
                continue;
            }
            let number = self.next;
            self.next = self.next.checked_add(1).unwrap_or(1);
            self.ringing.insert(call.id.to_string(), number);
            let focus = window::main_has_focus(app);
            crate::tell_main(app, !focus);
            if focus {
                continue;
            }
            let account = state
                .accounts
                .iter()
                .find(|account| account.id == call.account)
                .map_or("", |account| account.name.as_str());
            notify::incoming(app, number, call, account, &self.words);
            crate::show_call(app);
        }
        app.state::<Ringing>().0.store(!ringing.is_empty(), Ordering::Relaxed);
        if ringing.is_empty() {
            window::hide_call(app);
        }
    }

    async fn pressed(&mut self, app: &AppHandle, phone: &Phone, number: Option<i32>, what: Pressed) {
        // A desktop that does not say which notification it was can only mean the one that rings.
        let call = match number {
            Some(number) => self.ringing.iter().find(|(_, of)| **of == number).map(|(id, _)| id.clone()),
            None => self.ringing.keys().next().filter(|_| self.ringing.len() == 1).cloned(),
        };
        let command = match (what, call) {
            (Pressed::Answer, Some(call)) => Command::Answer { call: Some(call.into()) },
            (Pressed::Decline, Some(call)) => Command::Decline { call: Some(call.into()) },
            _ => return show_main(app),
        };
        if let Err(error) = phone.send(command).await {
            tracing::info!(code = %error.code, "what was pressed on a notification was refused");
        }
    }
}

fn show_main(app: &AppHandle) {
    if let Err(error) = window::show_main(app) {
        tracing::warn!(%error, "the window could not be shown");
    }
}
