//! The parameters of a header or a URI: `;name=value;flag`.

use std::fmt::{self, Write as _};

use smol_str::SmolStr;

use crate::token::{cut, find_outside, is_token, is_token_text, quote, unquote};

/// A list of parameters, kept as one text: most are carried and never looked at.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params {
    /// Everything after the first semicolon, without it.
    text: SmolStr,
}

/// Parameters as they stand in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParamsRef<'a> {
    pub(crate) text: &'a str,
}

impl<'a> ParamsRef<'a> {
    /// Each name with its value as written; a flag has none.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let mut rest = Some(self.text);
        std::iter::from_fn(move || {
            loop {
                let text = rest?;
                let end = find_outside(text, b';');
                rest = end.map(|at| &text[at + 1..]);
                let one = text[..end.unwrap_or(text.len())].trim_ascii();
                if !one.is_empty() {
                    let (name, value) = cut(one, b'=');
                    return Some((name.trim_ascii_end(), value.map(str::trim_ascii_start)));
                }
            }
        })
    }

    /// The value of `name` as written, quotes and all.
    #[must_use]
    pub fn raw(self, name: &str) -> Option<&'a str> {
        self.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).and_then(|(_, value)| value)
    }
}

impl Params {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: SmolStr::new_static("") }
    }

    /// Takes the parameters of `text`, which may begin with a semicolon. Empty ones and the blanks round `;` and `=`
    /// are dropped, so that we never write them.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::new();
        }
        let text = tidy_ends(text);
        let mut rest = text.as_bytes();
        let untidy = loop {
            let Some(at) = rest.iter().position(|byte| matches!(byte, b';' | b' ' | b'\t')) else { break false };
            if rest[at] != b';' || rest.get(at + 1) == Some(&b';') {
                break true;
            }
            rest = &rest[at + 1..];
        };
        let read = Self { text: text.into() };
        if untidy { read.without("") } else { read }
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// A look at them.
    #[must_use]
    pub fn view(&self) -> ParamsRef<'_> {
        ParamsRef { text: &self.text }
    }

    /// Each name with its value as written; a flag has none.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.view().iter()
    }

    /// Is `name` there, with a value or without? Names are compared without case (RFC 3261 7.3.1).
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// The value of `name` as written, quotes and all.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.view().raw(name)
    }

    /// The value of `name`, without quotes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.raw(name).map(|value| unquote(value).into_owned())
    }

    /// The value of `name` as a number; nothing when it is none or too large.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        let raw = self.raw(name)?;
        // `parse` would take a sign, which the grammar does not.
        raw.bytes().all(|byte| byte.is_ascii_digit()).then(|| raw.parse().ok()).flatten()
    }

    /// Adds `name` without a value.
    pub fn flag(&mut self, name: &str) {
        self.replace(name, |_| Ok(()));
    }

    /// Sets `name` to `value`, quoted when it is no token. Control characters never get through.
    pub fn set(&mut self, name: &str, value: &str) {
        // Hosts, ports and IPv6 references stand unquoted in Via and URIs (RFC 3261 25.1, gen-value).
        let plain = is_token_text(value)
            || value.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'[' | b']' | b':' | b'.'));
        if plain && !value.is_empty() {
            self.replace(name, |out| write!(out, "={value}"));
        } else {
            self.set_quoted(name, value);
        }
    }

    /// Sets `name` to `value` within quotes, as `+sip.instance` wants it.
    pub fn set_quoted(&mut self, name: &str, value: &str) {
        self.replace(name, |out| {
            out.push('=');
            quote(value, out)
        });
    }

    /// Takes `name` away.
    pub fn remove(&mut self, name: &str) {
        if self.has(name) {
            *self = self.without(name);
        }
    }

    /// Puts `name`, and what `value` writes after it, at the end. Of the name only what may stand in a token is taken.
    fn replace(&mut self, name: &str, value: impl FnOnce(&mut String) -> fmt::Result) {
        self.remove(name);
        let mut text = String::with_capacity(self.text.len() + name.len() + 32);
        text.push_str(&self.text);
        if !text.is_empty() {
            text.push(';');
        }
        text.extend(name.chars().filter(|c| u8::try_from(*c).is_ok_and(is_token)));
        value(&mut text).expect("a String takes all");
        self.text = text.into();
    }

    /// The same, tidy, without `name` and without what has no name.
    fn without(&self, name: &str) -> Self {
        let mut text = String::with_capacity(self.text.len());
        for (own, value) in self.iter().filter(|(own, _)| !own.is_empty() && !own.eq_ignore_ascii_case(name)) {
            if !text.is_empty() {
                text.push(';');
            }
            text.push_str(own);
            if let Some(value) = value {
                text.push('=');
                text.push_str(value);
            }
        }
        Self { text: text.into() }
    }
}

/// `text` without the blanks and semicolons at its ends.
fn tidy_ends(text: &str) -> &str {
    let bytes = text.as_bytes();
    let loose = |byte: &u8| *byte == b';' || byte.is_ascii_whitespace();
    let start = bytes.iter().position(|byte| !loose(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !loose(byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() { Ok(()) } else { write!(f, ";{}", self.text) }
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_case_and_quotes_do_not_matter() {
        let params = Params::parse(" ;cause=200 ; TEXT=\"Call completed; elsewhere\";lr");
        assert_eq!(params.number("Cause"), Some(200));
        assert_eq!(params.get("text").as_deref(), Some("Call completed; elsewhere"));
        assert!(params.has("lr") && params.get("lr").is_none());
        assert_eq!(params.iter().count(), 3);
    }

    #[test]
    fn numbers_have_bounds() {
        for bad in ["-1", "+5", "0x5", "", "4294967296", "1e3", "10000000000000000000000000000000"] {
            assert_eq!(Params::parse(&format!("n={bad}")).number("n"), None, "{bad}");
        }
        assert_eq!(Params::parse("n=4294967295").number("n"), Some(u32::MAX));
    }

    #[test]
    fn setting_replaces_and_quotes() {
        let mut params = Params::parse("a=1;b;c=3");
        params.set("A", "x y");
        params.flag("d");
        params.remove("b");
        assert_eq!(params.to_string(), ";c=3;A=\"x y\";d");
        params.set("e", "evil\r\nVia: x");
        params.flag("f\r\n;g=");
        assert_eq!(params.to_string(), ";c=3;A=\"x y\";d;e=\"evil  Via: x\";fg");
    }

    #[test]
    fn what_is_untidy_is_written_tidy() {
        let params = Params::parse(" ; a = 1 ;; b ; c=\"x ; y\" ; =5 ;;");
        assert_eq!(params.to_string(), ";a=1;b;c=\"x ; y\"");
        assert_eq!(Params::parse(";;;").to_string(), "");
    }
}
