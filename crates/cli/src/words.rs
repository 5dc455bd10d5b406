//! What can be typed at the prompt: one row a word.

use phone::contract::{AccountId, CallId, Command, Role};

/// A word of the prompt, what follows it and what it does.
pub(crate) struct Word {
    pub(crate) name: &'static str,
    pub(crate) then: &'static str,
    pub(crate) help: &'static str,
}

const fn word(name: &'static str, then: &'static str, help: &'static str) -> Word {
    Word { name, then, help }
}

/// All words, in the order of the help.
pub(crate) const WORDS: &[Word] = &[
    word("call", "TO [ACCOUNT]", "call a number, a name or an address"),
    word("answer", "[CALL]", "answer"),
    word("decline", "[CALL]", "refuse a call that rings"),
    word("ignore", "[CALL]", "let it ring without a sound"),
    word("hangup", "[CALL]", "hang up, however far it is"),
    word("hold", "[CALL]", "put on hold"),
    word("resume", "[CALL]", "take off hold"),
    word("conference", "[CALLS]", "let calls hear each other: these, or all that are up"),
    word("leave", "[CALL]", "take a call out of its conference, and put it on hold"),
    word("mute", "[CALL]", "send silence instead of the microphone"),
    word("unmute", "[CALL]", "send the microphone again"),
    word("record", "[CALL]", "keep what both sides say in a file"),
    word("stop", "[CALL]", "end the recording"),
    word("dtmf", "DIGITS", "press keys: 0-9, A-D, * and #, and a comma for a pause"),
    word("calls", "", "what is going on"),
    word("history", "[TEXT]", "calls of the past, those with TEXT in them"),
    word("seen", "", "mark missed calls as seen"),
    word("accounts", "", "the accounts and whether they can be reached"),
    word("register", "[ACCOUNT]", "come on the line, and try again at once"),
    word("unregister", "[ACCOUNT]", "go off the line"),
    word("devices", "", "the sound devices"),
    word("mic", "DEVICE", "talk into this device, by id or name, or default"),
    word("speaker", "DEVICE", "listen to this device"),
    word("ringer", "DEVICE", "ring on this device"),
    word(
        "set",
        "SETTING VALUE",
        "change a setting: language, theme, defaultAccount, practice, echo, noise, level, delay, recordAs, recordTone",
    ),
    word("help", "", "this help"),
    word("quit", "", "hang up, leave the servers and end"),
];

/// What a line of the prompt wants.
#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) enum Wish {
    /// Something of the phone.
    Phone(Asked),
    /// A device, by id or name, for a role.
    Device(Role, String),
    /// Calls of the past.
    History(Option<String>),
    /// Something to look at.
    Show(Show),
    /// The end.
    Quit,
    /// Nothing: an empty line.
    Nothing,
}

/// A command of the phone, comparable where the command itself is not.
pub(crate) struct Asked(pub(crate) Command);

/// What can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    Accounts,
    Calls,
    Devices,
    Help,
}

/// Reads a line.
///
/// # Errors
/// A sentence that says what can be typed instead.
pub(crate) fn read(line: &str) -> Result<Wish, String> {
    let line = line.trim();
    let (name, rest) = line.split_once(char::is_whitespace).map_or((line, ""), |(name, rest)| (name, rest.trim()));
    let row = match WORDS.iter().find(|row| row.name.eq_ignore_ascii_case(name)) {
        Some(row) => row,
        None if name.is_empty() => return Ok(Wish::Nothing),
        None => return Err(format!("{name:?} is not known here. Type help to see what is.")),
    };
    let needs = row.then.starts_with(|first: char| first.is_ascii_uppercase());
    if (needs && rest.is_empty()) || (row.then.is_empty() && !rest.is_empty()) {
        return Err(format!("It goes like this: {}", format!("{} {}", row.name, row.then).trim_end()));
    }
    let call = || (!rest.is_empty()).then(|| CallId::from(rest));
    let account = || (!rest.is_empty()).then(|| AccountId::from(rest));
    Ok(match row.name {
        "calls" => Wish::Show(Show::Calls),
        "accounts" => Wish::Show(Show::Accounts),
        "devices" => Wish::Show(Show::Devices),
        "help" => Wish::Show(Show::Help),
        "quit" => Wish::Quit,
        "history" => Wish::History((!rest.is_empty()).then(|| rest.to_owned())),
        "mic" => Wish::Device(Role::Mic, rest.to_owned()),
        "speaker" => Wish::Device(Role::Speaker, rest.to_owned()),
        "ringer" => Wish::Device(Role::Ringer, rest.to_owned()),
        "call" => phone(dial(rest)),
        "answer" => phone(Command::Answer { call: call() }),
        "decline" => phone(Command::Decline { call: call() }),
        "ignore" => phone(Command::Ignore { call: call() }),
        "hangup" => phone(Command::Hangup { call: call() }),
        "hold" => phone(Command::Hold { call: call() }),
        "resume" => phone(Command::Resume { call: call() }),
        "conference" => {
            let calls: Vec<_> = rest.split([' ', ',']).filter(|id| !id.is_empty()).map(CallId::from).collect();
            phone(Command::Conference { calls: (!calls.is_empty()).then_some(calls) })
        }
        "leave" => phone(Command::Leave { call: call() }),
        "mute" => phone(Command::Mute { call: call() }),
        "unmute" => phone(Command::Unmute { call: call() }),
        "record" => phone(Command::Record { call: call() }),
        "stop" => phone(Command::StopRecording { call: call() }),
        "dtmf" => phone(Command::Dtmf { call: None, digits: rest.to_owned() }),
        "seen" => phone(Command::Seen { before: None }),
        "register" => phone(Command::Register { account: account() }),
        "unregister" => phone(Command::Unregister { account: account() }),
        "set" => phone(set(rest)),
        other => return Err(format!("{other} cannot be done here.")),
    })
}

fn phone(command: Command) -> Wish {
    Wish::Phone(Asked(command))
}

/// The last word is an account where it looks like one: names may have blanks in them.
fn dial(rest: &str) -> Command {
    let (to, account) = match rest.rsplit_once(char::is_whitespace) {
        Some((to, last)) if is_account(last) => (to.trim_end(), Some(AccountId::from(last))),
        _ => (rest, None),
    };
    Command::Call { to: to.to_owned(), account }
}

fn is_account(text: &str) -> bool {
    text.strip_prefix('a').is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A value is JSON where it reads as such, else a text.
fn set(rest: &str) -> Command {
    let (setting, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let value = serde_json::from_str(value.trim()).unwrap_or_else(|_| value.trim().into());
    Command::Set { setting: setting.to_owned(), value }
}

/// The help of the prompt.
pub(crate) fn help() -> String {
    WORDS.iter().fold(String::new(), |text, row| {
        text + &format!("  {:<24} {}\n", format!("{} {}", row.name, row.then), row.help)
    })
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a command")
    }
}

#[cfg(test)]
impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.0) == std::mem::discriminant(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_may_name_its_account() {
        for (line, expected, on) in [
            ("call 600", "600", None),
            ("CALL  Ada Lovelace", "Ada Lovelace", None),
            ("call 600 a2", "600", Some("a2")),
            ("call a2", "a2", None),
        ] {
            let Ok(Wish::Phone(Asked(Command::Call { to, account }))) = read(line) else { panic!("{line}") };
            assert_eq!((to.as_str(), account.as_ref().map(AccountId::as_str)), (expected, on));
        }
    }

    #[test]
    fn a_conference_is_of_those_that_are_named_or_of_all() {
        for (line, expected) in [
            ("conference", None),
            ("conference c1 c12", Some(["c1", "c12"])),
            ("conference c1, c12", Some(["c1", "c12"])),
        ] {
            let Ok(Wish::Phone(Asked(Command::Conference { calls }))) = read(line) else { panic!("{line}") };
            let calls: Option<Vec<_>> = calls.as_ref().map(|calls| calls.iter().map(CallId::as_str).collect());
            assert_eq!(calls, expected.map(|calls| calls.to_vec()));
        }
    }

    #[test]
    fn a_setting_is_json_or_a_text() {
        for (line, expected) in
            [("set practice false", serde_json::json!(false)), ("set language zh-CN", serde_json::json!("zh-CN"))]
        {
            let Ok(Wish::Phone(Asked(Command::Set { value, .. }))) = read(line) else { panic!("{line}") };
            assert_eq!(value, expected);
        }
    }

    #[test]
    fn what_is_not_known_is_said_and_what_is_short_is_shown() {
        assert_eq!(read("").unwrap(), Wish::Nothing);
        assert!(read("fly").unwrap_err().contains("help"));
        assert_eq!(read("call").unwrap_err(), "It goes like this: call TO [ACCOUNT]");
        assert_eq!(read("quit now").unwrap_err(), "It goes like this: quit");
        assert_eq!(read(" Quit ").unwrap(), Wish::Quit);
    }

    #[test]
    fn every_word_of_the_help_is_understood() {
        for row in WORDS {
            let line = if row.then.is_empty() { row.name.to_owned() } else { format!("{} x y", row.name) };
            assert!(read(&line).is_ok(), "{line}");
        }
    }
}
