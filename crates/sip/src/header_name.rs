//! The names of headers: one row each, with the compact form where there is one (RFC 3261 7.3.3).

use std::fmt;

use bytes::Bytes;

use crate::token::is_token;

macro_rules! headers {
    ($($name:ident = $text:literal $(/ $compact:literal)?),* $(,)?) => {
        /// The name of a header. Names are compared without case.
        #[derive(Clone, Debug, Eq)]
        #[non_exhaustive]
        pub enum HeaderName {
            $(#[doc = concat!("`", $text, "`")] $name,)*
            /// A header that is not in the table, as written.
            Other(Bytes),
        }

        impl HeaderName {
            /// The name as it is written by us.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(name) => std::str::from_utf8(name).expect("a token is ASCII"),
                }
            }

            fn known(name: &[u8]) -> Option<Self> {
                // The length decides almost always, so that few names are compared.
                match name.len() {
                    1 => match name[0].to_ascii_lowercase() {
                        $($($compact => Some(Self::$name),)?)*
                        _ => None,
                    },
                    _ => {
                        $(if name.len() == $text.len() && name.eq_ignore_ascii_case($text.as_bytes()) { return Some(Self::$name); })*
                        None
                    }
                }
            }

            /// Every row of the table.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

headers! {
    Via = "Via" / b'v',
    From = "From" / b'f',
    To = "To" / b't',
    CallId = "Call-ID" / b'i',
    CSeq = "CSeq",
    MaxForwards = "Max-Forwards",
    Contact = "Contact" / b'm',
    ContentLength = "Content-Length" / b'l',
    ContentType = "Content-Type" / b'c',
    Route = "Route",
    RecordRoute = "Record-Route",
    Accept = "Accept",
    AcceptEncoding = "Accept-Encoding",
    AcceptContact = "Accept-Contact" / b'a',
    AlertInfo = "Alert-Info",
    Allow = "Allow",
    AllowEvents = "Allow-Events" / b'u',
    AuthenticationInfo = "Authentication-Info",
    Authorization = "Authorization",
    CallInfo = "Call-Info",
    ContentDisposition = "Content-Disposition",
    ContentEncoding = "Content-Encoding" / b'e',
    Date = "Date",
    Diversion = "Diversion",
    Event = "Event" / b'o',
    Expires = "Expires",
    FlowTimer = "Flow-Timer",
    HistoryInfo = "History-Info",
    Identity = "Identity" / b'y',
    MinExpires = "Min-Expires",
    MinSe = "Min-SE",
    PAssertedIdentity = "P-Asserted-Identity",
    PAssociatedUri = "P-Associated-URI",
    PPreferredIdentity = "P-Preferred-Identity",
    Path = "Path",
    Privacy = "Privacy",
    ProxyAuthenticate = "Proxy-Authenticate",
    ProxyAuthorization = "Proxy-Authorization",
    ProxyRequire = "Proxy-Require",
    RAck = "RAck",
    Reason = "Reason",
    ReferSub = "Refer-Sub",
    ReferTo = "Refer-To" / b'r',
    ReferredBy = "Referred-By" / b'b',
    RejectContact = "Reject-Contact" / b'j',
    RemotePartyId = "Remote-Party-ID",
    Replaces = "Replaces",
    RequestDisposition = "Request-Disposition" / b'd',
    Require = "Require",
    RetryAfter = "Retry-After",
    RSeq = "RSeq",
    Server = "Server",
    ServiceRoute = "Service-Route",
    SessionExpires = "Session-Expires" / b'x',
    SubscriptionState = "Subscription-State",
    Subject = "Subject" / b's',
    Supported = "Supported" / b'k',
    TargetDialog = "Target-Dialog",
    Timestamp = "Timestamp",
    Unsupported = "Unsupported",
    UserAgent = "User-Agent",
    Warning = "Warning",
    WwwAuthenticate = "WWW-Authenticate",
}

impl HeaderName {
    /// May a line of it hold several values with commas between (RFC 3261 7.3.1)? In the others a comma is part of the
    /// one value.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        !matches!(
            self,
            Self::From
                | Self::To
                | Self::CallId
                | Self::CSeq
                | Self::MaxForwards
                | Self::ContentLength
                | Self::ContentType
                | Self::Date
                | Self::ReferTo
                | Self::ReferredBy
                | Self::Replaces
                | Self::Server
                | Self::Subject
                | Self::UserAgent
                // The commas of these stand between fields of one challenge or credential (20.7, 20.44).
                | Self::Authorization
                | Self::AuthenticationInfo
                | Self::ProxyAuthenticate
                | Self::ProxyAuthorization
                | Self::WwwAuthenticate
        )
    }

    /// The name that `name` is, or nothing when it is no token. `source` lets an unknown name share the message's
    /// memory.
    #[must_use]
    pub(crate) fn parse(name: &[u8], source: &Bytes) -> Option<Self> {
        Self::known(name).or_else(|| {
            let well_formed = !name.is_empty() && name.iter().copied().all(is_token);
            well_formed.then(|| Self::Other(source.slice_ref(name)))
        })
    }

    /// A name for a header of ours that is not in the table; nothing when `name` is no token.
    #[must_use]
    pub fn other(name: &str) -> Option<Self> {
        let source = Bytes::copy_from_slice(name.as_bytes());
        Self::parse(&source, &source)
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(a), Self::Other(b)) => a.eq_ignore_ascii_case(b),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_short_forms() {
        let parse = |name: &str| {
            let source = Bytes::copy_from_slice(name.as_bytes());
            HeaderName::parse(&source, &source)
        };
        for name in HeaderName::ALL {
            assert_eq!(parse(&name.as_str().to_uppercase()).as_ref(), Some(name));
        }
        for (short, name) in [
            ("v", HeaderName::Via),
            ("I", HeaderName::CallId),
            ("m", HeaderName::Contact),
            ("l", HeaderName::ContentLength),
            ("k", HeaderName::Supported),
        ] {
            assert_eq!(parse(short), Some(name));
        }
        assert_eq!(parse("X-Mine"), parse("x-mINE"));
        assert_ne!(parse("X-Mine"), parse("X-Yours"));
        assert_eq!((parse(""), parse("a b"), parse("Vía")), (None, None, None));
    }
}
