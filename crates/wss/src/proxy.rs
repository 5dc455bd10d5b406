//! Through a proxy: HTTP CONNECT (RFC 9110 9.3.6) and SOCKS5 (RFC 1928, RFC 1929). TLS is with the server behind it.

use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use url::Url;

use crate::{
    auth::{self, Asked},
    error::LinkError,
    http::Head,
    secret::Credentials,
};

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP CONNECT.
    Http,
    /// SOCKS5. The proxy looks the server up, so no name goes to a name server from here.
    Socks5,
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who we are to it.
    pub credentials: Option<Credentials>,
}

impl Proxy {
    /// Reads `http://[user:password@]host[:port]` or `socks5://…`, as it is written in settings and environments; a
    /// bare `host:port` is an HTTP proxy. Nothing for what is none, `https://` too: TLS to a proxy is not done.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&url).ok()?;
        let (kind, port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "socks5" | "socks5h" | "socks" => (ProxyKind::Socks5, 1080),
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        let plain = |text: &str| percent(text);
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some(Credentials::new(&plain(user)?, &plain(password.unwrap_or_default())?)),
        };
        Some(Self { kind, host, port: url.port().unwrap_or(port), credentials })
    }

    /// The proxy that an environment names for `server`, by the variables that curl and browsers read. `of` gives a
    /// variable: this room reads no environment itself. What is on this machine is reached without one.
    #[must_use]
    pub fn from_environment(server: &Url, of: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let either = |name: &str| of(name).or_else(|| of(&name.to_uppercase())).filter(|value| !value.is_empty());
        let host = server.host_str()?;
        let bare = host.trim_matches(['[', ']']);
        let here = bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|own| own.is_loopback());
        if here || either("no_proxy").is_some_and(|list| excepted(&list, host)) {
            return None;
        }
        // RFC 6455 4.1, 3: SOCKS before HTTPS before HTTP. `HTTP_PROXY` may be a header of a request in a CGI: only
        // the small letters count.
        let socks = either("all_proxy").and_then(|value| Self::parse(&value));
        let (socks, all) = match socks {
            Some(own) if own.kind == ProxyKind::Socks5 => (Some(own), None),
            other => (None, other),
        };
        let secure = if server.scheme() == "wss" { either("https_proxy") } else { None };
        let http = || of("http_proxy").and_then(|value| Self::parse(&value));
        socks.or_else(|| secure.and_then(|value| Self::parse(&value))).or_else(http).or(all)
    }
}

/// Is `host` in a list of names, endings, addresses and networks that need no proxy?
fn excepted(list: &str, host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    let address: Option<IpAddr> = bare.parse().ok();
    list.split(',').map(str::trim).filter(|own| !own.is_empty()).any(|own| {
        let name = own.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
        match (address, own.split_once('/')) {
            _ if own == "*" => true,
            (Some(address), Some((net, bits))) => {
                let (net, bits) = (net.parse::<IpAddr>(), bits.parse::<u32>());
                net.is_ok_and(|net| bits.is_ok_and(|bits| within(address, net, bits)))
            }
            (Some(address), None) => own.trim_matches(['[', ']']).parse() == Ok(address),
            (None, _) => host == name || host.strip_suffix(&name).is_some_and(|rest| rest.ends_with('.')),
        }
    })
}

fn within(address: IpAddr, net: IpAddr, bits: u32) -> bool {
    match (address, net) {
        (IpAddr::V4(own), IpAddr::V4(net)) if bits <= 32 => {
            own.to_bits().checked_shr(32 - bits) == net.to_bits().checked_shr(32 - bits)
        }
        (IpAddr::V6(own), IpAddr::V6(net)) if bits <= 128 => {
            own.to_bits().checked_shr(128 - bits) == net.to_bits().checked_shr(128 - bits)
        }
        _ => false,
    }
}

/// Undoes `%41`; nothing for what is then no UTF-8.
fn percent(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            out.push(u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

/// What a proxy made of the wish for a tunnel.
pub(crate) enum Tunnel {
    Open,
    /// It wants credentials: once more, with this.
    Again(String),
}

/// Asks for a tunnel to `host` at `port`. `proof` is what an earlier answer asked for.
///
/// # Errors
/// [`LinkError::Proxy`].
pub(crate) async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    proxy: &Proxy,
    (host, port): (&str, u16),
    (proof, cnonce): (Option<&str>, &str),
) -> Result<Tunnel, LinkError> {
    match proxy.kind {
        ProxyKind::Http => http(stream, proxy, &format!("{host}:{port}"), (proof, cnonce)).await,
        ProxyKind::Socks5 => socks(stream, proxy, host.trim_matches(['[', ']']), port).await.map(|()| Tunnel::Open),
    }
}

fn refused(detail: &str) -> LinkError {
    LinkError::Proxy { who: false, detail: detail.to_owned() }
}

/// A proxy that is not there is another thing than a server that is not.
pub(crate) fn not_had(error: LinkError) -> LinkError {
    refused(&error.to_string())
}

fn unknown() -> LinkError {
    LinkError::Proxy { who: true, detail: "it wants other credentials".to_owned() }
}

async fn http<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    proxy: &Proxy,
    to: &str,
    (proof, cnonce): (Option<&str>, &str),
) -> Result<Tunnel, LinkError> {
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
    if let Some(proof) = proof {
        request.push_str(&format!("Proxy-Authorization: {proof}\r\n"));
    }
    request.push_str("\r\n");
    let head = Head::ask(stream, &request).await.map_err(|error| refused(&error))?;
    match (head.status, &proxy.credentials) {
        // TLS and HTTP both begin with us: whatever is here already is not of the server.
        (200..300, _) if head.rest.is_empty() => Ok(Tunnel::Open),
        (200..300, _) => Err(refused("it spoke in place of the server")),
        (407, Some(who)) if proof.is_none() => {
            let asked = Asked { method: "CONNECT", uri: to, cnonce };
            auth::answer(head.all("Proxy-Authenticate"), who, &asked).map(Tunnel::Again).ok_or_else(unknown)
        }
        // tinyproxy says 401 to a wrong password.
        (407 | 401, _) => Err(unknown()),
        (status, _) => Err(refused(&format!("it answered {status}"))),
    }
}

async fn socks<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<(), LinkError> {
    let lost = |error: std::io::Error| refused(&error.to_string());
    // RFC 1928 3: without a name, and with one where there is one.
    let greeting: &[u8] = if proxy.credentials.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    stream.write_all(greeting).await.map_err(lost)?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await.map_err(lost)?;
    match (chosen, &proxy.credentials) {
        ([5, 0], _) => {}
        ([5, 2], Some(who)) => {
            // RFC 1929 2.
            let (user, password) = (who.user.expose().as_bytes(), who.password.expose().as_bytes());
            let (Ok(one), Ok(two)) = (u8::try_from(user.len()), u8::try_from(password.len())) else {
                return Err(unknown());
            };
            stream.write_all(&[&[1, one], user, &[two], password].concat()).await.map_err(lost)?;
            let mut verdict = [0; 2];
            stream.read_exact(&mut verdict).await.map_err(lost)?;
            if verdict[1] != 0 {
                return Err(unknown());
            }
        }
        ([5, 0xff], _) => return Err(unknown()),
        _ => return Err(refused("it does not speak SOCKS5")),
    }
    // RFC 1928 4: a name goes to the proxy as it is.
    let mut request = vec![5, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => request.extend([&[1][..], &address.octets()].concat()),
        Ok(IpAddr::V6(address)) => request.extend([&[4][..], &address.octets()].concat()),
        Err(_) => {
            let length = u8::try_from(host.len()).map_err(|_| refused("the name of the server is too long"))?;
            request.extend([&[3, length], host.as_bytes()].concat());
        }
    }
    request.extend(port.to_be_bytes());
    stream.write_all(&request).await.map_err(lost)?;
    // RFC 1928 6.
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await.map_err(lost)?;
    match reply[1] {
        0 => {}
        2 => return Err(refused("its rules forbid it")),
        3 | 4 => return Err(refused("it does not reach the server")),
        5 => return Err(refused("the server refuses the connection")),
        code => return Err(refused(&format!("it failed with {code}"))),
    }
    let bound = match reply[3] {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await.map_err(lost)?),
        _ => return Err(refused("it does not speak SOCKS5")),
    };
    stream.read_exact(&mut vec![0; bound + 2]).await.map_err(lost)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_as_it_is_written_everywhere() {
        let of = |text: &str| Proxy::parse(text).map(|own| (own.kind, own.host, own.port, own.credentials.is_some()));
        let (http, socks) = (ProxyKind::Http, ProxyKind::Socks5);
        assert_eq!(of("proxy.example.com:3128"), Some((http, "proxy.example.com".into(), 3128, false)));
        assert_eq!(of("http://proxy.example.com"), Some((http, "proxy.example.com".into(), 80, false)));
        assert_eq!(of("socks5h://[::1]/"), Some((socks, "[::1]".into(), 1080, false)));
        let full = Proxy::parse("socks5://al%40ice:p%3Aw@10.0.0.1:9").expect("a proxy");
        assert_eq!(full.credentials, Some(Credentials::new("al@ice", "p:w")));
        assert!(!format!("{full:?}").contains("p:w"));
        for none in ["https://proxy.example.com", "ftp://a", "", "http://", "http://u:%ff@a"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        let of = |server: &str, set: &[(&str, &str)]| {
            let server = Url::parse(server).expect("a URL");
            let variable = |name: &str| set.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
            Proxy::from_environment(&server, variable).map(|own| own.host)
        };
        let server = "wss://pbx.example.com/";
        let (all, https, http) = (("ALL_PROXY", "socks5://s"), ("HTTPS_PROXY", "h:1"), ("http_proxy", "http://p"));
        assert_eq!(of(server, &[http, https, all]).as_deref(), Some("s"));
        assert_eq!(of(server, &[http, https]).as_deref(), Some("h"));
        assert_eq!(of(server, &[("all_proxy", "http://a"), https]).as_deref(), Some("h"));
        assert_eq!(of(server, &[("all_proxy", "http://a")]).as_deref(), Some("a"));
        assert_eq!(of("ws://pbx.example.com/", &[http, https]).as_deref(), Some("p"));
        assert_eq!(of(server, &[("HTTP_PROXY", "http://p"), ("https_proxy", "")]), None);
        for (server, list, direct) in [
            (server, "localhost, .example.com", true),
            (server, "example.com", true),
            (server, "*", true),
            (server, "ample.com,pbx", false),
            ("wss://10.1.2.3/", "10.0.0.0/8", true),
            ("wss://10.1.2.3/", "10.1.2.4, 11.0.0.0/8, 10.0.0.0/99, x/8", false),
            ("wss://10.1.2.3/", "0.0.0.0/0", true),
            ("wss://[fd00::1]/", "fd00::/8", true),
            ("wss://[fd00::1]/", "fd00::1", true),
        ] {
            assert_eq!(of(server, &[https, ("no_proxy", list)]).is_none(), direct, "{server} {list}");
        }
    }
}
