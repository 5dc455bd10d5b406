//! Puts our own names in the place of those that the recorded client made up: Call-IDs, tags, branches, contacts.
//!
//! All of them are random and long, so they are replaced as text, wherever they stand above the body: servers put them
//! into their tags, Record-Routes and GRUUs too.

use std::collections::HashMap;

use bytes::Bytes;
use sip::{
    HeaderName, Headers, Message,
    headers::{CSeq, Contact, Via},
};

/// What the recorded client called what we call otherwise.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pairs: Vec<(String, String)>,
    /// CSeq of the recorded client's requests and of ours, by the recorded Call-ID.
    cseqs: HashMap<(String, u32), u32>,
}

impl Names {
    /// `theirs` of the recording is `ours`.
    pub(crate) fn learn(&mut self, theirs: &str, ours: &str) {
        if theirs.is_empty() || theirs == ours {
            return;
        }
        self.pairs.retain(|(known, _)| known != theirs);
        self.pairs.push((theirs.to_owned(), ours.to_owned()));
        // The longest first, for one may stand within another.
        self.pairs.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
    }

    /// Our message stands where the recorded client's stood: what it made up is called as we call it.
    pub(crate) fn learn_all(&mut self, theirs: &Message, ours: &Message, user: &str) {
        let (recorded, own) = (theirs.headers(), ours.headers());
        let own_side = if matches!(theirs, Message::Request(_)) { HeaderName::From } else { HeaderName::To };
        let tag = |headers: &Headers| Some(headers.name_addr(&own_side)?.tag()?.to_owned());
        if let (Some(theirs), Some(ours)) = (tag(recorded), tag(own)) {
            self.learn(&theirs, &ours);
        }
        if let (Some(theirs), Some(ours)) = (address(recorded), address(own)) {
            self.learn_contact(&theirs, &ours, user);
        }
        if !matches!(theirs, Message::Request(_)) {
            return;
        }
        let (call_id, cseq) = (text(recorded, &HeaderName::CallId), number(recorded));
        self.cseqs.insert((call_id.clone(), cseq), number(own));
        self.learn(&call_id, &text(own, &HeaderName::CallId));
        if let (Some(theirs), Some(ours)) = (via(recorded), via(own)) {
            self.learn(theirs.branch().unwrap_or_default(), ours.branch().unwrap_or_default());
            self.learn(&theirs.host.to_string(), &ours.host.to_string());
        }
    }

    /// A Contact, or what a server made of one: the user part is the client's own, unless it is the account's name.
    pub(crate) fn learn_contact(&mut self, theirs: &sip::NameAddr, ours: &sip::NameAddr, user: &str) {
        let instance = |address: &sip::NameAddr| address.params.get("+sip.instance").map(|quoted| quoted.to_string());
        if let (Some(theirs), Some(ours)) = (instance(theirs), instance(ours)) {
            self.learn(theirs.trim_matches(['<', '>']), ours.trim_matches(['<', '>']));
        }
        let gruu = |address: &sip::NameAddr| address.uri.params.get("gr").map(|urn| urn.to_string());
        if let (Some(theirs), Some(ours)) = (gruu(theirs), gruu(ours)) {
            self.learn(&theirs, &ours);
        }
        let [theirs, ours] = [theirs, ours].map(|address| {
            let host = address.uri.host.as_ref().map(ToString::to_string).unwrap_or_default();
            (address.uri.user_text().unwrap_or_default(), host)
        });
        if theirs.0 != user {
            self.learn(&theirs.0, &ours.0);
        } else if theirs.1.ends_with(".invalid") {
            self.learn(&format!("{}@{}", theirs.0, theirs.1), &format!("{}@{}", ours.0, ours.1));
        }
        if theirs.1.ends_with(".invalid") && ours.1.ends_with(".invalid") {
            self.learn(&theirs.1, &ours.1);
        }
    }

    /// OpenSIPS rewrites our Contact to where it saw us come from; of several it is that with our port.
    pub(crate) fn learn_source(&mut self, answer: &Headers, user: &str, ours: &str) {
        let Some(via) = via(answer) else { return };
        if let (Some(host), Some(port)) = (via.params.raw("received"), via.params.raw("rport")) {
            self.learn(&format!("{user}@{host}:{port}"), &format!("{ours}@{host}:{port}"));
        }
    }

    /// `text` with our names in it.
    pub(crate) fn rewrite(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        'next: while let Some(first) = rest.chars().next() {
            for (theirs, ours) in &self.pairs {
                if let Some(behind) = rest.strip_prefix(theirs.as_str()) {
                    out.push_str(ours);
                    rest = behind;
                    continue 'next;
                }
            }
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
        out
    }

    /// A server's message, addressed to us.
    pub(crate) fn rewrite_message(&self, recorded: &Message, bytes: &Bytes) -> Bytes {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let head = String::from_utf8(bytes[..end].to_vec()).expect("the servers' headers are text");
        let mut lines: Vec<String> = head.split("\r\n").map(|line| self.rewrite(line)).collect();
        if let Message::Response(response) = recorded {
            let key = (text(&response.headers, &HeaderName::CallId), number(&response.headers));
            if let (Some(ours), Some(cseq)) = (self.cseqs.get(&key), response.cseq()) {
                for line in lines.iter_mut().filter(|line| line.to_ascii_lowercase().starts_with("cseq:")) {
                    *line = format!("CSeq: {ours} {}", cseq.method);
                }
            }
        }
        [lines.join("\r\n").as_bytes(), &bytes[end..]].concat().into()
    }
}

pub(crate) fn text(headers: &Headers, name: &HeaderName) -> String {
    headers.text(name).unwrap_or_default().into_owned()
}

pub(crate) fn number(headers: &Headers) -> u32 {
    headers.typed::<CSeq>().and_then(Result::ok).map_or(0, |cseq| cseq.number)
}

pub(crate) fn via(headers: &Headers) -> Option<Via> {
    headers.typed::<Via>()?.ok()
}

pub(crate) fn address(headers: &Headers) -> Option<sip::NameAddr> {
    headers.typed::<Contact>()?.ok()?.address()
}
