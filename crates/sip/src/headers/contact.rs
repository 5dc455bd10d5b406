//! Contact (RFC 3261 20.10): `*`, or where somebody is reached.

use super::Header;
use crate::{error::HeaderError, header_name::HeaderName, name_addr::NameAddr};

/// One Contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// `*`: all of them, in a REGISTER that takes them away.
    All,
    /// An address.
    Address(NameAddr),
}

impl Contact {
    /// The address, if it is one.
    #[must_use]
    pub fn address(self) -> Option<NameAddr> {
        match self {
            Self::All => None,
            Self::Address(address) => Some(address),
        }
    }
}

impl Header for Contact {
    const NAME: HeaderName = HeaderName::Contact;

    fn parse(text: &str) -> Result<Self, HeaderError> {
        if text.trim_ascii() == "*" { Ok(Self::All) } else { NameAddr::parse(text).map(Self::Address) }
    }
}
