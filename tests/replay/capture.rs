//! Reads a recorded flow: who said what, and when.

use std::{fs, path::PathBuf, time::Duration};

use bytes::Bytes;
use sip::{HeaderName, Message};

/// What one recorded WebSocket message was.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    /// A SIP message, with CRLF line ends.
    Sip(Bytes),
    /// CRLFs or zero octets.
    Blank(Bytes),
    /// HTTP, with the blank line at its end.
    Http(String),
    /// Something of another layer: a ping, a pong, a close.
    Other,
}

/// One recorded WebSocket message.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// From the client (`>>`) or from the server (`<<`).
    pub(crate) from_client: bool,
    /// The time of day.
    pub(crate) at: Duration,
    pub(crate) frame: Frame,
}

/// One recorded flow.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    /// `server/case`.
    pub(crate) name: String,
    /// Whose client it was.
    pub(crate) user: String,
    pub(crate) messages: Vec<Recorded>,
    /// The time of day when the recording ended, where it says so.
    pub(crate) end: Duration,
}

impl Recorded {
    /// The SIP message, if it is one that can be read.
    pub(crate) fn message(&self) -> Option<Message> {
        match &self.frame {
            Frame::Sip(bytes) => Message::parse(bytes.clone()).ok(),
            _ => None,
        }
    }
}

impl Capture {
    /// Reads `server/case`.
    pub(crate) fn read(name: &str) -> Self {
        let path = folder().join(name).with_extension("txt");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut messages = Vec::new();
        let mut open: Option<(Recorded, String)> = None;
        let (mut head, mut end) = (String::new(), Duration::ZERO);
        for line in text.split('\n') {
            let heading = line.strip_prefix(">> ").or_else(|| line.strip_prefix("<< "));
            if heading.is_some() || line.starts_with("-- ") {
                messages.extend(open.take().map(finish));
            }
            if let Some(heading) = heading {
                let at = time_of_day(heading);
                open = Some((Recorded { from_client: line.starts_with('>'), at, frame: Frame::Other }, String::new()));
            } else if let Some((_, said)) = &mut open {
                said.push_str(line);
                said.push_str("\r\n");
            } else if let Some((heading, rest)) = line.split_once("now silent for ") {
                let seconds = rest.split(' ').next().and_then(|number| number.parse().ok());
                end = time_of_day(&heading[3..]) + Duration::from_secs(seconds.expect("a number of seconds"));
            } else if line.starts_with('#') {
                head.push_str(line);
            }
        }
        messages.extend(open.take().map(finish));
        let mut capture = Self { name: name.to_owned(), user: user(&head), messages, end };
        if capture.user.is_empty() {
            let from = capture.said_by(true).find_map(|message| message.headers().name_addr(&HeaderName::From));
            capture.user = from.and_then(|from| from.uri.user_text()).unwrap_or_default();
        }
        capture
    }

    /// The server's answers to the upgrade.
    pub(crate) fn upgrades(&self) -> impl Iterator<Item = String> + '_ {
        self.messages.iter().filter(|one| !one.from_client).filter_map(|one| match &one.frame {
            Frame::Http(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// The SIP messages of one side.
    pub(crate) fn said_by(&self, client: bool) -> impl Iterator<Item = Message> + '_ {
        self.messages.iter().filter(move |one| one.from_client == client).filter_map(Recorded::message)
    }
}

/// The flows of all servers whose case is `case`, or begins with what stands before a `*`.
pub(crate) fn named(case: &str) -> Vec<Capture> {
    let mut found = Vec::new();
    for server in ["asterisk", "freeswitch", "kamailio", "opensips"] {
        for entry in fs::read_dir(folder().join(server)).expect("a folder of captures") {
            let path = entry.expect("an entry").path();
            let own = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if case.strip_suffix('*').map_or(own == case, |start| own.starts_with(start)) {
                found.push(format!("{server}/{own}"));
            }
        }
    }
    found.sort();
    found.iter().map(|name| Capture::read(name)).collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("transcripts/captures")
}

fn time_of_day(heading: &str) -> Duration {
    let field = |range: std::ops::Range<usize>| heading.get(range).and_then(|text| text.parse::<u64>().ok());
    let fields = [field(0..2), field(3..5), field(6..8), field(9..12)].map(|field| field.expect("HH:MM:SS.mmm"));
    Duration::from_secs(fields[0] * 3600 + fields[1] * 60 + fields[2]) + Duration::from_millis(fields[3])
}

/// The last `user N` of the heading.
fn user(head: &str) -> String {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    head.rmatch_indices("user ")
        .map(|(at, word)| digits(&head[at + word.len()..]))
        .find(|user| !user.is_empty())
        .unwrap_or_default()
}

fn finish((mut recorded, said): (Recorded, String)) -> Recorded {
    let first = said.lines().next().unwrap_or_default();
    recorded.frame = if first.starts_with("SIP/2.0 ") || first.ends_with(" SIP/2.0") {
        Frame::Sip(exact(said.into_bytes()).into())
    } else if first.starts_with("HTTP/1.1 ") {
        Frame::Http(said.trim_end().to_owned() + "\r\n\r\n")
    } else {
        match first {
            "(CR LF CR LF)" => Frame::Blank(Bytes::from_static(b"\r\n\r\n")),
            "(CR LF)" => Frame::Blank(Bytes::from_static(b"\r\n")),
            "(text frame whose payload is four zero bytes)" => Frame::Blank(Bytes::from_static(&[0; 4])),
            _ => Frame::Other,
        }
    };
    recorded
}

/// Blank lines behind a message belong to the file; its Content-Length says where it ends.
fn exact(mut bytes: Vec<u8>) -> Vec<u8> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) else { return bytes };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    bytes.truncate(length.map_or(bytes.len(), |length| (end + length).min(bytes.len())));
    bytes
}
