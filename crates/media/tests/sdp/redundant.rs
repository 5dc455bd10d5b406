//! Redundant sound (RFC 2198) in offers and answers: agreed where both name it rightly, and in nobody's way.

use media::codec::Codec;
use media::offer::{Agreed, Direction, Negotiation, Policy};

use super::{answer, local, negotiation, offer};

/// `RED` in one of our numbers or another.
fn with_red(sdp: &str, number: u8, fmtp: &str) -> String {
    sdp.replace("111 0 8", &format!("111 {number} 0 8"))
        .replace("a=rtpmap:0", &format!("a=rtpmap:{number} red/48000/2\r\n{fmtp}a=rtpmap:0"))
}

fn answered(offer: &str) -> (String, Agreed) {
    negotiation().answer(offer.as_bytes(), &local(), Direction::SendRecv).unwrap()
}

fn accepted(answer: &str) -> Agreed {
    let mut negotiation = negotiation();
    negotiation.offer(&local(), Direction::SendRecv);
    negotiation.accept(answer.as_bytes()).unwrap()
}

#[test]
fn both_sides_agree_to_copies_each_with_the_numbers_of_the_other() {
    let (sdp, agreed) = answered(&with_red(&offer(), 121, "a=fmtp:121 111/111\r\n"));
    assert_eq!((agreed.red, agreed.red_recv), (Some(121), vec![121]));
    assert!(sdp.contains(" 111 0 8 121 110 126\r\n"), "{sdp}");
    assert!(sdp.contains("a=rtpmap:121 red/48000/2\r\na=fmtp:121 111/111\r\n"), "{sdp}");
    // The answer may name numbers of its own.
    let theirs =
        with_red(&answer(), 121, "a=fmtp:121 100/100/100\r\n").replace(" 111 ", " 100 ").replace(":111 ", ":100 ");
    let agreed = accepted(&theirs);
    assert_eq!((agreed.send[0].pt, agreed.red, agreed.red_recv), (100, Some(121), vec![63, 121]));
    let (mut we, mut they) = (negotiation(), Negotiation::new([9; 32], Policy::default()));
    let (sdp, theirs) =
        they.answer(we.offer(&local(), Direction::SendRecv).as_bytes(), &local(), Direction::SendRecv).unwrap();
    let ours = we.accept(sdp.as_bytes()).unwrap();
    assert_eq!((ours.red, theirs.red, ours.red_recv, theirs.red_recv), (Some(63), Some(63), vec![63], vec![63]));
}

#[test]
fn deep_redundancy_is_for_those_who_know_the_same_version() {
    let (mut we, mut they) = (negotiation(), Negotiation::new([9; 32], Policy::default()));
    let (sdp, theirs) =
        they.answer(we.offer(&local(), Direction::SendRecv).as_bytes(), &local(), Direction::SendRecv).unwrap();
    assert!(theirs.past && we.accept(sdp.as_bytes()).unwrap().past);
    for (fmtp, past) in [
        ("useinbandfec=1", false),
        ("useinbandfec=1; X-DRED=12", true),
        ("useinbandfec=1;x-dred=11", false),
        ("useinbandfec=1;x-dred", false),
    ] {
        assert_eq!(answered(&offer().replace("useinbandfec=1", fmtp)).1.past, past, "{fmtp}");
    }
    let other = offer().replace(" 111 0 8", " 0 8").replace("useinbandfec=1", "x-dred=12");
    assert!(!answered(&other).1.past, "it is one of Opus");
}

#[test]
fn a_far_end_without_them_gets_none() {
    let agreed = accepted(&answer());
    assert_eq!((agreed.red, agreed.red_recv), (None, vec![63]), "they may come nevertheless");
    let (sdp, agreed) = answered(&offer());
    assert_eq!((agreed.red, agreed.red_recv), (None, vec![]));
    assert!(!sdp.contains("red/"), "{sdp}");
}

#[test]
fn copies_of_something_else_are_not_sent() {
    for fmtp in
        ["", "a=fmtp:63 0/0\r\n", "a=fmtp:63 111/0\r\n", "a=fmtp:63 111\r\n", "a=fmtp:63 111/x\r\n", "a=fmtp:63 /\r\n"]
    {
        let (sdp, agreed) = answered(&with_red(&offer(), 63, fmtp));
        assert_eq!(agreed.red, None, "{fmtp}");
        assert!(!sdp.contains("red/"), "{fmtp}: {sdp}");
    }
    // Copies of Opus, but G.711 is what is sent.
    let first = with_red(&offer(), 63, "a=fmtp:63 111/111\r\n").replace(" 111 63 0 8 ", " 0 63 111 8 ");
    assert_eq!(answered(&first).1.red, None);
    let eight = with_red(&offer(), 63, "a=fmtp:63 111/111\r\n").replace("red/48000/2", "red/8000");
    assert_eq!(answered(&eight).1.red, None);
    // Text telephony (RFC 4103) has copies of its own.
    let own = Negotiation::new([7; 32], Policy { codecs: vec![Codec::Pcmu], ..Policy::default() })
        .offer(&local(), Direction::SendRecv);
    assert!(!own.contains("red/") && own.contains("SAVPF 0 126\r\n"), "{own}");
}

#[test]
fn a_number_that_is_taken_is_not_given_again() {
    let taken = offer().replace("111 0 8", "63 0 8").replace(":111 ", ":63 ");
    let mut negotiation = negotiation();
    negotiation.answer(taken.as_bytes(), &local(), Direction::SendRecv).unwrap();
    let own = negotiation.offer(&local(), Direction::SendRecv);
    assert!(
        own.contains("a=rtpmap:63 opus/48000/2") && own.contains("a=rtpmap:96 red/48000/2\r\na=fmtp:96 63/63\r\n"),
        "{own}"
    );
}
