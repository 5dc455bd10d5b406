//! `"Name" <uri>;params`: From, To, Contact, Route and their like (RFC 3261 20.10).

use std::{borrow::Cow, fmt};

use memchr::memchr2;
use smol_str::SmolStr;

use crate::{
    error::{HeaderError, UriError},
    params::{Params, ParamsRef},
    token::{cut, find_outside, is_closed, is_token, quote, unquote},
    uri::Uri,
    uri_ref::UriRef,
};

/// A name, a URI and the parameters of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name, without quotes.
    pub display: Option<SmolStr>,
    /// The URI.
    pub uri: Uri,
    /// The parameters of the header, not of the URI.
    pub params: Params,
}

impl NameAddr {
    /// `<uri>`.
    #[must_use]
    pub const fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::new() }
    }

    /// Parses one name-addr or addr-spec.
    ///
    /// # Errors
    /// [`HeaderError`] when there is no proper URI in it.
    pub fn parse(text: &str) -> Result<Self, HeaderError> {
        let read = NameAddrRef::parse(text)?;
        let display = read.display.map(unquote).filter(|name| !name.is_empty());
        let uri = read.uri()?;
        Ok(Self { display: display.map(Into::into), uri: uri.uri(), params: Params::parse(read.params.text) })
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.raw("tag").filter(|tag| !tag.is_empty())
    }

    /// The same with this tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", tag);
        self
    }
}

/// A name-addr or an addr-spec that is taken apart where it stands.
#[derive(Clone, Debug)]
pub struct NameAddrRef<'a> {
    /// What stands before the bracket, quotes and all.
    pub display: Option<&'a str>,
    /// The URI, unread.
    uri: Cow<'a, str>,
    /// The parameters of the header.
    pub params: ParamsRef<'a>,
}

impl<'a> NameAddrRef<'a> {
    /// Takes one name-addr or addr-spec apart.
    ///
    /// # Errors
    /// [`HeaderError`] when it is none; its URI is checked by [`Self::uri`].
    pub fn parse(text: &'a str) -> Result<Self, HeaderError> {
        let text = text.trim_ascii();
        let Some(open) = find_outside(text, b'<') else {
            // RFC 3261 20: without brackets, what follows a semicolon belongs to the header, and a URI with a comma or a
            // question mark would say two things.
            let (uri, params) = cut(text, b';');
            if memchr2(b',', b'?', uri.as_bytes()).is_some() {
                return Err(HeaderError::Malformed);
            }
            let params = closed(params.unwrap_or_default())?;
            return Ok(Self { display: None, uri: Cow::Borrowed(uri), params });
        };
        let (uri, params) = cut(&text[open + 1..], b'>');
        let params = closed(params.ok_or(HeaderError::Malformed)?)?;
        Ok(Self { display: Some(&text[..open]), uri: without_folds(uri), params })
    }

    /// The URI.
    ///
    /// # Errors
    /// [`UriError`] when it is none.
    pub fn uri(&self) -> Result<UriRef<'_>, UriError> {
        UriRef::parse(&self.uri)
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> Option<&'a str> {
        self.params.raw("tag").filter(|tag| !tag.is_empty())
    }
}

/// Parameters that others of ours may be written behind.
fn closed(text: &str) -> Result<ParamsRef<'_>, HeaderError> {
    if is_closed(text) { Ok(ParamsRef { text }) } else { Err(HeaderError::Malformed) }
}

/// A URI in brackets that was folded at its semicolons, as RFC 7118 8.2 prints its Contacts: the blanks say nothing. In a
/// request line they might, and there they stay an error.
fn without_folds(uri: &str) -> Cow<'_, str> {
    if memchr2(b' ', b'\t', uri.as_bytes()).is_none() {
        return Cow::Borrowed(uri);
    }
    let mut joined = String::with_capacity(uri.len());
    for (at, part) in uri.split(';').enumerate() {
        joined.push_str(if at == 0 { "" } else { ";" });
        joined.push_str(part.trim_ascii());
    }
    Cow::Owned(joined)
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.display {
            // A name of plain tokens needs no quotes (RFC 3261 25.1, display-name); blanks at its ends do.
            if name.bytes().all(|byte| is_token(byte) || byte == b' ') && name.trim_ascii() == name {
                write!(f, "{name} ")?;
            } else {
                quote(name, f)?;
                f.write_str(" ")?;
            }
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let parse = |text| NameAddr::parse(text).expect(text);
        let quoted = parse(r#""J Rosenberg \\\"" <sip:j@b.c;x=1>  ;  tag = 98asjd8"#);
        assert_eq!(quoted.display.as_deref(), Some("J Rosenberg \\\""));
        assert_eq!((quoted.tag(), quoted.uri.params.raw("x")), (Some("98asjd8"), Some("1")));
        let bare = parse("sip:a@b;tag=1");
        assert_eq!((bare.tag(), bare.uri.to_string().as_str()), (Some("1"), "sip:a@b"));
        assert_eq!(parse("caller<sip:a@b>").display.as_deref(), Some("caller"));
        assert_eq!(parse("\"<sip:x@y>\" <sip:a@b>").uri.to_string(), "sip:a@b");
        assert_eq!(
            parse("<sip:a@b>;+sip.instance=\"<urn:uuid:1>\"").params.get("+sip.instance").as_deref(),
            Some("<urn:uuid:1>")
        );
        assert_eq!(parse("<sip:a@b\t ; x ;y=1 >").uri.to_string(), "sip:a@b;x;y=1");
        for bad in [
            "",
            "<",
            "<sip:a b@c>",
            "sip:a@b?x=1",
            "sip:a,b@c",
            "<sip:a@b",
            "\"x",
            "\"x\\",
            "Alice",
            "<>",
            "a <b",
            // Found by the fuzzer: a tag of ours behind these was part of them.
            "<sip:a@b>;x=\"y",
            "<sip:a@b>;x=<y",
            "sip:a@b;x=\"y",
        ] {
            assert!(NameAddr::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_display_name_cannot_break_out() {
        for hostile in ["a\" <sip:evil@x>\r\nVia: y", "\\", "Zoë", "<b>", "a,b;c", "", " ", " a "] {
            let mut own = NameAddr::new(Uri::parse("sip:a@b").expect("a URI"));
            own.display = Some(hostile.into());
            let text = own.to_string();
            assert!(!text.contains(['\r', '\n']), "{text}");
            let again = NameAddr::parse(&text).expect("ours parses");
            let shown = Some(hostile.replace(char::is_control, " ")).filter(|name| !name.is_empty());
            assert_eq!((again.display.as_deref(), &again.uri), (shown.as_deref(), &own.uri));
        }
    }
}
