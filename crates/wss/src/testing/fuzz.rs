//! What a fuzzer and the mutants of the tests run: each body takes any octets and asserts what has to hold of them.
//!
//! They are part of the library so that every build of the tests compiles them; `crates/fuzz` only calls them.

use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use url::Url;

use super::said::Said;
use crate::{
    Proxy,
    auth::{Asked, answer},
    connect::{Target, target},
    cookies::Jar,
    guard::Guard,
    handshake,
    http::{Head, LONGEST, is_header},
    proxy,
    secret::Credentials,
};

/// What a head may be read too far: its last piece.
const PIECE: usize = 1024;
/// RFC 6455 1.3, its key and what answers it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
const PASSWORD: &str = "correct horse battery staple";

/// The answer to an opening handshake, and frames behind it: no more is read than is allowed, and only what says all that
/// RFC 6455 4.1 and RFC 7118 4.1 ask for opens a WebSocket.
///
/// # Panics
/// Here and in all others: where something does not hold.
pub fn handshake(bytes: &[u8]) {
    let mut stream = Said::new(bytes, usize::from(bytes.first().copied().unwrap_or_default()) + 1);
    let head = at_once(Head::ask(&mut stream, "GET / HTTP/1.1\r\n\r\n"));
    assert!(stream.taken <= LONGEST + PIECE, "{} octets of a head were read", stream.taken);
    let Ok(head) = head else { return };
    assert!(head.rest.len() <= PIECE);
    for name in ["Set-Cookie", "WWW-Authenticate"] {
        for value in head.all(name) {
            assert!(!value.contains(['\r', '\n']), "{value:?}");
        }
    }
    if let Ok(socket) = at_once(handshake::open(stream, head, KEY)) {
        let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        for needed in ["http/1.1 101", &ACCEPT.to_ascii_lowercase(), "sip", "websocket", "upgrade"] {
            assert!(text.contains(needed), "opened without {needed}");
        }
        read(socket, bytes.len());
    }
}

/// Frames behind a good handshake: what comes out of them came in, and a message has its limit.
pub fn frames(bytes: &[u8]) {
    let mut whole = GOOD.as_bytes().to_vec();
    whole.extend_from_slice(bytes);
    let mut stream = Said::new(&whole, usize::from(bytes.first().copied().unwrap_or_default()) + 1);
    let head = at_once(Head::ask(&mut stream, "GET / HTTP/1.1\r\n\r\n")).expect("a good head");
    let Ok(socket) = at_once(handshake::open(stream, head, KEY)) else { panic!("a good handshake") };
    read(socket, bytes.len());
}

fn read(mut socket: WebSocketStream<Guard<Said<'_>>>, most: usize) {
    let mut said = 0;
    while let Some(Ok(message)) = at_once(socket.next()) {
        if let Message::Text(_) | Message::Binary(_) = message {
            assert!(message.len() <= 256 * 1024);
            said += message.len();
        }
    }
    assert!(said <= most, "{said} octets of {most}");
    let below = socket.get_mut().below();
    // A pong for a ping, a close for a close: never more than was said.
    assert!(below.written <= GOOD.len() + 8 * most + 64, "{} octets were written", below.written);
}

/// The challenges of an HTTP server, one a line: what answers them is a header and says no password.
pub fn challenge(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    let who = Credentials::new("Mufasa", PASSWORD);
    let asked = Asked { method: "GET", uri: "/ws", cnonce: "0123456789abcdef" };
    if let Some(said) = answer(lines, &who, &asked) {
        assert!(is_header("Authorization", &said), "{said:?}");
        assert!(!said.contains(PASSWORD), "no answer says the password");
        assert!(said.starts_with("Basic ") || said.starts_with("Digest "), "{said:?}");
    }
}

/// Cookies, one a line: they go back to their own host as one header, and to no other.
pub fn cookies(bytes: &[u8]) {
    let of = |url: &str| -> Target { target(&Url::parse(url).expect("a URL")).expect("a target") };
    let own = of("wss://pbx.example.com/sip/ws");
    let (mut jar, now) = (Jar::default(), Instant::now());
    for line in String::from_utf8_lossy(bytes).split('\n') {
        jar.take(&own, line, now);
    }
    if let Some(header) = jar.header(&own, now) {
        assert!(is_header("Cookie", &header) && header.split("; ").count() <= 50, "{header:?}");
    }
    for other in
        ["wss://elsewhere.org/sip/ws", "wss://example.org/sip/ws", "wss://127.0.0.1/sip/ws", "wss://com/sip/ws"]
    {
        assert!(jar.header(&of(other), now).is_none(), "{other} is told");
    }
}

/// What a proxy says: an octet that chooses its kind, and the rest. Where a tunnel is open, nothing of what is behind it
/// was taken.
pub fn proxy(bytes: &[u8]) {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let text = if how & 1 == 0 { "http://user:horse@proxy.example" } else { "socks5h://user:horse@proxy.example" };
    let Some(proxy) = Proxy::parse(text) else { panic!("{text} is a proxy") };
    let mut stream = Said::new(bytes, usize::from(how >> 1) + 1);
    let host = if how & 2 == 0 { "pbx.example.com" } else { "192.0.2.1" };
    let opened = at_once(proxy::tunnel(&mut stream, &proxy, (host, 443), (None, "0123456789abcdef")));
    assert!(stream.taken <= LONGEST + PIECE);
    if let (Ok(proxy::Tunnel::Open), 1) = (&opened, how & 1) {
        // RFC 1928 6: the choice, the verdict on the name, and the reply with an address.
        assert!(stream.taken <= 2 + 2 + 4 + 1 + 255 + 2, "{} octets", stream.taken);
    }
    if let Ok(proxy::Tunnel::Again(proof)) = opened {
        assert!(is_header("Proxy-Authorization", &proof), "{proof:?}");
    }
}

/// The end of what never waits.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    Box::pin(work).as_mut().now_or_never().expect("nothing of it waits")
}
