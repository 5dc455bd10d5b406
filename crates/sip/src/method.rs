//! The methods of requests: one row each.

use std::fmt;

use crate::token::is_token;

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// The method of a request. It is compared with its case (RFC 3261 7.1).
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Method {
            $($(#[$doc])* $name,)*
            /// A method that is not in the table: well formed, and answered 405.
            Other(Box<str>),
        }

        impl Method {
            /// The method as it stands on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self { $(Self::$name => $text,)* Self::Other(text) => text }
            }

            /// The method that `text` is, or nothing when it is no token.
            #[must_use]
            pub fn parse(text: &[u8]) -> Option<Self> {
                $(if text == $text.as_bytes() { return Some(Self::$name); })*
                let well_formed = !text.is_empty() && text.iter().copied().all(is_token);
                well_formed.then(|| std::str::from_utf8(text).ok().map(|text| Self::Other(text.into()))).flatten()
            }
        }
    };
}

methods! {
    /// RFC 3261 13.
    Invite = "INVITE",
    /// RFC 3261 13.2.2.4.
    Ack = "ACK",
    /// RFC 3261 15.
    Bye = "BYE",
    /// RFC 3261 9.
    Cancel = "CANCEL",
    /// RFC 3261 10.
    Register = "REGISTER",
    /// RFC 3261 11.
    Options = "OPTIONS",
    /// RFC 6086.
    Info = "INFO",
    /// RFC 3311.
    Update = "UPDATE",
    /// RFC 3262.
    Prack = "PRACK",
    /// RFC 3515.
    Refer = "REFER",
    /// RFC 6665.
    Subscribe = "SUBSCRIBE",
    /// RFC 6665.
    Notify = "NOTIFY",
    /// RFC 3428.
    Message = "MESSAGE",
    /// RFC 3903.
    Publish = "PUBLISH",
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_counts_and_unknown_ones_are_kept() {
        assert_eq!(Method::parse(b"INVITE"), Some(Method::Invite));
        assert_eq!(Method::parse(b"Invite").map(|m| m.to_string()).as_deref(), Some("Invite"));
        assert_eq!(
            Method::parse(b"!interesting-Method0123456789_*+`.%indeed'~").map(|m| m.to_string().len()),
            Some(43)
        );
        assert_eq!(Method::parse(b""), None);
        assert_eq!(Method::parse(b"IN VITE"), None);
        assert_eq!(Method::parse("GRÜN".as_bytes()), None);
    }
}
