//! A call that is sent elsewhere (RFC 3261 8.1.3.4, 21.3), followed with care (CONFORMANCE C69): to no address twice, to a
//! handful at most, from `sips` to nothing less, and by itself only where the number stays the same.

use std::{collections::VecDeque, time::Instant};

use super::{Call, CallState};
use crate::{
    agent::UserAgent,
    auth::Tries,
    headers::{Contact, Headers},
    message::Response,
    transaction::{Client, Purpose},
    uri::Uri,
};

/// The most addresses that one call is sent on to.
const MOST: usize = 5;

/// Where a call has been and may go.
#[derive(Debug, Default)]
pub(crate) struct Redirects {
    tried: Vec<Uri>,
    next: VecDeque<Uri>,
}

impl UserAgent {
    /// After a refusal of our INVITE: tries the next address that it, or one before it, has named. Gives back the
    /// transaction when there is none.
    pub(crate) fn follow(&mut self, now: Instant, client: Client, response: &Response) -> Option<Client> {
        let Purpose::Invite(id) = client.purpose else { return Some(client) };
        let Ok(Call { state: CallState::Inviting(inviting), .. }) = self.call(id) else { return Some(client) };
        let own = &mut inviting.redirects;
        let first = own.tried.first().unwrap_or(&client.request.uri).clone();
        if own.tried.is_empty() {
            own.tried.push(first.clone());
        }
        let mut others = Vec::new();
        match response.status.class() {
            3 => {
                for target in targets(&response.headers) {
                    let known = own.tried.iter().chain(&own.next).any(|tried| tried.is_equivalent(&target));
                    if known || own.tried.len() + own.next.len() > MOST || (first.is_secure() && !target.is_secure()) {
                        continue;
                    }
                    if target.is_sip() && target.user == first.user {
                        own.next.push_back(target);
                    } else if others.len() < MOST {
                        others.push(target);
                    }
                }
            }
            // RFC 3261 21.6: nobody else can do better.
            6 => own.next.clear(),
            _ => {}
        }
        let next = own.next.pop_front();
        own.tried.extend(next.clone());
        if !others.is_empty() {
            self.elsewhere = Some((id, others));
        }
        let Some(next) = next.filter(|_| self.may_send_again(client.purpose)) else { return Some(client) };
        // RFC 3261 8.1.3.4: the same call with another Request-URI. What else the address says of the request is not
        // followed (C88).
        let mut request = client.request;
        request.uri = next;
        // Who is there asks for itself.
        self.send_again(now, request, client.purpose, Tries::default());
        None
    }
}

/// The addresses of a 3xx, the most wanted first (RFC 3261 20.10).
fn targets(headers: &Headers) -> Vec<Uri> {
    let mut all: Vec<(u32, Uri)> = headers
        .all::<Contact>()
        .into_iter()
        .filter_map(Contact::address)
        .map(|contact| {
            let mut uri = contact.uri;
            uri.headers = None;
            uri.params.remove("method");
            (thousandths(contact.params.raw("q")), uri)
        })
        .collect();
    all.sort_by_key(|(q, _)| std::cmp::Reverse(*q));
    all.into_iter().map(|(_, uri)| uri).collect()
}

/// A `q` of 0 to 1 with three digits, in thousandths; 1 where it is none.
fn thousandths(q: Option<&str>) -> u32 {
    let Some((whole, part)) = q.map(|q| q.split_once('.').unwrap_or((q, ""))) else { return 1000 };
    let digits = part.bytes().take(3).all(|byte| byte.is_ascii_digit());
    match whole {
        "0" | "" if digits => format!("{part:0<3}").get(..3).and_then(|part| part.parse().ok()).unwrap_or(1000),
        _ => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_q_is_read_as_it_is_meant() {
        let read =
            [None, Some("1"), Some("1.0"), Some("0.5"), Some("0.25"), Some("0"), Some(".125"), Some("0.1\u{e9}x")]
                .map(thousandths);
        assert_eq!(read, [1000, 1000, 1000, 500, 250, 0, 125, 1000]);
    }
}
