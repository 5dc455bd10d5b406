//! What goes wrong, as a person is told of it: the exact code and sentence of each fault, and a phone that stays up.
//!
//! The phone is the terminal phone; what is wrong is a server of the test's own, or that there is none.

mod server;

use acceptance::{
    artefacts,
    cert::{Authority, Certificate, Wanted},
    phone::{Phone, Setup, Trust},
};
use bytes::Bytes;
use serde_json::{Value, json};
use server::{Script, Server, answer};
use sip::{HeaderName, Message, Method, Request, headers::Contact};

const SIP: &str = "Sec-WebSocket-Protocol: sip\r\n";

fn certificate(authority: &Authority, names: &[&str], expired: bool) -> Certificate {
    authority.certify(Wanted { names, expired })
}

/// An account of alice at `server`, without sound.
fn account(server: String, trust: Trust) -> Setup<'static> {
    Setup { server, user: "alice", domain: "127.0.0.1", password: "pw", trust, voice: None, flags: &[], variables: &[] }
}

/// A text as a person sees it: without the marks round inserted values.
fn shown(text: &Value) -> String {
    text.as_str().unwrap_or_default().replace(['\u{2068}', '\u{2069}'], "")
}

/// The error of the line, which must be this one, and a phone that still answers.
fn told(mut phone: Phone, code: &str, message: &str, why: &str) {
    let error = phone.until(&format!("a line with {code}"), |state| {
        let error = &state["accounts"].get(0)?["line"]["error"];
        error.is_object().then(|| error.clone())
    });
    assert_eq!(error["code"], code, "{error}");
    assert_eq!(shown(&error["message"]), message, "{error}");
    assert_eq!(shown(&error["why"]), why, "{error}");
    phone.tell(json!({ "do": "state" }));
    assert!(phone.end().success(), "{code}: the phone ended well");
}

/// Registers whoever asks.
fn grant(request: &Request) -> Bytes {
    let contact = request.headers.typed::<Contact>().and_then(Result::ok).and_then(Contact::address);
    let contact = contact.expect("a REGISTER has a Contact");
    answer(request, 200, |ok| {
        ok.headers.push(HeaderName::Contact, &format!("<{}>;expires=600", contact.uri));
    })
}

/// A server that answers every REGISTER with `code` and `more`.
fn refusing(certificate: &Certificate, code: u16, more: &'static [(HeaderName, &'static str)]) -> Server {
    let script: Script = Box::new(move |message| match message {
        Message::Request(request) if request.method == Method::Register => vec![answer(request, code, |response| {
            more.iter().for_each(|(name, value)| response.headers.push(name.clone(), value));
        })],
        _ => Vec::new(),
    });
    Server::start(certificate, SIP, script)
}

#[test]
fn a_server_that_is_not_there() {
    const TEST: &str = "faults/a_server_that_is_not_there";
    let phone = Phone::start(TEST, "unknown", &account("wss://no-such-host.invalid/".to_owned(), Trust::System));
    told(phone, "host-unknown", "The server was not found", "No name server knows no-such-host.invalid.");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let phone = Phone::start(TEST, "refused", &account(format!("wss://127.0.0.1:{port}/"), Trust::System));
    told(phone, "connect-refused", "The server refused the connection", "127.0.0.1 cannot be reached on this port.");
}

#[test]
fn a_certificate_that_is_not_to_be_trusted() {
    const TEST: &str = "faults/a_certificate_that_is_not_to_be_trusted";
    let authority = Authority::new();
    let ca = artefacts(TEST).join("ca.pem");
    std::fs::write(&ca, &authority.pem).expect("the artefacts can be written");
    let (good, old, other) = (
        certificate(&authority, &["127.0.0.1"], false),
        certificate(&authority, &["127.0.0.1"], true),
        certificate(&authority, &["other.example"], false),
    );
    let cases = [
        (
            &good,
            Trust::System,
            "certificate-untrusted",
            "The certificate is not known",
            "127.0.0.1 shows a certificate that nobody known to this computer vouches for.",
        ),
        (
            &old,
            Trust::Authority(ca.clone()),
            "certificate-expired",
            "The certificate is not valid now",
            "The certificate of 127.0.0.1 has run out, or is not valid yet.",
        ),
        (
            &other,
            Trust::Authority(ca),
            "certificate-wrong-name",
            "The certificate is for another name",
            "The certificate is not one for 127.0.0.1.",
        ),
        (
            &good,
            Trust::Pin("00".repeat(32)),
            "certificate-changed",
            "The certificate has changed",
            "127.0.0.1 shows another certificate than the one you trusted.",
        ),
    ];
    for (certificate, trust, code, message, why) in cases {
        let server = Server::start(certificate, SIP, Box::new(|_| Vec::new()));
        let phone = Phone::start(TEST, code, &account(server.url(), trust));
        told(phone, code, message, why);
        assert!(server.heard().is_empty(), "no SIP reaches a server that is not trusted");
    }
}

#[test]
fn a_server_that_does_not_speak_sip() {
    const TEST: &str = "faults/a_server_that_does_not_speak_sip";
    let certificate = certificate(&Authority::new(), &["127.0.0.1"], false);
    let server = Server::start(&certificate, "", Box::new(|_| Vec::new()));
    let phone = Phone::start(TEST, "phone", &account(server.url(), Trust::Pin(certificate.sha256)));
    told(
        phone,
        "subprotocol-missing",
        "The server does not speak SIP here",
        "127.0.0.1 opens a WebSocket, but not one for calls.",
    );
    assert!(server.heard().is_empty());
}

#[test]
fn a_registrar_that_refuses() {
    const TEST: &str = "faults/a_registrar_that_refuses";
    const CHALLENGE: &[(HeaderName, &str)] =
        &[(HeaderName::WwwAuthenticate, "Digest realm=\"pbx\", nonce=\"n\", qop=\"auth\"")];
    let certificate = certificate(&Authority::new(), &["127.0.0.1"], false);
    let none: &[(HeaderName, &str)] = &[];
    let zero: &[(HeaderName, &str)] = &[(HeaderName::Expires, "0")];
    let cases = [
        (
            401,
            CHALLENGE,
            "wrong-password",
            "The server refused the password",
            "127.0.0.1 does not accept the password of alice.",
        ),
        (404, none, "unknown-user", "The server does not know this user", "There is no alice at 127.0.0.1."),
        (
            403,
            none,
            "forbidden",
            "The server does not allow this account",
            "127.0.0.1 knows alice and does not let it register.",
        ),
        (
            503,
            none,
            "server-unavailable",
            "The server cannot serve calls now",
            "127.0.0.1 answers that it is not able to.",
        ),
        (
            200,
            zero,
            "bad-sip",
            "The server gave an answer that makes no sense",
            "What 127.0.0.1 sent does not follow the rules of SIP.",
        ),
    ];
    for (status, more, code, message, why) in cases {
        let server = refusing(&certificate, status, more);
        let phone = Phone::start(TEST, code, &account(server.url(), Trust::Pin(certificate.sha256.clone())));
        told(phone, code, message, why);
    }
}

/// What a server says that answers a call with `sdp`, and a call to 486 with that.
fn answering(sdp: &'static str) -> Script {
    Box::new(move |message| {
        let Message::Request(request) = message else { return Vec::new() };
        match request.method {
            Method::Register => vec![grant(request)],
            Method::Invite if request.uri.user.as_deref() == Some("486") => vec![answer(request, 486, |_| {})],
            Method::Invite => vec![answer(request, 200, |ok| {
                ok.headers.push(HeaderName::Contact, "<sip:far@192.0.2.1;transport=ws>");
                ok.headers.set(HeaderName::ContentType, "application/sdp");
                ok.body = sdp.replace('\n', "\r\n").into();
            })],
            Method::Ack => Vec::new(),
            _ => vec![answer(request, 200, |_| {})],
        }
    })
}

#[test]
fn a_hostile_answer_ends_the_call_and_not_the_phone() {
    const TEST: &str = "faults/a_hostile_answer_ends_the_call_and_not_the_phone";
    const BAD: (&str, &str) = ("bad-sdp", "The other end describes its sound wrongly");
    let certificate = certificate(&Authority::new(), &["127.0.0.1"], false);
    let cases =
        [("garbage", "no description at all"), ("cut", "v=0\n"), ("lines", "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nm=\n")];
    for (name, sdp) in cases {
        let server = Server::start(&certificate, SIP, answering(sdp));
        let mut phone = Phone::start(TEST, name, &account(server.url(), Trust::Pin(certificate.sha256.clone())));
        phone.registered();
        let call = phone.call("600");
        let ended = phone.phase(&call, "ended");
        let error = &ended["phase"]["cause"]["error"];
        assert_eq!(
            (error["code"].as_str(), shown(&error["message"]).as_str()),
            (Some(BAD.0), BAD.1),
            "{name}: {ended}"
        );
        assert_eq!(shown(&error["why"]), "What it sent does not follow the rules.", "{name}");
        let call = phone.call("486");
        assert_eq!(phone.cause(&call), "busy", "{name}: the phone goes on");
        // The far end believes in a call: it is acknowledged and ended (RFC 3261 13.2.2.4).
        for method in [Method::Ack, Method::Bye] {
            let is_it = |message: &Message| matches!(message, Message::Request(request) if request.method == method);
            server.hears(method.as_str(), |heard| heard.iter().any(is_it).then_some(()));
        }
        assert!(phone.end().success());
    }
}

/// Hostile requests, and what each is answered.
const HOSTILE: [(&str, Option<u16>); 7] = [
    ("rubbish", None),
    ("INVITE {me} SIP/2.0\n{head}CSeq: 1 INVITE\nContact: <sip:e@e>\nContent-Type: text/html\n\n<script>", Some(415)),
    ("INVITE {me} SIP/2.0\n{head}CSeq: 4294967296 INVITE\n\n", Some(400)),
    ("BYE {me} SIP/2.0\n{head}CSeq: 1 BYE\n\n", Some(481)),
    ("MESSAGE {me} SIP/2.0\n{head}CSeq: 1 MESSAGE\n\nhello", Some(405)),
    ("OPTIONS {me} SIP/9.9\n{head}CSeq: 1 OPTIONS\n\n", Some(505)),
    ("SIP/2.0 200 OK\n{head}CSeq: 1 INVITE\n\n", None),
];

/// What a server says that registers a phone and sends it `texts` at once.
fn calling(texts: &[&'static str]) -> Script {
    let texts = texts.to_vec();
    Box::new(move |message| {
        let Message::Request(request) = message else { return Vec::new() };
        if request.method != Method::Register {
            return vec![answer(request, 200, |_| {})];
        }
        let contact = request.headers.typed::<Contact>().and_then(Result::ok).and_then(Contact::address);
        let me = contact.map(|contact| contact.uri.to_string()).unwrap_or_default();
        let texts = texts.iter().enumerate().map(|(case, text)| {
            let head = format!(
                "Via: SIP/2.0/WSS e;branch=z9hG4bK{case}\nFrom: <sip:eve@e>;tag=e\nTo: <sip:alice@127.0.0.1>\nCall-ID: case-{case}\n"
            );
            text.replace("{head}", &head).replace("{me}", &me).replace('\n', "\r\n").into()
        });
        std::iter::once(grant(request)).chain(texts).collect()
    })
}

/// The final answer to the request of `case`.
fn final_answer(heard: &[Message], case: usize) -> Option<u16> {
    heard.iter().find_map(|message| match message {
        Message::Response(response)
            if response.headers.text(&HeaderName::CallId).as_deref() == Some(&format!("case-{case}"))
                && response.status.code() >= 200 =>
        {
            Some(response.status.code())
        }
        _ => None,
    })
}

#[test]
fn an_offer_that_is_none_rings_nobody_and_stands_in_the_history() {
    const TEST: &str = "faults/an_offer_that_is_none_rings_nobody_and_stands_in_the_history";
    let certificate = certificate(&Authority::new(), &["127.0.0.1"], false);
    let invite =
        "INVITE {me} SIP/2.0\n{head}CSeq: 1 INVITE\nContact: <sip:e@e>\nContent-Type: application/sdp\n\nrubbish";
    let server = Server::start(&certificate, SIP, calling(&[invite]));
    let mut phone = Phone::start(TEST, "phone", &account(server.url(), Trust::Pin(certificate.sha256)));
    phone.registered();
    let ended = phone.until("the call that could not be", |state| state["calls"].get(0).cloned());
    assert_eq!(ended["phase"]["is"], "ended", "{ended}");
    let error = &ended["phase"]["cause"]["error"];
    assert_eq!(error["code"], "bad-sdp", "{ended}");
    assert_eq!(shown(&error["message"]), "The other end describes its sound wrongly");
    let missed = phone.until("a missed call", |state| (state["missed"] != 0).then(|| state["missed"].clone()));
    assert_eq!(missed, 1);
    assert!(phone.end().success());
    assert_eq!(server.hears("an answer", |heard| final_answer(heard, 0)), 488);
}

#[test]
fn hostile_requests_ring_nowhere_and_the_next_call_does() {
    const TEST: &str = "faults/hostile_requests_ring_nowhere_and_the_next_call_does";
    let certificate = certificate(&Authority::new(), &["127.0.0.1"], false);
    let last = "INVITE {me} SIP/2.0\n{head}CSeq: 1 INVITE\nContact: <sip:e@e>\n\n";
    let texts: Vec<&str> = HOSTILE.iter().map(|(text, _)| *text).chain([last]).collect();
    let server = Server::start(&certificate, SIP, calling(&texts));
    let mut phone = Phone::start(TEST, "phone", &account(server.url(), Trust::Pin(certificate.sha256)));
    phone.registered();
    // All that came before it was judged when the last one rings.
    let call = phone.incoming();
    assert_eq!(call["with"]["number"], "eve", "{call}");
    let calls = phone.until("the state again", |state| state["calls"].as_array().cloned());
    assert_eq!(calls.iter().filter(|row| row["phase"]["is"] == "incoming").count(), 1, "{calls:?}");
    phone.tell(json!({ "do": "decline" }));
    phone.phase(call["id"].as_str().expect("an id"), "ended");
    let line = phone.until("no call any more", |state| {
        state["calls"].as_array()?.is_empty().then(|| state["accounts"][0]["line"]["is"].clone())
    });
    assert_eq!(line, "registered");
    assert!(phone.end().success());
    // The call that rang was the last to be answered, so all before it are.
    assert_eq!(server.hears("the refusal", |heard| final_answer(heard, HOSTILE.len())), 603);
    let heard = server.heard();
    for (case, (text, status)) in HOSTILE.iter().enumerate() {
        // What repeats a number that is none cannot be read by our own server either.
        let readable = status.filter(|_| !text.contains("4294967296"));
        assert_eq!(final_answer(&heard, case), readable, "{text}");
    }
}
