//! The two commands of a window: `attach` to hear the phone, `send` to ask it for something.
//!
//! Neither returns anything of the phone: what it answers comes on the channel, as the lines of
//! `bellbird-cli run --json` do. A web view is treated as hostile (CONFORMANCE S25): it can say nothing that the
//! contract does not know, and it hears nothing that the contract does not publish.

use serde_json::Value;
use tauri::{State, WebviewWindow, ipc::Channel};

use crate::bridge::Bridge;

/// The most bytes one command may have (H11). The longest honest one carries a PEM file of 64 KiB.
const LONGEST_COMMAND: usize = 96 * 1024;

/// Joins the window to the phone: `channel` gets the hello, one whole state, and every line after it.
/// A second call from the same window replaces the first.
#[tauri::command]
pub(crate) async fn attach(
    window: WebviewWindow,
    bridge: State<'_, Bridge>,
    channel: Channel<Value>,
) -> Result<(), String> {
    bridge.attach(window.label(), channel);
    Ok(())
}

/// Asks the phone for `command`. Its answer, a line `{"reply":id,…}`, comes on the channel of this window.
///
/// # Errors
/// A plain word when the window has not attached or the command is too long; everything else is answered by the phone.
#[tauri::command]
pub(crate) async fn send(
    window: WebviewWindow,
    bridge: State<'_, Bridge>,
    id: u64,
    command: Value,
) -> Result<(), String> {
    let Value::Object(mut line) = command else { return Err("not-a-command".into()) };
    line.insert("id".into(), id.into());
    let line = Value::Object(line).to_string();
    if line.len() > LONGEST_COMMAND {
        return Err("too-long".into());
    }
    bridge.send(window.label(), line).await
}
