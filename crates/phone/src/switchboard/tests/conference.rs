//! Calls that are joined: what is asked, what is wanted of the media thread, and what everybody is told.

use super::*;
use crate::{
    contract::{Call, Hold},
    voice::Wish,
};

/// So many calls that are up; the last one is active, and the hold of the others is agreed.
fn talking(desk: &mut Desk, calls: usize) -> Vec<(CallId, sip::CallId)> {
    let mut all = Vec::new();
    for _ in 0..calls {
        if let Some((last, _)) = all.last().cloned() {
            all.push(desk.talks());
            agree(desk, &last);
        } else {
            all.push(desk.talks());
        }
    }
    desk.wanted();
    all
}

/// The far end takes the change that is offered.
fn agree(desk: &mut Desk, call: &CallId) {
    desk.voice(Happened::Offer { call: call.clone(), sdp: Bytes::new() });
    desk.voice(Happened::Accepted { call: call.clone(), remote_hold: false, codec: None });
}

fn shown(desk: &Desk, id: &CallId) -> Call {
    desk.state().calls.into_iter().find(|call| call.id == *id).expect("the call")
}

fn active(desk: &Desk) -> Vec<CallId> {
    desk.state().calls.into_iter().filter(|call| call.active).map(|call| call.id).collect()
}

/// The calls that the media thread was last told to talk with.
fn talked_with(orders: &[Order]) -> Option<&[CallId]> {
    orders.iter().rev().find_map(|order| if let Order::Active { calls } = order { Some(&calls[..]) } else { None })
}

fn resumed(orders: &[Order], id: &CallId) -> bool {
    let talks = orders.iter().any(|order| matches!(order, Order::Talk { call, on: true } if call == id));
    let offers = orders.iter().any(|order| matches!(order, Order::Offer { call, wish: Wish::Talk, .. } if call == id));
    talks && offers
}

fn held(orders: &[Order], id: &CallId) -> bool {
    let silent = orders.iter().any(|order| matches!(order, Order::Talk { call, on: false } if call == id));
    let offers = orders.iter().any(|order| matches!(order, Order::Offer { call, wish: Wish::Hold, .. } if call == id));
    silent && offers
}

fn ids(calls: &[(CallId, sip::CallId)]) -> Vec<CallId> {
    calls.iter().map(|(id, _)| id.clone()).collect()
}

#[test]
fn eight_calls_are_joined_and_those_on_hold_are_resumed() {
    let mut desk = Desk::registered();
    let calls = ids(&talking(&mut desk, 8));
    for id in &calls {
        let can = shown(&desk, id).can;
        assert!(can.contains(&Act::Conference) && !can.contains(&Act::Leave), "{can:?}");
    }
    let done = desk.ask(json!({ "do": "conference" })).unwrap();
    assert_eq!(done.conference.as_ref().map(|id| id.as_str()), Some("f1"));
    assert_eq!(active(&desk), calls);
    let orders = desk.orders();
    assert_eq!(talked_with(&orders), Some(&calls[..]));
    let (last, waited) = calls.split_last().unwrap();
    assert!(waited.iter().all(|id| resumed(&orders, id)));
    assert!(!resumed(&orders, last), "it is talked with already");
    for id in &calls {
        let call = shown(&desk, id);
        assert_eq!((call.conference.as_ref(), call.hold), (done.conference.as_ref(), Hold::None));
        assert!(call.can.contains(&Act::Leave) && !call.can.contains(&Act::Conference), "{:?}", call.can);
    }
}

#[test]
fn what_cannot_be_joined_is_refused_and_nothing_has_changed() {
    let mut desk = Desk::registered();
    assert_eq!(desk.ask(json!({ "do": "conference" })).unwrap_err().code, Code::ConferenceTooSmall);
    let (up, _) = desk.talks();
    assert!(!shown(&desk, &up).can.contains(&Act::Conference));
    let (rings, sip) = desk.dials();
    desk.agent(Event::Ringing(sip));
    let (called, _) = desk.is_called();
    let (over, ends) = desk.talks();
    desk.agent(ended(ends, EndedBy::Remote, None, true));
    let before = desk.state();
    desk.wanted();
    for (calls, code) in [
        (json!(null), Code::ConferenceTooSmall),
        (json!([]), Code::ConferenceTooSmall),
        (json!([up]), Code::ConferenceTooSmall),
        (json!([up, up]), Code::ConferenceTooSmall),
        (json!([up, rings]), Code::NotAnswered),
        (json!([up, called]), Code::NotAnswered),
        (json!([up, over]), Code::NoSuchCall),
        (json!([up, "c99"]), Code::NoSuchCall),
    ] {
        let refused = desk.ask(json!({ "do": "conference", "calls": calls })).unwrap_err();
        assert_eq!(refused.code, code, "{calls}");
    }
    assert_eq!(desk.ask(json!({ "do": "leave", "call": up })).unwrap_err().code, Code::NotNow);
    assert_eq!(desk.ask(json!({ "do": "leave", "call": "c99" })).unwrap_err().code, Code::NoSuchCall);
    assert_eq!(desk.state(), before);
    assert!(desk.wanted().is_empty());
}

#[test]
fn it_is_held_and_resumed_as_one() {
    let mut desk = Desk::registered();
    let calls = ids(&talking(&mut desk, 3));
    desk.ask(json!({ "do": "conference" })).unwrap();
    calls[..2].iter().for_each(|id| agree(&mut desk, id));
    desk.wanted();
    // None needs to be named, for it is one.
    desk.ask(json!({ "do": "hold" })).unwrap();
    let orders = desk.orders();
    assert!(calls.iter().all(|id| held(&orders, id)) && talked_with(&orders) == Some(&[]), "{orders:?}");
    assert!(active(&desk).is_empty());
    calls.iter().for_each(|id| agree(&mut desk, id));
    desk.wanted();
    desk.ask(json!({ "do": "resume", "call": calls[1] })).unwrap();
    let orders = desk.orders();
    assert!(calls.iter().all(|id| resumed(&orders, id)) && talked_with(&orders) == Some(&calls[..]));
    assert_eq!(active(&desk), calls);
}

#[test]
fn a_call_that_is_answered_puts_all_of_it_on_hold() {
    let mut desk = Desk::registered();
    let calls = ids(&talking(&mut desk, 2));
    desk.ask(json!({ "do": "conference" })).unwrap();
    agree(&mut desk, &calls[0]);
    let (third, _) = desk.is_called();
    desk.wanted();
    desk.ask(json!({ "do": "answer" })).unwrap();
    let orders = desk.orders();
    assert!(calls.iter().all(|id| held(&orders, id)), "{orders:?}");
    assert_eq!(active(&desk), std::slice::from_ref(&third));
    let conference = shown(&desk, &calls[0]).conference;
    assert!(conference.is_some() && shown(&desk, &calls[1]).conference == conference);
    assert_eq!(shown(&desk, &third).conference, None);
    // Joined with one of it, the new one is joined with all.
    desk.voice(Happened::Offer { call: third.clone(), sdp: Bytes::new() });
    desk.voice(Happened::Path { call: third.clone(), path: secure() });
    calls.iter().for_each(|id| agree(&mut desk, id));
    desk.ask(json!({ "do": "conference", "calls": [third, calls[0]] })).unwrap();
    assert_eq!(active(&desk), [calls.clone(), vec![third.clone()]].concat());
    assert_eq!(shown(&desk, &third).conference, conference);
}

#[test]
fn who_hangs_up_leaves_and_the_last_one_is_a_plain_call() {
    let mut desk = Desk::registered();
    let calls = talking(&mut desk, 3);
    desk.ask(json!({ "do": "conference" })).unwrap();
    desk.wanted();
    desk.agent(ended(calls[1].1, EndedBy::Remote, None, true));
    let (first, last) = (&calls[0].0, &calls[2].0);
    assert_eq!(talked_with(&desk.orders()), Some(&[first.clone(), last.clone()][..]));
    assert_eq!(shown(&desk, &calls[1].0).conference, None);
    assert!(shown(&desk, first).conference.is_some());
    desk.ask(json!({ "do": "hangup", "call": first })).unwrap();
    assert_eq!(talked_with(&desk.orders()), Some(std::slice::from_ref(last)));
    let call = shown(&desk, last);
    assert!(call.active && call.conference.is_none() && call.hold == Hold::None);
    assert!(!call.can.contains(&Act::Leave) && call.can.contains(&Act::Hold), "{:?}", call.can);
    // The next one is another.
    desk.talks();
    let done = desk.ask(json!({ "do": "conference" })).unwrap();
    assert_eq!(done.conference.as_ref().map(|id| id.as_str()), Some("f2"));
}

#[test]
fn one_that_is_split_from_it_waits_and_the_others_talk_on() {
    let mut desk = Desk::registered();
    let calls = ids(&talking(&mut desk, 3));
    desk.ask(json!({ "do": "conference" })).unwrap();
    calls[..2].iter().for_each(|id| agree(&mut desk, id));
    desk.wanted();
    assert_eq!(desk.ask(json!({ "do": "leave" })).unwrap_err().code, Code::WhichCall);
    desk.ask(json!({ "do": "leave", "call": calls[0] })).unwrap();
    let orders = desk.orders();
    assert!(held(&orders, &calls[0]) && !held(&orders, &calls[1]), "{orders:?}");
    assert_eq!(active(&desk), calls[1..]);
    let call = shown(&desk, &calls[0]);
    assert!(call.conference.is_none() && call.can.contains(&Act::Conference), "{:?}", call.can);
    agree(&mut desk, &calls[0]);
    // Resumed alone, it puts them on hold.
    desk.ask(json!({ "do": "resume", "call": calls[0] })).unwrap();
    assert_eq!(active(&desk), calls[..1]);
    assert!(shown(&desk, &calls[1]).conference.is_some() && shown(&desk, &calls[2]).hold == Hold::Local);
    // Of two, whoever is split leaves a plain call.
    desk.ask(json!({ "do": "leave", "call": calls[2] })).unwrap();
    assert!(calls.iter().all(|id| shown(&desk, id).conference.is_none()));
}

#[test]
fn muted_we_are_muted_to_all_and_keys_go_to_the_call_they_are_meant_for() {
    let mut desk = Desk::registered();
    let calls = ids(&talking(&mut desk, 3));
    desk.ask(json!({ "do": "mute", "call": calls[1] })).unwrap();
    desk.ask(json!({ "do": "conference" })).unwrap();
    assert!(calls.iter().all(|id| shown(&desk, id).muted), "joining lets nobody hear who was not to be heard");
    desk.wanted();
    desk.ask(json!({ "do": "unmute" })).unwrap();
    let orders = desk.orders();
    for id in &calls {
        assert!(!shown(&desk, id).muted);
        assert!(orders.iter().any(|order| matches!(order, Order::Mute { call, on: false } if call == id)));
    }
    assert_eq!(desk.ask(json!({ "do": "dtmf", "digits": "5" })).unwrap_err().code, Code::WhichCall);
    desk.ask(json!({ "do": "dtmf", "digits": "5", "call": calls[2] })).unwrap();
    assert!(matches!(&desk.orders()[..], [Order::Dtmf { call, .. }] if *call == calls[2]));
}

#[test]
fn a_member_whose_sound_is_lost_stays_and_the_others_talk_on() {
    let mut desk = Desk::registered();
    let calls = ids(&talking(&mut desk, 3));
    desk.ask(json!({ "do": "conference" })).unwrap();
    desk.wanted();
    desk.voice(Happened::Silent { call: calls[1].clone(), silent: true });
    assert!(matches!(shown(&desk, &calls[1]).phase, Phase::Reconnecting { .. }));
    assert_eq!(active(&desk), calls);
    assert!(desk.orders().is_empty());
    assert!(shown(&desk, &calls[1]).can.contains(&Act::Leave));
}

#[test]
fn calls_of_different_accounts_are_joined() {
    let accounts = vec![profile("a1", "alice"), profile("a2", "bob")];
    let mut desk = Desk::new(Beginning { accounts, for_this_run: true, ..Beginning::default() });
    desk.comes_up("a1");
    desk.comes_up("a2");
    let (first, _) = desk.talks();
    let second = desk.ask(json!({ "do": "call", "to": "600", "account": "a2" })).unwrap().call.unwrap();
    agree(&mut desk, &first);
    let sip = desk.sip_name();
    desk.board.invited(desk.now, &second, Ok(sip));
    desk.board.answered(desk.now, &"a2".into(), sip, Some(Bytes::from_static(b"answer")), None);
    desk.voice(Happened::Path { call: second.clone(), path: secure() });
    desk.wanted();
    desk.ask(json!({ "do": "conference", "calls": [second, first] })).unwrap();
    let orders = desk.orders();
    assert_eq!(talked_with(&orders), Some(&[first.clone(), second.clone()][..]));
    let of_a1 = |order: &Order| matches!(order, Order::Offer { call, account, .. } if *call == first && account.as_str() == "a1");
    assert!(orders.iter().any(of_a1), "{orders:?}");
    assert_eq!(active(&desk), [first, second]);
}
