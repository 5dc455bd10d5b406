//! What bites other softphones, one test for each bite.

use media::codec::Codec;
use media::offer::{Agreed, Direction, OfferError, Setup};

use super::{FINGERPRINT, answer, lines, local, negotiation, offer};

/// What becomes of an offer in a new call.
fn answered(offer: &str) -> Result<(String, Agreed), OfferError> {
    negotiation().answer(offer.as_bytes(), &local(), Direction::SendRecv)
}

/// What becomes of an answer to our first offer.
fn accepted(answer: &str) -> Result<Agreed, OfferError> {
    let mut negotiation = negotiation();
    negotiation.offer(&local(), Direction::SendRecv);
    negotiation.accept(answer.as_bytes())
}

/// Without the lines that begin with one of `starts`.
fn without(sdp: &str, starts: &[&str]) -> String {
    let kept = sdp.lines().filter(|line| !starts.iter().any(|start| line.starts_with(start)));
    kept.map(|line| format!("{line}\r\n")).collect()
}

#[test]
fn another_ssrc_on_the_wire_than_in_the_description_is_no_matter() {
    let told = offer() + "a=ssrc:1 cname:a\r\na=ssrc:1 msid:- a0\r\n";
    assert_eq!(answered(&told).unwrap(), answered(&offer()).unwrap());
    // A refused second section does not change what the first one means.
    let video = told.clone() + "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n";
    assert_eq!(answered(&video).unwrap().1, answered(&told).unwrap().1);
}

#[test]
fn inactive_is_hold_and_not_the_end() {
    let mut negotiation = negotiation();
    let mut reoffer = |version: &str, direction: &str| {
        let sdp = offer().replace("10 1 IN", &format!("10 {version} IN")).replace("a=sendrecv", direction);
        negotiation.answer(sdp.as_bytes(), &local(), Direction::SendRecv).unwrap()
    };
    assert_eq!(reoffer("1", "a=sendrecv").1.direction, Direction::SendRecv);
    let (sdp, held) = reoffer("2", "a=inactive");
    assert_eq!((held.direction, held.remote_hold), (Direction::Inactive, true));
    assert!(sdp.contains("a=inactive\r\n") && !sdp.contains("m=audio 0"));
    let (sdp, held) = reoffer("3", "a=sendonly");
    assert_eq!((held.direction, held.remote_hold), (Direction::RecvOnly, true));
    assert!(sdp.contains("a=recvonly\r\n"));
    let (sdp, resumed) = reoffer("4", "a=sendrecv");
    assert_eq!((resumed.direction, resumed.remote_hold), (Direction::SendRecv, false));
    assert!(sdp.contains("a=sendrecv\r\n"));
}

#[test]
fn the_old_hold_of_zeros_is_understood() {
    let zeros = without(&offer(), &["a=candidate"]).replace("IN IP4 198.51.100.1", "IN IP4 0.0.0.0");
    let (_, held) = answered(&zeros).unwrap();
    assert_eq!((held.direction, held.remote_hold), (Direction::RecvOnly, true));
    // Port 9 with zeros says only that candidates come later, and with candidates the address is not looked at.
    for sdp in [zeros.replace("audio 5000", "audio 9"), offer().replace("c=IN IP4 198.51.100.1", "c=IN IP4 0.0.0.0")] {
        assert!(!answered(&sdp).unwrap().1.remote_hold);
    }
}

#[test]
fn no_mid_no_group_no_direction() {
    let bare = without(&offer(), &["a=mid", "a=group", "a=sendrecv"]);
    let (sdp, agreed) = answered(&bare).unwrap();
    assert!(!sdp.contains("a=mid") && !sdp.contains("a=group"));
    assert_eq!(agreed.direction, Direction::SendRecv);
    assert!(sdp.contains("a=sendrecv\r\n"));
    assert_eq!(accepted(&without(&answer(), &["a=mid", "a=group", "a=sendrecv"])), accepted(&answer()));
}

#[test]
fn a_mid_without_a_group_is_mirrored_alone() {
    let (sdp, _) = answered(&without(&offer(), &["a=group"])).unwrap();
    assert_eq!(lines(&sdp, "a=mid:"), ["0"]);
    assert!(!sdp.contains("a=group") && sdp.contains("m=audio 40000 "));
    let other = offer().replace("a=group:BUNDLE 0", "a=group:LS 0\r\na=group:BUNDLE 0");
    assert_eq!(lines(&answered(&other).unwrap().0, "a=group:"), ["BUNDLE 0"]);
}

#[test]
fn fixed_payload_types_need_no_rtpmap() {
    let bare = without(&offer(), &["a=rtpmap", "a=fmtp"]).replace("SAVPF 111 0 8 110 126", "SAVPF 8 0 101");
    let (sdp, agreed) = answered(&bare).unwrap();
    assert_eq!(agreed.send.iter().map(|codec| codec.codec).collect::<Vec<_>>(), [Codec::Pcma, Codec::Pcmu]);
    assert!(sdp.contains(" SAVPF 8 0\r\n") || sdp.contains("/SAVPF 8 0\r\n"));
    assert_eq!(agreed.dtmf, None, "101 means nothing by itself");
}

#[test]
fn a_fixed_payload_type_with_another_rtpmap_is_what_the_rtpmap_says() {
    let (_, agreed) = answered(&offer().replace("rtpmap:0 PCMU", "rtpmap:0 G729")).unwrap();
    assert!(agreed.send.iter().all(|codec| codec.codec != Codec::Pcmu));
}

#[test]
fn no_common_codec_is_said() {
    let foreign = without(&offer(), &["a=rtpmap", "a=fmtp"]).replace("111 0 8 110 126", "18 3");
    let error = answered(&foreign).unwrap_err();
    assert_eq!((error, error.sip_status(), error.warning().0), (OfferError::NoCommonCodec, 488, 305));
    assert_eq!(accepted(&foreign), Err(OfferError::NoCommonCodec));
}

#[test]
fn letters_of_any_case() {
    let normal = answered(&offer()).unwrap();
    let lower = FINGERPRINT.replace("sha-256", "").to_ascii_lowercase();
    let shouted = offer()
        .replace(FINGERPRINT, &format!("SHA-256{lower}"))
        .replace("opus/", "OPUS/")
        .replace("PCMU", "pcmu")
        .replace("telephone-event", "Telephone-Event")
        .replace("1 1 udp", "1 1 UDP")
        .replace("a=setup:actpass", "a=setup:ACTPASS")
        .replace("UDP/TLS/RTP/SAVPF", "udp/tls/rtp/savpf");
    let mut agreed = answered(&shouted).unwrap().1;
    let path = agreed.remote.as_mut().unwrap();
    assert_eq!(path.candidates, ["1 1 UDP 2130706431 198.51.100.1 5000 typ host"]);
    path.candidates = normal.1.remote.clone().unwrap().candidates;
    assert_eq!(agreed, normal.1);
}

#[test]
fn candidates_of_names_and_strange_transports_spoil_nothing() {
    let strange = offer().replace(
        "a=rtcp-mux",
        "a=candidate:2 1 udp 1 host.example 5000 typ host\r\na=candidate:3 1 quic 1 198.51.100.1 5000 typ host\r\n\
         a=candidate:x\r\na=candidate\r\na=rtcp-mux",
    );
    let (_, agreed) = answered(&strange).unwrap();
    // The path judges them one by one (RFC 8839 section 5.1); none is looked up in a name service.
    assert_eq!(agreed.remote.unwrap().candidates.len(), 3);
}

#[test]
fn roles_of_dtls() {
    for (said, ours, client) in [("active", "passive", false), ("passive", "active", true), ("actpass", "active", true)]
    {
        let (sdp, agreed) = answered(&offer().replace("actpass", said)).unwrap();
        assert_eq!((lines(&sdp, "a=setup:"), agreed.dtls_client), (vec![ours], client), "{said}");
    }
    let silent = without(&offer(), &["a=setup"]);
    let at_session = silent.replace("t=0 0\r\n", "t=0 0\r\na=setup:active\r\n");
    assert!(!answered(&at_session).unwrap().1.dtls_client);
    assert!(answered(&silent).unwrap().1.dtls_client);
    assert!(!accepted(&answer()).unwrap().dtls_client);
    assert!(accepted(&answer().replace("setup:active", "setup:passive")).unwrap().dtls_client);
}

#[test]
fn everything_secret_may_stand_at_session_level() {
    let moved = ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup"];
    let offer = offer();
    let session: String = offer
        .lines()
        .filter(|line| moved.iter().any(|start| line.starts_with(start)))
        .map(|l| format!("{l}\r\n"))
        .collect();
    let sdp = without(&offer, &moved).replace("t=0 0\r\n", &format!("t=0 0\r\n{session}"));
    assert_eq!(answered(&sdp).unwrap(), answered(&offer).unwrap());
}

#[test]
fn an_early_answer_the_last_one_and_those_of_forks() {
    let mut first = negotiation();
    first.offer(&local(), Direction::SendRecv);
    let mut other_fork = first.clone();
    let early = first.accept(answer().as_bytes()).unwrap();
    assert_eq!(early.remote.as_ref().unwrap().setup, Setup::Active);
    // The 200 repeats the answer of the 183, or has another one.
    assert_eq!(first.accept(answer().as_bytes()).unwrap(), early);
    let fork = answer().replace("their", "fork").replace("setup:active", "setup:passive").replace("11:22", "AA:22");
    let second = other_fork.accept(fork.as_bytes()).unwrap();
    assert!(second.dtls_client && !second.remote.as_ref().unwrap().ice_restart);
    let replaced = first.accept(fork.as_bytes()).unwrap();
    assert_eq!((replaced.dtls_client, replaced.remote.unwrap().ufrag), (true, "fork".to_owned()));
}

#[test]
fn our_address_is_never_one_that_means_hold() {
    let sdp = negotiation().offer(&local(), Direction::SendRecv);
    assert!(sdp.contains("c=IN IP4 192.0.2.1\r\n") && sdp.contains("m=audio 40000 UDP/TLS/RTP/SAVPF "));
    assert!(lines(&sdp, "a=candidate:").iter().all(|line| line.split(' ').nth(1) == Some("1")));
    assert!(!sdp.contains("trickle"));
}

#[test]
fn all_codecs_and_both_clocks_of_keys_are_offered() {
    let sdp = negotiation().offer(&local(), Direction::SendRecv);
    let names: Vec<&str> = lines(&sdp, "a=rtpmap:").iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    let sound = ["opus/48000/2", "G722/8000", "PCMU/8000", "PCMA/8000", "red/48000/2"];
    assert_eq!(names, [&sound[..], &["telephone-event/48000", "telephone-event/8000"]].concat());
    let mut numbers: Vec<&str> = lines(&sdp, "a=rtpmap:").iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(lines(&sdp, "m=audio ")[0].split(' ').skip(2).collect::<Vec<_>>(), numbers);
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 7);
    assert!(sdp.contains("minptime=10;useinbandfec=1;x-dred=12\r\n"));
}

#[test]
fn keys_go_at_the_clock_of_the_sound() {
    // Asterisk: 101 at 48000; FreeSWITCH: 101 at 8000 (W10).
    for (formats, clock, number) in [("111 110 126", 48_000, 110), ("0 110 126", 8_000, 126), ("0 110", 48_000, 110)] {
        let (_, agreed) = answered(&offer().replace("111 0 8 110 126", formats)).unwrap();
        let events = agreed.dtmf.unwrap();
        assert_eq!((events.clock, events.pt), (clock, number), "{formats}");
    }
    assert_eq!(answered(&offer().replace("0 8 110 126", "0 8")).unwrap().1.dtmf, None);
}

#[test]
fn a_payload_type_may_change_its_meaning_in_a_reoffer() {
    let mut negotiation = negotiation();
    negotiation.answer(offer().as_bytes(), &local(), Direction::SendRecv).unwrap();
    let changed = offer()
        .replace("rtpmap:110 telephone-event/48000", "rtpmap:110 telephone-event/8000")
        .replace("rtpmap:126 telephone-event/8000\r\n", "rtpmap:126 telephone-event/48000\r\n");
    let (sdp, agreed) = negotiation.answer(changed.as_bytes(), &local(), Direction::SendRecv).unwrap();
    assert!(sdp.contains("rtpmap:110 telephone-event/8000") && sdp.contains("rtpmap:126 telephone-event/48000"));
    assert_eq!(agreed.dtmf.map(|events| (events.pt, events.clock)), Some((126, 48_000)));
    let own = negotiation.offer(&local(), Direction::SendRecv);
    assert!(own.contains("rtpmap:110 telephone-event/8000") && own.contains("rtpmap:126 telephone-event/48000"));
}

#[test]
fn rtcp_on_the_port_of_rtp_only_if_the_far_end_wants_that() {
    let (sdp, agreed) = answered(&without(&offer(), &["a=rtcp-mux"])).unwrap();
    assert!(!agreed.rtcp_mux && !sdp.contains("a=rtcp-mux"));
    assert!(!accepted(&without(&answer(), &["a=rtcp-mux"])).unwrap().rtcp_mux);
    // Two components, on two ports or on one (W9): the second is not ours.
    for port in ["5001", "5000"] {
        let two = offer().replace(
            "a=rtcp-mux",
            &format!("a=rtcp:{port}\r\na=candidate:1 2 udp 2130706430 198.51.100.1 {port} typ host\r\na=rtcp-mux"),
        );
        assert_eq!(answered(&two).unwrap(), answered(&offer()).unwrap());
    }
}

#[test]
fn profile_without_udp_tls_is_answered_in_kind() {
    let (sdp, _) = answered(&offer().replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF")).unwrap();
    assert_eq!(lines(&sdp, "m=audio 40000 ")[0].split(' ').next(), Some("RTP/SAVPF"));
}

#[test]
fn blanks_in_fmtp_and_lines_in_any_order() {
    let blanks = offer().replace(
        "minptime=10;useinbandfec=1",
        "useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000; ptime=20; minptime=10; stereo=1",
    );
    assert_eq!(answered(&blanks).unwrap().1.send[0].max_bitrate, Some(30_000));
    let (head, tail) = blanks.split_once("a=mid:0").unwrap();
    let mut turned: Vec<&str> = tail.trim_start().lines().collect();
    turned.reverse();
    let turned = format!("{head}{}\r\na=mid:0\r\n", turned.join("\r\n"));
    assert_eq!(answered(&turned).unwrap(), answered(&blanks).unwrap());
}

#[test]
fn a_restart_is_new_credentials_and_nothing_else() {
    let mut negotiation = negotiation();
    let mut restart = |sdp: String| {
        let (_, agreed) = negotiation.answer(sdp.as_bytes(), &local(), Direction::SendRecv).unwrap();
        (agreed.remote.unwrap().ice_restart, agreed.dtls_client)
    };
    assert_eq!(restart(offer().replace("actpass", "active")), (false, false));
    assert_eq!(restart(offer().replace("candidate:1 1", "candidate:9 1")), (false, false));
    // RFC 8842 section 5.1: the DTLS association outlives a restart of ICE, and its roles with it.
    assert_eq!(restart(offer().replace("their", "newer").replace("abcdef", "fedcba")), (true, false));
    // Another certificate is another association.
    assert_eq!(
        restart(offer().replace("their", "newer").replace("abcdef", "fedcba").replace("11:22", "AA:22")),
        (false, true)
    );
}

#[test]
fn who_is_lite_is_controlled() {
    let lite = offer().replace("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n");
    assert!(answered(&lite).unwrap().1.controlling && !answered(&offer()).unwrap().1.controlling);
    assert!(accepted(&answer()).unwrap().controlling);
}

#[test]
fn a_changed_description_counts_even_under_the_old_version() {
    let mut negotiation = negotiation();
    negotiation.answer(offer().as_bytes(), &local(), Direction::SendRecv).unwrap();
    let moved = offer().replace(" 5000 ", " 6000 ").replace("111 0 8 110 126", "0 126");
    let (_, agreed) = negotiation.answer(moved.as_bytes(), &local(), Direction::SendRecv).unwrap();
    assert_eq!(agreed.send[0].codec, Codec::Pcmu);
    assert_eq!(agreed.remote.unwrap().candidates, ["1 1 udp 2130706431 198.51.100.1 6000 typ host"]);
}

#[test]
fn hold_by_us_is_taken_back_when_it_is_refused() {
    let mut negotiation = negotiation();
    negotiation.offer(&local(), Direction::SendRecv);
    let talking = negotiation.accept(answer().as_bytes()).unwrap();
    let hold = negotiation.offer(&local(), Direction::SendOnly);
    assert!(hold.contains("a=sendonly\r\n") && hold.contains("a=setup:actpass"));
    negotiation.rollback();
    assert_eq!(negotiation.agreed(), Some(&talking));
    negotiation.offer(&local(), Direction::SendOnly);
    let held = negotiation.accept(answer().replace("a=sendrecv", "a=recvonly").as_bytes()).unwrap();
    assert_eq!((held.direction, held.remote_hold), (Direction::SendOnly, false));
    // Once answered there is nothing to take back.
    negotiation.rollback();
    assert_eq!(negotiation.agreed(), Some(&held));
    negotiation.offer(&local(), Direction::SendRecv);
    assert_eq!(negotiation.accept(answer().as_bytes()).unwrap(), talking);
}

#[test]
fn the_roles_of_a_call_stay_through_offers_of_both_sides() {
    let mut negotiation = negotiation();
    let (_, first) = negotiation.answer(offer().as_bytes(), &local(), Direction::SendRecv).unwrap();
    assert!(first.dtls_client && !first.controlling);
    negotiation.offer(&local(), Direction::SendOnly);
    // The far end answers `passive`: it was the server and stays it. One that says `active` by rote is not believed.
    for setup in ["passive", "active"] {
        let agreed = negotiation.accept(answer().replace("active", setup).as_bytes()).unwrap();
        assert!(agreed.dtls_client && !agreed.controlling, "{setup}");
    }
}

#[test]
fn several_fingerprints_are_all_handed_on_but_the_weak() {
    let strong = format!("sha-512 {}", ["AB"; 64].join(":"));
    let several = offer().replace(
        "a=setup",
        &format!("a=fingerprint:sha-1 {}\r\na=fingerprint:{strong}\r\na=setup", ["AB"; 20].join(":")),
    );
    let (_, agreed) = answered(&several).unwrap();
    assert_eq!(agreed.remote.unwrap().fingerprints, [FINGERPRINT.to_owned(), strong]);
}

#[test]
fn pictures_and_others_are_refused_in_their_places() {
    let mixed = offer()
        .replace("m=audio", "m=video 7000 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\nm=audio")
        + "m=application 7002 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\nm=audio 7004 RTP/AVP 0\r\n";
    let mixed = mixed.replace("BUNDLE 0", "BUNDLE v 0 d");
    let (sdp, agreed) = answered(&mixed).unwrap();
    assert_eq!(
        lines(&sdp, "m="),
        [
            "video 0 UDP/TLS/RTP/SAVPF 96 97",
            "audio 40000 UDP/TLS/RTP/SAVPF 111 0 8 110 126",
            "application 0 UDP/DTLS/SCTP webrtc-datachannel",
            "audio 0 RTP/AVP 0",
        ]
    );
    assert_eq!(lines(&sdp, "a=mid:"), ["v", "0", "d"]);
    // RFC 9143 section 7.3.1: a refused section is in no group.
    assert_eq!(lines(&sdp, "a=group:"), ["BUNDLE 0"]);
    assert_eq!(agreed.send[0].codec, Codec::Opus);
}

#[test]
fn the_order_of_the_offerer_is_kept() {
    let (sdp, agreed) = answered(&offer().replace("111 0 8 110 126", "8 111 0 126 110")).unwrap();
    let order: Vec<Codec> = agreed.send.iter().map(|codec| codec.codec).collect();
    assert_eq!(order, [Codec::Pcma, Codec::Opus, Codec::Pcmu]);
    assert!(lines(&sdp, "m=audio ")[0].contains(" 8 111 0"));
}
