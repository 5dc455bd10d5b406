//! Every description of four servers and two browsers' phones is taken, from both sides of the recorded line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use media::offer::{Agreed, Direction, Negotiation, OfferError};
use media::sdp::SessionDescription;

use super::captured::{self, Capture, Captured, Sender};
use super::{lines, local, negotiation, origin};

/// One side's view of one call of a capture.
struct Side {
    negotiation: Negotiation,
    /// CSeq of our open offer, and what it said.
    offered: Option<String>,
    asked: Direction,
    /// CSeq of an INVITE without a description, which our 200 fills (RFC 3261 section 13.2.1).
    late: Option<String>,
    /// CSeq of such an INVITE of our own, to which the far end's 200 makes the offer.
    bare: Option<String>,
    versions: Vec<(u64, u64, String)>,
}

/// What was made of one description.
struct Verdict {
    kind: &'static str,
    sdp: String,
    /// We had offered not to send, so that the answer could not say that it wants sound.
    silent: bool,
    outcome: Result<Agreed, OfferError>,
}

impl Side {
    fn new() -> Self {
        Self {
            negotiation: negotiation(),
            offered: None,
            asked: Direction::SendRecv,
            late: None,
            bare: None,
            versions: Vec::new(),
        }
    }

    /// Something of the other side came in.
    fn receive(&mut self, message: &Captured) -> Option<Verdict> {
        let is_offer = message.status.is_none() && matches!(&*message.method, "INVITE" | "UPDATE");
        match (&message.sdp, message.status) {
            (Some(sdp), None) if is_offer => Some(self.answer(sdp)),
            (None, None) if message.method == "INVITE" => {
                self.late = Some(message.cseq.clone());
                None
            }
            (None, Some(300..)) if self.offered.as_ref() == Some(&message.cseq) => {
                self.negotiation.rollback();
                None
            }
            (Some(sdp), Some(200)) if self.bare.as_ref() == Some(&message.cseq) => Some(self.answer(sdp)),
            (Some(sdp), status) if self.offered.as_ref() == Some(&message.cseq) => {
                let reply = self.negotiation.accept(sdp.as_bytes());
                let kind = if status.is_none() { "answer in ACK" } else { "answer" };
                Some(Verdict { kind, sdp: sdp.clone(), silent: !self.asked.sends(), outcome: reply })
            }
            (Some(sdp), _) => panic!("neither offer nor answer: {} {:?} {sdp}", message.method, message.status),
            _ => None,
        }
    }

    /// Our side said something in the capture; the same is done here.
    fn send(&mut self, message: &Captured) {
        let Some(sdp) = &message.sdp else {
            if message.status.is_none() && message.method == "INVITE" {
                self.bare = Some(message.cseq.clone());
            }
            return;
        };
        let is_late = message.status.is_some() && self.late.as_ref() == Some(&message.cseq);
        if message.status.is_none() && message.method != "ACK" || is_late {
            let direction = match () {
                () if sdp.contains("a=sendonly") => Direction::SendOnly,
                () if sdp.contains("a=inactive") => Direction::Inactive,
                () => Direction::SendRecv,
            };
            let own = self.negotiation.offer(&local(), direction);
            self.check_own(&own);
            (self.offered, self.asked) = (Some(message.cseq.clone()), direction);
        }
    }

    fn answer(&mut self, sdp: &str) -> Verdict {
        let outcome = self.negotiation.answer(sdp.as_bytes(), &local(), Direction::SendRecv);
        let outcome = outcome.map(|(own, agreed)| {
            self.check_own(&own);
            check_answer(sdp, &own);
            agreed
        });
        Verdict { kind: "offer", sdp: sdp.to_owned(), silent: false, outcome }
    }

    /// RFC 3264 section 8: one id, and a version that grows by one when and only when something changed.
    fn check_own(&mut self, own: &str) {
        let (id, version) = origin(own);
        let rest = own.replacen(&format!(" {version} "), " ", 1);
        if let Some((old_id, old_version, old_rest)) = self.versions.last() {
            assert_eq!(*old_id, id);
            assert_eq!(*old_version + u64::from(*old_rest != rest), version, "{own}");
        }
        self.versions.push((id, version, rest));
        assert!(SessionDescription::parse(own.as_bytes()).is_ok(), "{own}");
    }
}

/// RFC 3264 section 6: as many sections as the offer has, in its order, of its kind and profile.
fn check_answer(offer: &str, answer: &str) {
    let (offered, answered) = (lines(offer, "m="), lines(answer, "m="));
    assert_eq!(offered.len(), answered.len());
    for (offered, answered) in offered.iter().zip(&answered) {
        let (offered, answered): (Vec<_>, Vec<_>) = (offered.split(' ').collect(), answered.split(' ').collect());
        assert_eq!((offered[0], offered[2]), (answered[0], answered[2]));
        assert_eq!(answered[1] != "0", offered[0] == "audio", "{answer}");
        assert!(answered[3..].iter().all(|format| offered.contains(format)), "{answer}");
    }
    assert_eq!(lines(offer, "a=mid:"), lines(answer, "a=mid:"));
    assert_eq!(offer.contains("a=group:BUNDLE"), answer.contains("a=group:BUNDLE"));
    assert_eq!(lines(answer, "a=setup:"), [if offer.contains("a=setup:active") { "passive" } else { "active" }]);
    assert_eq!(offer.contains("a=rtcp-mux"), answer.contains("a=rtcp-mux"));
    assert!(!answer.contains("0.0.0.0"));
}

/// The verdict, held against a reading of the description that knows nothing of ours.
fn check_reading(name: &str, verdict: &Verdict) {
    let Ok(agreed) = &verdict.outcome else { return };
    let sdp = &verdict.sdp;
    let remote = agreed.remote.as_ref().unwrap();
    assert_eq!(vec![&*remote.ufrag], lines(sdp, "a=ice-ufrag:"), "{name}");
    assert_eq!(vec![&*remote.pwd], lines(sdp, "a=ice-pwd:"), "{name}");
    let fingerprints: Vec<String> =
        lines(sdp, "a=fingerprint:").iter().map(|line| line.replace("SHA", "sha")).collect();
    assert_eq!(remote.fingerprints, fingerprints, "{name}");
    let component_one = |line: &&str| line.split(' ').nth(1) == Some("1");
    assert_eq!(remote.candidates, lines(sdp, "a=candidate:").into_iter().filter(component_one).collect::<Vec<_>>());
    if !verdict.silent {
        assert_eq!(agreed.remote_hold, sdp.contains("a=sendonly") || sdp.contains("a=inactive"), "{name}");
    }
    let first = &agreed.send[0];
    let named = format!("a=rtpmap:{} {}/{}", first.pt, first.codec.name(), first.codec.clock()).to_lowercase();
    assert!(sdp.to_lowercase().contains(&named), "{name}: {named}");
    if let Some(events) = agreed.dtmf {
        assert!(sdp.contains(&format!("a=rtpmap:{} telephone-event/{}", events.pt, events.clock)), "{name}");
        let fits = sdp.contains(&format!("telephone-event/{}", first.codec.clock()));
        assert!(!fits || events.clock == first.codec.clock(), "{name}");
    } else {
        assert!(!sdp.contains("telephone-event"), "{name}");
    }
    assert!(remote.fingerprints.len() == 1 && agreed.rtcp_mux && !remote.ice_lite, "{name}");
}

/// Replays a capture as one of its sides.
fn replay(capture: &Capture, we: Sender) -> Vec<Verdict> {
    let mut sides: BTreeMap<&str, Side> = BTreeMap::new();
    let mut verdicts = Vec::new();
    for message in &capture.messages {
        let side = sides.entry(&message.call).or_insert_with(Side::new);
        if message.sender == we {
            side.send(message);
        } else {
            verdicts.extend(side.receive(message));
        }
    }
    verdicts
}

fn summary(verdict: &Verdict) -> String {
    let agreed = match &verdict.outcome {
        Ok(agreed) => agreed,
        Err(error) => return format!("{}: REFUSED {} {error}", verdict.kind, error.sip_status()),
    };
    let mut text = format!("{}:", verdict.kind);
    for codec in &agreed.send {
        write!(text, " {}/{}", codec.codec.name(), codec.pt).unwrap();
    }
    match agreed.dtmf {
        Some(events) => write!(text, ", keys {}/{}", events.clock, events.pt).unwrap(),
        None => text.push_str(", no keys"),
    }
    let role = if agreed.dtls_client { "client" } else { "server" };
    let hold = if agreed.remote_hold { ", held" } else { "" };
    write!(text, ", {}{hold}, DTLS {role}, {} ms", agreed.direction.name(), agreed.ptime).unwrap();
    text
}

/// The table in `captures.verdicts` says how often each server and each client had which verdict. To see it as it is
/// now, run with `SHOW_VERDICTS=1` and `--nocapture`.
#[test]
fn every_description_has_the_verdict_of_the_table() {
    let mut table: BTreeMap<String, usize> = BTreeMap::new();
    let mut total = 0;
    for capture in captured::all() {
        let server = capture.name.split('/').next().unwrap();
        for we in [Sender::Client, Sender::Server] {
            let far = if we == Sender::Client { "server" } else { "client" };
            for verdict in replay(&capture, we) {
                check_reading(&capture.name, &verdict);
                *table.entry(format!("{server} {far} {}", summary(&verdict))).or_default() += 1;
                total += 1;
            }
        }
    }
    let mut text = format!("{total} descriptions\n");
    for (row, count) in &table {
        writeln!(text, "{count:4} {row}").unwrap();
    }
    if std::env::var_os("SHOW_VERDICTS").is_some() {
        print!("{text}");
    }
    assert_eq!(text.lines().collect::<Vec<_>>(), include_str!("captures.verdicts").lines().collect::<Vec<_>>());
}
