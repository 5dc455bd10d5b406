//! Calls that are kept in a file.

use super::{Effect, Now, Switchboard, commands::of_call};
use crate::{
    contract::{CallId, HistoryRow, Notice, Ok, Timestamp},
    fault::{Code, Fault},
    party,
    sound::{Kept, TapePlace},
    voice::Order,
};

/// Ended calls whose recordings may still end; the files of more are told and kept all the same.
const MOST_TAPED: usize = 32;
/// The longest name of a party in the name of a file.
const LONGEST_NAME: usize = 40;

impl Switchboard {
    /// Where there is no folder for them, nothing is recorded.
    pub(super) fn may_record(&self) -> Result<(), Fault> {
        if self.recordings.is_some() { Ok(()) } else { Err(Fault::new(Code::NotNow)) }
    }

    pub(super) fn record(&mut self, now: Now, id: &CallId) -> Ok {
        let Some(folder) = self.recordings.clone() else { return Ok::default() };
        let format = self.settings.record_as;
        let announce = self.settings.record_tone;
        let Some(call) = self.call_mut(id).filter(|call| !call.recording) else { return of_call(id.clone()) };
        let who = [&call.with.name, &call.with.number, &call.asked].into_iter().find(|name| !name.is_empty());
        let name = file_name(now.wall, who.map_or("", String::as_str));
        let place = TapePlace { folder, name, format };
        call.taped = true;
        self.effect(Effect::Voice(Order::Record { call: id.clone(), to: Some((place, announce)) }));
        of_call(id.clone())
    }

    /// The call that is recorded.
    pub(super) fn with_recording(&self, call: Option<CallId>) -> Result<CallId, Fault> {
        if let Some(id) = call {
            let own = self.calls.iter().find(|own| own.id == id).ok_or_else(|| Fault::new(Code::NoSuchCall))?;
            return if own.recording { Ok(id) } else { Err(Fault::new(Code::NotNow)) };
        }
        let mut all = self.calls.iter().filter(|own| own.recording);
        match (all.next(), all.next()) {
            (Some(own), None) => Ok(own.id.clone()),
            (Some(_), Some(_)) => Err(Fault::new(Code::WhichCall)),
            (None, _) => Err(Fault::new(Code::NotNow)),
        }
    }

    pub(super) fn stop_recording(&mut self, id: &CallId) -> Ok {
        self.effect(Effect::Voice(Order::Record { call: id.clone(), to: None }));
        of_call(id.clone())
    }

    pub(super) fn recording_began(&mut self, id: &CallId) {
        if let Some(call) = self.call_mut(id) {
            call.recording = true;
        }
    }

    pub(super) fn recorded(&mut self, id: CallId, kept: Kept) {
        if let Some(call) = self.call_mut(&id) {
            call.recording = false;
        }
        let error = kept.error.map(|trouble| {
            let code = if trouble.full { Code::DiskFull } else { Code::RecordingFailed };
            self.words.error(&Fault::new(code).detail(trouble.detail))
        });
        let path = kept.path.map(|path| path.display().to_string());
        if let Some(path) = &path {
            self.keep_recording(&id, path);
        }
        let length_ms = u64::try_from(kept.length.as_millis()).unwrap_or(u64::MAX);
        self.effect(Effect::Notice(Notice::Recorded { call: id, path, length_ms, error }));
    }

    /// A file of a call stands in its row, which was written before where the call is over.
    fn keep_recording(&mut self, id: &CallId, path: &str) {
        if let Some((_, row)) = self.taped.iter_mut().find(|(own, _)| own == id) {
            row.recordings.push(path.to_owned());
            let row = Box::new(row.clone());
            self.history_seq += 1;
            self.effect(Effect::Row(row));
        } else if let Some(call) = self.call_mut(id) {
            call.recordings.push(path.to_owned());
        }
    }

    /// The call is over, and its recording may not be.
    pub(super) fn row_of_taped(&mut self, id: &CallId, row: HistoryRow) {
        if self.taped.len() == MOST_TAPED {
            self.taped.remove(0);
        }
        self.taped.push((id.clone(), row));
    }
}

/// When, in UTC, and with whom: a name that every file system takes, whatever the far end calls itself.
fn file_name(at: Timestamp, who: &str) -> String {
    let at = at.to_string();
    let moment = at.split('.').next().unwrap_or_default().replace(':', "-");
    let fits = |c: char| if c.is_alphanumeric() || matches!(c, '+' | '-' | '_') { c } else { ' ' };
    let who: String = party::clean(who).chars().map(fits).take(LONGEST_NAME).collect();
    let who = who.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{moment}Z {who}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        let at = Timestamp::from_unix_ms(1_700_000_000_000);
        for (who, name) in [
            ("Ada Lovelace", "2023-11-14T22-13-20Z Ada Lovelace"),
            ("../../etc/passwd", "2023-11-14T22-13-20Z etc passwd"),
            ("a\u{202e}b\0c:d|e", "2023-11-14T22-13-20Z ab c d e"),
            ("", "2023-11-14T22-13-20Z"),
            ("...", "2023-11-14T22-13-20Z"),
        ] {
            let made = file_name(at, who);
            assert!(!made.contains(['/', '\\', '\0', ':']), "{made}");
            assert_eq!(made.split_whitespace().collect::<String>(), name.split_whitespace().collect::<String>());
        }
        assert!(file_name(at, &"x".repeat(999)).len() < 80);
    }
}
