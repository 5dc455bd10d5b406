//! Reading header lines (RFC 3261 7.3): each becomes its name and the place of its value.

use bytes::Bytes;
use memchr::{memchr, memchr2};

use super::{Headers, Line, Name, Value};
use crate::{
    error::ParseErrorKind,
    header_name::{HeaderName, Row},
    parse::{MAX_HEADERS, MAX_MESSAGE},
};

/// The first line of `bytes`, without what ends it, how long it is with that, and whether there is a CR within it;
/// nothing when it has no end. A bare LF ends a line too: some gateways write no CR.
#[inline]
pub(crate) fn line(bytes: &[u8]) -> Option<(&[u8], usize, bool)> {
    let end = memchr2(b'\r', b'\n', bytes)?;
    let length = match (bytes[end], bytes.get(end + 1)) {
        (b'\n', _) => end + 1,
        (_, Some(b'\n')) => end + 2,
        _ => {
            let lf = end + memchr(b'\n', &bytes[end..])?;
            return Some((bytes[..lf].strip_suffix(b"\r").unwrap_or(&bytes[..lf]), lf + 1, true));
        }
    };
    Some((&bytes[..end], length, false))
}

impl Headers {
    /// Reads the header lines at the beginning of `block`, up to the empty line that ends them, and says where what is
    /// behind it begins.
    ///
    /// # Errors
    /// What is wrong with them; of what they mean nothing is looked at.
    pub fn parse(block: &Bytes) -> Result<(Self, usize), ParseErrorKind> {
        if block.len() > MAX_MESSAGE {
            return Err(ParseErrorKind::TooLarge);
        }
        let mut headers = Self::of(block);
        let end = headers.take(0)?;
        Ok((headers, end))
    }

    /// None yet of those of `message`, which is no larger than [`MAX_MESSAGE`], with room for those of most.
    pub(crate) fn of(message: &Bytes) -> Self {
        Self { wire: message.clone(), list: Vec::with_capacity(24) }
    }

    /// Reads the lines from `at` on, up to the empty line that ends them, and says where the body begins. Of a block with
    /// a fault the lines before it are kept.
    pub(crate) fn take(&mut self, mut at: usize) -> Result<usize, ParseErrorKind> {
        loop {
            let rest = &self.wire[at..];
            let (text, length, odd) = line(rest).ok_or(ParseErrorKind::Truncated)?;
            if text.is_empty() {
                return Ok(at + length);
            }
            if self.list.len() >= MAX_HEADERS {
                return Err(ParseErrorKind::TooLarge);
            }
            // RFC 3261 7.3.1: a line that begins with a blank goes on with the one before.
            if odd || matches!(rest.get(length), Some(b' ' | b'\t')) {
                at += self.take_folded(at)?;
                continue;
            }
            let (name, after) = name(text)?;
            let value = after.trim_ascii_start();
            // MAX_MESSAGE is far below 2^32.
            let end = (at + text.len()) as u32;
            let start = end - value.len() as u32;
            let end = end - (value.len() - value.trim_ascii_end().len()) as u32;
            self.list.push(Line { name, value: Value::Read { start, end } });
            at += length;
        }
    }

    /// The same for one line that goes on, or has a CR within; says how long it is.
    #[cold]
    fn take_folded(&mut self, at: usize) -> Result<usize, ParseErrorKind> {
        let rest = &self.wire[at..];
        let (text, mut next, _) = line(rest).ok_or(ParseErrorKind::Truncated)?;
        let (mut end, mut folded) = (text.len(), false);
        while matches!(rest.get(next), Some(b' ' | b'\t')) {
            let (more, length, _) = line(&rest[next..]).ok_or(ParseErrorKind::Truncated)?;
            (end, next, folded) = (next + more.len(), next + length, true);
        }
        let (name, value) = name(&rest[..end])?;
        let value = value.trim_ascii();
        let value: Box<[u8]> = if folded { unfold(value) } else { value.into() };
        // Some take a bare CR for the end of a line, so it would say two things (L16).
        if memchr(b'\r', &value).is_some() {
            return Err(ParseErrorKind::HeaderLine);
        }
        self.list.push(Line { name, value: Value::Own(value) });
        Ok(next)
    }
}

/// The name that begins a line, and what is behind its colon.
#[inline]
fn name(line: &[u8]) -> Result<(Name, &[u8]), ParseErrorKind> {
    let colon = memchr(b':', line).ok_or(ParseErrorKind::HeaderLine)?;
    let name = line[..colon].trim_ascii_end();
    let name = match Row::of(name) {
        Some(row) => Name::Row(row),
        None => other(name).ok_or(ParseErrorKind::HeaderLine)?,
    };
    Ok((name, &line[colon + 1..]))
}

/// A name that is not in the table.
#[cold]
fn other(name: &[u8]) -> Option<Name> {
    std::str::from_utf8(name).ok().and_then(HeaderName::other).map(Name::of)
}

/// RFC 3261 7.3.1: each line end with the blanks round it is one blank.
fn unfold(value: &[u8]) -> Box<[u8]> {
    let mut joined: Vec<u8> = Vec::with_capacity(value.len());
    for line in value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        if !joined.is_empty() {
            joined.push(b' ');
        }
        joined.extend_from_slice(line);
    }
    joined.into()
}
