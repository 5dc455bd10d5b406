//! Digits by INFO (`application/dtmf-relay`), where no telephone-event was agreed (W10).

use std::time::Instant;

use bytes::Bytes;

use crate::{
    agent::UserAgent,
    event::{CallId, Event, Misuse},
    header_name::HeaderName,
    message::Request,
    method::Method,
    status::StatusCode,
    transaction::{Purpose, TransactionId},
};

impl UserAgent {
    /// Sends one digit (0-9, A-D, `*`, `#`) that lasts `ms` milliseconds.
    ///
    /// # Errors
    /// [`Misuse::NoSuchCall`], [`Misuse::NoLink`], and [`Misuse::WrongState`] for a call that is not up or another sign.
    pub fn info_digit(&mut self, now: Instant, call: CallId, digit: char, ms: u32) -> Result<(), Misuse> {
        self.call(call)?;
        if !is_digit(digit) {
            return Err(Misuse::WrongState);
        }
        let established = self.established(call).ok_or(Misuse::WrongState)?;
        let mut info = established.dialog.request(Method::Info, None);
        self.describe(&mut info);
        let body = Bytes::from(format!("Signal={digit}\r\nDuration={ms}\r\n"));
        self.send(now, info.with_body("application/dtmf-relay", body), Purpose::Aside).map(|_| ())
    }

    pub(crate) fn on_info(&mut self, now: Instant, id: TransactionId, request: &Request) {
        let Some(call) = self.in_dialog(now, id, request) else { return };
        let kind = request.headers.text(&HeaderName::ContentType).unwrap_or_default().to_ascii_lowercase();
        let digit = match kind.split(';').next().map(str::trim) {
            Some("application/dtmf-relay") => relayed(&request.body),
            Some("application/dtmf") => {
                std::str::from_utf8(&request.body).ok().and_then(|text| text.trim().chars().next())
            }
            // RFC 6086 4.2.2: an INFO without a body is answered 200.
            _ if request.body.is_empty() => None,
            _ => {
                // RFC 3261 21.4.13: with what would be taken.
                let why = "an INFO with a body that is no key";
                self.refuse_with(now, id, StatusCode::UNSUPPORTED_MEDIA_TYPE, why, |response| {
                    response.headers.push(HeaderName::Accept, "application/dtmf-relay, application/dtmf")
                });
                return;
            }
        };
        self.respond_plain(now, id, StatusCode::OK);
        if let Some(digit) = digit.map(|digit| digit.to_ascii_uppercase()).filter(|digit| is_digit(*digit)) {
            self.emit(Event::Digit { call, digit });
        }
    }
}

fn is_digit(digit: char) -> bool {
    matches!(digit, '0'..='9' | 'A'..='D' | '*' | '#')
}

fn relayed(body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok()?;
    let signal = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
    })?;
    match signal {
        "10" => Some('*'),
        "11" => Some('#'),
        signal => signal.chars().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_a_digit_are_read() {
        assert_eq!(relayed(b"Signal=5\r\nDuration=160"), Some('5'));
        assert_eq!(relayed(b"Duration=1\nsignal = *\n"), Some('*'));
        assert_eq!(relayed(b"Signal=11"), Some('#'));
        assert_eq!(relayed(b"Signal="), None);
        assert_eq!(relayed(b"\xff"), None);
    }
}
