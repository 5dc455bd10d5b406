use sip::{EndCause, EndedBy, Uri, headers::Reason};

use super::*;
use crate::contract::{CauseKind, Direction};

fn end(by: EndedBy, status: u16, answered: bool) -> EndCause {
    EndCause::new(by, StatusCode::new(status), answered)
}

fn with_reason(protocol: &str, cause: u32) -> Option<Reason> {
    Some(Reason { protocol: protocol.into(), cause: Some(cause), text: Some("a\u{202e}b".to_owned()) })
}

#[test]
fn a_code_is_written_in_one_way_only() {
    let mut seen = std::collections::HashSet::new();
    for code in Code::ALL {
        let text = code.as_str();
        assert!(seen.insert(text), "{text} twice");
        assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{text}");
    }
}

#[test]
fn the_codes_of_the_contract_are_all_there() {
    const FIRST: &str = "host-unknown connect-refused connect-timeout tls-failed certificate-untrusted \
        certificate-expired certificate-wrong-name certificate-changed websocket-refused subprotocol-missing \
        wrong-password unknown-user forbidden server-unavailable connection-lost password-needed no-keychain \
        keychain-locked no-microphone no-speaker device-lost busy declined not-found no-answer no-common-codec \
        media-insecure media-failed bad-sip bad-sdp no-such-account no-such-call no-such-device which-call bad-command \
        bad-setting already-running no-display internal";
    for code in FIRST.split_whitespace() {
        assert!(Code::ALL.iter().any(|known| known.as_str() == code), "{code}");
    }
}

#[test]
fn a_refused_call_says_why() {
    for (status, kind, code) in [
        (486, CauseKind::Busy, "busy"),
        (600, CauseKind::Busy, "busy"),
        (603, CauseKind::Declined, "declined"),
        (408, CauseKind::NoAnswer, "no-answer"),
        (480, CauseKind::Unreachable, "unreachable"),
        (404, CauseKind::NotFound, "not-found"),
        (484, CauseKind::NotFound, "not-found"),
        (604, CauseKind::NotFound, "not-found"),
        (403, CauseKind::NotAllowed, "not-allowed"),
        (407, CauseKind::NotAllowed, "not-allowed"),
        (488, CauseKind::NoCommonCodec, "no-common-codec"),
        (606, CauseKind::NoCommonCodec, "no-common-codec"),
        (500, CauseKind::ServerError, "server-error"),
        (503, CauseKind::ServerError, "server-error"),
        (420, CauseKind::ServerError, "server-error"),
    ] {
        let (is, fault) = cause(&end(EndedBy::Remote, status, false), Direction::Out);
        let fault = fault.expect("a fault");
        assert_eq!((is, fault.code.as_str(), fault.sip), (kind, code, Some(status)));
    }
    assert_eq!(cause(&end(EndedBy::Remote, 487, false), Direction::Out), (CauseKind::Cancelled, None));
}

#[test]
fn a_call_to_a_doubtful_server_says_what_is_doubtful() {
    // L1, S13.
    for (refusal, code) in [
        (Refusal::Weaker, Code::DigestWeaker),
        (Refusal::ForeignRealm, Code::RealmChanged),
        (Refusal::Unproven, Code::ServerUnproven),
        (Refusal::NoPassword, Code::NotAllowed),
        (Refusal::Rejected, Code::NotAllowed),
    ] {
        let end = EndCause { refusal: Some(refusal), ..end(EndedBy::Remote, 407, false) };
        let (is, fault) = cause(&end, Direction::Out);
        let fault = fault.expect("a fault");
        assert_eq!((is, fault.code, fault.sip), (CauseKind::NotAllowed, code, Some(407)));
    }
}

#[test]
fn a_call_that_was_sent_to_another_number_says_which() {
    for (to, number) in [("sip:300@b.example", "sip:300@b.example"), ("tel:+15550100;phone-context=x", "+15550100")] {
        let uri = Uri::parse(to).expect("a URI");
        let end = EndCause { elsewhere: vec![uri], ..end(EndedBy::Remote, 302, false) };
        let (is, fault) = cause(&end, Direction::Out);
        let fault = fault.expect("a fault");
        assert_eq!((is, fault.code), (CauseKind::Moved, Code::Moved));
        assert_eq!(fault.args, [("elsewhere", number.to_owned())]);
    }
}

#[test]
fn the_cause_beside_a_480_is_believed() {
    for (number, kind) in
        [(17, CauseKind::Busy), (19, CauseKind::NoAnswer), (21, CauseKind::Declined), (3, CauseKind::Unreachable)]
    {
        let end = EndCause { reason: with_reason("q.850", number), ..end(EndedBy::Remote, 480, false) };
        let (is, fault) = cause(&end, Direction::Out);
        assert_eq!(is, kind);
        assert_eq!(fault.and_then(|fault| fault.detail).as_deref(), Some("a b"), "cleaned");
    }
}

#[test]
fn a_call_that_rang_here_ends_in_its_own_ways() {
    let elsewhere =
        |protocol, number| EndCause { reason: with_reason(protocol, number), ..end(EndedBy::Remote, 487, false) };
    for (end, kind) in [
        (elsewhere("SIP", 200), CauseKind::AnsweredElsewhere),
        (elsewhere("Q.850", 26), CauseKind::AnsweredElsewhere),
        (elsewhere("SIP", 600), CauseKind::Cancelled),
        (end(EndedBy::Remote, 487, false), CauseKind::Cancelled),
        (end(EndedBy::Local, 603, false), CauseKind::Declined),
        (end(EndedBy::Local, 480, false), CauseKind::NoAnswer),
        (end(EndedBy::Local, 488, false), CauseKind::NoCommonCodec),
    ] {
        assert_eq!(cause(&end, Direction::In).0, kind, "{end:?}");
    }
}

#[test]
fn what_was_answered_is_hung_up_or_breaks() {
    let plain = |by| EndCause { status: None, ..end(by, 200, true) };
    assert_eq!(cause(&plain(EndedBy::Local), Direction::Out), (CauseKind::HungUpHere, None));
    assert_eq!(cause(&plain(EndedBy::Remote), Direction::In), (CauseKind::HungUpThere, None));
    for end in
        [plain(EndedBy::Timeout), plain(EndedBy::Link), end(EndedBy::Local, 408, true), end(EndedBy::Link, 503, false)]
    {
        let (kind, fault) = cause(&end, Direction::Out);
        assert_eq!((kind, fault.expect("a fault").code), (CauseKind::Network, Code::ConnectionLost), "{end:?}");
    }
}

#[test]
fn faults_of_the_rooms_below_have_their_codes() {
    let facts =
        CertificateFacts { sha256: "00".repeat(32), subject: "CN=x\n".to_owned(), ..CertificateFacts::default() };
    let fault = Fault::from(&LinkError::CertificateUntrusted(Box::new(facts)));
    assert_eq!(fault.code, Code::CertificateUntrusted);
    assert_eq!(fault.cert.expect("facts").subject, "CN=x ");
    let fault = Fault::from(&LinkError::WebsocketRefused { status: Some(403), detail: "Forbidden".to_owned() });
    assert_eq!((fault.code, fault.detail.as_deref()), (Code::WebsocketRefused, Some("HTTP 403 Forbidden")));
    assert_eq!(of_port(Role::Mic, &PortError::NoDevice).code, Code::NoMicrophone);
    assert_eq!(of_port(Role::Ringer, &PortError::NoDevice).code, Code::NoSpeaker);
    assert_eq!(of_port(Role::Speaker, &PortError::Gone("x".to_owned())).args, [("role", "speaker".to_owned())]);
    assert_eq!(of_secret(&SecretError::NotFound).code, Code::PasswordNeeded);
    assert_eq!(of_secret(&SecretError::Locked("x".to_owned())).code, Code::KeychainLocked);
    assert_eq!(of_offer(&OfferError::Insecure).code, Code::MediaInsecure);
    assert_eq!(of_path(PathError::Fingerprint).code, Code::MediaInsecure);
    assert_eq!(of_path(PathError::NoPair).code, Code::MediaFailed);
    let refused = of_registration(RegistrationFailure::WrongPassword, StatusCode::new(403)).of_account("h", "u");
    assert_eq!((refused.code, refused.sip, refused.args.len()), (Code::WrongPassword, Some(403), 2));
    assert_eq!(of_registration(RegistrationFailure::Timeout, None).of_account("h", "u").args.len(), 1);
}

#[test]
fn nothing_is_nothing_to_speak_of() {
    assert!(Fault::new(Code::BadNumber).with("number", "600").with("number", " \u{200b}").args.is_empty());
}
