//! SIP URIs (RFC 3261 19.1), and the others that may stand where one is expected.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use smol_str::SmolStr;

use crate::{error::UriError, host::Host, params::Params, uri_ref::UriRef};

/// The scheme of a URI.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966); the number stands in [`Uri::user`].
    Tel,
    /// Any other, in lower case; the rest of the URI stands in [`Uri::user`] and is carried as it is.
    Other(SmolStr),
}

/// A URI, taken apart. The user part keeps its escapes, so that it is written as it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Uri {
    /// The scheme.
    pub scheme: Scheme,
    /// The user part, escaped as on the wire, without a password.
    pub user: Option<SmolStr>,
    /// A password, escaped as on the wire. RFC 3261 19.1.1 advises against it; we carry one and never make one.
    pub password: Option<SmolStr>,
    /// The host. Only `sip:` and `sips:` have one.
    pub host: Option<Host>,
    /// The port, if it was written.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params,
    /// What follows `?`, without it.
    pub headers: Option<SmolStr>,
}

impl Uri {
    /// `sip:user@host`, or `sip:host` without a user or with an empty one. The user part is escaped as far as it needs
    /// (RFC 3261 19.1.2).
    #[must_use]
    pub fn sip(user: Option<&str>, host: Host) -> Self {
        Self {
            user: user.filter(|user| !user.is_empty()).map(escape_user),
            host: Some(host),
            ..Self::opaque(Scheme::Sip, "", Params::new())
        }
    }

    /// Parses a URI as it stands in a request line or between angle brackets.
    ///
    /// # Errors
    /// [`UriError`] when it has no scheme, or is a SIP URI without a proper host.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        Ok(UriRef::parse(text)?.uri())
    }

    fn opaque(scheme: Scheme, user: &str, params: Params) -> Self {
        Self { scheme, user: Some(user.into()), password: None, host: None, port: None, params, headers: None }
    }

    /// Stands in a request whose own Request-URI is none, so that it can be answered.
    pub(crate) fn none() -> Self {
        Self::opaque(Scheme::Other("invalid".into()), "", Params::new())
    }

    /// The user part as a person wrote it: escapes undone.
    #[must_use]
    pub fn user_text(&self) -> Option<String> {
        self.user.as_deref().map(|user| unescape(user).into_owned())
    }

    /// Is it `sips:`?
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.scheme == Scheme::Sips
    }

    /// Is it `sip:` or `sips:`?
    #[must_use]
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// What may stand in a Request-URI: what the address says of the request that is made of it is not followed (RFC 3261
    /// 19.1.5; C88).
    pub(crate) fn into_target(mut self) -> Self {
        self.headers = None;
        self.params.remove("method");
        self
    }

    /// Without parameters and headers: what names a user, not a device.
    #[must_use]
    pub fn address_of_record(&self) -> Self {
        Self { params: Params::new(), headers: None, password: None, ..self.clone() }
    }

    /// RFC 3261 19.1.4: are the two the same resource? The user part counts with its case, the rest without; `user`,
    /// `ttl`, `method`, `maddr` and `transport` must match even when only one has them, others only when both do.
    #[must_use]
    pub fn is_equivalent(&self, other: &Self) -> bool {
        const ALWAYS: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
        let same_text = |a: Option<&str>, b: Option<&str>| a.map(unescape) == b.map(unescape);
        let same_value = |a: Option<&str>, b: Option<&str>| match (a, b) {
            (Some(a), Some(b)) => unescape(a).eq_ignore_ascii_case(&unescape(b)),
            (None, None) => true,
            _ => false,
        };
        self.scheme == other.scheme
            && same_text(self.user.as_deref(), other.user.as_deref())
            && same_text(self.password.as_deref(), other.password.as_deref())
            && self.host == other.host
            && self.port == other.port
            && self.headers == other.headers
            && ALWAYS.iter().all(|name| {
                self.params.has(name) == other.params.has(name)
                    && same_value(self.params.raw(name), other.params.raw(name))
            })
            && self
                .params
                .iter()
                .filter(|(name, _)| other.params.has(name))
                // Of one that stands there twice the first counts, on both sides.
                .all(|(name, _)| same_value(self.params.raw(name), other.params.raw(name)))
    }
}

impl Uri {
    fn write(&self, password: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scheme {
            Scheme::Sip => f.write_str("sip:")?,
            Scheme::Sips => f.write_str("sips:")?,
            Scheme::Tel => f.write_str("tel:")?,
            Scheme::Other(scheme) => write!(f, "{scheme}:")?,
        }
        if let Some(user) = &self.user {
            f.write_str(user)?;
        }
        if let Some(password) = password {
            write!(f, ":{password}")?;
        }
        if let Some(host) = &self.host {
            write!(f, "{}{host}", if self.user.is_some() { "@" } else { "" })?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        self.headers.as_ref().map_or(Ok(()), |headers| write!(f, "?{headers}"))
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(self.password.as_deref(), f)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A log never shows a password.
        self.write(self.password.as_ref().map(|_| "***"), f)
    }
}

/// Escapes what may not stand in a user part: RFC 3261 25.1, `unreserved` and `user-unreserved`.
fn escape_user(text: &str) -> SmolStr {
    const PLAIN: &[u8] = b"-_.!~*'()&=+$,;?/";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a String takes all");
        }
    }
    out.into()
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).expect(text)
    }

    #[test]
    fn what_is_read_is_written() {
        for text in [
            "sip:alice@example.com",
            "sips:alice@example.com:443;transport=ws",
            "sip:df7jal23ls0d.invalid;rtcweb-breakout=no;transport=ws",
            "sip:+1-212-555-1212@gateway.com;user=phone",
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:1001@127.0.0.1:5060;alias=1~2~3?Subject=x",
            "sip:[2001:db8::10]:5070",
            "sip:a;b?c@host;lr",
            "tel:+44-20;phone-context=example.com",
            "nobodyKnowsThisScheme:totallyopaquecontent".to_lowercase().as_str(),
            "http://example.com/",
        ] {
            assert_eq!(uri(text).to_string(), text);
        }
    }

    #[test]
    fn a_password_is_carried_and_not_shown() {
        let with = uri("sip:alice:secret@example.com:5061;lr");
        assert_eq!((with.user.as_deref(), with.password.as_deref()), (Some("alice"), Some("secret")));
        assert_eq!(with.to_string(), "sip:alice:secret@example.com:5061;lr");
        assert_eq!(format!("{with:?}"), "sip:alice:***@example.com:5061;lr");
        assert_eq!(with.address_of_record().to_string(), "sip:alice@example.com:5061");
        assert!(!with.is_equivalent(&uri("sip:alice@example.com:5061;lr")));
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for bad in [
            "",
            "alice",
            "sip:",
            "sip:@host",
            "sip:alice@",
            "sip:a@b@c",
            "sip:a b@c",
            "sip:a@h:99999",
            "sip:a\r\n@h",
            "<sip:a@h>",
            "1:2",
            "tel:",
        ] {
            assert!(Uri::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_user_part_cannot_break_out() {
        let hostile = "a@b>\r\nVia: x;y \u{202e}";
        let uri = Uri::sip(Some(hostile), Host::parse("example.com").expect("a name"));
        let text = uri.to_string();
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
        assert_eq!(Uri::parse(&text).expect("ours parses").user_text().as_deref(), Some(hostile));
    }

    #[test]
    fn comparison_is_that_of_the_rfc() {
        // RFC 3261 19.1.4, the examples.
        for (a, b) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            // Found by the fuzzer: what has a parameter twice was not the same as itself.
            ("sip:carol@chicago.com;x=1;x=2", "sip:carol@chicago.com;x=1;x=2"),
        ] {
            assert!(uri(a).is_equivalent(&uri(b)), "{a} {b}");
        }
        for (a, b) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ] {
            assert!(!uri(a).is_equivalent(&uri(b)), "{a} {b}");
        }
    }
}
