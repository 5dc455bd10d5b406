//! What mutants are made of: one of each shape of what was recorded, and the torture messages.

use std::{collections::BTreeMap, fs, path::Path};

pub(crate) const ADDRESSES: &[&str] =
    &["from", "to", "contact", "route", "record-route", "p-asserted-identity", "remote-party-id", "refer-to"];
pub(crate) const NUMBERS: &[&str] =
    &["cseq", "rack", "session-expires", "expires", "min-expires", "min-se", "retry-after", "max-forwards"];
pub(crate) const LISTS: &[&str] = &["supported", "require", "allow", "accept", "event", "allow-events"];
pub(crate) const PROOFS: &[&str] =
    &["www-authenticate", "proxy-authenticate", "authorization", "proxy-authorization", "authentication-info"];

/// All that there is.
pub(crate) struct Seeds {
    /// SIP messages that were recorded.
    pub(crate) messages: Vec<Vec<u8>>,
    /// RFC 4475 and RFC 5118.
    pub(crate) torture: Vec<Vec<u8>>,
    /// Answers to the opening handshake.
    pub(crate) http: Vec<Vec<u8>>,
}

impl Seeds {
    pub(crate) fn read() -> Self {
        let tests = acceptance::repository().join("tests");
        let recorded: Vec<_> = files(&tests.join("transcripts/captures")).iter().flat_map(|text| flow(text)).collect();
        let is_http = |data: &Vec<u8>| data.starts_with(b"HTTP/");
        Self {
            http: shapes(recorded.iter().filter(|data| is_http(data)).cloned()),
            messages: recorded.into_iter().filter(|data| is_sip(data)).collect(),
            torture: files(&tests.join("torture")),
        }
    }

    pub(crate) fn requests(&self, invite: bool) -> Vec<Vec<u8>> {
        let of = |data: &&Vec<u8>| !data.starts_with(b"SIP/") && data.starts_with(b"INVITE ") == invite;
        shapes(self.messages.iter().filter(of).cloned())
    }

    pub(crate) fn responses(&self) -> Vec<Vec<u8>> {
        shapes(self.messages.iter().filter(|data| data.starts_with(b"SIP/")).cloned())
    }

    /// The values of the headers of these names.
    pub(crate) fn values(&self, names: &[&str]) -> Vec<Vec<u8>> {
        let all = self.messages.iter().chain(&self.torture).flat_map(|data| lines(data));
        shapes(all.filter(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.into_bytes()))
    }

    /// What stands between angle brackets.
    pub(crate) fn uris(&self) -> Vec<Vec<u8>> {
        let values = self.values(ADDRESSES);
        let inner = |value: &Vec<u8>| {
            let text = String::from_utf8_lossy(value).into_owned();
            Some(text.split_once('<')?.1.split_once('>')?.0.as_bytes().to_vec())
        };
        shapes(values.iter().filter_map(inner))
    }

    pub(crate) fn sdps(&self) -> Vec<Vec<u8>> {
        shapes(self.messages.iter().map(|data| body(data).to_vec()).filter(|body| body.starts_with(b"v=0")))
    }

    /// Scripts of one call: an offer of theirs and one of ours, or ours and an answer.
    pub(crate) fn offers(&self) -> Vec<Vec<u8>> {
        let scripts =
            |sdp: &Vec<u8>| [[b"a", &sdp[..], b"\x1eo"].concat(), [b"o\x1ec", &sdp[..], b"\x1ea", sdp].concat()];
        self.sdps().iter().flat_map(scripts).collect()
    }

    /// The Content-Type and the body of each message that has parts, and three bodies around what was recorded.
    pub(crate) fn multiparts(&self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for data in self.messages.iter().chain(&self.torture) {
            let kind =
                lines(data).into_iter().find(|(name, value)| name == "content-type" && value.contains("multipart"));
            all.extend(kind.map(|(_, value)| [value.as_bytes(), b"\n", body(data)].concat()));
        }
        for kind in ["mixed", "alternative", "related"] {
            let sdp = String::from_utf8_lossy(&self.sdps()[0]).into_owned();
            all.push(
                format!(
                    "multipart/{kind};boundary=\"b 1\"\n--b 1\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--b 1\r\n\
                     Content-Type: application/isup\r\nContent-Disposition: signal;handling=optional\r\n\r\nx\r\n--b 1--\r\n"
                )
                .into_bytes(),
            );
        }
        all
    }
}

/// Packets as two phones like ours send them.
pub(crate) fn packets() -> Vec<Vec<u8>> {
    let header = [0x80, 111, 0xff, 0xfe, 0, 0, 0x12, 0x34, 1, 2, 3, 4];
    let report = [0x81, 201, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 0, 2, 0, 1, 0, 1, 0, 0, 0, 9, 1, 1, 1, 1, 2, 2, 2, 2];
    let sender = [0x80, 200, 0, 6, 1, 2, 3, 4, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 0, 0, 0, 9, 0, 0, 1, 0];
    let cname = [0x81, 202, 0, 3, 1, 2, 3, 4, 1, 4, b'n', b'a', b'm', b'e', 0, 0];
    let bye = [0x81, 203, 0, 1, 1, 2, 3, 4];
    let extended = [&[0x90][..], &header[1..], &[0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0, 7, 7, 7]].concat();
    let padded = [&[0xa0][..], &header[1..], &[7, 7, 7, 0, 0, 3]].concat();
    let sound = [&header[..], &[7; 60]].concat();
    let key = [&[0x80, 0x80 | 110][..], &header[2..], &[5, 0x8a, 3, 0x20]].concat();
    vec![sound, key, extended, padded, [&report[..], &cname].concat(), [&sender[..], &cname, &bye].concat()]
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = BTreeMap::new();
    for inner in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if inner.is_dir() {
            for file in fs::read_dir(&inner).expect("a folder").map(|entry| entry.expect("an entry").path()) {
                found.insert(file.clone(), fs::read(&file).expect("a file"));
            }
        }
    }
    found.into_values().collect()
}

/// The messages of a recorded flow, with CRLF line ends and without the blank lines of the file.
fn flow(text: &[u8]) -> Vec<Vec<u8>> {
    let (mut found, mut open): (Vec<String>, bool) = (Vec::new(), false);
    for line in String::from_utf8_lossy(text).split('\n') {
        if line.starts_with(">> ") || line.starts_with("<< ") {
            found.push(String::new());
            open = true;
        } else if line.starts_with("-- ") || line == "--" {
            open = false;
        } else if let (true, Some(last)) = (open, found.last_mut()) {
            last.push_str(line);
            last.push_str("\r\n");
        }
    }
    found.into_iter().map(|text| trim(&text)).collect()
}

fn trim(text: &str) -> Vec<u8> {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let length = lines(text.as_bytes()).into_iter().find(|(name, _)| name == "content-length" || name == "l");
    let length = length.and_then(|(_, value)| value.parse().ok());
    let body = length
        .map_or(body.trim_end_matches("\r\n").as_bytes(), |length: usize| &body.as_bytes()[..length.min(body.len())]);
    [head.as_bytes(), b"\r\n\r\n", body].concat()
}

fn is_sip(data: &[u8]) -> bool {
    let first = data.split(|byte| *byte == b'\r').next().unwrap_or_default();
    first.starts_with(b"SIP/2.0 ") || first.ends_with(b" SIP/2.0")
}

fn body(data: &[u8]) -> &[u8] {
    data.windows(4).position(|four| four == b"\r\n\r\n").map_or(&[], |at| &data[at + 4..])
}

fn lines(data: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(data);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let pair =
        |line: &str| line.split_once(':').map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned()));
    head.split("\r\n").skip(1).filter_map(pair).collect()
}

/// What differs only in letters and numbers is one shape; of each there is one.
fn shapes(all: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut found: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for data in all {
        let mut shape: Vec<u8> =
            data.iter().map(|byte| if byte.is_ascii_alphanumeric() { b'a' } else { *byte }).collect();
        shape.dedup();
        found.entry(shape).or_insert(data);
    }
    found.into_values().collect()
}
