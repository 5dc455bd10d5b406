//! Descriptions of enemies and of the careless, each with what it is refused for.

use std::time::{Duration, Instant};

use media::offer::{Direction, OfferError};
use media::sdp::SdpError;

use super::{FINGERPRINT, answer, local, negotiation, offer};

/// The line of the description above, counted from one, that begins with `start`.
fn number(start: &str) -> usize {
    offer().lines().position(|line| line.starts_with(start)).unwrap() + 1
}

fn hostile() -> Vec<(&'static str, Vec<u8>, OfferError)> {
    use OfferError::{BadSdp, Insecure, NoCommonCodec, NoIce, NoSound};
    let swap = |from: &str, to: &str| {
        let text = offer();
        assert!(text.contains(from), "{from}");
        text.replace(from, to).into_bytes()
    };
    let more = |line: &str, times: usize| (offer() + &line.repeat(times)).into_bytes();
    let line = |start: &str| BadSdp(SdpError::Line(number(start)));
    let weak = |hash: &str, bytes: usize| swap(FINGERPRINT, &format!("{hash} {}", vec!["AB"; bytes].join(":")));
    let media = "m=audio 5000 UDP/TLS/RTP/SAVPF";
    vec![
        ("nothing", Vec::new(), BadSdp(SdpError::Line(1))),
        ("noise", vec![0xff; 900], BadSdp(SdpError::Line(1))),
        ("another version", swap("v=0", "v=1"), BadSdp(SdpError::Line(1))),
        ("no origin", swap("o=far 10 1 IN IP4 198.51.100.1\r\n", ""), BadSdp(SdpError::NoOrigin)),
        ("a short origin", swap("o=far 10 1 IN IP4 198.51.100.1", "o=far"), line("o=")),
        ("a connection of nothing", swap("c=IN IP4 198.51.100.1", "c="), line("c=")),
        ("no type", swap("t=0 0", "hello"), line("t=")),
        ("a carriage return in a line", swap("a=mid:0", "a=mid:0\ra=x"), line("a=mid")),
        ("a zero byte", swap("a=mid:0", "a=mid:\0"), line("a=mid")),
        ("too many bytes", more(&format!("a={}\r\n", "x".repeat(7_000)), 10), BadSdp(SdpError::TooMuch)),
        ("one long line", more(&"y".repeat(70_000), 1), BadSdp(SdpError::TooMuch)),
        ("ten thousand attributes", more("a=x\r\n", 10_000), BadSdp(SdpError::TooMuch)),
        ("ten thousand sections", more("m=a 1 b\r\n", 7_000), BadSdp(SdpError::TooMuch)),
        ("seventeen sections", more("m=audio 1 RTP/AVP 0\r\n", 16), BadSdp(SdpError::TooMuch)),
        ("a port too high", swap("audio 5000", "audio 65536"), line("m=")),
        ("a port below", swap("audio 5000", "audio -1"), line("m=")),
        ("a port of letters", swap("audio 5000", "audio five"), line("m=")),
        ("half a section", swap("m=audio 5000 UDP/TLS/RTP/SAVPF 111 0 8 110 126", "m=audio 5000"), line("m=")),
        ("refused by itself", swap("audio 5000", "audio 0"), NoSound),
        ("only pictures", swap("m=audio", "m=video"), NoSound),
        ("no section", offer().split("m=audio").next().unwrap().into(), NoSound),
        ("in the clear", swap("UDP/TLS/RTP/SAVPF", "RTP/AVP"), Insecure),
        ("in the clear with feedback", swap("UDP/TLS/RTP/SAVPF", "RTP/AVPF"), Insecure),
        (
            "keys in the description",
            swap(&format!("a=fingerprint:{FINGERPRINT}"), "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"),
            Insecure,
        ),
        ("no fingerprint", swap(&format!("a=fingerprint:{FINGERPRINT}\r\n"), ""), Insecure),
        ("SHA-1", weak("sha-1", 20), Insecure),
        ("MD5", weak("md5", 16), Insecure),
        ("a fingerprint cut short", weak("sha-256", 31), Insecure),
        ("a fingerprint too long", weak("sha-256", 64), Insecure),
        ("a fingerprint of other letters", swap("11:22:33", "GG:22:33"), Insecure),
        ("a fingerprint with signs", swap("11:22:33", "+1:22:33"), Insecure),
        ("no user of ICE", swap("a=ice-ufrag:their\r\n", ""), NoIce),
        ("no password of ICE", swap("a=ice-pwd:abcdefghijklmnopqrstuv\r\n", ""), NoIce),
        ("a short password", swap("abcdefghijklmnopqrstuv", "abc"), NoIce),
        ("a password of 300", swap("abcdefghijklmnopqrstuv", &"a".repeat(300)), NoIce),
        ("a user of strange letters", swap("ufrag:their", "ufrag:th{}ir"), NoIce),
        ("only strange codecs", swap(" 111 0 8 110 126", " 3 18 96"), NoCommonCodec),
        ("no codec at all", swap(" 111 0 8 110 126", ""), NoCommonCodec),
        ("only keys", swap(" 111 0 8 110 126", " 110 126"), NoCommonCodec),
        ("a clock of zero", swap(" 111 0 8 110 126", " 111\r\na=rtpmap:111 opus/0/2"), NoCommonCodec),
        ("a clock past all numbers", swap("111 0 8 110 126", "111\r\na=rtpmap:111 opus/99999999999/2"), NoCommonCodec),
        ("numbers past 127", swap("111 0 8 110 126", "128 255 256 4294967295 -1"), NoCommonCodec),
        (
            "a wall of formats",
            swap(media, &format!("{media}{}", " 96".repeat(20_000))).into_iter().take(60_000).collect(),
            Insecure,
        ),
    ]
}

#[test]
fn each_is_refused_for_what_it_is_and_changes_nothing() {
    let table = hostile();
    assert!(table.len() >= 40);
    for (what, sdp, expected) in table {
        let mut call = negotiation();
        let before = call.answer(offer().as_bytes(), &local(), Direction::SendRecv).unwrap();
        let again = call.clone();
        let error = call.answer(&sdp, &local(), Direction::SendRecv).unwrap_err();
        assert_eq!(error, expected, "{what}");
        assert_eq!(call.agreed(), Some(&before.1), "{what}");
        let next = |mut call: media::offer::Negotiation| call.offer(&local(), Direction::SendOnly);
        assert_eq!(next(call), next(again), "{what}");

        let error = negotiation().answer(&sdp, &local(), Direction::SendRecv).unwrap_err();
        assert_eq!((error, error.sip_status()), (expected, 488), "{what}");
        let (code, text) = error.warning();
        assert!((300..400).contains(&code) && text.is_ascii() && !text.is_empty());

        let mut caller = negotiation();
        caller.offer(&local(), Direction::SendRecv);
        assert_eq!(caller.accept(&sdp), Err(expected), "{what}");
        assert_eq!(caller.agreed(), None, "{what}");
    }
}

#[test]
fn an_answer_to_nothing_is_refused() {
    assert_eq!(negotiation().accept(answer().as_bytes()), Err(OfferError::NothingOffered));
}

#[test]
fn numbers_without_sense_are_bounded() {
    let with = |lines: &str| offer() + lines;
    for (lines, ptime) in [
        ("a=ptime:0\r\n", 20),
        ("a=ptime:1\r\n", 10),
        ("a=ptime:10\r\n", 10),
        ("a=ptime:30\r\n", 30),
        ("a=ptime:1000000000\r\n", 60),
        ("a=ptime:99999999999999999999\r\n", 20),
        ("a=ptime:-20\r\n", 20),
        ("a=ptime:ten\r\n", 20),
        ("a=ptime\r\n", 20),
        ("a=ptime:60\r\na=maxptime:40\r\n", 40),
        ("a=maxptime:0\r\n", 20),
        ("a=maxptime:1\r\n", 10),
        ("", 20),
    ] {
        let (_, agreed) = negotiation().answer(with(lines).as_bytes(), &local(), Direction::SendRecv).unwrap();
        assert_eq!(agreed.ptime, ptime, "{lines}");
    }
    for (rate, taken) in
        [("0", None), ("5999", None), ("6000", Some(6_000)), ("510001", None), ("99999999999", None), ("x", None)]
    {
        let sdp = offer().replace("minptime=10", &format!("maxaveragebitrate={rate}"));
        let (_, agreed) = negotiation().answer(sdp.as_bytes(), &local(), Direction::SendRecv).unwrap();
        assert_eq!(agreed.send[0].max_bitrate, taken, "{rate}");
    }
}

#[test]
fn a_thousand_candidates_are_cut_short() {
    let sdp = offer() + &"a=candidate:1 1 udp 1 203.0.113.7 9 typ host\r\n".repeat(900);
    let (answer, agreed) = negotiation().answer(sdp.as_bytes(), &local(), Direction::SendRecv).unwrap();
    assert!(agreed.remote.unwrap().candidates.len() <= 64);
    assert!(answer.len() < 4_096);
}

/// CONFORMANCE S8: 50 ms, in a build for release. Here the slowest machine has ten times that, for what would take
/// minutes if it grew with the square of the text.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long it really takes is what the test is about")]
fn the_dearest_descriptions_are_cheap() {
    let formats = |count: usize| (0..count).map(|number| format!(" {}", number % 128)).collect::<String>();
    let wall = offer().replace(" 111 0 8 110 126", &formats(12_000));
    let maps = (0..980).map(|number| format!("a=rtpmap:{} x/1\r\n", number % 128)).collect::<String>();
    let groups = offer().replace("BUNDLE 0", &format!("BUNDLE{}", " 7".repeat(30_000)));
    for sdp in [wall + &maps, groups, offer() + &"a=fmtp:111 ;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;\r\n".repeat(980)] {
        assert!(sdp.len() < 65_536, "{}", sdp.len());
        let begun = Instant::now();
        let _ = negotiation().answer(sdp.as_bytes(), &local(), Direction::SendRecv);
        assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    }
}
