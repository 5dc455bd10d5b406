use proptest::prelude::*;

use super::*;

const FINGERPRINT: &str =
    "sha-256 02:7B:B0:3A:93:D9:11:35:E6:83:B2:89:7A:74:95:E1:84:5D:55:12:54:3C:C0:F9:98:4A:FA:B2:72:57:F4:5E";

fn local(n: u8) -> LocalPath {
    LocalPath {
        ufrag: format!("uf{n}x"),
        pwd: format!("password{n}password{n}pass"),
        fingerprint: FINGERPRINT.replace("02:7B", &format!("{n:02X}:7B")),
        candidates: vec![format!("1 1 udp 2130706431 192.0.2.{n} 400{n} typ host")],
        default: format!("192.0.2.{n}:400{n}").parse().unwrap(),
    }
}

fn negotiation(n: u8) -> Negotiation {
    Negotiation::new([n; 32], Policy::default())
}

/// An offer as FreeSWITCH sends it, with some lines replaced.
fn offer_with(changes: &[(&str, &str)]) -> String {
    let mut offer = format!(
        "v=0\r\no=FreeSWITCH 1795348417 1795348418 IN IP4 127.0.0.1\r\ns=FreeSWITCH\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio 22202 RTP/SAVPF 102 9 0 8 103 104 101 13\r\na=rtpmap:102 opus/48000/2\r\n\
         a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000\r\na=rtpmap:9 G722/8000\r\n\
         a=rtpmap:103 telephone-event/48000\r\na=rtpmap:104 CN/48000\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fingerprint:{FINGERPRINT}\r\na=setup:actpass\r\na=rtcp-mux\r\na=ice-ufrag:g4fu0EC4\r\n\
         a=ice-pwd:rIU49jPZ9dUf712LNgwJsW33\r\na=candidate:5 1 udp 2130706431 127.0.0.1 22202 typ host generation 0\r\n\
         a=candidate:5 2 udp 2130706431 127.0.0.1 22202 typ host generation 0\r\na=ptime:20\r\n"
    );
    for (from, to) in changes {
        assert!(offer.contains(from), "{from}");
        offer = offer.replace(from, to);
    }
    offer
}

fn answered(offer: &str) -> Result<(String, Agreed), OfferError> {
    negotiation(2).answer(offer.as_bytes(), &local(2), Direction::SendRecv)
}

fn version(sdp: &str) -> u64 {
    SessionDescription::parse(sdp.as_bytes()).unwrap().origin.version.parse().unwrap()
}

#[test]
fn two_of_us_agree_on_everything() {
    let (mut caller, mut callee) = (negotiation(1), negotiation(2));
    let offer = caller.offer(&local(1), Direction::SendRecv);
    let (answer, there) = callee.answer(offer.as_bytes(), &local(2), Direction::SendRecv).unwrap();
    let here = caller.accept(answer.as_bytes()).unwrap();
    for agreed in [&here, &there] {
        assert_eq!(agreed.direction, Direction::SendRecv);
        assert_eq!(agreed.send.iter().map(|one| one.pt).collect::<Vec<_>>(), [111, 9, 0, 8]);
        assert_eq!(agreed.send, agreed.recv);
        assert_eq!(agreed.dtmf, Some(AgreedEvents { pt: 110, clock: 48_000 }));
        assert_eq!(agreed.dtmf_recv.len(), 2);
        assert!(agreed.rtcp_mux && !agreed.remote_hold && agreed.xr == Wishes::ALL);
        assert_eq!(agreed.ptime, 20);
    }
    assert!(here.controlling && !there.controlling);
    assert!(!here.dtls_client && there.dtls_client);
    assert_eq!(here.remote.unwrap().candidates, local(2).candidates);
    let remote = there.remote.unwrap();
    assert_eq!((remote.ufrag, remote.pwd), (local(1).ufrag, local(1).pwd));
    assert_eq!(remote.fingerprints, [local(1).fingerprint]);
    assert!(remote.end_of_candidates && !remote.ice_lite && !remote.ice_restart);
}

#[test]
fn an_offer_looks_like_this() {
    let offer = negotiation(1).offer(&local(1), Direction::SendRecv);
    let expected = format!(
        "s=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 4001 UDP/TLS/RTP/SAVPF 111 9 0 8 63 110 126\r\nc=IN IP4 192.0.2.1\r\n\
         a=mid:0\r\na=ice-ufrag:uf1x\r\na=ice-pwd:{}\r\na=fingerprint:{}\r\na=setup:actpass\r\na=rtcp-mux\r\n\
         a=rtcp:4001\r\na=rtcp-xr:pkt-loss-rle rcvr-rtt=all stat-summary=loss,dup,jitt voip-metrics\r\na=candidate:1 1 udp 2130706431 192.0.2.1 4001 typ host\r\na=end-of-candidates\r\n\
         a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1;x-dred=12\r\na=rtpmap:9 G722/8000\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
         a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\n\
         a=rtpmap:126 telephone-event/8000\r\na=fmtp:126 0-15\r\na=ptime:20\r\na=maxptime:60\r\na=sendrecv\r\n",
        local(1).pwd,
        local(1).fingerprint
    );
    assert!(offer.ends_with(&expected), "{offer}");
    assert!(offer.starts_with("v=0\r\no=- "));
}

#[test]
fn a_server_that_leaves_out_half_is_understood() {
    let (answer, agreed) = answered(&offer_with(&[])).unwrap();
    assert_eq!(agreed.send[0], AgreedCodec { codec: Codec::Opus, pt: 102, max_bitrate: Some(30_000) });
    assert_eq!(agreed.recv.iter().map(|one| one.pt).collect::<Vec<_>>(), [102, 9, 0, 8]);
    assert_eq!(agreed.dtmf, Some(AgreedEvents { pt: 103, clock: 48_000 }));
    assert_eq!(agreed.remote.unwrap().candidates.len(), 1);
    assert!(answer.contains("m=audio 4002 RTP/SAVPF 102 9 0 8 103 101\r\n"), "{answer}");
    assert!(!answer.contains("a=mid") && !answer.contains("BUNDLE"));
    assert!(answer.contains("a=setup:active\r\n"));
    let (answer, agreed) = answered(&offer_with(&[("a=rtcp-mux\r\n", "")])).unwrap();
    assert!(!agreed.rtcp_mux && !answer.contains("rtcp-mux"));
}

#[test]
fn fingerprint_setup_and_ice_may_stand_anywhere_and_in_any_case() {
    let lower = FINGERPRINT.to_lowercase().replace("sha-256", "SHA-256");
    let (_, agreed) = answered(&offer_with(&[(FINGERPRINT, &lower)])).unwrap();
    assert_eq!(agreed.remote.unwrap().fingerprints, [FINGERPRINT]);
    let fingerprint = format!("a=fingerprint:{FINGERPRINT}\r\n");
    let moved = format!("t=0 0\r\na=ice-lite\r\n{fingerprint}a=setup:passive\r\n");
    let (answer, agreed) =
        answered(&offer_with(&[(&fingerprint, ""), ("a=setup:actpass\r\n", ""), ("t=0 0\r\n", &moved)])).unwrap();
    assert!(agreed.dtls_client && answer.contains("a=setup:active"));
    assert!(agreed.controlling, "a lite peer never controls");
}

#[test]
fn who_is_the_dtls_client_follows_setup() {
    for (offered, client) in [("active", false), ("passive", true), ("actpass", true), ("ACTPASS", true)] {
        let (answer, agreed) = answered(&offer_with(&[("setup:actpass", &format!("setup:{offered}"))])).unwrap();
        assert_eq!(agreed.dtls_client, client, "{offered}");
        assert!(answer.contains(if client { "a=setup:active" } else { "a=setup:passive" }));
        let mut caller = negotiation(1);
        let _ = caller.offer(&local(1), Direction::SendRecv);
        let answer = offer_with(&[("setup:actpass", &format!("setup:{offered}"))]);
        assert_eq!(caller.accept(answer.as_bytes()).unwrap().dtls_client, offered == "passive");
    }
}

#[test]
fn sound_that_is_not_secure_is_refused() {
    let fingerprint = format!("a=fingerprint:{FINGERPRINT}\r\n");
    let sdes = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";
    let short = FINGERPRINT.replace(":5E", "");
    for changes in [
        vec![("RTP/SAVPF", "RTP/AVP")],
        vec![("RTP/SAVPF", "RTP/AVPF")],
        vec![("RTP/SAVPF", "TCP/TLS/RTP/SAVPF")],
        vec![(fingerprint.as_str(), "")],
        vec![(fingerprint.as_str(), sdes)],
        vec![("sha-256", "md5")],
        vec![("sha-256", "sha-1")],
        vec![("sha-256", "sha-512")],
        vec![(FINGERPRINT, short.as_str())],
        vec![(":5E\r\n", ":5G\r\n")],
    ] {
        let error = answered(&offer_with(&changes)).unwrap_err();
        assert_eq!((error, error.sip_status()), (OfferError::Insecure, 488), "{changes:?}");
        let mut caller = negotiation(1);
        let _ = caller.offer(&local(1), Direction::SendRecv);
        assert_eq!(caller.accept(offer_with(&changes).as_bytes()), Err(OfferError::Insecure));
    }
    for changes in [("a=ice-ufrag:g4fu0EC4\r\n", ""), ("g4fu0EC4", "abc"), ("rIU49jPZ9dUf712LNgwJsW33", "short")] {
        assert_eq!(answered(&offer_with(&[changes])).unwrap_err(), OfferError::NoIce, "{changes:?}");
    }
    // A second, weak fingerprint beside a strong one takes nothing away.
    let both = format!("{fingerprint}a=fingerprint:sha-1 AA:BB\r\n");
    assert_eq!(answered(&offer_with(&[(&fingerprint, &both)])).unwrap().1.remote.unwrap().fingerprints.len(), 1);
}

#[test]
fn no_common_codec_is_named_and_numbers_alone_mean_nothing() {
    let formats = "102 9 0 8 103 104 101 13";
    let error = answered(&offer_with(&[(formats, "18 101 13")])).unwrap_err();
    assert_eq!((error, error.warning().0), (OfferError::NoCommonCodec, 305));
    let (answer, agreed) = answered(&offer_with(&[(formats, "9 101 13")])).unwrap();
    assert_eq!(agreed.send, [AgreedCodec { codec: Codec::G722, pt: 9, max_bitrate: None }]);
    assert!(answer.contains("SAVPF 9 101\r\n") && answer.contains("a=rtpmap:9 G722/8000\r\n"), "{answer}");
    // 0 means G.726 where an rtpmap says so, and 102 is A-law.
    let remapped =
        [(formats, "0 102"), ("a=rtpmap:9 G722", "a=rtpmap:0 G726-32"), ("102 opus/48000/2", "102 pcma/8000")];
    let (_, agreed) = answered(&offer_with(&remapped)).unwrap();
    assert_eq!(agreed.send, [AgreedCodec { codec: Codec::Pcma, pt: 102, max_bitrate: None.or(Some(30_000)) }]);
    assert_eq!(agreed.dtmf, None);
}

#[test]
fn keys_run_on_the_clock_of_the_codec_in_use() {
    let formats = "102 9 0 8 103 104 101 13";
    let dtmf = |offered: &str| answered(&offer_with(&[(formats, offered)])).unwrap().1.dtmf.map(|events| events.pt);
    assert_eq!(dtmf("0 102 103 101"), Some(101));
    assert_eq!(dtmf("102 0 101 103"), Some(103));
    assert_eq!(dtmf("102 101"), Some(101));
    assert_eq!(dtmf("102 0"), None);
}

#[test]
fn ptime_is_honoured_within_reason() {
    let cases = [("20", 20), ("10", 10), ("60", 60), ("0", 20), ("1", 10), ("1000000000", 60), ("x", 20), ("-5", 20)];
    for (said, taken) in cases {
        let (_, agreed) = answered(&offer_with(&[("ptime:20", &format!("ptime:{said}"))])).unwrap();
        assert_eq!(agreed.ptime, taken, "{said}");
    }
    let (_, agreed) = answered(&offer_with(&[("ptime:20", "maxptime:10")])).unwrap();
    assert_eq!(agreed.ptime, 10);
}

#[test]
fn directions_meet() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    for (offered, wanted, ours, hold) in [
        (SendRecv, SendRecv, SendRecv, false),
        (SendOnly, SendRecv, RecvOnly, true),
        (RecvOnly, SendRecv, SendOnly, false),
        (Inactive, SendRecv, Inactive, true),
        (SendRecv, SendOnly, SendOnly, false),
        (SendOnly, SendOnly, Inactive, true),
    ] {
        let line = format!("a=setup:actpass\r\na={}\r\n", offered.name());
        let offer = offer_with(&[("a=setup:actpass\r\n", &line)]);
        let (answer, agreed) = negotiation(2).answer(offer.as_bytes(), &local(2), wanted).unwrap();
        assert_eq!((agreed.direction, agreed.remote_hold), (ours, hold), "{offered:?} {wanted:?}");
        assert!(answer.contains(&format!("a={}\r\n", ours.name())));
    }
    // The hold of RFC 2543, and an address that ICE will bring later.
    let old = offer_with(&[("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"), ("a=candidate", "a=x-candidate")]);
    assert!(answered(&old).unwrap().1.remote_hold);
    let trickling = offer_with(&[("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"), ("audio 22202", "audio 9")]);
    assert!(!answered(&trickling).unwrap().1.remote_hold);
}

#[test]
fn hold_and_resume_by_either_side() {
    let (mut a, mut b) = (negotiation(1), negotiation(2));
    let offer = a.offer(&local(1), Direction::SendRecv);
    let (answer, _) = b.answer(offer.as_bytes(), &local(2), Direction::SendRecv).unwrap();
    let first = a.accept(answer.as_bytes()).unwrap();
    // A holds.
    let hold = a.offer(&local(1), Direction::SendOnly);
    assert_eq!(version(&hold), version(&offer) + 1);
    let (answer, there) = b.answer(hold.as_bytes(), &local(2), Direction::SendRecv).unwrap();
    let here = a.accept(answer.as_bytes()).unwrap();
    assert_eq!((here.direction, there.direction), (Direction::SendOnly, Direction::RecvOnly));
    assert!(!here.remote_hold && there.remote_hold);
    // B holds too.
    let both = b.offer(&local(2), Direction::SendOnly);
    let (answer, there) = a.answer(both.as_bytes(), &local(1), Direction::SendOnly).unwrap();
    let here = b.accept(answer.as_bytes()).unwrap();
    assert_eq!((here.direction, there.direction), (Direction::Inactive, Direction::Inactive));
    assert!(there.remote_hold);
    // B resumes, then A.
    let resume = b.offer(&local(2), Direction::SendRecv);
    let (answer, _) = a.answer(resume.as_bytes(), &local(1), Direction::SendOnly).unwrap();
    assert!(b.accept(answer.as_bytes()).unwrap().remote_hold);
    let resume = a.offer(&local(1), Direction::SendRecv);
    let (answer, there) = b.answer(resume.as_bytes(), &local(2), Direction::SendRecv).unwrap();
    let here = a.accept(answer.as_bytes()).unwrap();
    assert_eq!((here.direction, there.direction), (Direction::SendRecv, Direction::SendRecv));
    assert!(!here.remote_hold && !there.remote_hold);
    // The path and its roles went on through all of it.
    assert_eq!((here.dtls_client, here.controlling), (first.dtls_client, first.controlling));
    assert_eq!((there.dtls_client, there.controlling), (true, false));
    assert!(!here.remote.unwrap().ice_restart && !there.remote.unwrap().ice_restart);
    assert_eq!(here.send, first.send);
}

#[test]
fn the_version_grows_only_with_a_change() {
    let mut a = negotiation(1);
    let first = a.offer(&local(1), Direction::SendRecv);
    a.rollback();
    assert_eq!(a.offer(&local(1), Direction::SendRecv), first);
    a.rollback();
    assert_eq!(version(&a.offer(&local(1), Direction::SendOnly)), version(&first) + 1);
}

#[test]
fn new_candidates_are_no_restart_and_new_credentials_are() {
    let mut b = negotiation(2);
    let answer = |b: &mut Negotiation, changes: &[(&str, &str)]| {
        let (_, agreed) = b.answer(offer_with(changes).as_bytes(), &local(2), Direction::SendRecv).unwrap();
        (agreed.remote.unwrap().ice_restart, agreed.dtls_client)
    };
    assert_eq!(answer(&mut b, &[("setup:actpass", "setup:active")]), (false, false));
    // The same o= version, other candidates: applied, no restart, roles kept though actpass is offered again.
    assert_eq!(answer(&mut b, &[("127.0.0.1 22202 typ", "127.0.0.1 9999 typ")]), (false, false));
    assert!(b.agreed().unwrap().remote.as_ref().unwrap().candidates[0].contains("9999"));
    // New credentials are a restart of ICE, and no new association (RFC 8842 section 5.1): the roles stay.
    assert_eq!(answer(&mut b, &[("g4fu0EC4", "other123")]), (true, false));
}

#[test]
fn video_and_the_rest_are_refused_in_place() {
    let video = "m=video 5000 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\n";
    let data = "m=application 5002 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n";
    let offer = offer_with(&[
        ("m=audio", &format!("a=group:BUNDLE v a d\r\n{video}m=audio")),
        ("a=ptime:20\r\n", &format!("a=mid:a\r\n{data}")),
    ]);
    let mut callee = negotiation(2);
    let (answer, _) = callee.answer(offer.as_bytes(), &local(2), Direction::SendRecv).unwrap();
    let read = SessionDescription::parse(answer.as_bytes()).unwrap();
    assert_eq!(read.media.iter().map(|media| media.port).collect::<Vec<_>>(), [0, 4002, 0]);
    assert_eq!(read.attribute("group"), Some("BUNDLE a"));
    assert_eq!(read.media[0].formats, ["96", "97"]);
    assert_eq!(read.media[2].attribute("mid"), Some("d"));
    // Our own later offer keeps the shape.
    let again = callee.offer(&local(2), Direction::SendOnly);
    let again = SessionDescription::parse(again.as_bytes()).unwrap();
    assert_eq!(again.media.iter().map(|media| media.port).collect::<Vec<_>>(), [0, 4002, 0]);
    assert_eq!(again.media[1].formats[..3], ["102", "9", "0"], "the numbers stay");
}

#[test]
fn a_number_may_change_its_meaning_in_a_re_offer() {
    let mut b = negotiation(2);
    b.answer(offer_with(&[]).as_bytes(), &local(2), Direction::SendRecv).unwrap();
    let remapped =
        offer_with(&[("103 telephone-event/48000", "103 CN/48000"), ("104 CN/48000", "104 telephone-event/48000")]);
    let (_, agreed) = b.answer(remapped.as_bytes(), &local(2), Direction::SendRecv).unwrap();
    assert_eq!(agreed.dtmf, Some(AgreedEvents { pt: 104, clock: 48_000 }));
    assert!(agreed.dtmf_recv.iter().all(|events| events.pt != 103));
    let ours = b.offer(&local(2), Direction::SendRecv);
    assert!(ours.contains("a=rtpmap:104 telephone-event/48000\r\n"), "{ours}");
}

#[test]
fn a_refused_offer_changes_nothing() {
    let mut b = negotiation(2);
    b.answer(offer_with(&[]).as_bytes(), &local(2), Direction::SendRecv).unwrap();
    let before = b.agreed().cloned();
    let bad = offer_with(&[("RTP/SAVPF", "RTP/AVP")]);
    assert!(b.answer(bad.as_bytes(), &local(2), Direction::SendRecv).is_err());
    assert!(b.answer(b"rubbish", &local(2), Direction::SendRecv).is_err_and(|error| error.sip_status() == 488));
    assert_eq!(b.agreed().cloned(), before);
    let _ = b.offer(&local(2), Direction::SendOnly);
    b.rollback();
    assert_eq!(b.agreed().cloned(), before);
    assert_eq!(b.accept(offer_with(&[]).as_bytes()), Err(OfferError::NothingOffered));
}

#[test]
fn a_second_answer_of_another_fork_is_judged_afresh() {
    let mut caller = negotiation(1);
    let offer = caller.offer(&local(1), Direction::SendRecv);
    let mut answers = [2, 3].map(|n| {
        negotiation(n).answer(offer.as_bytes(), &local(n), Direction::SendRecv).map(|(answer, _)| answer).unwrap()
    });
    answers[1] = answers[1].replace("setup:active", "setup:passive");
    assert!(!caller.accept(answers[0].as_bytes()).unwrap().dtls_client);
    let second = caller.accept(answers[1].as_bytes()).unwrap();
    assert!(second.dtls_client);
    assert_eq!(second.remote.unwrap().ufrag, local(3).ufrag);
    let bad = answers[0].replace("m=audio 4002", "m=audio 0");
    assert_eq!(caller.accept(bad.as_bytes()), Err(OfferError::NoSound));
}

#[test]
fn a_policy_leaves_codecs_out() {
    let mut caller = Negotiation::new([1; 32], Policy { codecs: vec![Codec::Pcma], ..Policy::default() });
    let offer = caller.offer(&local(1), Direction::SendRecv);
    assert!(offer.contains("SAVPF 8 126\r\n"), "{offer}");
    let (_, agreed) = caller.answer(offer_with(&[]).as_bytes(), &local(1), Direction::SendRecv).unwrap();
    assert_eq!(agreed.send.iter().map(|one| one.codec).collect::<Vec<_>>(), [Codec::Pcma]);
}

#[test]
fn an_order_of_ones_own_goes_before_theirs_and_a_bitrate_is_asked_for() {
    let policy = Policy { codecs: vec![Codec::Pcma, Codec::G722, Codec::Opus], own_order: true, bitrate: Some(64_000) };
    let mut caller = Negotiation::new([1; 32], policy.clone());
    let offer = caller.offer(&local(1), Direction::SendRecv);
    assert!(offer.contains("SAVPF 8 9 111 63 110 126\r\n"), "{offer}");
    assert!(offer.contains("a=fmtp:111 minptime=10;useinbandfec=1;x-dred=12;maxaveragebitrate=64000\r\n"), "{offer}");
    let answered = |policy| {
        let mut callee = Negotiation::new([2; 32], policy);
        let (answer, agreed) = callee.answer(offer_with(&[]).as_bytes(), &local(2), Direction::SendRecv).unwrap();
        (answer, agreed.send.iter().map(|one| one.codec).collect::<Vec<_>>())
    };
    let (answer, sent) = answered(policy.clone());
    assert_eq!(sent, policy.codecs);
    assert!(answer.contains("SAVPF 8 9 102 103 101\r\n") && answer.contains("maxaveragebitrate=64000\r\n"), "{answer}");
    // Without a reason of our own theirs is kept.
    assert_eq!(answered(Policy { own_order: false, ..policy }).1, [Codec::Opus, Codec::G722, Codec::Pcma]);
}

proptest! {
    #[test]
    fn damaged_offers_are_judged(at in 0usize..900, byte: u8, cut in 0usize..900, doubled in 0usize..20) {
        let mut offer = offer_with(&[]).into_bytes();
        let len = offer.len();
        offer[at % len] = byte;
        let line = String::from_utf8_lossy(&offer).lines().nth(doubled).unwrap_or_default().to_owned();
        offer.extend(format!("{line}\r\n").bytes());
        let (mut caller, mut callee) = (negotiation(1), negotiation(2));
        let _ = caller.offer(&local(1), Direction::SendRecv);
        for bytes in [&offer[..], &offer[..cut.min(offer.len())]] {
            let _ = caller.accept(bytes);
            if let Ok((answer, agreed)) = callee.answer(bytes, &local(2), Direction::SendRecv) {
                prop_assert!(!agreed.send.is_empty());
                prop_assert!(SessionDescription::parse(answer.as_bytes()).is_ok());
                prop_assert!(agreed.remote.is_some_and(|path| !path.fingerprints.is_empty()));
            }
        }
    }
}
