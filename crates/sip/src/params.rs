//! The parameters of a header or a URI: `;name=value;flag`.

use std::fmt;

use crate::token::{find_outside, is_token_text, quote, unquote};

/// A list of parameters, kept as it stands on the wire: most are carried and never looked at.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params {
    /// Everything after the first semicolon, without it.
    text: String,
}

impl Params {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new() }
    }

    /// Takes the parameters of `text`, which may begin with a semicolon. Empty ones are dropped.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Self {
        Self { text: text.trim().trim_start_matches(';').trim_end_matches([';', ' ', '\t']).to_owned() }
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Each name with its value as written; a flag has none.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let mut rest = Some(self.text.as_str());
        std::iter::from_fn(move || {
            loop {
                let text = rest?;
                let one = match find_outside(text, b";") {
                    Some(at) => {
                        rest = Some(&text[at + 1..]);
                        &text[..at]
                    }
                    None => {
                        rest = None;
                        text
                    }
                };
                if one.trim().is_empty() {
                    continue;
                }
                return Some(match one.split_once('=') {
                    Some((name, value)) => (name.trim(), Some(value.trim())),
                    None => (one.trim(), None),
                });
            }
        })
    }

    /// Is `name` there, with a value or without? Names are compared without case (RFC 3261 7.3.1).
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// The value of `name` as written, quotes and all.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).and_then(|(_, value)| value)
    }

    /// The value of `name`, without quotes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.raw(name).map(unquote)
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
        self.remove(name);
        self.add(name);
    }

    /// Sets `name` to `value`, quoted when it is no token. Control characters never get through.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.add(name);
        self.text.push('=');
        // Hosts, ports and IPv6 references stand unquoted in Via and URIs (RFC 3261 25.1, gen-value).
        let plain = is_token_text(value)
            || value.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'[' | b']' | b':' | b'.'));
        if plain && !value.is_empty() {
            self.text.push_str(value);
        } else {
            quote(value, &mut self.text);
        }
    }

    /// Sets `name` to `value` within quotes, as `+sip.instance` wants it.
    pub fn set_quoted(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.add(name);
        self.text.push('=');
        quote(value, &mut self.text);
    }

    /// Takes `name` away.
    pub fn remove(&mut self, name: &str) {
        if !self.has(name) {
            return;
        }
        let mut kept = Self::new();
        for (own, value) in self.iter().filter(|(own, _)| !own.eq_ignore_ascii_case(name)) {
            kept.add(own);
            if let Some(value) = value {
                kept.text.push('=');
                kept.text.push_str(value);
            }
        }
        *self = kept;
    }

    fn add(&mut self, name: &str) {
        if !self.text.is_empty() {
            self.text.push(';');
        }
        self.text.extend(name.chars().filter(|c| !c.is_control()));
    }
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
        assert!(!params.to_string().contains('\n'));
    }
}
