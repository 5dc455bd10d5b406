//! The messages of RFC 7118 section 8, read exactly as the RFC prints them (CONFORMANCE C24, C25).

mod support;

use std::fs;

use sip::{
    HeaderName, Message, Method, Request, Response, StatusCode,
    headers::{CSeq, Contact, Via},
};

/// The printed lines, with the line ends and the empty line that print does not show.
fn printed(name: &str) -> String {
    let path = support::root().join("tests/transcripts/rfc7118").join(name).with_extension("txt");
    fs::read_to_string(path).expect("a message").replace('\n', "\r\n") + "\r\n"
}

fn request(name: &str) -> Request {
    match Message::parse(printed(name).into()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{name}: {other:?}"),
    }
}

fn response(name: &str) -> Response {
    match Message::parse(printed(name).into()) {
        Ok(Message::Response(response)) => response,
        other => panic!("{name}: {other:?}"),
    }
}

fn texts(headers: &sip::Headers, name: &HeaderName) -> Vec<String> {
    headers.name_addrs(name).iter().map(ToString::to_string).collect()
}

#[test]
fn registration() {
    let register = request("registration/f3");
    assert_eq!((&register.method, register.uri.to_string().as_str()), (&Method::Register, "sip:proxy.example.com"));
    let via = register.headers.typed::<Via>().expect("a Via").expect("well formed");
    assert_eq!((via.transport.as_str(), via.branch()), ("WSS", Some("z9hG4bKasudf")));
    assert_eq!(via.host.to_string(), "df7jal23ls0d.invalid");
    assert!(["path", "outbound", "gruu"].iter().all(|tag| register.headers.has_token(&HeaderName::Supported, tag)));
    let contact = register.headers.typed::<Contact>().expect("a Contact").expect("well formed");
    let contact = contact.address().expect("an address");
    assert_eq!(contact.uri.to_string(), "sip:alice@df7jal23ls0d.invalid;transport=ws");
    assert_eq!(contact.params.number("reg-id"), Some(1));
    assert_eq!(contact.params.get("+sip.instance").as_deref(), Some("<urn:uuid:f81-7dec-14a06cf1>"));

    let ok = response("registration/f4");
    assert_eq!((ok.status, ok.reason.as_ref()), (StatusCode::OK, &b"OK"[..]));
    let granted = ok.headers.name_addr(&HeaderName::Contact).expect("a Contact");
    assert!(granted.uri.is_equivalent(&contact.uri));
    assert_eq!(granted.params.number("expires"), Some(3600));
    assert_eq!(granted.params.get("pub-gruu").as_deref(), Some("sip:alice@example.com;gr=urn:uuid:f81-7dec-14a06cf1"));
    assert_eq!(granted.params.get("temp-gruu").as_deref(), Some("sip:87ash54=3dd.98a@example.com;gr"));
}

#[test]
fn the_handshake_is_no_sip() {
    for name in ["registration/f1", "registration/f2"] {
        let error = Message::parse(printed(name).into()).expect_err("HTTP");
        assert!(error.request.is_none(), "{name} wants no SIP answer");
    }
}

#[test]
fn a_call_through_a_proxy() {
    let invite = request("call/f1");
    let contact = invite.headers.name_addr(&HeaderName::Contact).expect("a Contact");
    assert_eq!(
        invite.headers.text(&HeaderName::Contact).as_deref(),
        Some("<sip:alice@example.com ;gr=urn:uuid:f81-7dec-14a06cf1;ob>"),
        "the fold within the brackets is one blank"
    );
    assert_eq!(contact.uri.to_string(), "sip:alice@example.com;gr=urn:uuid:f81-7dec-14a06cf1;ob");
    assert_eq!(texts(&invite.headers, &HeaderName::Route), ["<sip:proxy.example.com:443;transport=ws;lr>"]);
    assert!(invite.body.is_empty());

    let trying = response("call/f2");
    assert!(trying.status.is_provisional());
    assert_eq!(trying.cseq(), Some(CSeq { number: 1, method: Method::Invite }));

    let forwarded = request("call/f3");
    let hops: Vec<_> = forwarded.headers.all::<Via>().into_iter().map(|via| via.transport).collect();
    assert_eq!(hops, ["UDP", "WSS"]);

    let ok = response("call/f4");
    assert_eq!(ok.headers.all::<Via>()[0].params.raw("received"), Some("192.0.2.10"));
    let ok = response("call/f5");
    let mut route = texts(&ok.headers, &HeaderName::RecordRoute);
    assert_eq!(
        route,
        ["<sip:proxy.example.com;transport=udp;lr>", "<sip:h7kjh12s@proxy.example.com:443;transport=ws;lr>"]
    );

    // F6 as printed ends its Route in a comma: the route set is the reverse of Record-Route all the same.
    let ack = request("call/f6");
    route.reverse();
    assert_eq!(texts(&ack.headers, &HeaderName::Route), route);
    assert_eq!(ack.headers.all::<Via>().len(), 1);
    assert_eq!(request("call/f7").uri, ack.uri);

    let bye = request("call/f9");
    assert_eq!(bye.uri, contact.uri, "the BYE goes to the GRUU, with its ob");
    assert_eq!(request("call/f8").headers.typed::<CSeq>(), Some(Ok(CSeq { number: 1201, method: Method::Bye })));
}

#[test]
fn our_answer_to_the_bye_is_that_of_the_rfc() {
    let answer = request("call/f9").respond(StatusCode::OK, Some("not used: there is a tag"));
    let written = String::from_utf8(answer.to_bytes().to_vec()).expect("text");
    assert_eq!(written.replace("Content-Length: 0\r\n", ""), printed("call/f10"));
}

#[test]
fn each_is_written_as_it_means() {
    let folder = |name: &str| support::root().join("tests/transcripts/rfc7118").join(name);
    let files =
        fs::read_dir(folder("registration")).expect("a folder").chain(fs::read_dir(folder("call")).expect("a folder"));
    let mut read = 0;
    for file in files {
        let text = fs::read_to_string(file.expect("an entry").path()).expect("text").replace('\n', "\r\n") + "\r\n";
        if !support::is_sip(text.as_bytes()) {
            continue;
        }
        read += 1;
        let message = Message::parse(text.clone().into()).expect("as printed");
        let mut again = Message::parse(message.to_bytes()).expect("ours parses");
        match &mut again {
            Message::Request(request) => request.headers.remove(&HeaderName::ContentLength),
            Message::Response(response) => response.headers.remove(&HeaderName::ContentLength),
        }
        assert_eq!(again, message, "{text}");
        support::damage(&text.into(), support::look_at_all);
    }
    assert_eq!(read, 13);
}
