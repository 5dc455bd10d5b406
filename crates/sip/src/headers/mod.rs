//! Headers: an ordered list of names and values, and the typed form of those that mean something to us, one file each.

mod auth;
mod contact;
mod cseq;
mod rack;
mod reason;
mod session_expires;
mod tokens;
mod via;
mod warning;

use std::borrow::Cow;

use bytes::Bytes;

pub use auth::{AuthenticationInfo, Challenge, Credentials};
pub use contact::Contact;
pub use cseq::CSeq;
pub use rack::RAck;
pub use reason::Reason;
pub use session_expires::{Refresher, SessionExpires};
pub use via::Via;
pub use warning::Warning;

use crate::{
    error::HeaderError,
    header_name::HeaderName,
    name_addr::NameAddr,
    token::{parts, text},
};

/// A header that has a type of its own.
pub trait Header: Sized {
    /// Its name.
    const NAME: HeaderName;

    /// Reads one element of it, without commas round it.
    ///
    /// # Errors
    /// [`HeaderError`] when it does not follow its grammar.
    fn parse(text: &str) -> Result<Self, HeaderError>;
}

/// The headers of a message, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    list: Vec<(HeaderName, Bytes)>,
}

impl Headers {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// None yet, with room for those of most messages.
    pub(crate) fn with_room() -> Self {
        Self { list: Vec::with_capacity(24) }
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &Bytes)> {
        self.list.iter().map(|(name, value)| (name, value))
    }

    /// The value of the first line of that name.
    #[must_use]
    pub fn get(&self, name: &HeaderName) -> Option<&Bytes> {
        self.list.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// The values of all lines of that name.
    pub fn get_all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a Bytes> {
        self.list.iter().filter(move |(own, _)| own == name).map(|(_, value)| value)
    }

    /// The value of the first line of that name as text; octets that are no UTF-8 show as U+FFFD.
    #[must_use]
    pub fn text(&self, name: &HeaderName) -> Option<Cow<'_, str>> {
        self.list.iter().find(|(own, _)| own == name).map(|(_, value)| text(value))
    }

    /// The first element of the header `H`, if it is there.
    #[must_use]
    pub fn typed<H: Header>(&self) -> Option<Result<H, HeaderError>> {
        let text = self.text(&H::NAME)?;
        Some(parts(&text, H::NAME.is_list()).next().ok_or(HeaderError::Malformed).and_then(H::parse))
    }

    /// All elements of the header `H`, over lines and commas. Those that do not follow the grammar are left out: a
    /// broken optional header is as if it were not there (RFC 3261 8.2).
    #[must_use]
    pub fn all<H: Header>(&self) -> Vec<H> {
        self.read(&H::NAME, |text| H::parse(text).ok())
    }

    /// The name-addrs of `name`, over lines and commas.
    #[must_use]
    pub fn name_addrs(&self, name: &HeaderName) -> Vec<NameAddr> {
        self.read(name, |text| NameAddr::parse(text).ok())
    }

    /// The first name-addr of `name`.
    #[must_use]
    pub fn name_addr(&self, name: &HeaderName) -> Option<NameAddr> {
        self.get_all(name).find_map(|value| {
            let text = text(value);
            parts(&text, name.is_list()).find_map(|text| NameAddr::parse(text).ok())
        })
    }

    /// The elements of `name`, over lines and commas.
    #[must_use]
    pub fn elements(&self, name: &HeaderName) -> Vec<String> {
        self.read(name, |text| Some(text.to_owned()))
    }

    /// What `parse` makes of each element of `name`.
    fn read<T>(&self, name: &HeaderName, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut found = Vec::new();
        for value in self.get_all(name) {
            let text = text(value);
            found.extend(parts(&text, name.is_list()).filter_map(&parse));
        }
        found
    }

    /// Does a list such as Supported or Require hold `token`? Option tags have no case.
    #[must_use]
    pub fn has_token(&self, name: &HeaderName, token: &str) -> bool {
        self.get_all(name).any(|value| {
            let text = text(value);
            parts(&text, name.is_list()).any(|element| element.eq_ignore_ascii_case(token))
        })
    }

    /// Adds a line at the end. Control characters become blanks, so that a value never makes a line of its own (S19).
    pub fn push(&mut self, name: HeaderName, value: &str) {
        self.list.push((name, clean(value)));
    }

    /// Adds a line before the first.
    pub fn push_front(&mut self, name: HeaderName, value: &str) {
        self.list.insert(0, (name, clean(value)));
    }

    /// Replaces all lines of that name by one.
    pub fn set(&mut self, name: HeaderName, value: &str) {
        match self.list.iter().position(|(own, _)| *own == name) {
            Some(at) => {
                self.list[at].1 = clean(value);
                let mut index = 0;
                self.list.retain(|(own, _)| {
                    index += 1;
                    index - 1 == at || *own != name
                });
            }
            None => self.push(name, value),
        }
    }

    /// Takes all lines of that name away.
    pub fn remove(&mut self, name: &HeaderName) {
        self.list.retain(|(own, _)| own != name);
    }

    /// Takes the first line of that name away and gives its value.
    pub fn pop(&mut self, name: &HeaderName) -> Option<Bytes> {
        let at = self.list.iter().position(|(own, _)| own == name)?;
        Some(self.list.remove(at).1)
    }

    /// Adds a value that came off the wire.
    pub(crate) fn push_raw(&mut self, name: HeaderName, value: Bytes) {
        self.list.push((name, value));
    }
}

fn clean(value: &str) -> Bytes {
    if value.bytes().any(|byte| byte.is_ascii_control()) {
        value.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect::<String>().into()
    } else {
        Bytes::copy_from_slice(value.as_bytes())
    }
}
