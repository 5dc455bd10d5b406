//! What the phone does, in lines for a person: each new state is compared with the one before, and what changed is
//! said. Nothing is decided here.

use std::sync::Arc;

use phone::{
    contract::{
        Account, Call, CauseKind, ConnectStep, Devices, Direction, Error, HistoryRow, Hold, LineState, MediaPath,
        Notice, Party, Phase, PhoneState,
    },
    words::without_marks,
};

/// Says what changes.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    last: Option<Arc<PhoneState>>,
    /// The troubles with devices that were said; they may take turns while a call opens one after the other.
    said: Vec<String>,
}

impl Teller {
    /// The state that was last seen.
    pub(crate) fn last(&self) -> Option<&PhoneState> {
        self.last.as_deref()
    }

    /// Takes the next state and says what is new in it.
    pub(crate) fn changes(&mut self, next: Arc<PhoneState>) -> Vec<String> {
        let before = self.last.replace(Arc::clone(&next));
        let mut lines = Vec::new();
        for account in &next.accounts {
            let old = before.as_ref().and_then(|state| state.accounts.iter().find(|old| old.id == account.id));
            let said = line(account);
            if old.map(line).as_ref() != Some(&said) {
                lines.push(format!("{} {}: {said}", account.id, name(account)));
            }
        }
        for call in &next.calls {
            let old = before.as_ref().and_then(|state| state.calls.iter().find(|old| old.id == call.id));
            let said = phase(call);
            if old.map(phase).as_ref() != Some(&said) {
                lines.push(format!("{} {}: {said}", call.id, with(call)));
            }
            let code = |call: &Call| call.trouble.as_ref().map(|error| error.code.clone());
            if let Some(trouble) = call.trouble.as_ref().filter(|_| old.and_then(code) != code(call)) {
                lines.push(format!("{} {}: {}", call.id, with(call), sentence(trouble)));
            }
        }
        let known = |error: &Error| {
            before.as_ref().is_some_and(|state| state.problems.iter().any(|old| old.code == error.code))
        };
        lines.extend(next.problems.iter().filter(|error| !known(error)).map(sentence));
        if let Some(error) = next.devices.problem.as_ref().filter(|error| !self.said.contains(&error.code)) {
            self.said.push(error.code.clone());
            lines.push(sentence(error));
        }
        lines.into_iter().map(|line| without_marks(&line)).collect()
    }
}

/// An error in its sentences, with its code.
pub(crate) fn sentence(error: &Error) -> String {
    let mut text = without_marks(&error.message);
    if !text.ends_with(['.', '。']) {
        text.push('.');
    }
    for more in [&error.why, &error.hint].into_iter().flatten() {
        text.push(' ');
        text.push_str(&without_marks(more));
    }
    let status = error.sip.map(|status| format!(", SIP {status}")).unwrap_or_default();
    format!("{text} ({}{status})", error.code)
}

/// A notice.
pub(crate) fn notice(notice: &Notice) -> Option<String> {
    match notice {
        Notice::MissedCall { row } => Some(format!("Missed: {}", party(&row.with))),
        Notice::PracticeStopped { error } => Some(sentence(error)),
        Notice::Recorded { path, error, .. } => {
            let kept = path.as_ref().map(|path| format!("Recorded: {path}"));
            let all: Vec<String> = kept.into_iter().chain(error.as_ref().map(sentence)).collect();
            Some(all.join("\n"))
        }
        Notice::Dtmf { call, digit } => Some(format!("{call}: they press {digit}")),
        // The devices of a state say it better.
        Notice::DeviceChanged { .. } => None,
    }
}

/// The practice line has a name of its own in each program that shows it.
fn name(account: &Account) -> &str {
    if account.practice { "Practice line" } else { &account.name }
}

fn line(account: &Account) -> String {
    match &account.line {
        LineState::Off {} => "off the line".to_owned(),
        LineState::Connecting { step, .. } => match step {
            ConnectStep::Register => "registering".to_owned(),
            _ => "connecting".to_owned(),
        },
        LineState::Registered { .. } => "ready".to_owned(),
        LineState::Suspect { .. } => "no sign of the server, checking".to_owned(),
        LineState::Retrying { error, attempt, .. } => {
            format!("trying again by itself ({attempt}): {}", sentence(error))
        }
        LineState::Failed { error } => sentence(error),
    }
}

fn phase(call: &Call) -> String {
    let words = match &call.phase {
        Phase::Dialing {} => "calling".to_owned(),
        Phase::Ringing {} => "it rings there".to_owned(),
        Phase::EarlyMedia {} => "it rings there, with sound".to_owned(),
        Phase::Incoming { .. } => "calls you: answer or decline".to_owned(),
        Phase::Connecting {} => "answered, securing the sound".to_owned(),
        Phase::Connected {} => connected(call),
        Phase::Reconnecting { .. } => "the connection was interrupted, the call is being kept".to_owned(),
        Phase::Ending {} => "hanging up".to_owned(),
        Phase::Ended { cause } => match &cause.error {
            Some(error) => sentence(error),
            None => ended(cause.is).to_owned(),
        },
    };
    if call.silenced && matches!(call.phase, Phase::Incoming { .. }) { format!("{words} (silenced)") } else { words }
}

fn connected(call: &Call) -> String {
    let mut words = vec!["connected".to_owned()];
    if call.media.path == MediaPath::Secure {
        words.push("encrypted".to_owned());
        words.extend(call.media.codec.clone());
    }
    match call.hold {
        Hold::None => {}
        Hold::Local => words.push("on hold".to_owned()),
        Hold::Remote => words.push("they put you on hold".to_owned()),
        Hold::Both => words.push("on hold by both".to_owned()),
    }
    if call.conference.is_some() {
        words.push("in a conference".to_owned());
    }
    if call.muted {
        words.push("muted".to_owned());
    }
    words.join(", ")
}

const fn ended(cause: CauseKind) -> &'static str {
    match cause {
        CauseKind::HungUpHere => "ended",
        CauseKind::HungUpThere => "they hung up",
        CauseKind::Busy => "busy",
        CauseKind::Declined => "declined",
        CauseKind::NoAnswer => "nobody answered",
        CauseKind::Cancelled => "cancelled",
        CauseKind::AnsweredElsewhere => "answered on another phone",
        CauseKind::Unreachable => "not reachable",
        CauseKind::NotFound => "no such number",
        CauseKind::Moved => "sent to another number",
        CauseKind::NotAllowed => "not allowed",
        CauseKind::NoCommonCodec => "no common way to speak",
        CauseKind::MediaFailed => "the sound failed",
        CauseKind::Network => "the network failed",
        CauseKind::ServerError => "the server failed",
    }
}

fn with(call: &Call) -> String {
    let who = party(&call.with);
    if who.is_empty() { call.asked.clone() } else { who }
}

fn party(party: &Party) -> String {
    match (party.name.is_empty(), party.number.is_empty()) {
        (false, false) if party.name != party.number => format!("{} ({})", party.name, party.number),
        (false, _) => party.name.clone(),
        (true, _) => party.number.clone(),
    }
}

/// The accounts, a line each.
pub(crate) fn accounts(state: &PhoneState) -> Vec<String> {
    let all = state.accounts.iter();
    or_none(all.map(|own| format!("{} {} <{}>: {}", own.id, name(own), own.address, line(own))), "There is no account.")
}

/// The calls, a line each.
pub(crate) fn calls(state: &PhoneState) -> Vec<String> {
    let mark = |call: &Call| if call.active { "* " } else { "" };
    let all = state.calls.iter();
    or_none(all.map(|call| format!("{}{} {}: {}", mark(call), call.id, with(call), phase(call))), "There is no call.")
}

/// The sound devices, a line each.
pub(crate) fn devices(devices: &Devices) -> Vec<String> {
    let used = |id: &str, by: &[(&str, &Option<String>)]| {
        let roles: Vec<_> = by.iter().filter(|(_, own)| own.as_deref() == Some(id)).map(|(role, _)| *role).collect();
        if roles.is_empty() { String::new() } else { format!(" [{}]", roles.join(", ")) }
    };
    let in_use = &devices.in_use;
    let microphones = devices.microphones.iter().map(|own| (own, "microphone", used(&own.id, &[("mic", &in_use.mic)])));
    let speakers = devices
        .speakers
        .iter()
        .map(|own| (own, "speaker", used(&own.id, &[("speaker", &in_use.speaker), ("ringer", &in_use.ringer)])));
    let all = microphones.chain(speakers).filter(|(own, ..)| own.present);
    or_none(all.map(|(own, kind, used)| format!("{kind} {} ({}){used}", own.name, own.id)), "There is no sound device.")
}

/// Calls of the past, a line each, the newest last so that it stands above the prompt.
pub(crate) fn history(rows: &[HistoryRow]) -> Vec<String> {
    let all = rows.iter().rev().map(|row| {
        let arrow = if row.direction == Direction::Out { "->" } else { "<-" };
        let who = if row.asked.is_empty() { party(&row.with) } else { row.asked.clone() };
        let new = if row.seen { "" } else { " (new)" };
        let files: String = row.recordings.iter().map(|path| format!(", recorded: {path}")).collect();
        format!("{} {arrow} {who}: {}{new}{files}", row.started_at, ended(row.cause.is))
    });
    or_none(all, "There is no call like that.")
}

fn or_none(lines: impl Iterator<Item = String>, none: &str) -> Vec<String> {
    let lines: Vec<_> = lines.map(|line| without_marks(&line)).collect();
    if lines.is_empty() { vec![none.to_owned()] } else { lines }
}
