//! The opening handshake (RFC 6455 4.1, RFC 7118 4.1).

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::{client::generate_key, derive_accept_key},
        protocol::{Role, WebSocketConfig},
    },
};

use crate::{
    connect::Target,
    error::LinkError,
    guard::Guard,
    http::{Head, is_header},
    link::LinkConfig,
};

/// Servers never send fragments, so one limit holds for frames and messages (C52).
const LARGEST: usize = 256 * 1024;
/// What may wait to be written; a server that does not read is left then.
const MOST_WAITING: usize = 1024 * 1024;
/// How long a handshake may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Asks the server for a WebSocket that carries SIP, and gives what it answered, whatever that is.
///
/// # Errors
/// [`LinkError::BadUrl`] for what cannot be written in a request, [`LinkError::WebsocketRefused`] for what is no HTTP,
/// [`LinkError::ConnectTimeout`].
pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    config: &LinkConfig,
    target: &Target,
    shown: &Shown,
) -> Result<(Head, String), LinkError> {
    let (request, key) = request(config, target, shown)?;
    match timeout(LIMIT, Head::ask(stream, &request)).await {
        Err(_) => Err(LinkError::ConnectTimeout("open the WebSocket")),
        Ok(Err(detail)) => Err(LinkError::WebsocketRefused { status: None, detail }),
        Ok(Ok(head)) => Ok((head, key)),
    }
}

/// What a handshake shows beside its own lines.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) cookies: Option<String>,
    pub(crate) proof: Option<String>,
}

/// Headers that are of the handshake, or have a place of their own in the configuration.
fn is_own(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let own =
        ["host", "upgrade", "connection", "origin", "user-agent", "cookie", "content-length", "transfer-encoding"];
    own.contains(&name.as_str()) || name.starts_with("sec-websocket-")
}

/// May an account have this header in its handshake (C18, C22)? What the handshake says itself is none.
#[must_use]
pub fn is_settable(name: &str, value: &str) -> bool {
    !is_own(name) && is_header(name, value)
}

/// The request, and its key.
fn request(config: &LinkConfig, target: &Target, shown: &Shown) -> Result<(String, String), LinkError> {
    let key = generate_key();
    // W1: OpenSIPS wants an Origin, any will do.
    let origin = config.origin.as_ref();
    let origin = origin
        .map_or_else(|| format!("{}://{}", if target.secure { "https" } else { "http" }, target.host), String::clone);
    let mut lines = vec![
        // RFC 6455 4.1, 4: the port is named where it is not that of the scheme, and `Url` keeps no other.
        ("Host", config.url.port().map_or_else(|| target.host.clone(), |port| format!("{}:{port}", target.host))),
        ("Upgrade", "websocket".to_owned()),
        ("Connection", "Upgrade".to_owned()),
        ("Sec-WebSocket-Key", key.clone()),
        ("Sec-WebSocket-Version", "13".to_owned()),
        ("Sec-WebSocket-Protocol", "sip".to_owned()),
        ("Origin", origin),
        ("User-Agent", config.user_agent.clone()),
    ];
    for (name, value) in &config.headers {
        if !is_settable(name, value.expose()) {
            return Err(LinkError::BadUrl(format!("the header {name} is none to set")));
        }
        // The answer to a challenge stands in place of what was said unasked.
        if !(shown.proof.is_some() && name.eq_ignore_ascii_case("authorization")) {
            lines.push((name, value.expose().to_owned()));
        }
    }
    let more = [("Cookie", &shown.cookies), ("Authorization", &shown.proof)];
    lines.extend(more.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    let mut request = format!("GET {} HTTP/1.1\r\n", target.resource);
    for (name, value) in lines {
        if !is_header(name, &value) {
            return Err(LinkError::BadUrl(format!("the {name} cannot be written in a request")));
        }
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    Ok((request, key))
}

/// The WebSocket, if the answer gives one.
///
/// # Errors
/// [`LinkError::WebsocketRefused`], [`LinkError::SubprotocolMissing`].
pub(crate) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    head: Head,
    key: &str,
) -> Result<WebSocketStream<Guard<S>>, LinkError> {
    check(&head, key)?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST))
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_WAITING);
    let guard = Guard::new(stream, head.rest);
    Ok(WebSocketStream::from_raw_socket(guard, Role::Client, Some(config)).await)
}

/// RFC 6455 4.1, second list.
fn check(head: &Head, key: &str) -> Result<(), LinkError> {
    let refused = |status, detail: &str| Err(LinkError::WebsocketRefused { status, detail: detail.to_owned() });
    // 1: a redirect is followed nowhere (C39).
    if head.status != 101 {
        return refused(Some(head.status), "");
    }
    // RFC 6455 4.2.2, 5.
    if head.minor != 1 {
        return refused(None, "the server speaks no HTTP/1.1");
    }
    // 2.
    if !head.one("Upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return refused(None, "the server upgrades to something else");
    }
    // 3.
    if !head.lists("Connection", "upgrade") {
        return refused(None, "the server does not upgrade the connection");
    }
    // 4.
    if head.one("Sec-WebSocket-Accept") != Some(derive_accept_key(key.as_bytes()).as_str()) {
        return refused(None, "the server did not understand the key");
    }
    // 5: no extension was asked for.
    if head.all("Sec-WebSocket-Extensions").next().is_some() {
        return refused(None, "the server uses an extension that was not asked for");
    }
    // 6, RFC 7118 4.1.
    if head.one("Sec-WebSocket-Protocol") == Some("sip") { Ok(()) } else { Err(LinkError::SubprotocolMissing) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use base64::{Engine, prelude::BASE64_STANDARD};

    use super::*;
    use crate::{connect, tls::Trust};

    #[test]
    fn a_hundred_thousand_keys_are_sixteen_octets_each_and_never_the_same() {
        let url = url::Url::parse("wss://pbx.example.com:8089/ws").expect("a URL");
        let config = LinkConfig::new(url, Trust::Platform, [1; 32]);
        let target = connect::target(&config.url).expect("a target");
        let (mut seen, mut ones) = (BTreeSet::new(), 0);
        for _ in 0..100_000 {
            let (request, key) = request(&config, &target, &Shown::default()).expect("a request");
            assert!(request.contains(&format!("\r\nSec-WebSocket-Key: {key}\r\n")));
            let bytes: [u8; 16] = BASE64_STANDARD.decode(&key).expect("base64").try_into().expect("sixteen octets");
            ones += bytes.iter().map(|byte| byte.count_ones()).sum::<u32>();
            assert!(seen.insert(bytes), "a key came twice");
        }
        // 12.8 million bits: six standard deviations are 10,733.
        assert!(ones.abs_diff(6_400_000) < 10_733, "{ones} ones");
    }
}
