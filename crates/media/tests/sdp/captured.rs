//! The session descriptions of the captures, with what they were in their call.

use std::path::{Path, PathBuf};

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sender {
    Client,
    Server,
}

/// One SIP message of a capture.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) sender: Sender,
    pub(crate) call: String,
    /// `None` for a request.
    pub(crate) status: Option<u16>,
    /// Method of the request, or of the CSeq.
    pub(crate) method: String,
    pub(crate) cseq: String,
    pub(crate) sdp: Option<String>,
}

/// A capture and its messages.
#[derive(Debug)]
pub(crate) struct Capture {
    /// `asterisk/incoming`
    pub(crate) name: String,
    pub(crate) messages: Vec<Captured>,
}

/// All captures, in order of their names.
pub(crate) fn all() -> Vec<Capture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts/captures");
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in std::fs::read_dir(&root).unwrap() {
        let folder = folder.unwrap().path();
        if folder.is_dir() {
            files.extend(std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()));
        }
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files.iter().map(|file| read(&root, file)).collect()
}

fn read(root: &Path, file: &Path) -> Capture {
    let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).replace("\r\n", "\n");
    let name = file.strip_prefix(root).unwrap().with_extension("").display().to_string();
    let mut messages = Vec::new();
    let mut sender = None;
    let mut block = String::new();
    for line in text.lines().chain(["-- end"]) {
        let next = match line.get(..3) {
            Some("<< ") => Some(Sender::Server),
            Some(">> ") => Some(Sender::Client),
            Some("-- ") => None,
            _ => {
                block.push_str(line);
                block.push('\n');
                continue;
            }
        };
        messages.extend(sender.and_then(|sender| message(sender, &block)));
        sender = next;
        block.clear();
    }
    Capture { name, messages }
}

/// `None` for what is no SIP message.
fn message(sender: Sender, block: &str) -> Option<Captured> {
    let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let status = match first.next()? {
        "SIP/2.0" => Some(first.next()?.parse().ok()?),
        _ => None,
    };
    let header = |name: &str| {
        let found = head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
        });
        found.map(str::to_owned)
    };
    let (cseq, method) = header("CSeq")?.split_once(' ').map(|(number, name)| (number.to_owned(), name.to_owned()))?;
    let start = body.starts_with("v=0").then(|| body.trim_end().replace('\n', "\r\n") + "\r\n");
    Some(Captured { sender, call: header("Call-ID").or_else(|| header("i"))?, status, method, cseq, sdp: start })
}
