//! Reads the recorded flows of `tests/transcripts/captures`.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use sip::{
    Message, NameAddr,
    headers::{CSeq, Challenge, Contact, Credentials, Reason, Via},
};

/// One message of a flow.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// From the client (`>>`) or from the server (`<<`).
    pub from_client: bool,
    /// What is behind the time: an opcode or a description.
    pub remark: String,
    /// The bytes, with CRLF line ends.
    pub bytes: Vec<u8>,
}

/// All recorded flows, by path.
pub fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for server in ["asterisk", "freeswitch", "kamailio", "opensips"] {
        let dir = root().join("tests/transcripts/captures").join(server);
        found.extend(
            fs::read_dir(dir)
                .expect("a folder")
                .map(|entry| entry.expect("an entry").path())
                .filter(|path| path.extension().is_some_and(|end| end == "txt")),
        );
    }
    found.sort();
    found
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(Path::parent).expect("crates/sip lies in the repository")
}

/// The messages of one flow, in their order.
pub fn flow(path: &Path) -> Vec<Recorded> {
    let text = fs::read_to_string(path).expect("a flow is text");
    let mut found: Vec<Recorded> = Vec::new();
    let mut open = false;
    for line in text.split('\n') {
        if let Some(head) = line.strip_prefix(">> ").or_else(|| line.strip_prefix("<< ")) {
            let remark = head.split_once(' ').map_or("", |(_, remark)| remark).to_owned();
            found.push(Recorded { from_client: line.starts_with(">>"), remark, bytes: Vec::new() });
            open = true;
        } else if line.starts_with("-- ") || line == "--" || (line.starts_with('#') && found.is_empty()) {
            open = false;
        } else if open {
            let last = found.last_mut().expect("a message is open");
            last.bytes.extend_from_slice(line.as_bytes());
            last.bytes.extend_from_slice(b"\r\n");
        }
    }
    for message in &mut found {
        trim(&mut message.bytes);
    }
    found
}

/// Blank lines after a message belong to the file, not to it: what Content-Length says is kept.
fn trim(bytes: &mut Vec<u8>) {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) else { return };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:").or_else(|| line.strip_prefix("l:")))
        .and_then(|text| text.trim().parse::<usize>().ok());
    match length {
        Some(length) if end + length <= bytes.len() => bytes.truncate(end + length),
        Some(_) => {}
        None => {
            while bytes.len() > end && bytes.ends_with(b"\r\n\r\n") {
                bytes.truncate(bytes.len() - 2);
            }
        }
    }
}

/// Does it begin as a SIP message does?
pub fn is_sip(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    first.starts_with(b"SIP/2.0 ") || first.ends_with(b" SIP/2.0")
}

/// Calls `look` with `bytes` cut at every octet, and with every octet in turn left out, doubled or changed.
pub fn damage(bytes: &Bytes, mut look: impl FnMut(Bytes)) {
    // What ends lines, lists, strings, brackets and numbers, and what is no ASCII.
    const HOSTILE: [u8; 16] = *b"\r\n\"<>,;:\\@%[- \0\xff";
    for at in 0..bytes.len() {
        look(bytes.slice(..at));
        let (before, behind) = (&bytes[..at], &bytes[at + 1..]);
        let changed = match at % 4 {
            0 => [before, behind].concat(),
            1 => [before, &bytes[at..=at], &bytes[at..]].concat(),
            _ => [before, &HOSTILE[at * 7 % 16..][..1], behind].concat(),
        };
        look(changed.into());
    }
}

/// Reads a message, and everything in it that has a type, and writes it again. What was taken must be taken again.
pub fn look_at_all(bytes: Bytes) {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(error) => {
            if let Some(request) = error.request {
                let _ = request.respond(error.kind.status(), Some("t")).to_bytes();
            }
            return;
        }
    };
    let headers = message.headers();
    let _ = headers.all::<Via>();
    let _ = headers.all::<Contact>();
    let _ = headers.all::<CSeq>();
    let _ = headers.all::<Reason>();
    for (name, value) in headers.iter() {
        let _ = headers.seconds(name);
        let _ = headers.has_token(name, "timer");
        for address in headers.name_addrs(name) {
            let _ = address.params.number("expires");
            let _ = address.params.get("+sip.instance");
            let again = NameAddr::parse(&address.to_string()).expect("ours parses");
            assert_eq!(again.uri, address.uri);
        }
        let text = String::from_utf8_lossy(value);
        if let Ok(challenge) = Challenge::parse(&text) {
            Challenge::parse(&challenge.to_string()).expect("ours parses");
        }
        let _ = Credentials::parse(&text);
    }
    Message::parse(message.to_bytes()).expect("ours parses");
}
