//! Headers: an ordered list of names and values, and the typed form of those that mean something to us, one file each.

mod auth;
mod contact;
mod cseq;
mod lines;
mod rack;
mod reason;
mod session_expires;
mod tokens;
mod via;
mod warning;

use std::{borrow::Cow, fmt};

use bytes::Bytes;

pub use auth::{AuthenticationInfo, Challenge, Credentials};
pub use contact::Contact;
pub use cseq::CSeq;
pub(crate) use lines::line;
pub use rack::RAck;
pub use reason::Reason;
pub use session_expires::{Refresher, SessionExpires};
pub use via::{Via, ViaRef};
pub use warning::Warning;

use crate::{
    error::HeaderError,
    header_name::{HeaderName, Row},
    name_addr::{NameAddr, NameAddrRef},
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
#[derive(Clone, Default)]
pub struct Headers {
    list: Vec<Line>,
    /// The message that lines were read from; empty where all are ours.
    wire: Bytes,
    /// The values that do not stand in `wire` as they are read. What was replaced stays here, out of use.
    own: Vec<u8>,
    /// The names that are not in the table.
    names: Vec<HeaderName>,
}

/// One line: it says where its name and its value are, so that the most of them, never looked at, cost no more.
#[derive(Clone, Copy)]
struct Line {
    name: Name,
    /// Does the value stand in `own`?
    own: bool,
    start: u32,
    end: u32,
}

#[derive(Clone, Copy)]
enum Name {
    Row(Row),
    /// The place in `names`.
    Other(u32),
}

impl Name {
    fn of(self, names: &[HeaderName]) -> &HeaderName {
        match self {
            Self::Row(row) => row.name(),
            Self::Other(at) => &names[at as usize],
        }
    }
}

impl Headers {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: Vec::new(), wire: Bytes::new(), own: Vec::new(), names: Vec::new() }
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
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &[u8])> {
        self.list.iter().map(|line| (line.name.of(&self.names), self.octets(line)))
    }

    /// The value of the first line of that name.
    #[must_use]
    pub fn get(&self, name: &HeaderName) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// The values of all lines of that name.
    pub fn get_all(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        let row = name.row();
        let wanted = move |line: &&Line| match (line.name, row) {
            (Name::Row(own), Some(row)) => own == row,
            (Name::Other(at), None) => self.names[at as usize] == *name,
            _ => false,
        };
        self.list.iter().filter(wanted).map(|line| self.octets(line))
    }

    fn octets(&self, line: &Line) -> &[u8] {
        let all = if line.own { &self.own[..] } else { &self.wire[..] };
        &all[line.start as usize..line.end as usize]
    }

    /// The value of the first line of that name as text; octets that are no UTF-8 show as U+FFFD.
    #[must_use]
    pub fn text(&self, name: &HeaderName) -> Option<Cow<'_, str>> {
        self.get(name).map(text)
    }

    /// The first element of the header `H`, if it is there.
    #[must_use]
    pub fn typed<H: Header>(&self) -> Option<Result<H, HeaderError>> {
        let text = self.text(&H::NAME)?;
        match parts(&text, H::NAME.is_list()).next() {
            Some(first) => Some(H::parse(first)),
            None => Some(Err(HeaderError::Malformed)),
        }
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
        for value in self.get_all(name) {
            for element in parts(&text(value), name.is_list()) {
                if let Ok(address) = NameAddr::parse(element) {
                    return Some(address);
                }
            }
        }
        None
    }

    /// The tag of From or To.
    #[must_use]
    pub fn tag(&self, name: &HeaderName) -> Option<String> {
        let text = self.text(name)?;
        let address = NameAddrRef::parse(&text).ok().filter(|address| address.uri().is_ok())?;
        address.tag().map(str::to_owned)
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
        let line = self.keep(name, value.bytes().map(clean));
        self.list.push(line);
    }

    /// Adds a line before the first.
    pub fn push_front(&mut self, name: HeaderName, value: &str) {
        let line = self.keep(name, value.bytes().map(clean));
        self.list.insert(0, line);
    }

    /// Replaces all lines of that name by one.
    pub fn set(&mut self, name: HeaderName, value: &str) {
        let Some(at) = self.position(&name) else { return self.push(name, value) };
        self.remove(&name);
        let line = self.keep(name, value.bytes().map(clean));
        self.list.insert(at, line);
    }

    /// Takes all lines of that name away.
    pub fn remove(&mut self, name: &HeaderName) {
        self.list.retain(|line| line.name.of(&self.names) != name);
    }

    /// Takes the first line of that name away.
    pub fn remove_first(&mut self, name: &HeaderName) {
        if let Some(at) = self.position(name) {
            self.list.remove(at);
        }
    }

    fn position(&self, name: &HeaderName) -> Option<usize> {
        self.list.iter().position(|line| line.name.of(&self.names) == name)
    }

    /// Adds a value that came off the wire.
    pub(crate) fn push_raw(&mut self, name: HeaderName, value: &[u8]) {
        let line = self.keep(name, value.iter().copied());
        self.list.push(line);
    }

    /// Keeps a name and a value, and says where they are.
    fn keep(&mut self, name: HeaderName, value: impl Iterator<Item = u8>) -> Line {
        let start = self.own.len() as u32;
        self.own.extend(value);
        let name = name.row().map_or_else(
            || {
                self.names.push(name);
                Name::Other(self.names.len() as u32 - 1)
            },
            Name::Row,
        );
        Line { name, own: true, start, end: self.own.len() as u32 }
    }

    /// Adds the lines of that name that `other` has.
    pub(crate) fn copy(&mut self, other: &Self, name: &HeaderName) {
        for value in other.get_all(name) {
            self.push_raw(name.clone(), value);
        }
    }

    /// Only the lines of the names that are `wanted`, in their order.
    pub(crate) fn only(&self, wanted: impl Fn(&HeaderName) -> bool) -> Self {
        let list = self.list.iter().copied().filter(|line| wanted(line.name.of(&self.names))).collect();
        Self { list, wire: self.wire.clone(), own: self.own.clone(), names: self.names.clone() }
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name.as_str(), text(value)))).finish()
    }
}

const fn clean(byte: u8) -> u8 {
    if byte.is_ascii_control() { b' ' } else { byte }
}
