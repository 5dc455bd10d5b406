//! From a URL to a TCP connection: names by the operating system's resolver (VPNs and hosts files count), addresses
//! tried one after another with a short head start each, so that a dead IPv6 costs little (RFC 8305).

use std::{io, net::SocketAddr, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use url::Url;

use crate::{
    error::LinkError,
    turns::{self, Turn},
};

/// The head start of an address before the next one is tried too (RFC 8305 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Where a URL points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Does the URL name the port?
    pub(crate) explicit: bool,
    pub(crate) secure: bool,
    /// The path with the query, as the request line has it (RFC 6455 3).
    pub(crate) resource: String,
}

impl Target {
    /// The path alone.
    pub(crate) fn path(&self) -> &str {
        self.resource.split_once('?').map_or(self.resource.as_str(), |(path, _)| path)
    }
}

/// Checks a WebSocket URL before anything is sent (RFC 6455 3; C33).
///
/// # Errors
/// [`LinkError::BadUrl`].
pub(crate) fn target(url: &Url) -> Result<Target, LinkError> {
    let bad = |why: &str| Err(LinkError::BadUrl(why.to_owned()));
    let secure = match url.scheme() {
        "wss" => true,
        "ws" => false,
        _ => return bad("the scheme is neither wss nor ws"),
    };
    if url.fragment().is_some() {
        return bad("it has a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return bad("it has a user name");
    }
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return bad("it has no host") };
    match url.port_or_known_default() {
        Some(port) if port > 0 => {
            let resource = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
            Ok(Target { host: host.to_owned(), port, explicit: url.port().is_some(), secure, resource })
        }
        _ => bad("its port is none"),
    }
}

/// The addresses of a host.
///
/// # Errors
/// [`LinkError::HostUnknown`].
pub(crate) async fn find(host: &str, port: u16) -> Result<Vec<SocketAddr>, LinkError> {
    let host = host.trim_matches(['[', ']']);
    let found = lookup_host((host, port)).await.map_err(|error| LinkError::HostUnknown(error.to_string()))?;
    mixed(found)
}

/// Addresses in the order in which they are tried: alternating, IPv6 first (RFC 8305 4).
///
/// # Errors
/// [`LinkError::HostUnknown`] when there is none.
pub(crate) fn mixed(found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, LinkError> {
    let (six, four): (Vec<_>, Vec<_>) = found.partition(SocketAddr::is_ipv6);
    let longest = six.len().max(four.len());
    let mixed: Vec<SocketAddr> = (0..longest).flat_map(|at| [six.get(at), four.get(at)]).flatten().copied().collect();
    if mixed.is_empty() { Err(LinkError::HostUnknown("it has no address".to_owned())) } else { Ok(mixed) }
}

/// Connects to the first address that answers. Whoever has the turn of an address may take `limit` for it.
///
/// # Errors
/// [`LinkError::ConnectTimeout`], [`LinkError::ConnectRefused`] when all refused.
pub(crate) async fn connect(addresses: &[SocketAddr], limit: Duration) -> Result<(TcpStream, Turn), LinkError> {
    let mut waiting = addresses.iter();
    let mut tries = FuturesUnordered::new();
    let mut last = LinkError::ConnectRefused("it has no address".to_owned());
    loop {
        tries.extend(waiting.next().map(|address| one(*address, limit)));
        // The next address begins when its predecessor failed, or had its head start (RFC 8305 5).
        let tried = match timeout(HEAD_START, tries.next()).await {
            Err(_) if waiting.len() > 0 => continue,
            Err(_) => tries.next().await,
            Ok(tried) => tried,
        };
        match tried {
            Some(Ok(connected)) => return Ok(connected),
            Some(Err(error)) => last = error,
            None => {}
        }
        if tries.is_empty() && waiting.len() == 0 {
            return Err(last);
        }
    }
}

async fn one(address: SocketAddr, limit: Duration) -> Result<(TcpStream, Turn), LinkError> {
    let turn = turns::take(address.to_string()).await;
    match timeout(limit, TcpStream::connect(address)).await {
        Err(_) => Err(LinkError::ConnectTimeout("connect")),
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Err(LinkError::ConnectTimeout("connect")),
        Ok(Err(error)) => Err(LinkError::ConnectRefused(error.to_string())),
        Ok(Ok(stream)) => {
            // SIP messages are small and wanted now.
            let _ = stream.set_nodelay(true);
            Ok((stream, turn))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_none_fails_before_anything_is_sent() {
        let of = |text: &str| Url::parse(text).ok().map(|url| target(&url));
        assert_eq!(
            of("wss://PBX.example.com/ws?token=1").and_then(Result::ok),
            Some(Target {
                host: "pbx.example.com".into(),
                port: 443,
                explicit: false,
                secure: true,
                resource: "/ws?token=1".into()
            })
        );
        assert_eq!(
            of("ws://127.0.0.1:8088").and_then(Result::ok),
            Some(Target { host: "127.0.0.1".into(), port: 8088, explicit: true, secure: false, resource: "/".into() })
        );
        // RFC 7118 5.5.
        assert_eq!(of("ws://pbx.example.com/").and_then(Result::ok).map(|target| target.port), Some(80));
        for bad in ["https://a/", "wss://a/#b", "wss://u@a/", "wss://u:p@a/", "sip:a@b", "wss://a:0/"] {
            assert!(matches!(of(bad), Some(Err(LinkError::BadUrl(_)))), "{bad}");
        }
        for worse in ["wss://", "wss://a:99999/", "wss://a b/"] {
            assert!(of(worse).is_none_or(|target| target.is_err()), "{worse}");
        }
    }
}
