//! What no good peer says, said to an agent that is registered and in a call: each gets its status or silence, and the
//! call goes on (CONFORMANCE L2, L3, L6, C72, C90).

use std::time::Duration;

use media::codec::Codec;
use sip::{Event, HeaderName, Message, Method, NameAddr, Response, StatusCode};

use crate::{
    line::Line,
    names::{address, text},
};

/// What an agent makes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nothing is sent.
    Silence,
    /// It is answered so, and nothing comes of it.
    Refused(u16),
    /// It is answered 200.
    Done,
    /// A call rings, and no more than that.
    Rings,
}
use Fate::{Done, Refused, Rings, Silence};

/// In the messages `{me}` is our Contact, `{call}` the Call-ID of the call, `{own}` and `{far}` the tags of its ends;
/// `{head}` are headers that are as they should be, outside a dialog. A line end stands for CRLF.
const HEAD: &str = "Via: SIP/2.0/WSS evil.example;branch=z9hG4bK{case}\nFrom: <sip:eve@evil.example>;tag=e\n\
                    To: <sip:1001@sip.test.local>\nCall-ID: c{case}\nMax-Forwards: 70\n";
const WITHIN: &str = "Via: SIP/2.0/WSS evil.example;branch=z9hG4bK{case}\nFrom: <sip:600@sip.test.local>;tag={far}\n\
                      To: <sip:1001@sip.test.local>;tag={own}\nCall-ID: {call}\nMax-Forwards: 70\n";

const SIP: &[(&str, Fate)] = &[
    // No SIP at all.
    ("hello", Silence),
    ("GET / HTTP/1.1\nHost: evil.example\n\n", Silence),
    ("\u{0}\u{1}\u{fffd}\u{fffd}\n\n", Silence),
    ("SIP/2.0\n\n", Silence),
    (" sip:1001@sip.test.local SIP/2.0\n{head}\n", Silence),
    // Requests that can only half be read.
    ("OPTIONS {me} SIP/3.0\n{head}CSeq: 1 OPTIONS\n\n", Refused(505)),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: 1 OPTIONS\n", Refused(400)),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: 1 OPTIONS\nno colon here\n\n", Refused(400)),
    // Without one of what an answer repeats there is none to give.
    ("OPTIONS {me} SIP/2.0\n{head}\n", Silence),
    ("BYE {me} SIP/2.0\nFrom: <sip:e@e>;tag=1\nTo: <sip:b@c>\nCall-ID: {case}\nCSeq: 1 BYE\n\n", Silence),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: 4294967296 OPTIONS\n\n", Refused(400)),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: -1 OPTIONS\n\n", Refused(400)),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: 0x5 OPTIONS\n\n", Refused(400)),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: 1 INVITE\n\n", Refused(400)),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: 1 OPTIONS\nCSeq: 2 OPTIONS\n\n", Refused(400)),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: 1 OPTIONS\nContent-Length: 99999\n\n", Refused(400)),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: 1 OPTIONS\nContent-Length: -5\n\n", Refused(400)),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: 1 OPTIONS\nContent-Length: 0\nContent-Length: 4\n\nabcd", Refused(400)),
    ("OPTIONS sip:%zz@[::1 SIP/2.0\n{head}CSeq: 1 OPTIONS\n\n", Refused(400)),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: 1 OPTIONS\n{many}\n", Refused(513)),
    ("OPTIONS {me} SIP/2.0\n{head}Subject: {long}\nCSeq: 1 OPTIONS\n\n", Silence),
    (
        "INVITE {me} SIP/2.0\nVia: SIP/2.0/WSS e;branch=z9hG4bK{case}\nFrom: \"eve <sip:e@e>;tag=1\nTo: <sip:b@c>\nCall-ID: {case}\nCSeq: 1 INVITE\n\n",
        Refused(400),
    ),
    ("ACK {me} SIP/2.0\n{head}\n", Silence),
    // Requests that are read, and are not for us or not for anybody.
    ("JUMP {me} SIP/2.0\n{head}CSeq: 1 JUMP\n\n", Refused(405)),
    ("REGISTER {me} SIP/2.0\n{head}CSeq: 1 REGISTER\n\n", Refused(405)),
    ("MESSAGE {me} SIP/2.0\n{head}CSeq: 1 MESSAGE\nContent-Type: text/html\n\n<script>", Refused(405)),
    ("REFER {me} SIP/2.0\n{head}CSeq: 1 REFER\nRefer-To: <http://evil.example/>\n\n", Refused(405)),
    ("SUBSCRIBE {me} SIP/2.0\n{head}CSeq: 1 SUBSCRIBE\nEvent: presence\nExpires: 0\n\n", Refused(405)),
    ("OPTIONS tel:+4930123456 SIP/2.0\n{head}CSeq: 1 OPTIONS\n\n", Refused(416)),
    ("OPTIONS sip:somebody@else.example SIP/2.0\n{head}CSeq: 1 OPTIONS\n\n", Refused(404)),
    ("OPTIONS {me} SIP/2.0\n{head}CSeq: 1 OPTIONS\nRequire: telepathy\n\n", Refused(420)),
    ("INVITE {me} SIP/2.0\n{head}CSeq: 1 INVITE\nContact: <sip:e@e>\nContent-Type: text/html\n\n<b>", Refused(415)),
    ("INVITE {me} SIP/2.0\n{head}CSeq: 1 INVITE\nContent-Type: application/sdp\n\nv=0\n", Refused(400)),
    ("INVITE {me} SIP/2.0\n{head}CSeq: 1 INVITE\nContact: *\n\n", Refused(400)),
    (
        "INVITE {me} SIP/2.0\n{head}CSeq: 1 INVITE\nContact: <sip:e@e>\nRequire: replaces\nReplaces: {call};to-tag={own};from-tag={far}\n\n",
        Refused(420),
    ),
    ("NOTIFY {me} SIP/2.0\n{head}CSeq: 1 NOTIFY\nEvent: refer\nSubscription-State: active\n\n", Refused(489)),
    ("CANCEL {me} SIP/2.0\n{head}CSeq: 1 CANCEL\n\n", Refused(481)),
    ("ACK {me} SIP/2.0\n{head}CSeq: 1 ACK\n\n", Silence),
    // Those who guess at our call.
    ("BYE {me} SIP/2.0\n{head}CSeq: 1 BYE\n\n", Refused(481)),
    (
        "BYE {me} SIP/2.0\nVia: SIP/2.0/WSS e;branch=z9hG4bK{case}\nFrom: <sip:600@sip.test.local>;tag=guess\nTo: <sip:1001@sip.test.local>;tag={own}\nCall-ID: {call}\nCSeq: 9 BYE\n\n",
        Refused(481),
    ),
    (
        "BYE {me} SIP/2.0\nVia: SIP/2.0/WSS e;branch=z9hG4bK{case}\nFrom: <sip:600@sip.test.local>;tag={far}\nTo: <sip:1001@sip.test.local>;tag=guess\nCall-ID: {call}\nCSeq: 9 BYE\n\n",
        Refused(481),
    ),
    ("INFO {me} SIP/2.0\n{within}CSeq: 1 INFO\n\n", Refused(500)),
    ("INFO {me} SIP/2.0\n{within}CSeq: 9 INFO\nContent-Type: application/x-evil\n\nboo", Refused(415)),
    ("INFO {me} SIP/2.0\n{within}CSeq: 9 INFO\nContent-Type: application/dtmf-relay\n\nSignal=<script>\n", Done),
    ("UPDATE {me} SIP/2.0\n{within}CSeq: 9 UPDATE\nContact: sip:\n\n", Done),
    ("INVITE {me} SIP/2.0\n{within}CSeq: 2 INVITE\nContact: <sip:e@e>\n\n", Refused(500)),
    // Answers that nobody asked for.
    ("SIP/2.0 200 OK\n{head}CSeq: 1 INVITE\n\n", Silence),
    ("SIP/2.0 401 Unauthorized\n{head}CSeq: 1 BYE\nWWW-Authenticate: Basic realm=\"x\"\n\n", Silence),
    ("SIP/2.0 999 Nonsense\n{head}CSeq: 1 INVITE\n\n", Silence),
    ("SIP/2.0 200 OK\nVia: SIP/2.0/WSS a\n\n", Silence),
    // Two in one frame: the second is not looked at (C9).
    (
        "OPTIONS {me} SIP/2.0\n{head}CSeq: 1 OPTIONS\nContent-Length: 0\n\nBYE {me} SIP/2.0\n{within}CSeq: 9 BYE\n\n",
        Done,
    ),
    // Calls that ask for more than to ring (S3), and names that ask to be believed.
    (
        "INVITE {me} SIP/2.0\n{head}CSeq: 1 INVITE\nContact: <sip:e@e>\nCall-Info: <sip:e>;answer-after=0\nAlert-Info: info=alert-autoanswer\nAnswer-Mode: Auto\nPriv-Answer-Mode: Auto;require\n\n",
        Rings,
    ),
    (
        "INVITE {me} SIP/2.0\nVia: SIP/2.0/WSS e;branch=z9hG4bK{case}\nFrom: \"\u{202e}\u{1}<img src=x>\\\"\" <sip:%00%0d%0aVia:x@e>;tag=1\nTo: <sip:1001@sip.test.local>\nCall-ID: c{case}\nCSeq: 1 INVITE\nContact: <sip:e@e>\n\n",
        Rings,
    ),
];

/// A good offer and what is made of it. Where the words to replace are none, the whole of it is replaced.
const GOOD: &str = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 UDP/TLS/RTP/SAVPF 111 0\n\
                    a=rtpmap:111 opus/48000/2\na=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuv\na=setup:actpass\n\
                    a=rtcp-mux\na=fingerprint:sha-256 {hash}\na=candidate:1 1 udp 1 192.0.2.1 4000 typ host\n";

const SDP: &[(&str, &str, Fate)] = &[
    ("", "hello", Refused(488)),
    ("", "v=0\n", Refused(488)),
    ("", "{noise}", Refused(488)),
    ("v=0", "v=1", Refused(488)),
    ("m=audio", "m=video", Refused(488)),
    ("m=audio 4000", "m=audio 0", Refused(488)),
    ("m=audio 4000", "m=audio 99999", Refused(488)),
    ("UDP/TLS/RTP/SAVPF", "RTP/AVP", Refused(488)),
    ("a=fingerprint:sha-256 {hash}\n", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\n", Refused(488)),
    ("sha-256 {hash}", "md5 00:11", Refused(488)),
    ("sha-256 {hash}", "sha-256 AB:CD", Refused(488)),
    ("a=ice-pwd:abcdefghijklmnopqrstuv\n", "", Refused(488)),
    ("111 0\na=rtpmap:111 opus/48000/2", "96\na=rtpmap:96 telepathy/8000", Refused(488)),
    ("a=rtcp-mux\n", "a=rtcp-mux\n{lines}", Refused(488)),
    ("a=rtcp-mux\n", "a=rtcp-mux\na=ptime:1000000000\na=fmtp:111 ;;=;maxaveragebitrate=-1\n", Rings),
    ("192.0.2.1 4000 typ host", "evil.example 4000 typ host", Rings),
];

/// An agent in a call that it made to 600.
struct Victim {
    line: Line,
    me: String,
    call: String,
    own: String,
    far: String,
}

impl Victim {
    fn new() -> Self {
        let mut line = Line::new("1001", vec![Codec::Opus, Codec::Pcmu]);
        line.person(|agent, now| agent.register(now));
        let register = line.request();
        let contact = address(&register.headers).expect("a Contact");
        let mut granted = contact.clone();
        granted.params.set("expires", "600");
        let grant = |ok: &mut Response| ok.headers.push(HeaderName::Contact, &granted.to_string());
        answer(&mut line, &register, 200, grant);
        line.call(crate::line::uri("sip:600@sip.test.local"));
        let invite = line.request();
        answer(&mut line, &invite, 200, |ok| {
            ok.headers.push(HeaderName::Contact, "<sip:600@192.0.2.1;transport=ws>");
            ok.headers.set(HeaderName::ContentType, "application/sdp");
            ok.body = filled(GOOD).replace("actpass", "active").into();
        });
        assert_eq!(line.request().method, Method::Ack);
        let tag = invite.headers.name_addr(&HeaderName::From).and_then(|from| from.tag().map(str::to_owned));
        let mut victim = Self {
            line,
            me: contact.uri.to_string(),
            call: text(&invite.headers, &HeaderName::CallId),
            own: tag.expect("a tag"),
            far: "server".to_owned(),
        };
        // The far end's own requests count from here.
        let (fate, _) = victim.hear("INFO {me} SIP/2.0\n{within}CSeq: 5 INFO\n\n", 1000);
        assert_eq!(fate, Done);
        victim
    }

    /// What it makes of `message`, and its answer.
    fn hear(&mut self, message: &str, case: usize) -> (Fate, Option<Response>) {
        let many: String = (0..600).map(|count| format!("X-{count}: y\n")).collect();
        let message = message
            .replace("{head}", HEAD)
            .replace("{within}", WITHIN)
            .replace("{many}", &many)
            .replace("{long}", &"x".repeat(300 * 1024))
            .replace("{me}", &self.me)
            .replace("{call}", &self.call)
            .replace("{own}", &self.own)
            .replace("{far}", &self.far)
            .replace("{case}", &case.to_string());
        let calls = self.line.calls.len();
        self.line.hear(message.replace('\n', "\r\n").into());
        let said: Vec<Response> = self
            .line
            .said
            .drain(..)
            .map(|message| if let Message::Response(response) = message { response } else { panic!("{message:?}") })
            .collect();
        let echoed = std::mem::take(&mut self.line.echoed);
        match said.as_slice() {
            [] if echoed.len() == 1 => {
                let status = std::str::from_utf8(&echoed[0][8..11]).ok().and_then(|digits| digits.parse().ok());
                (Refused(status.expect("a status line")), None)
            }
            [] => (Silence, None),
            [trying] if trying.status == StatusCode::TRYING && self.line.calls.len() == calls + 1 => (Rings, None),
            [done] if done.status == StatusCode::OK => (Done, Some(done.clone())),
            [refused] => (Refused(refused.status.code()), Some(refused.clone())),
            more => panic!("{} answers to one message", more.len()),
        }
    }

    /// It is up: it answers OPTIONS, its call is not over, and the far end can still hang up.
    fn stays_well(mut self, case: &str) {
        assert_eq!(self.hear("OPTIONS {me} SIP/2.0\n{head}CSeq: 1 OPTIONS\n\n", 2000).0, Done, "{case}");
        assert!(self.line.calls[0].ended.is_none(), "{case}: the call goes on");
        assert_eq!(self.hear("BYE {me} SIP/2.0\n{within}CSeq: 100 BYE\n\n", 2001).0, Done, "{case}");
        assert!(self.line.calls[0].ended.is_some(), "{case}");
        let waiting: Vec<_> = self.line.calls.iter().filter(|call| call.ended.is_none()).map(|call| call.id).collect();
        for call in waiting {
            self.line.person(|agent, now| agent.hangup(now, call).expect("it rings"));
        }
        self.line.wait(Duration::from_secs(40));
        let (transactions, calls, _) = self.line.agent.live();
        assert_eq!((transactions, calls), (0, 0), "{case}: nothing is left behind");
    }
}

fn answer(line: &mut Line, request: &sip::Request, status: u16, more: impl FnOnce(&mut Response)) {
    let mut response = request.respond(StatusCode::new(status).expect("a status"), Some("server"));
    more(&mut response);
    line.hear(response.to_bytes());
}

/// The hash and the noise in a description.
fn filled(sdp: &str) -> String {
    let lines: String = (0..2000).map(|count| format!("a=x{count}\n")).collect();
    let noise: String = (0..4000_u32).filter_map(|code| char::from_u32(code % 91)).collect();
    sdp.replace("{hash}", &["AB"; 32].join(":"))
        .replace("{lines}", &lines)
        .replace("{noise}", &noise)
        .replace('\n', "\r\n")
}

#[test]
fn hostile_sip_is_refused_or_ignored_and_the_call_goes_on() {
    assert!(SIP.len() + SDP.len() >= 50);
    for (case, (message, fate)) in SIP.iter().enumerate() {
        let mut victim = Victim::new();
        let (own, response) = victim.hear(message, case);
        assert_eq!(own, *fate, "{message}");
        if let Some(response) = response {
            // RFC 3261 8.2.1, 8.2.2.3, 8.2.3: what we would take is said.
            let says = |name: &HeaderName| response.headers.get(name).is_some();
            assert!(response.status != StatusCode::METHOD_NOT_ALLOWED || says(&HeaderName::Allow), "{message}");
            assert!(response.status != StatusCode::BAD_EXTENSION || says(&HeaderName::Unsupported), "{message}");
            assert!(response.status != StatusCode::UNSUPPORTED_MEDIA_TYPE || says(&HeaderName::Accept), "{message}");
        }
        let no_digit = !victim.line.events.iter().any(|event| matches!(event, Event::Digit { .. }));
        assert!(no_digit, "{message}");
        victim.stays_well(message);
    }
}

#[test]
fn one_agent_outlives_them_all() {
    let mut victim = Victim::new();
    for (case, (message, _)) in SIP.iter().enumerate() {
        // Those with the call's own numbers find it moved on; all others are judged as before.
        victim.hear(message, case);
    }
    victim.stays_well("all");
}

#[test]
fn hostile_offers_are_refused_and_ring_nowhere() {
    for (case, (old, new, fate)) in SDP.iter().enumerate() {
        let whole = if old.is_empty() { (*new).to_owned() } else { GOOD.replacen(old, new, 1) };
        assert_ne!(whole, GOOD, "{old}");
        let sdp = filled(&whole);
        for within in [false, true] {
            let mut victim = Victim::new();
            let (head, tail) = if within { ("{within}", "CSeq: 50 INVITE") } else { ("{head}", "CSeq: 1 INVITE") };
            let request = format!(
                "INVITE {{me}} SIP/2.0\n{head}{tail}\nContact: <sip:eve@evil.example;transport=ws>\nContent-Type: application/sdp\nContent-Length: {}\n\n",
                sdp.len()
            );
            let calls = victim.line.calls.len();
            let (fate_of_request, _) = victim.hear(&(request + &sdp.replace("\r\n", "\n")), case);
            // The offer is judged by who negotiates, before anybody is disturbed.
            assert!(matches!(fate_of_request, Rings | Refused(100)), "{old} {new}: {fate_of_request:?}");
            let judged = victim.line.judge(within);
            match (judged, fate) {
                (Ok(()), Rings) => {
                    assert_eq!(victim.line.said.pop_front().map(|said| status(&said)), Some(200), "{new}")
                }
                (Err(refused), Refused(code)) => {
                    assert_eq!(refused, *code, "{old} {new}");
                    assert_eq!(victim.line.said.pop_front().map(|said| status(&said)), Some(*code), "{old} {new}");
                }
                (judged, fate) => panic!("{old} {new}: {judged:?} and not {fate:?}"),
            }
            assert_eq!(victim.line.calls.len(), calls + usize::from(!within));
            // Who refused or was answered acknowledges.
            acknowledge(&mut victim, within, case);
            if !within && *fate == Rings {
                let call = victim.line.last();
                victim.line.person(|agent, now| agent.hangup(now, call).expect("it is up"));
                let bye = victim.line.request();
                answer(&mut victim.line, &bye, 200, |_| {});
            }
            victim.stays_well(new);
        }
    }
}

fn status(message: &Message) -> u16 {
    match message {
        Message::Response(response) => response.status.code(),
        Message::Request(request) => panic!("{} is no answer", request.method),
    }
}

/// The ACK of the INVITE of `case`: that of a refusal has its branch, that of a 2xx its dialog.
fn acknowledge(victim: &mut Victim, within: bool, case: usize) {
    let own = victim.line.tag_of_last_answer();
    let head = if within { WITHIN.to_owned() } else { HEAD.replace("local>\n", &format!("local>;tag={own}\n")) };
    let number = if within { 50 } else { 1 };
    victim.hear(&format!("ACK {{me}} SIP/2.0\n{head}CSeq: {number} ACK\n\n"), case);
}

/// Else the refusals above would prove nothing.
#[test]
fn the_good_offer_is_good() {
    let mut victim = Victim::new();
    let sdp = filled(GOOD);
    let contact = NameAddr::parse("<sip:eve@evil.example;transport=ws>").expect("a name-addr");
    let request =
        format!("INVITE {{me}} SIP/2.0\n{{head}}CSeq: 1 INVITE\nContact: {contact}\nContent-Type: application/sdp\n\n");
    assert_eq!(victim.hear(&(request + &sdp.replace("\r\n", "\n")), 1).0, Rings);
    assert_eq!(victim.line.judge(false), Ok(()));
}
