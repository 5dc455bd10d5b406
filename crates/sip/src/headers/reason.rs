//! Reason (RFC 3326): why a request was sent.

use smol_str::SmolStr;

use super::Header;
use crate::{error::HeaderError, header_name::HeaderName, params::Params, token::is_token_text};

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `SIP`, `Q.850` …
    pub protocol: SmolStr,
    /// The cause, in the numbers of the protocol.
    pub cause: Option<u32>,
    /// A text for a person.
    pub text: Option<String>,
}

impl Reason {
    /// The call was answered on another device: SIP 200 (RFC 3326 3.1) or Q.850 26, non-selected user clearing (W18).
    #[must_use]
    pub fn is_answered_elsewhere(&self) -> bool {
        (self.protocol.eq_ignore_ascii_case("SIP") && self.cause == Some(200))
            || (self.protocol.eq_ignore_ascii_case("Q.850") && self.cause == Some(26))
    }
}

impl Header for Reason {
    const NAME: HeaderName = HeaderName::Reason;

    fn parse(text: &str) -> Result<Self, HeaderError> {
        let (protocol, params) = text.split_once(';').unwrap_or((text, ""));
        let protocol = protocol.trim();
        if !is_token_text(protocol) {
            return Err(HeaderError::Malformed);
        }
        let params = Params::parse(params);
        Ok(Self { protocol: protocol.into(), cause: params.number("cause"), text: params.get("text") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_before_semicolons_are_nothing() {
        // As OpenSIPS writes it.
        let reason = Reason::parse("SIP ;cause=200 ;text=\"Call completed elsewhere\"").expect("well formed");
        assert!(reason.is_answered_elsewhere());
        assert_eq!(reason.text.as_deref(), Some("Call completed elsewhere"));
        assert!(Reason::parse("Q.850;cause=26").expect("well formed").is_answered_elsewhere());
        assert!(!Reason::parse("Q.850;cause=16").expect("well formed").is_answered_elsewhere());
        assert!(Reason::parse(";cause=1").is_err());
    }
}
