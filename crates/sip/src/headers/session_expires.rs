//! Session-Expires (RFC 4028 4): how long a session lives without a refresh, and who refreshes it.

use std::fmt;

use super::Header;
use crate::{error::HeaderError, header_name::HeaderName, params::Params, token::cut};

/// One Session-Expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// The interval in seconds. More than 2^32-1 is that.
    pub seconds: u32,
    /// Who refreshes; not said in a request that leaves it open.
    pub refresher: Option<Refresher>,
}

/// Who refreshes: by the request that asked for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The side that sent the request.
    Uac,
    /// The side that answered it.
    Uas,
}

impl Header for SessionExpires {
    const NAME: HeaderName = HeaderName::SessionExpires;

    fn parse(text: &str) -> Result<Self, HeaderError> {
        let (digits, params) = cut(text, b';');
        let digits = digits.trim_ascii();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HeaderError::Malformed);
        }
        let refresher = match Params::parse(params.unwrap_or_default()).raw("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) => return Err(HeaderError::Malformed),
            None => None,
        };
        Ok(Self { seconds: digits.parse().unwrap_or(u32::MAX), refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds)?;
        f.write_str(match self.refresher {
            Some(Refresher::Uac) => ";refresher=uac",
            Some(Refresher::Uas) => ";refresher=uas",
            None => "",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let parse = |text| SessionExpires::parse(text).map(|own| own.to_string());
        assert_eq!(parse("1800;refresher=UAS"), Ok("1800;refresher=uas".to_owned()));
        assert_eq!(parse(" 90 ; x=1 ; refresher = uac"), Ok("90;refresher=uac".to_owned()));
        assert_eq!(parse("99999999999"), Ok("4294967295".to_owned()));
        for bad in ["", ";refresher=uac", "-1", "+5", "0x5", "1800;refresher=proxy"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
