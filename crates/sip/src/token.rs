//! The characters of the grammar (RFC 3261 25.1), and the small scanners that headers share.

/// May stand in a `token`.
pub(crate) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Is all of `text` one token?
pub(crate) fn is_token_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token)
}

/// Where the first of `stops` stands in `text` outside quoted strings and angle brackets.
pub(crate) fn find_outside(text: &str, stops: &[u8]) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut quoted, mut angled) = (0, false, false);
    while at < bytes.len() {
        let byte = bytes[at];
        if quoted {
            match byte {
                b'\\' => at += 1,
                b'"' => quoted = false,
                _ => {}
            }
        } else if !angled && stops.contains(&byte) {
            return Some(at);
        } else {
            match byte {
                b'"' if !angled => quoted = true,
                b'<' => angled = true,
                b'>' => angled = false,
                _ => {}
            }
        }
        at += 1;
    }
    None
}

/// The elements of a comma-separated list, without blanks round them and without empty ones: RFC 7118's own example
/// ends in a comma.
pub(crate) fn elements(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        loop {
            let text = rest?;
            let element = match find_outside(text, b",") {
                Some(at) => {
                    rest = Some(&text[at + 1..]);
                    &text[..at]
                }
                None => {
                    rest = None;
                    text
                }
            };
            let element = element.trim();
            if !element.is_empty() {
                return Some(element);
            }
        }
    })
}

/// `text` as a quoted string: backslash before quote and backslash; control characters, which no quoted string may
/// hold, become blanks.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// What a quoted string says; text without quotes says itself. A backslash at the very end is dropped.
pub(crate) fn unquote(text: &str) -> String {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('"') else { return text.to_owned() };
    let mut said = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => said.extend(chars.next()),
            c => said.push(c),
        }
    }
    said
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
    fn what_is_quoted_comes_back() {
        for text in ["", "a", "a\"b", "\\", "Zoë, the \"2nd\"", "\"\\"] {
            let mut out = String::new();
            quote(text, &mut out);
            assert_eq!(unquote(&out), text);
        }
        assert_eq!(unquote("\"cut off \\"), "cut off ");
    }

    #[test]
    fn no_line_end_gets_into_a_quoted_string() {
        let mut out = String::new();
        quote("a\r\nVia: evil", &mut out);
        assert_eq!(out, "\"a  Via: evil\"");
    }
}
