//! Who is who: names as others give them, cleaned before an eye sees them, and what a person dials, made into an address.

use sip::{Host, Scheme, Uri};

use crate::contract::{NameFrom, Party};

/// The most characters of a name or number that are shown.
const LONGEST: usize = 64;
/// The most characters that may be dialled.
const LONGEST_DIALLED: usize = 256;

/// The party of a call as a server or a caller names it.
pub(crate) fn heard(party: &sip::Party, asserted: bool) -> Party {
    Party {
        name: party.name.as_deref().map(clean).unwrap_or_default(),
        number: clean(&party.user),
        uri: clean_to(&party.uri, LONGEST_DIALLED),
        contact: None,
        name_from: if asserted { NameFrom::Server } else { NameFrom::Caller },
        verified: None,
    }
}

/// The party of a call that we make.
pub(crate) fn dialled(to: &Uri) -> Party {
    Party {
        number: clean(&to.user_text().unwrap_or_default()),
        uri: clean_to(&to.address_of_record().to_string(), LONGEST_DIALLED),
        ..Party::default()
    }
}

/// What may stand before an eye: no control characters, nothing that turns the direction of the text round or takes no
/// room, and not more than fits (CONFORMANCE S5).
pub(crate) fn clean(text: &str) -> String {
    clean_to(text, LONGEST)
}

fn clean_to(text: &str, longest: usize) -> String {
    let seen = text.chars().filter(|c| !deceives(*c)).map(|c| if c.is_whitespace() { ' ' } else { c });
    let mut clean = String::new();
    let (mut marks, mut count) = (0, 0);
    for c in seen {
        // A pile of combining marks covers what stands above it.
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks > 2 || (c == ' ' && clean.ends_with(' ')) {
            continue;
        }
        if count == longest {
            clean.push('…');
            break;
        }
        clean.push(c);
        count += 1;
    }
    clean.trim().to_owned()
}

fn deceives(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{2028}' | '\u{2029}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05bd}' | '\u{0610}'..='\u{061a}'
        | '\u{064b}'..='\u{065f}' | '\u{0e31}' | '\u{0e34}'..='\u{0e3a}' | '\u{0e47}'..='\u{0e4e}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// The address of what a person dials on an account of `domain`: an address is taken as it is (without what an address
/// may smuggle in, RFC 3261 19.1.5), a number loses what only makes it readable, anything else is a user of the domain.
pub(crate) fn address(text: &str, domain: &Host) -> Option<Uri> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_DIALLED || text.chars().any(char::is_control) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    if let Some(number) = lower.strip_prefix("tel:") {
        let number = number.split(';').next().unwrap_or_default();
        return user_of(&digits(number)?, domain);
    }
    if lower.starts_with("sip:") || lower.starts_with("sips:") {
        let mut uri = Uri::parse(text).ok()?;
        uri.headers = None;
        uri.password = None;
        return (matches!(uri.scheme, Scheme::Sip | Scheme::Sips) && uri.host.is_some()).then_some(uri);
    }
    if let Some((user, host)) = text.rsplit_once('@') {
        let host = Host::parse(host)?;
        return user_of(user, &host);
    }
    match digits(text) {
        Some(number) => user_of(&number, domain),
        None => user_of(text, domain),
    }
}

fn user_of(user: &str, host: &Host) -> Option<Uri> {
    (!user.is_empty()).then(|| Uri::sip(Some(user), host.clone()))
}

/// A number without what only makes it readable; nothing for what is none.
fn digits(text: &str) -> Option<String> {
    let mut number = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' | '*' | '#' => number.push(c),
            '+' if number.is_empty() => number.push(c),
            ' ' | '\u{a0}' | '-' | '.' | '(' | ')' | '/' => {}
            _ => return None,
        }
    }
    number.chars().any(|c| c != '+').then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial(text: &str) -> Option<String> {
        address(text, &Host::parse("example.com").unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn what_a_person_dials_becomes_an_address() {
        for (text, wanted) in [
            ("600", "sip:600@example.com"),
            (" +49 (30) 123-45 67 ", "sip:+49301234567@example.com"),
            ("*97#", "sip:*97%23@example.com"),
            ("tel:+1-201-555-0123;phone-context=x", "sip:+12015550123@example.com"),
            ("alice", "sip:alice@example.com"),
            ("alice@example.org", "sip:alice@example.org"),
            ("sip:bob@[2001:db8::1]:5070", "sip:bob@[2001:db8::1]:5070"),
            ("SIPS:bob@example.net", "sips:bob@example.net"),
            ("sip:bob@example.net?Route=%3Csip:evil%3E", "sip:bob@example.net"),
        ] {
            assert_eq!(dial(text).as_deref(), Some(wanted), "{text}");
        }
        for nobody in ["", "   ", "sip:", "sip:bob@", "a@b@", "@example.com", "6\r\n00", "http:"] {
            let uri = dial(nobody);
            assert!(uri.is_none() || nobody == "http:", "{nobody} gave {uri:?}");
        }
        assert_eq!(dial(&"1".repeat(257)), None);
    }

    #[test]
    fn a_name_cannot_deceive_the_eye() {
        assert_eq!(clean("\u{202e}ecilA\u{202c}"), "ecilA");
        assert_eq!(clean("Bo\u{200b}b\u{0}\u{1b}[31m"), "Bob[31m");
        assert_eq!(clean("Z\u{301}\u{301}\u{301}\u{301}\u{301}a"), "Z\u{301}\u{301}a");
        assert_eq!(clean("a\r\n\tb"), "a b");
        assert_eq!(clean(&"x".repeat(1_000_000)).chars().count(), LONGEST + 1);
        assert_eq!(clean("王小明"), "王小明");
    }
}
