//! Warning (RFC 3261 20.43): why a request is refused, beside the status.

use std::borrow::Cow;

use crate::{host::Host, token::quote};

/// One warning of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    code: u16,
    text: Cow<'static, str>,
}

impl Warning {
    /// A warning with a code of 300 to 399; another one becomes 399, that of all that has no code (RFC 3261 20.43).
    #[must_use]
    pub fn new(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code: if matches!(code, 300..=399) { code } else { 399 }, text: text.into() }
    }

    /// The value of the header, said by `agent`: the name of our Via, which tells nothing of the machine (C30).
    pub(crate) fn value(&self, agent: &Host) -> String {
        let mut value = format!("{} {agent} ", self.code);
        quote(&self.text, &mut value).expect("a String takes all");
        value
    }
}

impl From<(u16, &'static str)> for Warning {
    fn from((code, text): (u16, &'static str)) -> Self {
        Self::new(code, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_cannot_break_out_of_its_line() {
        let agent = Host::parse("a.invalid").expect("a name");
        assert_eq!(Warning::from((305, "Incompatible")).value(&agent), r#"305 a.invalid "Incompatible""#);
        assert_eq!(Warning::new(12, "a\"b\r\nVia: x").value(&agent), r#"399 a.invalid "a\"b  Via: x""#);
    }
}
