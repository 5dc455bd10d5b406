//! Calls that come, go and are kept waiting.

use super::*;

#[test]
fn a_call_goes_out_is_answered_and_is_hung_up() {
    let mut desk = Desk::registered();
    desk.wanted();
    let (call, sip) = desk.dials();
    let orders = desk.wanted();
    assert!(orders.iter().any(|effect| matches!(effect, Effect::Agent(_, AgentOrder::Invite { to, .. }) if to.to_string() == "sip:600@example.com")));
    desk.agent(Event::Ringing(sip));
    assert!(matches!(desk.phase(&call), Phase::Ringing {}));
    assert_eq!(desk.state().tray, Tray::InCall);
    desk.is_answered(sip);
    assert!(matches!(desk.phase(&call), Phase::Connecting {}), "answered, and no way for the sound yet");
    desk.voice(Happened::Accepted { call: call.clone(), remote_hold: false, codec: Some("opus") });
    desk.passes(Duration::from_millis(120));
    desk.voice(Happened::Path { call: call.clone(), path: secure() });
    let shown = desk.state().calls.remove(0);
    assert!(matches!(shown.phase, Phase::Connected {}) && shown.active);
    assert_eq!((shown.media.secure_ms, shown.media.codec.as_deref()), (Some(120), Some("opus")));
    assert_eq!(shown.can, [Act::Mute, Act::Hangup, Act::Hold, Act::Dtmf]);
    desk.wanted();
    desk.ask(json!({ "do": "hangup" })).unwrap();
    assert!(matches!(desk.phase(&call), Phase::Ending {}));
    desk.agent(ended(sip, EndedBy::Local, None, true));
    let wanted = desk.wanted();
    assert!(wanted.iter().any(|effect| matches!(effect, Effect::Voice(Order::Close { .. }))));
    assert!(
        wanted
            .iter()
            .any(|effect| matches!(effect, Effect::Row(row) if row.cause.is == CauseKind::HungUpHere && row.seen))
    );
    desk.passes(Duration::from_millis(2999));
    assert_eq!(desk.state().calls.len(), 1, "it stays for three seconds");
    desk.passes(Duration::from_millis(1));
    assert!(desk.state().calls.is_empty());
}

#[test]
fn a_second_call_holds_the_first_and_resuming_swaps_them() {
    let mut desk = Desk::registered();
    let (first, _) = desk.talks();
    desk.wanted();
    let (second, _) = desk.talks();
    let orders = desk.orders();
    assert!(
        orders.iter().any(|order| matches!(order, Order::Talk { call, on: false } if *call == first)),
        "the room is silent at once"
    );
    assert!(
        orders
            .iter()
            .any(|order| matches!(order, Order::Offer { call, wish: crate::voice::Wish::Hold, .. } if *call == first))
    );
    let active =
        |desk: &Desk| desk.state().calls.into_iter().filter(|call| call.active).map(|call| call.id).collect::<Vec<_>>();
    assert_eq!(active(&desk), std::slice::from_ref(&second));
    // The first one is held as soon as the far end agrees.
    desk.voice(Happened::Offer { call: first.clone(), sdp: Bytes::new() });
    desk.voice(Happened::Accepted { call: first.clone(), remote_hold: false, codec: None });
    desk.ask(json!({ "do": "resume", "call": first })).unwrap();
    assert_eq!(active(&desk), [first]);
    assert_eq!(desk.ask(json!({ "do": "hangup" })).unwrap_err().code, Code::WhichCall);
    assert_eq!(desk.ask(json!({ "do": "hangup", "call": "c99" })).unwrap_err().code, Code::NoSuchCall);
}

#[test]
fn a_third_waiting_call_is_told_that_we_are_busy_and_stands_in_the_history() {
    let mut desk = Desk::registered();
    desk.is_called();
    desk.is_called();
    desk.wanted();
    let (third, sip) = desk.is_called();
    let busy = |effect: &Effect| matches!(effect, Effect::Agent(_, AgentOrder::Reject(own, StatusCode::BUSY_HERE, _)) if *own == sip);
    assert!(desk.wanted().iter().any(busy));
    desk.agent(ended(sip, EndedBy::Local, Some(StatusCode::BUSY_HERE), false));
    assert!(matches!(desk.phase(&third), Phase::Ended { cause } if cause.is == CauseKind::Busy));
    assert_eq!(desk.state().missed, 1);
}

#[test]
fn a_call_that_is_declined_is_not_missed_and_one_that_was_given_up_is() {
    let mut desk = Desk::registered();
    let (_, declined) = desk.is_called();
    desk.ask(json!({ "do": "decline" })).unwrap();
    desk.agent(ended(declined, EndedBy::Local, Some(StatusCode::DECLINE), false));
    assert_eq!(desk.state().missed, 0);
    desk.passes(Duration::from_secs(3));
    let (_, given_up) = desk.is_called();
    desk.wanted();
    desk.agent(ended(given_up, EndedBy::Remote, Some(StatusCode::REQUEST_TERMINATED), false));
    assert_eq!(desk.state().missed, 1);
    assert!(
        desk.wanted().iter().any(|effect| matches!(effect, Effect::Notice(Notice::MissedCall { row }) if !row.seen))
    );
}

#[test]
fn lost_sound_is_said_mended_and_one_day_given_up() {
    let mut desk = Desk::registered();
    let (call, sip) = desk.talks();
    desk.wanted();
    desk.voice(Happened::Silent { call: call.clone(), silent: true });
    assert!(matches!(desk.phase(&call), Phase::Reconnecting { .. }));
    let restarts =
        |desk: &mut Desk| desk.orders().iter().filter(|order| matches!(order, Order::Restart { .. })).count();
    desk.passes(Duration::from_millis(4999));
    assert_eq!(restarts(&mut desk), 0);
    desk.passes(Duration::from_millis(1));
    assert_eq!(restarts(&mut desk), 1);
    // The far end answers it, and there is still nothing to hear.
    for _ in 0..4 {
        desk.voice(Happened::Offer { call: call.clone(), sdp: Bytes::new() });
        desk.voice(Happened::Accepted { call: call.clone(), remote_hold: false, codec: None });
        desk.passes(Duration::from_secs(3));
    }
    assert_eq!(restarts(&mut desk), 4, "five in all");
    desk.passes(Duration::from_secs(60));
    assert!(
        desk.wanted().iter().any(|effect| matches!(effect, Effect::Agent(_, AgentOrder::Hangup(own)) if *own == sip))
    );
    desk.agent(ended(sip, EndedBy::Local, None, true));
    assert!(matches!(desk.phase(&call), Phase::Ended { cause } if cause.is == CauseKind::MediaFailed));
}

#[test]
fn sound_that_comes_back_is_no_loss() {
    let mut desk = Desk::registered();
    let (call, _) = desk.talks();
    desk.voice(Happened::Silent { call: call.clone(), silent: true });
    desk.voice(Happened::Silent { call: call.clone(), silent: false });
    desk.passes(Duration::from_secs(120));
    assert!(matches!(desk.phase(&call), Phase::Connected {}));
}

#[test]
fn a_description_that_cannot_be_taken_is_refused_with_the_reason() {
    let mut desk = Desk::registered();
    let sip = desk.sip_name();
    desk.wanted();
    let party = |user: &str| sip::Party { name: None, user: user.into(), uri: format!("sip:{user}@example.com") };
    let offer = Some(Bytes::from_static(b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"));
    let incoming = Incoming { call: sip, from: party("bob"), asserted: false, to: party("alice"), offer };
    desk.agent(Event::Incoming(Box::new(incoming)));
    let no_sound = (StatusCode::NOT_ACCEPTABLE_HERE, Some((304, "Media type not available")));
    let refused = |effect: &Effect| matches!(effect, Effect::Agent(_, AgentOrder::Reject(own, status, why)) if *own == sip && (*status, *why) == no_sound);
    assert!(desk.wanted().iter().any(refused));

    let (call, sip) = desk.talks();
    desk.board.reoffer(&"a1".into(), sip, Some(Bytes::from_static(b"offer")));
    desk.wanted();
    desk.voice(Happened::Refused { call: call.clone(), why: media::offer::OfferError::NoCommonCodec });
    let refused = |effect: &Effect| matches!(effect, Effect::Agent(_, AgentOrder::RefuseOffer(own, why)) if *own == sip && why.warning().0 == 305);
    assert!(desk.wanted().iter().any(refused));
    assert!(matches!(desk.phase(&call), Phase::Connected {}), "the call goes on as it was");
}

#[test]
fn a_change_that_gave_way_is_made_anew_after_the_other_one() {
    let mut desk = Desk::registered();
    let (call, sip) = desk.talks();
    desk.ask(json!({ "do": "hold" })).unwrap();
    desk.voice(Happened::Offer { call: call.clone(), sdp: Bytes::from_static(b"offer") });
    desk.wanted();
    // Both asked at once, and the far end's turn came first.
    desk.agent(Event::ReofferRefused { call: sip, status: StatusCode::REQUEST_PENDING });
    let orders = desk.orders();
    assert!(matches!(&orders[..], [Order::Rollback { call: own }] if *own == call), "{orders:?}");
    desk.agent(Event::Reoffer { call: sip, sdp: Some(Bytes::from_static(b"offer")) });
    desk.voice(Happened::Answer { call: call.clone(), sdp: Bytes::new(), remote_hold: false, codec: None });
    let anew =
        |order: &Order| matches!(order, Order::Offer { call: own, wish: crate::voice::Wish::Hold, .. } if *own == call);
    assert!(desk.orders().iter().any(anew));
    // The agent waits for an ACK first.
    desk.board.reoffer_failed(desk.now, &call, sip::Misuse::WrongState);
    desk.passes(Duration::from_millis(100));
    assert!(desk.orders().iter().any(anew), "and again, until it goes out");
}

#[test]
fn a_call_that_was_not_to_be_proven_says_so_and_names_the_server() {
    let mut desk = Desk::registered();
    let (_, sip) = desk.dials();
    let cause = EndCause::new(EndedBy::Remote, StatusCode::new(407), false);
    desk.agent(Event::Ended { call: sip, cause: EndCause { refusal: Some(sip::auth::Refusal::Weaker), ..cause } });
    let Phase::Ended { cause } = desk.state().calls.remove(0).phase else { panic!("it is over") };
    let error = cause.error.unwrap();
    assert_eq!((error.code.as_str(), error.sip), ("digest-weaker", Some(407)));
    assert!(crate::words::without_marks(&error.why.unwrap()).starts_with("example.com asked for a stronger one"));
}

#[test]
fn a_call_that_wants_a_secure_line_says_so() {
    let mut desk = Desk::registered();
    let (call, _) = desk.dials();
    desk.board.invited(desk.now, &call, Err(sip::Misuse::Insecure));
    let Phase::Ended { cause } = desk.state().calls.remove(0).phase else { panic!("it is over") };
    assert_eq!((cause.is, cause.error.unwrap().code.as_str()), (CauseKind::NotAllowed, "not-secure"));
}
