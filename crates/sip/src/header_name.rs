//! The names of headers: one row each, with the compact form where there is one (RFC 3261 7.3.3).

use std::fmt;

use smol_str::SmolStr;

use crate::token::is_token_text;

macro_rules! headers {
    ($($name:ident = $text:literal $(/ $compact:literal)?),* $(,)?) => {
        /// The name of a header. Names are compared without case.
        #[derive(Clone, Debug, Eq)]
        #[non_exhaustive]
        pub enum HeaderName {
            $(#[doc = concat!("`", $text, "`")] $name,)*
            /// A header that is not in the table, as written.
            Other(SmolStr),
        }

        /// A row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Row {
            $($name,)*
        }

        /// The name of each row.
        static ROWS: &[HeaderName] = &[$(HeaderName::$name),*];

        /// What is written for each row, in full and short.
        const WRITTEN: &[(&str, Row)] = &[$(($text, Row::$name), $(($compact, Row::$name),)?)*];

        impl HeaderName {
            /// The name as it is written by us.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(name) => name,
                }
            }

            /// Its row, if it is in the table.
            pub(crate) const fn row(&self) -> Option<Row> {
                match self {
                    $(Self::$name => Some(Row::$name),)*
                    Self::Other(_) => None,
                }
            }
        }
    };
}

headers! {
    Via = "Via" / "v",
    From = "From" / "f",
    To = "To" / "t",
    CallId = "Call-ID" / "i",
    CSeq = "CSeq",
    MaxForwards = "Max-Forwards",
    Contact = "Contact" / "m",
    ContentLength = "Content-Length" / "l",
    ContentType = "Content-Type" / "c",
    Route = "Route",
    RecordRoute = "Record-Route",
    Accept = "Accept",
    AcceptEncoding = "Accept-Encoding",
    AcceptContact = "Accept-Contact" / "a",
    AlertInfo = "Alert-Info",
    Allow = "Allow",
    AllowEvents = "Allow-Events" / "u",
    AuthenticationInfo = "Authentication-Info",
    Authorization = "Authorization",
    CallInfo = "Call-Info",
    ContentDisposition = "Content-Disposition",
    ContentEncoding = "Content-Encoding" / "e",
    Date = "Date",
    Diversion = "Diversion",
    Event = "Event" / "o",
    Expires = "Expires",
    FlowTimer = "Flow-Timer",
    HistoryInfo = "History-Info",
    Identity = "Identity" / "y",
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
    ReferTo = "Refer-To" / "r",
    ReferredBy = "Referred-By" / "b",
    RejectContact = "Reject-Contact" / "j",
    RemotePartyId = "Remote-Party-ID",
    Replaces = "Replaces",
    RequestDisposition = "Request-Disposition" / "d",
    Require = "Require",
    RetryAfter = "Retry-After",
    RSeq = "RSeq",
    Server = "Server",
    ServiceRoute = "Service-Route",
    SessionExpires = "Session-Expires" / "x",
    SubscriptionState = "Subscription-State",
    Subject = "Subject" / "s",
    Supported = "Supported" / "k",
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

    /// A name for a header of ours that is not in the table; nothing when `name` is no token.
    #[must_use]
    pub fn other(name: &str) -> Option<Self> {
        Row::of(name.as_bytes())
            .map(|row| row.name().clone())
            .or_else(|| is_token_text(name).then(|| Self::Other(name.into())))
    }
}

impl Row {
    /// The row of `name`, if it is in the table.
    #[inline]
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        let mut slot = slot(name)?;
        loop {
            let (text, row) = WRITTEN.get(usize::from(SLOTS[slot]))?;
            if name == text.as_bytes() || name.eq_ignore_ascii_case(text.as_bytes()) {
                return Some(*row);
            }
            slot = (slot + 1) % SLOTS.len();
        }
    }

    /// What it is called.
    pub(crate) fn name(self) -> &'static HeaderName {
        &ROWS[self as usize]
    }
}

/// Stands in a slot that holds no row.
const EMPTY: u8 = u8::MAX;

/// Which row of [`WRITTEN`] to compare a name with: at its [`slot`], or behind it up to an empty one.
static SLOTS: [u8; 256] = {
    let mut slots = [EMPTY; 256];
    let mut row = 0;
    while row < WRITTEN.len() {
        let Some(mut slot) = slot(WRITTEN[row].0.as_bytes()) else { panic!("a row without a name") };
        while slots[slot] != EMPTY {
            slot = (slot + 1) % slots.len();
        }
        slots[slot] = row as u8;
        row += 1;
    }
    // Half of them stay empty, so that a search ends soon, and at all.
    assert!(WRITTEN.len() <= 128);
    slots
};

/// Where a name is looked for first: its length and three of its letters, without case, tell most names apart.
const fn slot(name: &[u8]) -> Option<usize> {
    let [first, ..] = name else { return None };
    let (middle, last) = (name[name.len() / 2], name[name.len() - 1]);
    // The factors are those of a search for few names in each other's way; any others would do.
    let sum = (*first | 0x20) as usize * 64 + (middle | 0x20) as usize * 32 + (last | 0x20) as usize * 8;
    Some((sum + name.len()) % 256)
}

impl PartialEq for HeaderName {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        if let Self::Other(other) = other {
            return matches!(self, Self::Other(name) if name.eq_ignore_ascii_case(other));
        }
        std::mem::discriminant(self) == std::mem::discriminant(other)
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
        let parse = HeaderName::other;
        for name in ROWS {
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
