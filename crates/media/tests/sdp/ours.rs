//! The words of our own descriptions.

use media::codec::Codec;
use media::offer::{Direction, Negotiation, Policy};
use media::xr::Wishes;

use super::{FINGERPRINT, answer, local, negotiation, offer, origin};

#[test]
fn the_first_offer_word_by_word() {
    let sdp = negotiation().offer(&local(), Direction::SendRecv);
    let (id, version) = origin(&sdp);
    let expected = format!(
        "v=0\r\no=- {id} {version} IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 40000 UDP/TLS/RTP/SAVPF 111 9 0 8 63 110 126\r\nc=IN IP4 192.0.2.1\r\na=mid:0\r\na=ice-ufrag:ours\r\n\
         a=ice-pwd:0123456789abcdefghijkl\r\na=fingerprint:{FINGERPRINT}\r\na=setup:actpass\r\na=rtcp-mux\r\n\
         a=rtcp:40000\r\na=rtcp-xr:pkt-loss-rle rcvr-rtt=all stat-summary=loss,dup,jitt voip-metrics\r\n\
         a=candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host\r\na=end-of-candidates\r\n\
         a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1;x-dred=12\r\na=rtpmap:9 G722/8000\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
         a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\n\
         a=rtpmap:126 telephone-event/8000\r\na=fmtp:126 0-15\r\na=ptime:20\r\na=maxptime:60\r\na=sendrecv\r\n"
    );
    assert_eq!(sdp, expected);
}

#[test]
fn the_seed_makes_the_session_and_the_version_follows_the_words() {
    let mut one = Negotiation::new([1; 32], Policy::default());
    let (id, version) = origin(&one.offer(&local(), Direction::SendRecv));
    assert_eq!(origin(&one.offer(&local(), Direction::SendRecv)), (id, version));
    assert_eq!(origin(&one.offer(&local(), Direction::SendOnly)), (id, version + 1));
    assert_eq!(origin(&Negotiation::new([1; 32], Policy::default()).offer(&local(), Direction::SendRecv)).0, id);
    assert_ne!(origin(&Negotiation::new([2; 32], Policy::default()).offer(&local(), Direction::SendRecv)).0, id);
}

#[test]
fn our_answer_is_an_answer_to_ourselves() {
    let (mut we, mut they) =
        (negotiation(), Negotiation::new([9; 32], Policy { codecs: vec![Codec::Pcma], ..Policy::default() }));
    let offered = we.offer(&local(), Direction::SendRecv);
    let (sdp, theirs) = they.answer(offered.as_bytes(), &local(), Direction::RecvOnly).unwrap();
    let ours = we.accept(sdp.as_bytes()).unwrap();
    assert_eq!((ours.direction, theirs.direction), (Direction::SendOnly, Direction::RecvOnly));
    assert_ne!(ours.dtls_client, theirs.dtls_client);
    assert_ne!(ours.controlling, theirs.controlling);
    assert_eq!(ours.send, theirs.recv);
    assert_eq!(ours.dtmf.map(|events| (events.pt, events.clock)), Some((126, 8_000)));
}

#[test]
fn an_ipv6_address_is_named_so() {
    let mut path = local();
    path.default = "[2001:db8::1]:40000".parse().unwrap();
    let sdp = negotiation().offer(&path, Direction::SendRecv);
    assert!(sdp.contains("c=IN IP6 2001:db8::1\r\n") && sdp.contains("IN IP6 2001:db8::1\r\ns="));
}

#[test]
fn numbers_given_once_stay_in_later_offers() {
    let mut negotiation = negotiation();
    let theirs = offer().replace("111", "102").replace("110", "103");
    negotiation.answer(theirs.as_bytes(), &local(), Direction::SendRecv).unwrap();
    let own = negotiation.offer(&local(), Direction::SendOnly);
    assert!(own.contains("m=audio 40000 UDP/TLS/RTP/SAVPF 102 9 0 8 63 103 126\r\n"), "{own}");
    // A codec that came later gets a number that means nothing else yet.
    let mut few = negotiation.clone();
    few.accept(answer().replace("111", "102").replace("110", "103").as_bytes()).unwrap();
    let taken = offer()
        .replace("111 0 8 110 126", "0 111")
        .replace("rtpmap:111 opus/48000/2", "rtpmap:111 telephone-event/8000");
    let mut fresh = super::negotiation();
    fresh.answer(taken.as_bytes(), &local(), Direction::SendRecv).unwrap();
    let own = fresh.offer(&local(), Direction::SendRecv);
    assert!(own.contains("a=rtpmap:111 telephone-event/8000") && !own.contains("a=rtpmap:111 opus"), "{own}");
}

/// RFC 3611 section 5.2: what each side wishes to get is its own affair, but an answer is the place for it only where the
/// offer had it, and round trips need both.
#[test]
fn extended_reports_are_wished_for_where_they_are_known() {
    let answered = |offer: String| negotiation().answer(offer.as_bytes(), &local(), Direction::SendRecv).unwrap();
    let (sdp, agreed) = answered(offer());
    assert!(agreed.xr.is_none() && !sdp.contains("rtcp-xr"), "{sdp}");
    let wishing = |wishes: &str| offer().replace("a=rtcp-mux", &format!("a=rtcp-mux\r\na=rtcp-xr:{wishes}"));
    let (sdp, agreed) = answered(wishing("voip-metrics pkt-rcpt-times"));
    assert_eq!(agreed.xr, Wishes { voip: true, ..Wishes::default() });
    assert!(sdp.contains("a=rtcp-xr:pkt-loss-rle stat-summary=loss,dup,jitt voip-metrics\r\n"), "{sdp}");
    // As Linphone has it.
    let (sdp, agreed) = answered(wishing("rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics"));
    assert!(agreed.xr.round_trip && !agreed.xr.losses && sdp.contains(" rcvr-rtt=all "), "{sdp}");
    let mut caller = negotiation();
    caller.offer(&local(), Direction::SendRecv);
    assert!(caller.accept(answer().as_bytes()).unwrap().xr.is_none());
}
