//! The two windows: `main`, and `call`, the small one of an incoming call that never takes the keyboard.

use tauri::{
    AppHandle, Manager, PhysicalPosition, Runtime, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    webview::NewWindowResponse,
};

use crate::words::Words;

/// The label of the window of the phone.
pub(crate) const MAIN: &str = "main";
/// The label of the small window of an incoming call.
pub(crate) const CALL: &str = "call";

/// WebKitGTK under the locale `C` reports a language that `Intl` throws on, and the page stays blank: there the page is
/// told the language of the phone.
fn language_guard() -> String {
    let tag = Words::of("system").tag();
    format!(
        "(() => {{
  try {{ Intl.getCanonicalLocales(navigator.language); }} catch {{
    for (const [name, value] of [['language', '{tag}'], ['languages', ['{tag}']]])
      Object.defineProperty(Navigator.prototype, name, {{ get: () => value, configurable: true }});
  }}
}})();"
    )
}

/// Shows the main window in front, and makes it anew when it was closed.
pub(crate) fn show_main<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(MAIN) {
        window.show()?;
        window.unminimize()?;
        return window.set_focus();
    }
    guarded(app, MAIN, "index.html")
        .title("Bellbird")
        .inner_size(360.0, 560.0)
        .min_inner_size(320.0, 480.0)
        .build()
        .and_then(|window| revive(&window))
}

/// Has the main window the keyboard? Then an incoming call shows there and nowhere else.
pub(crate) fn main_has_focus<R: Runtime>(app: &AppHandle<R>) -> bool {
    app.get_webview_window(MAIN)
        .is_some_and(|window| window.is_focused().unwrap_or(false) && window.is_visible().unwrap_or(false))
}

/// Shows the call window above other programs without taking the keyboard, in the lower right corner.
pub(crate) fn show_call<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    if app.get_webview_window(CALL).is_some() {
        return Ok(());
    }
    let window = guarded(app, CALL, "index.html?window=call")
        .title("Bellbird")
        .inner_size(340.0, 124.0)
        // GTK makes a window that cannot be resized at least 200 pixels high; this one has no edges to pull at anyway.
        .min_inner_size(340.0, 124.0)
        .max_inner_size(340.0, 124.0)
        .decorations(false)
        .always_on_top(true)
        .skip_taskbar(true)
        .visible_on_all_workspaces(true)
        .focusable(false)
        .focused(false)
        .build()?;
    revive(&window)?;
    place_in_corner(&window)
}

/// Takes the call window away.
pub(crate) fn hide_call<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(CALL) {
        let _ = window.destroy();
    }
}

fn place_in_corner<R: Runtime>(window: &WebviewWindow<R>) -> tauri::Result<()> {
    const MARGIN: i32 = 24;
    let Some(screen) = window.current_monitor()?.or(window.primary_monitor()?) else { return Ok(()) };
    let (size, area) = (window.outer_size()?, screen.work_area());
    let right = area.position.x + i32::try_from(area.size.width).unwrap_or(i32::MAX);
    let bottom = area.position.y + i32::try_from(area.size.height).unwrap_or(i32::MAX);
    let x = right - i32::try_from(size.width).unwrap_or(0) - MARGIN;
    let y = bottom - i32::try_from(size.height).unwrap_or(0) - MARGIN;
    window.set_position(PhysicalPosition::new(x.max(area.position.x), y.max(area.position.y)))
}

/// A window that shows pages of ours and goes nowhere else (H7).
fn guarded<'a, R: Runtime>(
    app: &'a AppHandle<R>,
    label: &str,
    page: &str,
) -> WebviewWindowBuilder<'a, R, AppHandle<R>> {
    WebviewWindowBuilder::new(app, label, WebviewUrl::App(page.into()))
        .initialization_script(language_guard())
        .on_navigation(is_ours)
        // A link with `download` is no navigation, but it would fetch all the same.
        .on_download(|_, _| false)
        .on_new_window(|_, _| NewWindowResponse::Deny)
}

/// Loads the page anew when its process crashes: the phone lives in another one, and the page is made from its state
/// (R23).
#[cfg(target_os = "linux")]
fn revive<R: Runtime>(window: &WebviewWindow<R>) -> tauri::Result<()> {
    use webkit2gtk::WebViewExt;
    window.with_webview(|view| {
        view.inner().connect_web_process_terminated(|view, reason| {
            tracing::warn!(?reason, "the process of a page has ended; the page is loaded anew");
            view.reload();
        });
    })
}

/// Loads the page anew when its process crashes: elsewhere the system's web view does so by itself.
#[cfg(not(target_os = "linux"))]
fn revive<R: Runtime>(_: &WebviewWindow<R>) -> tauri::Result<()> {
    Ok(())
}

/// The pages that Tauri serves, its isolation frame, and in a development build the development server.
fn is_ours(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => {
            url.host_str() == Some("tauri.localhost") || (tauri::is_dev() && url.host_str() == Some("localhost"))
        }
        // One scheme per build, named by Tauri: `isolation-<uuid>`.
        scheme => scheme.starts_with("isolation-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_goes_nowhere_but_to_our_pages() {
        for ours in ["tauri://localhost/", "tauri://localhost/index.html?window=call", "isolation-9b1d://localhost"] {
            assert!(is_ours(&Url::parse(ours).expect("a URL")), "{ours}");
        }
        for foreign in [
            "https://example.com/",
            "http://127.0.0.1:1420/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,x",
            "about:blank",
            "blob:tauri://localhost/1",
            "sip:600@example.com",
            "tel:+44",
            "ftp://localhost/",
            "tauri://evil/",
            "https://tauri.localhost.evil.com/",
            "ws://localhost/",
            "view-source:tauri://localhost/",
            "ipc://localhost/send",
            "asset://localhost/x",
            "smb://server/share",
            "mailto:a@b.c",
            "chrome://gpu",
            "isolation://localhost",
        ] {
            assert!(!is_ours(&Url::parse(foreign).expect("a URL")), "{foreign}");
        }
    }
}
