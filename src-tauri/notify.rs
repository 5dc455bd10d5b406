//! Notifications of the desktop: an incoming call with Answer and Decline, and a missed one.

use phone::contract::{Call, Error, Party};
use tauri::AppHandle;
use tauri_plugin_notification::{Action, ActionType, NotificationExt};

use crate::words::Words;

const INCOMING: &str = "incoming";
/// So many characters of a name or a number are shown.
const LONGEST_NAME: usize = 80;

/// What was pressed on a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pressed {
    /// The button Answer.
    Answer,
    /// The button Decline.
    Decline,
    /// The notification itself: show the phone.
    Body,
}

/// Calls `pressed` with the number of the notification whenever a person presses something on one.
pub(crate) fn listen(app: &AppHandle, pressed: impl Fn(Option<i32>, Pressed) + Send + Sync + 'static) {
    let listening = app.notification().on_action(move |action| {
        let what = match action.action_id() {
            "answer" => Pressed::Answer,
            "decline" => Pressed::Decline,
            "tap" => Pressed::Body,
            _ => return,
        };
        pressed(action.notification().map(|shown| shown.id()), what);
    });
    if let Err(error) = listening {
        tracing::warn!(%error, "buttons of notifications will not work");
    }
}

/// Shows an incoming call under `number`; it goes with [`withdraw`].
pub(crate) fn incoming(app: &AppHandle, number: i32, call: &Call, account: &str, words: &Words) {
    let buttons = ActionType::builder(INCOMING)
        .actions(vec![
            Action::builder("answer", words.get("answer")).build(),
            Action::builder("decline", words.get("decline")).build(),
        ])
        .build();
    let _ = app.notification().register_action_types(vec![buttons]);
    let body = words.with("incoming-body", &[("who", who(&call.with).into()), ("account", escaped(account).into())]);
    show(
        app.notification().builder().id(number).title(words.get("incoming-title")).body(body).action_type_id(INCOMING),
    );
}

/// Shows where a recording is, or why there is none.
pub(crate) fn recorded(app: &AppHandle, path: Option<&str>, error: Option<&Error>, words: &Words) {
    let title = error.map_or_else(|| words.get("recorded-title"), |error| phone::words::without_marks(&error.message));
    let why = error.and_then(|error| error.why.as_deref()).map(phone::words::without_marks);
    let body = why.into_iter().chain(path.map(escaped)).collect::<Vec<_>>().join(" ");
    show(app.notification().builder().title(title).body(body));
}

/// Shows that a call was missed.
pub(crate) fn missed(app: &AppHandle, with: &Party, words: &Words) {
    show(
        app.notification()
            .builder()
            .title(words.get("missed-title"))
            .body(words.with("missed-body", &[("who", who(with).into())])),
    );
}

/// Takes the notification `number` away: the call rings no longer.
pub(crate) fn withdraw(app: &AppHandle, number: i32) {
    let _ = app.notification().remove_active(vec![number]);
}

fn show(notification: tauri_plugin_notification::NotificationBuilder<tauri::Wry>) {
    if let Err(error) = notification.show() {
        tracing::info!(%error, "no notification could be shown");
    }
}

/// The caller's name and number. The number always stands beside the name, which anybody may choose.
fn who(party: &Party) -> String {
    if party.name.is_empty() || party.name == party.number {
        escaped(&party.number)
    } else {
        format!("{} ({})", escaped(&party.name), escaped(&party.number))
    }
}

/// Notifications on Linux are markup (S26). Marks that turn the direction of the text would let a name lie about the
/// number beside it, and the isolation marks of Fluent would show as boxes; line ends would hide what follows.
fn escaped(text: &str) -> String {
    let turns = |c: &char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown: String = text.chars().filter(|c| !turns(c) && !c.is_control()).take(LONGEST_NAME).collect();
    shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_markup() {
        assert_eq!(escaped("\u{2068}<b>Eve & Co</b>\u{2069}"), "&lt;b&gt;Eve &amp; Co&lt;/b&gt;");
    }

    #[test]
    fn a_name_cannot_turn_or_hide_the_number_beside_it() {
        assert_eq!(escaped("Bank\u{202e}\n\r(0800)\u{200f}"), "Bank(0800)");
        assert_eq!(escaped(&"x".repeat(10_000)).len(), LONGEST_NAME);
    }
}
