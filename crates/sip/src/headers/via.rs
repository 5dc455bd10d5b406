//! Via (RFC 3261 20.42), with the transports of RFC 7118 5.1.

use std::fmt;

use smol_str::SmolStr;

use super::Header;
use crate::{
    error::HeaderError,
    header_name::HeaderName,
    host::Host,
    params::Params,
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

impl Header for Via {
    const NAME: HeaderName = HeaderName::Via;

    fn parse(text: &str) -> Result<Self, HeaderError> {
        let (head, params) = cut(text, b';');
        if !params.is_none_or(is_closed) {
            return Err(HeaderError::Malformed);
        }
        // `SIP / 2.0 / UDP host` is well formed (RFC 4475 3.1.1.1), so blanks round the slashes do not count.
        let (name, rest) = cut(head, b'/');
        let (version, rest) = cut(rest.ok_or(HeaderError::Malformed)?, b'/');
        if !name.trim_ascii().eq_ignore_ascii_case("SIP") || version.trim_ascii() != "2.0" {
            return Err(HeaderError::Malformed);
        }
        let rest = rest.ok_or(HeaderError::Malformed)?.trim_ascii();
        let (transport, sent_by) = rest.split_once([' ', '\t']).ok_or(HeaderError::Malformed)?;
        if !is_token_text(transport) {
            return Err(HeaderError::Malformed);
        }
        let (host, port) = Host::parse_with_port(sent_by).ok_or(HeaderError::Malformed)?;
        Ok(Self { transport: transport.into(), host, port, params: Params::parse(params.unwrap_or_default()) })
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
