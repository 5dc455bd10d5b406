//! Reading header lines (RFC 3261 7.3): each becomes its name and the place of its value.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::{memchr, memchr_iter, memchr2};

use super::{Headers, Line, Name};
use crate::{
    error::ParseErrorKind,
    header_name::{HeaderName, Row},
    parse::{MAX_HEADERS, MAX_MESSAGE},
};

/// The first line of `bytes`, without what ends it, and how long it is with that; nothing when it has no end. A bare LF
/// ends a line too: some gateways write no CR.
pub(crate) fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let lf = memchr(b'\n', bytes)?;
    Some((bytes[..lf].strip_suffix(b"\r").unwrap_or(&bytes[..lf]), lf + 1))
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
        Self { list: Vec::with_capacity(24), wire: message.clone(), ..Self::new() }
    }

    /// Reads the lines from `at` on, up to the empty line that ends them, and says where the body begins. Of a block with
    /// a fault the lines before it are kept.
    pub(crate) fn take(&mut self, mut at: usize) -> Result<usize, ParseErrorKind> {
        loop {
            let rest = &self.wire[at..];
            if rest.starts_with(b"\r\n") {
                return Ok(at + 2);
            }
            // Almost every line has a known name, ends in CRLF and is alone: no blank begins the next. What is in the
            // table holds no line end, so that the colon is one of this line.
            let known = memchr(b':', rest).and_then(|colon| Some((Row::of(&rest[..colon])?, &rest[colon + 1..])));
            let usual = known.filter(|_| self.list.len() < MAX_HEADERS).and_then(|(row, after)| {
                let end = memchr2(b'\r', b'\n', after)?;
                match after[end..].first_chunk() {
                    Some([b'\r', b'\n', next]) if !matches!(next, b' ' | b'\t') => {
                        Some((row, &after[..end], after.len() - end))
                    }
                    _ => None,
                }
            });
            if let Some((row, value, left)) = usual {
                let end = self.wire.len() - left;
                let value = value.trim_ascii_start();
                // MAX_MESSAGE is far below 2^32.
                let start = (end - value.len()) as u32;
                let length = value.trim_ascii_end().len() as u32;
                self.list.push(Line { name: Name::Row(row), own: false, start, end: start + length });
                at = end + 2;
            } else {
                let (length, last) = self.take_unusual(at)?;
                at += length;
                if last {
                    return Ok(at);
                }
            }
        }
    }

    /// The same for one line, whatever it is; says how long it is, and whether it is the empty one.
    #[cold]
    fn take_unusual(&mut self, at: usize) -> Result<(usize, bool), ParseErrorKind> {
        let wire = self.wire.clone();
        let rest = &wire[at..];
        let (text, mut next) = line(rest).ok_or(ParseErrorKind::Truncated)?;
        if text.is_empty() {
            return Ok((next, true));
        }
        if self.list.len() >= MAX_HEADERS {
            return Err(ParseErrorKind::TooLarge);
        }
        let (mut end, mut folded) = (text.len(), false);
        // RFC 3261 7.3.1: a line that begins with a blank goes on with the one before.
        while matches!(rest.get(next), Some(b' ' | b'\t')) {
            let (more, length) = line(&rest[next..]).ok_or(ParseErrorKind::Truncated)?;
            (end, next, folded) = (next + more.len(), next + length, true);
        }
        let text = &rest[..end];
        let colon = memchr(b':', text).ok_or(ParseErrorKind::HeaderLine)?;
        let name = std::str::from_utf8(text[..colon].trim_ascii_end()).ok().and_then(HeaderName::other);
        let name = name.ok_or(ParseErrorKind::HeaderLine)?;
        let value = text[colon + 1..].trim_ascii();
        // Some take a bare CR for the end of a line, so it would say two things (L16), at the ends of a value too.
        if memchr_iter(b'\r', text).any(|at| text.get(at + 1) != Some(&b'\n')) {
            return Err(ParseErrorKind::HeaderLine);
        }
        let value = if folded { Cow::Owned(unfold(value)) } else { Cow::Borrowed(value) };
        self.push_raw(name, &value);
        Ok((next, false))
    }
}

/// RFC 3261 7.3.1: each line end with the blanks round it is one blank.
fn unfold(value: &[u8]) -> Vec<u8> {
    let mut joined: Vec<u8> = Vec::with_capacity(value.len());
    for line in value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        if !joined.is_empty() {
            joined.push(b' ');
        }
        joined.extend_from_slice(line);
    }
    joined
}
