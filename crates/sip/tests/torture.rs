//! The torture messages of RFC 4475 and RFC 5118: what the message layer makes of each, and why.

mod support;

use std::fs;

use bytes::Bytes;
use sip::{
    HeaderName, Message, Method, NameAddr, ParseErrorKind, Request,
    headers::{CSeq, Challenge, Contact, Credentials, Via},
};

/// The message is read. What is wrong with it, if anything is, is for the agent to say.
const READ: Result<(), ParseErrorKind> = Ok(());

type Verdict = (&'static str, Result<(), ParseErrorKind>);

const RFC4475: [Verdict; 49] = [
    // 3.1.1: valid, all of them.
    ("wsinv", READ),
    ("intmeth", READ),
    ("esc01", READ),
    ("escnull", READ),
    ("esc02", READ),
    ("lwsdisp", READ),
    ("longreq", READ),
    ("dblreq", READ),
    ("semiuri", READ),
    ("transports", READ),
    ("mpart01", READ),
    ("unreason", READ),
    ("noreason", READ),
    // 3.1.2: invalid.
    ("badinv01", Err(ParseErrorKind::Mandatory)),
    ("clerr", Err(ParseErrorKind::ContentLength)),
    ("ncl", Err(ParseErrorKind::ContentLength)),
    ("scalar02", Err(ParseErrorKind::Mandatory)),
    ("scalarlg", Err(ParseErrorKind::Mandatory)),
    ("quotbal", Err(ParseErrorKind::Mandatory)),
    ("ltgtruri", Err(ParseErrorKind::RequestUri)),
    ("lwsruri", Err(ParseErrorKind::RequestUri)),
    // The RFC lets a lenient element take the blanks in the request line, for they say nothing else.
    ("lwsstart", READ),
    ("trws", READ),
    ("escruri", Err(ParseErrorKind::RequestUri)),
    // Date means nothing to us: a malformed optional header is as if it were not there (RFC 3261 8.2).
    ("baddate", READ),
    // A Contact without brackets that needs them is left out of the typed ones; the test below looks at it.
    ("regbadct", READ),
    // Blanks within the brackets say nothing else either.
    ("badaspec", READ),
    // The name may be taken without its quotes, but this message as archived ends before its blank line.
    ("baddn", Err(ParseErrorKind::Truncated)),
    ("badvers", Err(ParseErrorKind::Version)),
    ("mismatch01", Err(ParseErrorKind::Mandatory)),
    ("mismatch02", Err(ParseErrorKind::Mandatory)),
    ("bigcode", Err(ParseErrorKind::StartLine)),
    // 3.2 and 3.3: well-formed enough to be read; transactions and the agent judge them.
    ("badbranch", READ),
    ("insuf", Err(ParseErrorKind::Mandatory)),
    ("unkscm", READ),
    ("novelsc", READ),
    ("unksm2", READ),
    ("bext01", READ),
    ("invut", READ),
    ("regaut01", READ),
    ("multi01", Err(ParseErrorKind::Mandatory)),
    ("mcl01", Err(ParseErrorKind::ContentLength)),
    ("bcast", READ),
    ("zeromf", READ),
    ("cparam01", READ),
    ("cparam02", READ),
    ("regescrt", READ),
    ("sdp01", READ),
    // 3.4: RFC 2543.
    ("inv2543", READ),
];

const RFC5118: [Verdict; 12] = [
    ("ipv6-good", READ),
    // 4.2: an IPv6 address without brackets is no host.
    ("ipv6-bad", Err(ParseErrorKind::RequestUri)),
    ("port-ambiguous", READ),
    ("port-unambiguous", READ),
    ("via-received-param-with-delim", READ),
    ("via-received-param-no-delim", READ),
    // 4.6 is meant to be valid, but its body as archived is 17 octets shorter than it says; `the_finer_points` mends that.
    ("ipv6-in-sdp", Err(ParseErrorKind::ContentLength)),
    ("mult-ip-in-header", READ),
    ("mult-ip-in-sdp", READ),
    ("ipv4-mapped-ipv6", READ),
    // 4.10: the first is valid, and the second, three colons from a mistake in the grammar of RFC 3261, must be tolerated;
    // but as archived both end before their blank line. `the_finer_points` mends that too.
    ("ipv6-correct-abnf-2-colons", Err(ParseErrorKind::Truncated)),
    ("ipv6-bug-abnf-3-colons", Err(ParseErrorKind::Truncated)),
];

fn load(rfc: &str, name: &str) -> Bytes {
    let path = support::root().join("tests/torture").join(rfc).join(name).with_extension("dat");
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    // The archive of RFC 5118 has the line ends of its author's machine, and the lengths of proper ones.
    if rfc == "rfc5118" { String::from_utf8(bytes).expect("text").replace('\n', "\r\n").into() } else { bytes.into() }
}

fn read(rfc: &str, name: &str) -> Message {
    Message::parse(load(rfc, name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn request(rfc: &str, name: &str) -> Request {
    match read(rfc, name) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("{name} is a request"),
    }
}

#[test]
fn each_message_has_its_verdict() {
    for (rfc, verdicts) in [("rfc4475", &RFC4475[..]), ("rfc5118", &RFC5118)] {
        let folder = fs::read_dir(support::root().join("tests/torture").join(rfc)).expect("a folder");
        assert_eq!(folder.count(), verdicts.len(), "{rfc}: each file is in the table");
        for (name, verdict) in verdicts {
            let got = Message::parse(load(rfc, name)).map(drop).map_err(|error| error.kind);
            assert_eq!(got, *verdict, "{rfc} {name}");
        }
    }
}

#[test]
fn what_is_read_comes_back() {
    for (rfc, verdicts) in [("rfc4475", &RFC4475[..]), ("rfc5118", &RFC5118)] {
        for (name, _) in verdicts.iter().filter(|(_, verdict)| verdict.is_ok()) {
            let message = read(rfc, name);
            let again = Message::parse(message.to_bytes()).unwrap_or_else(|error| panic!("{name} again: {error}"));
            let without_length = |message: &Message| {
                let mut headers = message.headers().clone();
                headers.remove(&HeaderName::ContentLength);
                headers
            };
            assert_eq!(without_length(&again), without_length(&message), "{name}");
        }
    }
}

#[test]
fn every_refused_request_can_be_answered() {
    for (rfc, verdicts) in [("rfc4475", &RFC4475[..]), ("rfc5118", &RFC5118)] {
        for (name, kind) in verdicts.iter().filter_map(|(name, verdict)| Some((name, verdict.err()?))) {
            let bytes = load(rfc, name);
            let is_response = bytes.starts_with(b"SIP/2.0");
            let error = Message::parse(bytes).expect_err(name);
            assert_eq!(error.request.is_none(), is_response, "{name}");
            let Some(request) = error.request else { continue };
            let status = if *name == "badvers" { 505 } else { 400 };
            assert_eq!(kind.status().code(), status, "{name}");
            let answer = request.respond(kind.status(), Some("t")).to_bytes();
            let text = std::str::from_utf8(&answer).expect("text");
            assert!(text.starts_with(&format!("SIP/2.0 {status} ")) && text.ends_with("\r\n\r\n"), "{text}");
        }
    }
}

#[test]
fn a_short_tortuous_invite() {
    // 3.1.1.1.
    let request = request("rfc4475", "wsinv");
    let headers = &request.headers;
    let to = headers.name_addr(&HeaderName::To).expect("a To");
    assert_eq!((to.uri.to_string().as_str(), to.tag()), ("sip:vivekg@chair-dnrc.example.com", Some("1918181833n")));
    let from = headers.name_addr(&HeaderName::From).expect("a From");
    assert_eq!((from.display.as_deref(), from.tag()), (Some("J Rosenberg \\\""), Some("98asjd8")));
    assert_eq!(headers.seconds(&HeaderName::MaxForwards), Some(68));
    assert_eq!(headers.typed::<CSeq>(), Some(Ok(CSeq { number: 9, method: Method::Invite })));
    let vias: Vec<_> = headers.all::<Via>().into_iter().map(|via| (via.transport, via.host.to_string())).collect();
    let vias: Vec<_> = vias.iter().map(|(transport, host)| (transport.as_str(), host.as_str())).collect();
    assert_eq!(vias, [("UDP", "192.0.2.2"), ("TCP", "spindle.example.com"), ("UDP", "192.168.255.111")]);
    let branches: Vec<_> = headers.all::<Via>().iter().map(|via| via.branch().expect("a branch").to_owned()).collect();
    assert_eq!(branches, ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]);
    let routes = headers.name_addrs(&HeaderName::Route);
    assert_eq!(routes.len(), 1);
    assert!(routes[0].uri.params.has("lr") && routes[0].uri.params.has("unknown-no-value"));
    let contacts: Vec<NameAddr> = headers.all::<Contact>().into_iter().filter_map(Contact::address).collect();
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0].params.get("newparam").as_deref(), Some("newvalue"));
    assert!(contacts[0].params.has("secondparam"));
    assert_eq!(contacts[0].params.raw("q"), Some("0.33"));
    assert_eq!(
        headers.text(&HeaderName::other("NewFangledHeader").expect("a token")).as_deref(),
        Some("newfangled value continued newfangled value")
    );
}

#[test]
fn the_finer_points() {
    // 3.1.1.2: every character that may stand there.
    let wide = request("rfc4475", "intmeth");
    assert_eq!(wide.method.as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(
        wide.uri.to_string(),
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com"
    );
    let to = wide.headers.name_addr(&HeaderName::To).expect("a To");
    assert_eq!(to.display.as_deref(), Some("BEL:\u{7} NUL:\0 DEL:\u{7f}"));
    // 3.1.1.3: escapes stay as they are, and mean what they stand for.
    let escaped = request("rfc4475", "esc01");
    assert_eq!(escaped.uri.to_string(), "sip:sips%3Auser%40example.com@example.net");
    assert_eq!(escaped.uri.user_text().as_deref(), Some("sips:user@example.com"));
    // 3.1.1.5: in a method a percent sign is no escape, so this is no REGISTER.
    assert_eq!(request("rfc4475", "esc02").method, Method::Other("RE%47IST%45R".into()));
    // 3.1.1.8: the second message in the datagram is no body.
    assert!(request("rfc4475", "dblreq").body.is_empty());
    // 3.1.1.9: the semicolons belong to the user.
    let semicolon = request("rfc4475", "semiuri");
    assert_eq!(semicolon.uri.user_text().as_deref(), Some("user;par=u@example.net"));
    assert!(semicolon.uri.params.is_empty());
    // 3.1.1.10.
    let transports = request("rfc4475", "transports").headers.all::<Via>();
    let names: Vec<_> = transports.iter().map(|via| via.transport.as_str()).collect();
    assert_eq!(names, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
    // 3.1.1.12 and 3.1.1.13.
    match (read("rfc4475", "unreason"), read("rfc4475", "noreason")) {
        (Message::Response(text), Message::Response(none)) => {
            assert!(std::str::from_utf8(&text.reason).is_ok_and(|text| text.starts_with("= 2**3 * 5**2 но сто")));
            assert!(none.reason.is_empty());
        }
        _ => panic!("both are responses"),
    }
    // 3.1.2.13: a URI that needs brackets and has none is no Contact.
    assert!(request("rfc4475", "regbadct").headers.all::<Contact>().is_empty());
    // 3.3.7: an unknown scheme is carried, and is no challenge that anyone answers.
    let unknown = request("rfc4475", "regaut01");
    let text = unknown.headers.text(&HeaderName::Authorization).expect("the header");
    assert!(Credentials::parse(&text).is_ok_and(|credentials| credentials.scheme == "NoOneKnowsThisScheme"));
    assert!(Challenge::parse(&text).is_ok());
    // RFC 5118 4.5: `received` with brackets and without.
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let via = request("rfc5118", name).headers.typed::<Via>().expect("a Via").expect("well formed");
        assert!(via.params.raw("received").is_some_and(|text| text.trim_matches(['[', ']']) == "2001:db8::9:255"));
        assert!(via.branch().is_some_and(|branch| branch.starts_with("z9hG4bKas3")));
    }
    // RFC 5118 4.6 and 4.10, with the length and the end that they should have.
    let text = |name| String::from_utf8(load("rfc5118", name).to_vec()).expect("text");
    let mended = Message::parse(text("ipv6-in-sdp").replace("Content-Length: 268", "Content-Length: 251").into());
    assert!(matches!(mended, Ok(Message::Request(invite)) if invite.body.ends_with(b"H263-1998/90000\r\n")));
    let uris = ["ipv6-correct-abnf-2-colons", "ipv6-bug-abnf-3-colons"].map(|name| {
        match Message::parse((text(name) + "\r\n").into()) {
            Ok(Message::Request(request)) => request.uri.to_string(),
            other => panic!("{name}: {other:?}"),
        }
    });
    assert_eq!(uris, ["sip:user@[2001:db8::c000:201]"; 2]);
    // RFC 5118 4.3: what was meant as a port is a part of the address.
    assert_eq!(request("rfc5118", "port-ambiguous").uri.port, None);
    assert_eq!(request("rfc5118", "port-unambiguous").uri.port, Some(5070));
}

#[test]
fn a_bare_carriage_return_is_no_blank_anywhere() {
    // Found by holding ours against another parser: to those who end lines at it, what is behind it is a line of its own.
    let read = |line: &str| {
        let text = format!(
            "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/WSS s;branch=z9hG4bK1\r\nFrom: <sip:b@c>;tag=f\r\nTo: <sip:a@b>\r\n\
             Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n{line}\r\n\r\n"
        );
        Message::parse(text.into()).map(drop).map_err(|error| error.kind)
    };
    for good in ["Subject: x", "Subject: x\r\n y", "Subject:\r\n\ty\r\n z "] {
        assert_eq!(read(good), READ, "{good:?}");
    }
    for bad in [
        "Subject: x\ry",
        "Subject: x\r",
        "Subject:\rTo: <sip:e@f>",
        "Subject\r: x",
        "Subject: x\r\n y\r",
        "Subject: x\r\r\n y",
    ] {
        assert_eq!(read(bad), Err(ParseErrorKind::HeaderLine), "{bad:?}");
    }
    let first = |line: &str| Message::parse(format!("{line}\r\n\r\n").into()).map(drop).map_err(|error| error.kind);
    for bad in
        ["OPTIONS sip:a@b SIP/2.0\r", "OPTIONS sip:a@b SIP/2.0\rTo: x", "SIP/2.0 200 OK\r", "SIP/2.0 200 OK\rTo: x"]
    {
        assert_eq!(first(bad), Err(ParseErrorKind::StartLine), "{bad:?}");
    }
}

#[test]
fn one_octet_more_or_less_panics_nowhere() {
    for (rfc, verdicts) in [("rfc4475", &RFC4475[..]), ("rfc5118", &RFC5118)] {
        for (name, _) in verdicts {
            support::damage(&load(rfc, name), support::look_at_all);
        }
    }
}
