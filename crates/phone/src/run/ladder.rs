//! What was said on the wire, with every secret left out: for `watch sip`, and the last of each call for whoever asks
//! later why it failed.

use std::collections::VecDeque;

use crate::contract::{CallId, SipLine};

/// The most that is remembered of one call.
const MOST_MESSAGES: usize = 200;
const MOST_BYTES: usize = 256 * 1024;
/// Of so many calls.
const MOST_CALLS: usize = 16;

/// The ladders of the last calls.
#[derive(Debug, Default)]
pub(crate) struct Ladder {
    calls: VecDeque<Rungs>,
}

#[derive(Debug)]
struct Rungs {
    call: CallId,
    lines: VecDeque<SipLine>,
    bytes: usize,
}

impl Ladder {
    /// Remembers a message of a call.
    pub(crate) fn note(&mut self, line: &SipLine) {
        let Some(call) = &line.call else { return };
        let at = match self.calls.iter().position(|rungs| rungs.call == *call) {
            Some(at) => at,
            None => {
                if self.calls.len() == MOST_CALLS {
                    self.calls.pop_front();
                }
                self.calls.push_back(Rungs { call: call.clone(), lines: VecDeque::new(), bytes: 0 });
                self.calls.len() - 1
            }
        };
        let Some(rungs) = self.calls.get_mut(at) else { return };
        rungs.bytes += line.text.len();
        rungs.lines.push_back(line.clone());
        while rungs.lines.len() > MOST_MESSAGES || (rungs.bytes > MOST_BYTES && rungs.lines.len() > 1) {
            rungs.bytes -= rungs.lines.pop_front().map_or(0, |old| old.text.len());
        }
    }

    /// What was said for a call so far.
    pub(crate) fn of(&self, call: &CallId) -> impl Iterator<Item = &SipLine> {
        self.calls.iter().filter(move |rungs| rungs.call == *call).flat_map(|rungs| &rungs.lines)
    }
}

/// The message without secrets: credentials, keys of the sound's path, keys that a person pressed (S28, S29).
pub(crate) fn redacted(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let mut clean = String::with_capacity(text.len());
    let mut hidden = false;
    for line in text.split_inclusive('\n') {
        let folded = line.starts_with([' ', '\t']) && hidden;
        let (body, end) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
        hidden = folded || is_credential(body);
        if folded {
            continue;
        }
        match secret_from(body, hidden) {
            Some(at) => {
                clean.push_str(&body[..at]);
                clean.push_str("***");
            }
            None => clean.push_str(body),
        }
        clean.push_str(end);
    }
    clean
}

fn is_credential(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(name.as_str(), "authorization" | "proxy-authorization" | "authentication-info" | "cookie")
}

/// From where on a line says what nobody else may know.
fn secret_from(line: &str, credential: bool) -> Option<usize> {
    if credential {
        let colon = line.find(':')? + 1;
        // The scheme stays: it tells which digest was used.
        let rest = &line[colon..];
        let start = rest.len() - rest.trim_start().len();
        let scheme = rest.trim_start().find(' ').map_or(start, |space| start + space + 1);
        return Some(colon + scheme);
    }
    let lower = line.to_ascii_lowercase();
    ["a=ice-pwd:", "a=crypto:", "signal="].iter().find(|start| lower.starts_with(**start)).map(|start| start.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{AccountId, Timestamp};

    #[test]
    fn no_secret_is_said() {
        let message = b"REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"u\",\r\n response=\"deadbeef\"\r\nproxy-authorization : Digest x=1\r\nContent-Length: 0\r\n\r\na=ice-pwd:verysecret\r\na=ice-ufrag:abcd\r\nSignal=5\r\n";
        let clean = redacted(message);
        for secret in ["deadbeef", "username", "verysecret", "x=1", "Signal=5"] {
            assert!(!clean.contains(secret), "{secret} in {clean}");
        }
        assert!(clean.contains("Authorization: Digest ***\r\n") && clean.contains("a=ice-ufrag:abcd\r\n"), "{clean}");
    }

    #[test]
    fn what_is_no_text_is_said_all_the_same() {
        for message in [b"\xff\xfe:\n a".as_slice(), b"Authorization:", b"Authorization: \xc3\xa9", b"", b":\n\n"] {
            let _ = redacted(message);
        }
    }

    #[test]
    fn only_the_last_of_a_call_is_remembered() {
        let mut ladder = Ladder::default();
        let line = |call: &str, text: String| SipLine {
            at: Timestamp::now(),
            connection: 1,
            account: AccountId::from("a1"),
            call: Some(CallId::from(call)),
            out: true,
            text,
        };
        for number in 0..500 {
            ladder.note(&line("c1", number.to_string()));
        }
        ladder.note(&line("c2", "x".repeat(MOST_BYTES + 1)));
        ladder.note(&line("c2", "last".to_owned()));
        let kept: Vec<_> = ladder.of(&CallId::from("c1")).map(|line| line.text.clone()).collect();
        assert_eq!((kept.len(), kept.last().map(String::as_str)), (MOST_MESSAGES, Some("499")));
        assert_eq!(ladder.of(&CallId::from("c2")).count(), 1);
        for number in 0..100 {
            ladder.note(&line(&format!("c{number}"), String::new()));
        }
        assert!(ladder.calls.len() <= MOST_CALLS);
    }
}
