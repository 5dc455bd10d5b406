//! Every session description of the captures of four real servers: read, written again with the same meaning,
//! answered where it is an offer, accepted where it is an answer.

use std::fs;
use std::path::{Path, PathBuf};

use media::offer::{Agreed, Direction, LocalPath, Negotiation, Policy};
use media::sdp::SessionDescription;

fn captures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts/captures");
    let mut files = Vec::new();
    for server in ["asterisk", "freeswitch", "kamailio", "opensips"] {
        for entry in fs::read_dir(root.join(server)).expect("the captures lie in the repository") {
            let path = entry.expect("a readable folder").path();
            files.extend((path.extension().is_some_and(|kind| kind == "txt")).then_some(path));
        }
    }
    files.sort();
    files
}

/// The SIP messages of a capture that carry SDP: first line and body.
fn descriptions(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut block = String::new();
    for line in text.lines().chain(["<< end"]) {
        if !["<< ", ">> ", "-- "].iter().any(|mark| line.starts_with(mark)) {
            block.push_str(line);
            block.push('\n');
            continue;
        }
        let message = std::mem::take(&mut block);
        if let Some((head, body)) = message.split_once("\n\n")
            && head.to_ascii_lowercase().contains("application/sdp")
            && body.starts_with("v=0")
        {
            found.push((head.lines().next().unwrap_or_default().to_owned(), body.to_owned()));
        }
    }
    found
}

fn local() -> LocalPath {
    LocalPath {
        ufrag: "ours".into(),
        pwd: "ourpasswordourpassword".into(),
        fingerprint: format!("sha-256 {}AB", "AB:".repeat(31)),
        candidates: vec!["1 1 udp 2130706431 127.0.0.1 4000 typ host".into()],
        default: "127.0.0.1:4000".parse().expect("an address"),
    }
}

fn sensible(agreed: &Agreed) -> bool {
    let remote = agreed.remote.as_ref().expect("a path");
    !agreed.send.is_empty() && !agreed.recv.is_empty() && remote.fingerprints.len() == 1 && remote.pwd.len() >= 22
}

#[test]
fn every_description_is_read_and_keeps_its_meaning() {
    let mut count = 0;
    for file in captures() {
        let text = fs::read_to_string(&file).expect("a capture is text");
        for (first, body) in descriptions(&text) {
            let read = SessionDescription::parse(body.as_bytes());
            let read = read.unwrap_or_else(|error| panic!("{}: {first}: {error}", file.display()));
            assert_eq!(SessionDescription::parse(read.to_string().as_bytes()).as_ref(), Ok(&read), "{first}");
            count += 1;
        }
    }
    assert!(count > 900, "only {count} descriptions were found");
}

#[test]
fn every_offer_is_answered_and_every_answer_accepted() {
    let mut taken = 0;
    for file in captures() {
        let text = fs::read_to_string(&file).expect("a capture is text");
        for (first, body) in descriptions(&text) {
            let mut negotiation = Negotiation::new([7; 32], Policy::default());
            let offer = negotiation.offer(&local(), Direction::SendRecv);
            // As an answer to an offer of ours, and as an offer to us: both must do, whatever it was.
            let accepted = negotiation.accept(body.as_bytes());
            negotiation.rollback();
            let mut negotiation = Negotiation::new([7; 32], Policy::default());
            let answered = negotiation.answer(body.as_bytes(), &local(), Direction::SendRecv);
            match (accepted, answered) {
                (Ok(accepted), Ok((answer, answered))) => {
                    assert!(sensible(&accepted) && sensible(&answered), "{}: {first}", file.display());
                    let (ours, theirs) =
                        (SessionDescription::parse(answer.as_bytes()), SessionDescription::parse(body.as_bytes()));
                    assert_eq!(ours.map(|sdp| sdp.media.len()), theirs.map(|sdp| sdp.media.len()));
                    taken += 1;
                }
                other => panic!("{}: {first}: {other:?}\n{body}\n{offer}", file.display()),
            }
        }
    }
    assert!(taken > 930, "{taken}");
}
