//! The characters of the grammar (RFC 3261 25.1), and the small scanners that headers share.

use std::{borrow::Cow, fmt};

use memchr::{memchr, memchr2, memchr3};

/// May stand in a `token`.
pub(crate) const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

const TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        token[at] = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
        at += 1;
    }
    token
};

/// Is all of `text` one token?
pub(crate) fn is_token_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token)
}

/// Where the first `stop` stands in `text` outside quoted strings and angle brackets.
pub(crate) fn find_outside(text: &str, stop: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.first() == Some(&stop) {
        return Some(0);
    }
    let mut at = 0;
    loop {
        let found = at + memchr3(stop, b'"', b'<', &bytes[at..])?;
        at = found + 1;
        match bytes[found] {
            byte if byte == stop => return Some(found),
            b'"' => loop {
                at += memchr2(b'"', b'\\', &bytes[at..])? + 1;
                if bytes[at - 1] == b'"' {
                    break;
                }
                // A backslash hides what follows it, if anything does.
                at = (at + 1).min(bytes.len());
            },
            _ => at += memchr(b'>', &bytes[at..])? + 1,
        }
    }
}

/// Where the first `byte` is. Eight octets at a time are fast enough in the short texts of a header, and a call into a
/// search that knows the machine costs more than it wins there.
pub(crate) fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    let wanted = lanes(byte);
    find_lane(bytes, |octets| {
        let other = octets ^ wanted;
        other.wrapping_sub(lanes(1)) & !other
    })
}

/// `byte`, eight times.
const fn lanes(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Where the first octet is whose highest bit `mark` sets. It may set those of later ones wrongly, for a borrow goes up.
#[inline]
fn find_lane(bytes: &[u8], mark: impl Fn(u64) -> u64) -> Option<usize> {
    let first = |octets: [u8; 8]| match mark(u64::from_le_bytes(octets)) & lanes(0x80) {
        0 => None,
        marked => Some(marked.trailing_zeros() as usize / 8),
    };
    let (eights, rest) = bytes.as_chunks::<8>();
    for (at, octets) in eights.iter().enumerate() {
        if let Some(found) = first(*octets) {
            return Some(at * 8 + found);
        }
    }
    let begun = bytes.len() - rest.len();
    (0..rest.len()).find(|at| mark(u64::from(rest[*at]) | lanes(0xff) << 8) & 0x80 != 0).map(|at| begun + at)
}

/// Does every quoted string and every bracket in `text` end? Else it would swallow what we write behind it.
pub(crate) fn is_closed(text: &str) -> bool {
    let Some(first) = memchr2(b'"', b'<', text.as_bytes()) else { return true };
    let (mut end, mut hidden) = (None, false);
    for byte in text.bytes().skip(first) {
        match (end, byte) {
            _ if hidden => hidden = false,
            (Some(b'"'), b'\\') => hidden = true,
            (Some(own), byte) if byte == own => end = None,
            (None, b'"') => end = Some(b'"'),
            (None, b'<') => end = Some(b'>'),
            _ => {}
        }
    }
    end.is_none()
}

/// Cuts `text` at the first `byte`, which is ASCII: what is before it, and what is behind if it is there.
pub(crate) fn cut(text: &str, byte: u8) -> (&str, Option<&str>) {
    match find(byte, text.as_bytes()) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// The octets of a value as text; those that are no UTF-8 become U+FFFD.
pub(crate) fn text(value: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(value).map_or_else(|_| String::from_utf8_lossy(value), Cow::Borrowed)
}

/// The elements of a comma-separated list, without blanks round them and without empty ones: RFC 7118's own example
/// ends in a comma.
pub(crate) fn elements(text: &str) -> impl Iterator<Item = &str> {
    parts(text, true)
}

/// The [`elements`] of a list, or the whole of what is none.
pub(crate) fn parts(text: &str, list: bool) -> impl Iterator<Item = &str> {
    // Most lists have one element.
    let list = list && memchr(b',', text.as_bytes()).is_some();
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        loop {
            let text = rest?;
            let comma = if list { find_outside(text, b',') } else { None };
            rest = comma.map(|at| &text[at + 1..]);
            let element = text[..comma.unwrap_or(text.len())].trim_ascii();
            if !element.is_empty() {
                return Some(element);
            }
        }
    })
}

/// `text` as a quoted string: backslash before quote and backslash; control characters, which no quoted string may
/// hold, become blanks.
pub(crate) fn quote(text: &str, out: &mut impl fmt::Write) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.write_char('\\')?;
                out.write_char(c)?;
            }
            c if c.is_control() => out.write_char(' ')?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

/// What a quoted string says; text without quotes says itself. A backslash at the very end is dropped.
pub(crate) fn unquote(text: &str) -> Cow<'_, str> {
    let text = text.trim_ascii();
    let Some(inner) = text.strip_prefix('"') else { return Cow::Borrowed(text) };
    // Few strings hold an escape: the others are a slice of what was read.
    match memchr2(b'"', b'\\', inner.as_bytes()) {
        Some(end) if inner.as_bytes()[end] == b'"' => return Cow::Borrowed(&inner[..end]),
        None => return Cow::Borrowed(inner),
        Some(_) => {}
    }
    let mut said = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => said.extend(chars.next()),
            c => said.push(c),
        }
    }
    Cow::Owned(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_outside_quotes_and_brackets() {
        let text = r#""a, \", b" <sip:a@x;c=d,e>;tag=1 , <sip:b@y>,, "#;
        assert_eq!(elements(text).collect::<Vec<_>>(), [r#""a, \", b" <sip:a@x;c=d,e>;tag=1"#, "<sip:b@y>"]);
    }

    #[test]
    fn what_does_not_end_is_not_closed() {
        for closed in ["", "a", "a=\"b\"", "a=\"\\\"\";c=<d>", "\"<\"", "<\">", ">"] {
            assert!(is_closed(closed), "{closed}");
        }
        for open in ["\"", "a=\"b", "a=\"\\\"", "<a", "\"a\"\"", "a=<b>\"<"] {
            assert!(!is_closed(open), "{open}");
        }
    }

    #[test]
    fn what_is_quoted_comes_back() {
        for text in ["", "a", "a\"b", "\\", "Zoë, the \"2nd\"", "\"\\"] {
            let mut out = String::new();
            quote(text, &mut out).expect("a String takes all");
            assert_eq!(unquote(&out), text);
        }
        assert_eq!(unquote("\"cut off \\"), "cut off ");
    }

    #[test]
    fn no_line_end_gets_into_a_quoted_string() {
        let mut out = String::new();
        quote("a\r\nVia: evil", &mut out).expect("a String takes all");
        assert_eq!(out, "\"a  Via: evil\"");
    }
}
