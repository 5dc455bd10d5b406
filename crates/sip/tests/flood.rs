//! Floods (C52, L6, S24): what comes without end is bounded, and what comes after it is answered.

#[path = "support/stage.rs"]
mod stage;

use sip::{Event, HeaderName, Input, Message, StatusCode};
use stage::{SECOND, Stage};

const FLOOD: u32 = 10_000;

fn call(number: u32, more: &str) -> String {
    format!(
        "INVITE sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bK{number}\nFrom: <sip:b@c>;tag=f{number}\n\
         To: <sip:alice@example.com>\nCall-ID: {number}\nCSeq: 1 INVITE\nContact: <sip:b@c>\n{more}\n"
    )
}

/// The ACK of a refusal.
fn ack(number: u32, response: &sip::Response) -> String {
    let to = response.headers.text(&HeaderName::To).expect("a To").into_owned();
    format!(
        "ACK sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bK{number}\nFrom: <sip:b@c>;tag=f{number}\n\
         To: {to}\nCall-ID: {number}\nCSeq: 1 ACK\n\n"
    )
}

#[test]
fn a_flood_of_calls_is_bounded_and_the_next_call_rings() {
    for acked in [true, false] {
        let mut stage = Stage::new();
        let mut statuses = std::collections::BTreeMap::new();
        for number in 0..FLOOD {
            stage.hear(&call(number, ""));
            let response = stage.response();
            *statuses.entry(response.status.code()).or_insert(0) += 1;
            if acked && response.status != StatusCode::TRYING {
                stage.hear(&ack(number, &response));
            }
            let (transactions, calls, timers) = stage.side.agent.live();
            assert!(transactions <= 64 && calls <= 8 && timers <= 128, "{:?}", stage.side.agent.live());
        }
        // Eight ring; the others hear that we are busy, or, where nobody takes his answers away, that we cannot now.
        assert_eq!(statuses.get(&100), Some(&8));
        let busy = statuses.get(&486).copied().unwrap_or_default();
        assert_eq!(
            (busy, statuses.get(&503).copied().unwrap_or_default()),
            if acked { (9_992, 0) } else { (56, 9_936) }
        );
        while let Some(Event::Incoming(incoming)) = stage.side.events.pop_front() {
            stage.side.agent.reject(stage.now, incoming.call, StatusCode::DECLINE).expect("it is called");
            stage.sent();
        }
        stage.side.events.clear();
        if !acked {
            // RFC 3261 17.2.1, timer H: until then they wait for their ACKs.
            stage.pass(32 * SECOND);
        }
        stage.hear(&call(FLOOD, ""));
        assert_eq!(stage.response().status, StatusCode::TRYING);
        assert!(matches!(stage.side.event(), Event::Incoming(_)));
    }
}

#[test]
fn a_flood_of_questions_leaves_nothing() {
    let mut stage = Stage::new();
    for number in 0..FLOOD {
        let method = ["OPTIONS", "SUBSCRIBE", "MESSAGE", "NOTIFY", "BYE", "PRACK", "UPDATE"][number as usize % 7];
        stage.hear(&call(number, "").replace("INVITE", method));
        stage.response();
        assert_eq!(stage.side.agent.live(), (0, 0, 0));
    }
    assert!(stage.side.events.is_empty());
}

#[test]
fn a_message_of_too_much_is_refused() {
    for (headers, status) in [(400, 100), (10_000, 513)] {
        let mut stage = Stage::new();
        stage.hear(&call(1, &"Accept: a/b\n".repeat(headers)));
        assert_eq!(stage.response().status.code(), status, "{headers} headers");
    }
    let mut stage = Stage::new();
    stage.side.agent.handle_input(stage.now, Input::Message(vec![b'x'; 300_000].into()));
    assert!(stage.sent().is_empty());
    assert!(matches!(stage.side.event(), Event::Misbehaved(_)));
    // A thousand elements in one line are no more than one line.
    stage.hear(&call(1, &format!("Supported: {}\n", "a,".repeat(1000))));
    assert!(matches!(stage.sent().first(), Some(Message::Response(response)) if response.status == StatusCode::TRYING));
}
