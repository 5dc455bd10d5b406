//! Via (RFC 3261 20.42), with the transports of RFC 7118 5.1.

use std::fmt;

use smol_str::SmolStr;

use super::Header;
use crate::{
    error::HeaderError,
    header_name::HeaderName,
    host::Host,
    params::{Params, ParamsRef},
    token::{cut, is_closed, is_token_text},
};

/// Where a response goes, hop by hop. Over a WebSocket it goes down the connection whatever it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// `WSS`, `WS`, `UDP` …, as written.
    pub transport: SmolStr,
    /// The host of `sent-by`.
    pub host: Host,
    /// The port of `sent-by`.
    pub port: Option<u16>,
    /// `branch`, `received` and the like.
    pub params: Params,
}

impl Via {
    /// The value of `branch`.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.params.raw("branch").filter(|branch| !branch.is_empty())
    }
}

/// A Via that is checked and taken apart where it stands. Its fields are those of [`Via`].
#[derive(Clone, Copy, Debug)]
pub struct ViaRef<'a> {
    /// The transport.
    pub transport: &'a str,
    /// The host, of which [`Host::parse`] makes one.
    pub host: &'a str,
    /// The port.
    pub port: Option<u16>,
    /// The parameters.
    pub params: ParamsRef<'a>,
}

impl<'a> ViaRef<'a> {
    /// Takes one Via apart, without commas round it.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (head, params) = cut(text, b';');
        if !params.is_none_or(is_closed) {
            return None;
        }
        // `SIP / 2.0 / UDP host` is well formed (RFC 4475 3.1.1.1), so blanks round the slashes do not count.
        let rest = match head.strip_prefix("SIP/2.0/") {
            Some(rest) => rest,
            None => {
                let (name, rest) = cut(head, b'/');
                let (version, rest) = cut(rest?, b'/');
                if !name.trim_ascii().eq_ignore_ascii_case("SIP") || version.trim_ascii() != "2.0" {
                    return None;
                }
                rest?
            }
        };
        let rest = rest.trim_ascii();
        let blank = rest.bytes().position(|byte| matches!(byte, b' ' | b'\t'))?;
        let (transport, sent_by) = (&rest[..blank], &rest[blank + 1..]);
        if !is_token_text(transport) {
            return None;
        }
        let (host, port) = Host::split(sent_by)?;
        Some(Self { transport, host, port, params: ParamsRef { text: params.unwrap_or_default() } })
    }

    /// The value of `branch`.
    #[must_use]
    pub fn branch(&self) -> Option<&'a str> {
        self.params.raw("branch").filter(|branch| !branch.is_empty())
    }
}

impl Header for Via {
    const NAME: HeaderName = HeaderName::Via;

    fn parse(text: &str) -> Result<Self, HeaderError> {
        let ViaRef { transport, host, port, params } = ViaRef::parse(text).ok_or(HeaderError::Malformed)?;
        Ok(Self { transport: transport.into(), host: Host::of(host), port, params: Params::parse(params.text) })
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let via =
            Via::parse("SIP  / 2.0\t/ UDP 192.0.2.2 ;branch=z9hG4bK390skdjuw;received=1.2.3.4").expect("well formed");
        assert_eq!((via.transport.as_str(), via.branch()), ("UDP", Some("z9hG4bK390skdjuw")));
        assert_eq!(via.to_string(), "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK390skdjuw;received=1.2.3.4");
        assert_eq!(Via::parse("SIP/2.0/WSS df7jal23ls0d.invalid:443;rport").map(|via| via.port), Ok(Some(443)));
        assert_eq!(
            Via::parse("SIP/2.0/TCP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3")
                .map(|via| via.host.to_string()),
            Ok("[2001:db8::9:1]".to_owned())
        );
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/3.0/UDP a",
            "HTTP/2.0/UDP a",
            "SIP/2.0/U DP a b",
            "SIP/2.0/UDP a:b",
            "SIP/2.0/UDP a;b=\"c",
        ] {
            assert!(Via::parse(bad).is_err(), "{bad}");
        }
    }
}
