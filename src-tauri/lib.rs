//! The desktop shell: it puts the parts of the phone together, opens the window and ends the process. It knows the
//! phone only by `phone::contract`; nothing about a call is decided here.

mod bridge;
mod commands;
mod follow;
mod logging;
mod notify;
mod pace;
mod practice;
mod tray;
mod window;
mod words;

use std::{process::ExitCode, sync::Arc, time::Duration};

use phone::{Phone, Setup};
use tauri::{AppHandle, Manager, RunEvent, Window, WindowEvent};
use vault::{Keychain, Place, PlaceError};

use crate::{bridge::Bridge, follow::Ringing, words::Words};

/// How long a phone that ends may take at most; it gives itself two seconds (CONFORMANCE R29).
const LEAVING: Duration = Duration::from_secs(3);

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
            let said = match error.downcast_ref::<PlaceError>() {
                Some(PlaceError::AlreadyRunning(_)) => words.get("already-running"),
                _ => words.with("cannot-start", &[("reason", error.to_string().into())]),
            };
            eprintln!("{said}");
            ExitCode::FAILURE
        }
    }
}

/// Ends the phone: calls are hung up and accounts unregistered first.
pub(crate) fn quit(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let phone = app.try_state::<Phone>().map(|phone| phone.inner().clone());
        if let Some(phone) = phone
            && tokio::time::timeout(LEAVING, phone.shutdown()).await.is_err()
        {
            tracing::warn!("not every server could be left in time");
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
        .manage(Ringing::default())
        .invoke_handler(tauri::generate_handler![commands::attach, commands::send])
        .on_window_event(on_window_event)
        .build(tauri::generate_context!())?;
    let lock = place.lock()?;
    let _log = logging::start(place.data_dir());
    let phone = tauri::async_runtime::block_on(phone::start(setup(&place, words)))?;
    let (_door, listener) = phone.attach();
    app.manage(Bridge::new(phone.clone()));
    app.manage(phone.clone());
    tray::build(app.handle(), words)?;
    window::show_main(app.handle())?;
    tauri::async_runtime::spawn(follow::follow(app.handle().clone(), phone, listener));
    tauri::async_runtime::spawn(end_with_the_session(app.handle().clone()));
    // The phone lives on when its last window is closed; only `quit` ends it.
    app.run(|_, event| {
        if let RunEvent::ExitRequested { api, code: None, .. } = event {
            api.prevent_exit();
        }
    });
    drop(lock);
    Ok(())
}

fn on_window_event(window: &Window, event: &WindowEvent) {
    let main = window.label() == window::MAIN;
    match event {
        WindowEvent::CloseRequested { api, .. } if main && !tray::host_present() => {
            api.prevent_close();
            let _ = window.minimize();
        }
        // A call rings in the main window while that has the keyboard, else in the call window; never in both.
        WindowEvent::Focused(true) if main => {
            tell_main(window.app_handle(), false);
            window::hide_call(window.app_handle());
        }
        WindowEvent::Focused(false) if main => ring_elsewhere(window.app_handle()),
        WindowEvent::Destroyed => {
            if let Some(bridge) = window.try_state::<Bridge>() {
                bridge.detach(window.label());
            }
            if main {
                ring_elsewhere(window.app_handle());
            } else if window.state::<Ringing>().now() {
                // Whoever took the call window away, the call shows somewhere.
                tell_main(window.app_handle(), false);
            }
        }
        _ => {}
    }
}

/// Shows a call that rings, now or later, in the call window. The loop of the windows does not wait for it.
fn ring_elsewhere(app: &AppHandle) {
    tell_main(app, true);
    if !app.state::<Ringing>().now() {
        return;
    }
    let app = app.clone();
    tauri::async_runtime::spawn(async move { show_call(&app) });
}

/// Shows the call window; where that fails, the main window shows the call though it has not the keyboard.
pub(crate) fn show_call(app: &AppHandle) {
    if let Err(error) = window::show_call(app) {
        tracing::warn!(%error, "the call window could not be shown");
        tell_main(app, false);
    }
}

pub(crate) fn tell_main(app: &AppHandle, elsewhere: bool) {
    if let Some(bridge) = app.try_state::<Bridge>() {
        bridge.rings_elsewhere(elsewhere);
    }
}

/// Quits when the session of the desktop ends, or when somebody at a terminal wants it.
#[cfg(unix)]
async fn end_with_the_session(app: AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminated), Ok(mut interrupted)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    quit(&app);
}

/// Quits when somebody at a terminal wants it. The end of a session comes as the end of the windows' loop.
#[cfg(not(unix))]
async fn end_with_the_session(app: AppHandle) {
    if tokio::signal::ctrl_c().await.is_ok() {
        quit(&app);
    }
}

fn setup(place: &Place, words: &Words) -> Setup {
    Setup {
        sound: Box::new(audio::Devices::new()),
        secrets: Arc::new(Keychain::new()),
        store: place.store(),
        recordings: Some(place.recordings()),
        practice: Some(Arc::new(practice::Practice::new(words.practice_language()))),
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
