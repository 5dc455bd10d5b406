//! CSeq (RFC 3261 20.16).

use std::fmt;

use super::Header;
use crate::{error::HeaderError, header_name::HeaderName, method::Method};

/// The number of a request within its call, and its method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Less than 2^31 (RFC 3261 8.1.1.5).
    pub number: u32,
    /// The method of the request.
    pub method: Method,
}

impl Header for CSeq {
    const NAME: HeaderName = HeaderName::CSeq;

    fn parse(text: &str) -> Result<Self, HeaderError> {
        let (number, method) = text.trim_ascii().split_once([' ', '\t']).ok_or(HeaderError::Malformed)?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HeaderError::Malformed);
        }
        let number = number.parse().ok().filter(|number| *number < 1 << 31).ok_or(HeaderError::Range)?;
        let method = Method::parse(method.trim_ascii().as_bytes()).ok_or(HeaderError::Malformed)?;
        Ok(Self { number, method })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(CSeq::parse("0009  INVITE").map(|cseq| cseq.to_string()), Ok("9 INVITE".to_owned()));
        assert!(CSeq::parse("2147483647 ACK").is_ok());
        for bad in
            ["2147483648 ACK", "-1 ACK", "+5 ACK", "0x5 ACK", " ACK", "36893488147419103232 REGISTER", "1", "", "1 A B"]
        {
            assert!(CSeq::parse(bad).is_err(), "{bad}");
        }
    }
}
