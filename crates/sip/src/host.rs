//! The host of a URI or a Via: a name or an address (RFC 3261 25.1).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use memchr::memchr;
use smol_str::SmolStr;

/// The most octets of a name.
const MOST: usize = 255;

/// May stand in the name of a host.
const NAMED: [bool; 256] = {
    let mut named = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        named[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'.' | b'_');
        byte += 1;
    }
    named
};

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
        Self::is_proper(text).then(|| Self::of(text))
    }

    /// How much of the beginning of `text` may stand in a name or an IPv4 address.
    pub(crate) fn named(text: &str) -> usize {
        text.as_bytes().iter().position(|byte| !NAMED[usize::from(*byte)]).unwrap_or(text.len())
    }

    fn is_proper(text: &str) -> bool {
        match text.as_bytes() {
            [] => false,
            [b'[', ..] => reference(text).is_some(),
            _ => text.len() <= MOST && Self::named(text) == text.len(),
        }
    }

    /// The host that `text` is, which is proper.
    pub(crate) fn of(text: &str) -> Self {
        match text.as_bytes().first() {
            Some(b'[') => reference(text).map(Self::V6),
            Some(b'0'..=b'9') => text.parse().ok().map(Self::V4),
            _ => None,
        }
        .unwrap_or_else(|| Self::Name(text.into()))
    }

    /// Splits `host[:port]`, both of which must be proper; [`Self::of`] makes a host of it.
    #[must_use]
    pub(crate) fn split(text: &str) -> Option<(&str, Option<u16>)> {
        let text = text.trim_ascii();
        if (1..=MOST).contains(&text.len()) && Self::named(text) == text.len() {
            return Some((text, None));
        }
        let after = if text.starts_with('[') { memchr(b']', text.as_bytes())? + 1 } else { 0 };
        let (host, port) = match memchr(b':', &text.as_bytes()[after..]) {
            None => (text, None),
            Some(at) => {
                let (host, port) = (&text[..after + at], text[after + at + 1..].trim_ascii());
                let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                (host.trim_ascii_end(), Some(digits.then(|| port.parse::<u16>().ok()).flatten()?))
            }
        };
        Self::is_proper(host).then_some((host, port))
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

/// What an IPv6 address in brackets says.
fn reference(text: &str) -> Option<Ipv6Addr> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    // RFC 5118 4.10: the grammar of RFC 3261 asks for three colons by mistake, and some write them.
    inner.parse().or_else(|_| inner.replacen(":::", "::", 1).parse()).ok()
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
        let parse = |text| Host::split(text).map(|(host, port)| (Host::of(host).to_string(), port));
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
