//! The tray: six shapes for the state of the phone, and a menu for what one wants without the window.

use phone::contract::{PhoneState, Tray};
use tauri::{
    AppHandle, Theme,
    image::Image,
    menu::{Menu, MenuItem, PredefinedMenuItem},
    tray::{MouseButton, MouseButtonState, TrayIconBuilder, TrayIconEvent},
};

use crate::{quit, window, words::Words};

const ID: &str = "phone";

/// What the tray shows. It is drawn again only when this changes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    shape: Tray,
    missed: u32,
    language: String,
}

impl Shown {
    pub(crate) fn of(state: &PhoneState) -> Self {
        Self { shape: state.tray, missed: state.missed, language: state.settings.language.clone() }
    }
}

/// Puts the icon into the tray. It succeeds without a tray too: see [`host_present`].
pub(crate) fn build(app: &AppHandle, words: &Words) -> tauri::Result<()> {
    TrayIconBuilder::with_id(ID)
        .icon(icon(Tray::Working, dark(app))?)
        .tooltip(words.get("tray-working"))
        .menu(&menu(app, words)?)
        .show_menu_on_left_click(false)
        .on_menu_event(|app, event| match event.id().as_ref() {
            "show" => report(window::show_main(app)),
            "quit" => quit(app),
            _ => {}
        })
        .on_tray_icon_event(|tray, event| {
            if let TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. } = event {
                report(window::show_main(tray.app_handle()));
            }
        })
        .build(app)
        .map(|_| ())
}

/// Draws the tray for `shown`.
pub(crate) fn draw(app: &AppHandle, shown: &Shown, words: &Words) -> tauri::Result<()> {
    let Some(tray) = app.tray_by_id(ID) else { return Ok(()) };
    tray.set_icon(Some(icon(shown.shape, dark(app))?))?;
    let key = format!("tray-{}", name(shown.shape));
    tray.set_tooltip(Some(words.with(&key, &[("count", shown.missed.into())])))?;
    tray.set_menu(Some(menu(app, words)?))
}

/// Is there a tray that shows icons? Without one a closed window could not be reached again, so closing minimises.
#[cfg(target_os = "linux")]
pub(crate) fn host_present() -> bool {
    let asked = || -> zbus::Result<bool> {
        // The window waits for this answer, so a watcher that hangs counts as none.
        let bus = zbus::blocking::connection::Builder::session()?
            .method_timeout(std::time::Duration::from_millis(500))
            .build()?;
        let watcher = zbus::blocking::Proxy::new(
            &bus,
            "org.kde.StatusNotifierWatcher",
            "/StatusNotifierWatcher",
            "org.kde.StatusNotifierWatcher",
        )?;
        watcher.get_property("IsStatusNotifierHostRegistered")
    };
    asked().unwrap_or(false)
}

/// Is there a tray that shows icons? Windows and macOS always have one.
#[cfg(not(target_os = "linux"))]
pub(crate) fn host_present() -> bool {
    true
}

fn menu(app: &AppHandle, words: &Words) -> tauri::Result<Menu<tauri::Wry>> {
    let show = MenuItem::with_id(app, "show", words.get("menu-show"), true, None::<&str>)?;
    let quit = MenuItem::with_id(app, "quit", words.get("menu-quit"), true, None::<&str>)?;
    Menu::with_items(app, &[&show, &PredefinedMenuItem::separator(app)?, &quit])
}

/// The desktop draws its panel in its own colour; the icon takes the ink that can be seen on it.
fn dark(app: &AppHandle) -> bool {
    use tauri::Manager;
    app.get_webview_window(window::MAIN)
        .and_then(|window| window.theme().ok())
        .is_some_and(|theme| theme == Theme::Dark)
}

fn name(shape: Tray) -> &'static str {
    match shape {
        Tray::Ready => "ready",
        Tray::Working => "working",
        Tray::Unreachable => "unreachable",
        Tray::InCall => "in-call",
        Tray::Missed => "missed",
        Tray::Dnd => "dnd",
    }
}

fn icon(shape: Tray, dark: bool) -> tauri::Result<Image<'static>> {
    macro_rules! inked {
        ($name:literal) => {
            if dark {
                include_bytes!(concat!("../icons/tray/", $name, "-on-dark.png")).as_slice()
            } else {
                include_bytes!(concat!("../icons/tray/", $name, "-on-light.png")).as_slice()
            }
        };
    }
    Image::from_bytes(match shape {
        Tray::Ready => inked!("ready"),
        Tray::Working => inked!("working"),
        Tray::Unreachable => inked!("unreachable"),
        Tray::InCall => inked!("in-call"),
        Tray::Missed => inked!("missed"),
        Tray::Dnd => inked!("dnd"),
    })
}

fn report(done: tauri::Result<()>) {
    if let Err(error) = done {
        tracing::warn!(%error, "the window could not be shown");
    }
}
