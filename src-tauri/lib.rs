//! The desktop shell: it puts the parts of the phone together, opens the window and ends the process. It knows the
//! phone only by `phone::contract`; nothing about a call is decided here.

mod bridge;
mod commands;
mod follow;
mod logging;
mod notify;
mod practice;
mod tray;
mod window;
mod words;

use std::{process::ExitCode, sync::Arc};

use phone::{Phone, Setup};
use tauri::{AppHandle, Manager, RunEvent, WindowEvent};
use vault::{Keychain, Place};

use crate::{bridge::Bridge, words::Words};

/// Runs the desktop phone until it is quit. The exit code is 1 when it could not start.
#[must_use]
pub fn run() -> ExitCode {
    if std::env::args().skip(1).any(|argument| argument == "--version" || argument == "-V") {
        println!("bellbird {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let words = Words::of("system");
    // Without a display GTK panics, so it is asked for first.
    if !display_present() {
        eprintln!("{}", words.get("no-display"));
        return ExitCode::FAILURE;
    }
    match start(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", words.with("cannot-start", &[("reason", error.to_string().into())]));
            ExitCode::FAILURE
        }
    }
}

/// Ends the phone: calls are hung up and accounts unregistered first, for at most two seconds.
pub(crate) fn quit(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        if let Some(phone) = app.try_state::<Phone>() {
            phone.inner().clone().shutdown().await;
        }
        app.exit(0);
    });
}

fn start(words: &Words) -> anyhow::Result<()> {
    let place = Place::of_user()?;
    let app = tauri::Builder::default()
        // First, so that a second start hands over to the running phone before anything else happens (H15).
        .plugin(tauri_plugin_single_instance::init(|app, _, _| {
            if let Err(error) = window::show_main(app) {
                tracing::warn!(%error, "the window could not be shown");
            }
        }))
        .plugin(tauri_plugin_notification::init())
        .invoke_handler(tauri::generate_handler![commands::attach, commands::send])
        .on_window_event(|window, event| match event {
            WindowEvent::CloseRequested { api, .. } if window.label() == window::MAIN && !tray::host_present() => {
                api.prevent_close();
                let _ = window.minimize();
            }
            WindowEvent::Destroyed => {
                if let Some(bridge) = window.try_state::<Bridge>() {
                    bridge.detach(window.label());
                }
            }
            _ => {}
        })
        .build(tauri::generate_context!())?;
    let lock = match place.lock() {
        Ok(lock) => lock,
        Err(error) => {
            tracing::warn!(%error, "the stored accounts are in use");
            anyhow::bail!(words.get("already-running"));
        }
    };
    let _log = logging::start(place.data_dir());
    let phone = tauri::async_runtime::block_on(phone::start(setup(&place)))?;
    let (_door, listener) = phone.attach();
    app.manage(Bridge::new(phone.clone()));
    app.manage(phone.clone());
    tray::build(app.handle(), words)?;
    window::show_main(app.handle())?;
    tauri::async_runtime::spawn(follow::follow(app.handle().clone(), phone, listener));
    // The phone lives on when its last window is closed; only `quit` ends it.
    app.run(|_, event| {
        if let RunEvent::ExitRequested { api, code: None, .. } = event {
            api.prevent_exit();
        }
    });
    drop(lock);
    Ok(())
}

fn setup(place: &Place) -> Setup {
    Setup {
        sound: Box::new(audio::Devices::new()),
        secrets: Arc::new(Keychain::new()),
        store: place.store(),
        practice: Some(Arc::new(practice::Practice::default())),
        ..Setup::new(env!("CARGO_PKG_VERSION"))
    }
}

#[cfg(target_os = "linux")]
fn display_present() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(not(target_os = "linux"))]
fn display_present() -> bool {
    true
}
