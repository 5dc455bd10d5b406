//! The host of a URI or a Via: a name or an address (RFC 3261 25.1).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use memchr::memchr;
use smol_str::SmolStr;

/// A host. Names are compared without case.
#[derive(Clone, Debug)]
pub enum Host {
    /// A domain name, as written.
    Name(SmolStr),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, written in brackets.
    V6(Ipv6Addr),
}

impl Host {
    /// Parses a host without a port. Underscores are taken: many name servers' own names have them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']')?;
            // RFC 5118 4.10: the grammar of RFC 3261 asks for three colons by mistake, and some write them.
            return inner.parse().or_else(|_| inner.replacen(":::", "::", 1).parse()).ok().map(Self::V6);
        }
        if text.starts_with(|first: char| first.is_ascii_digit())
            && let Ok(address) = text.parse()
        {
            return Some(Self::V4(address));
        }
        let well_formed = !text.is_empty()
            && text.len() <= 255
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        well_formed.then(|| Self::Name(text.into()))
    }

    /// Splits `host[:port]`; the port must be one.
    #[must_use]
    pub(crate) fn parse_with_port(text: &str) -> Option<(Self, Option<u16>)> {
        let text = text.trim_ascii();
        let after = if text.starts_with('[') { memchr(b']', text.as_bytes())? + 1 } else { 0 };
        match memchr(b':', &text.as_bytes()[after..]) {
            None => Some((Self::parse(text)?, None)),
            Some(at) => {
                let (host, port) = (&text[..after + at], text[after + at + 1..].trim_ascii());
                let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                let port = digits.then(|| port.parse::<u16>().ok()).flatten()?;
                Some((Self::parse(host.trim_ascii_end())?, Some(port)))
            }
        }
    }

    /// The address, if it is one.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(address) => Some(IpAddr::V4(*address)),
            Self::V6(address) => Some(IpAddr::V6(*address)),
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.eq_ignore_ascii_case(b),
            (Self::V4(a), Self::V4(b)) => a == b,
            (Self::V6(a), Self::V6(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Host {}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_ports() {
        let parse = |text| Host::parse_with_port(text).map(|(host, port)| (host.to_string(), port));
        assert_eq!(parse("Example.COM:443"), Some(("Example.COM".into(), Some(443))));
        assert_eq!(parse("[2001:db8::9:1]:5060"), Some(("[2001:db8::9:1]".into(), Some(5060))));
        assert_eq!(parse("[::1]"), Some(("[::1]".into(), None)));
        assert_eq!(parse("[2001:db8:::192.0.2.1]"), parse("[2001:db8::192.0.2.1]"));
        assert_eq!(parse("192.0.2.1 : 5061"), Some(("192.0.2.1".into(), Some(5061))));
        for bad in ["", ":5060", "a:", "a:65536", "a:-1", "[::1", "2001:db8::1", "a b", "a\r\nb"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(Host::parse("a.B"), Host::parse("A.b"));
    }
}
