//! RAck (RFC 3262 7.2): which reliable provisional response a PRACK acknowledges.

use std::fmt;

use super::{CSeq, Header};
use crate::{error::HeaderError, header_name::HeaderName};

/// One RAck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The RSeq of the response, 1 to 2^32-1.
    pub number: u32,
    /// Its CSeq.
    pub cseq: CSeq,
}

impl Header for RAck {
    const NAME: HeaderName = HeaderName::RAck;

    fn parse(text: &str) -> Result<Self, HeaderError> {
        let (number, cseq) = text.trim_ascii().split_once([' ', '\t']).ok_or(HeaderError::Malformed)?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HeaderError::Malformed);
        }
        let number = number.parse().ok().filter(|number| *number > 0).ok_or(HeaderError::Range)?;
        Ok(Self { number, cseq: CSeq::parse(cseq)? })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.cseq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(RAck::parse("776656  1 INVITE").map(|own| own.to_string()), Ok("776656 1 INVITE".to_owned()));
        assert!(RAck::parse("4294967295 1 INVITE").is_ok());
        for bad in ["", "1", "1 2", "0 1 INVITE", "-1 1 INVITE", "4294967296 1 INVITE", "1 2147483648 INVITE"] {
            assert!(RAck::parse(bad).is_err(), "{bad}");
        }
    }
}
