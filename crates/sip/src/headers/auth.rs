//! Challenges and credentials (RFC 3261 20.7, 20.44; RFC 7616 3.3, 3.4). What is computed with them is in `auth`.

use std::fmt;

use smol_str::SmolStr;

use crate::{
    error::HeaderError,
    token::{elements, is_token_text, quote, unquote},
};

/// The most fields of one challenge: each is held against all others.
const MOST_FIELDS: usize = 64;

/// A challenge of WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// `Digest`, `Basic` …
    pub scheme: SmolStr,
    fields: Fields,
}

/// What Authorization or Proxy-Authorization says.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `Digest`.
    pub scheme: SmolStr,
    fields: Fields,
}

/// What Authentication-Info says (RFC 3261 20.6, RFC 7616 3.5). It has no scheme.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticationInfo {
    fields: Fields,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Fields(Vec<(SmolStr, SmolStr)>);

impl Fields {
    fn parse(text: &str) -> Result<(SmolStr, Self), HeaderError> {
        let (scheme, rest) = text.trim().split_once([' ', '\t']).ok_or(HeaderError::Malformed)?;
        if !is_token_text(scheme) {
            return Err(HeaderError::Malformed);
        }
        let fields = Self::of(rest)?;
        // RFC 3261 25.1: at least one. Without any there would be no blank behind the scheme when it is written.
        if fields.0.is_empty() { Err(HeaderError::Malformed) } else { Ok((scheme.into(), fields)) }
    }

    fn of(text: &str) -> Result<Self, HeaderError> {
        let fields = elements(text)
            .take(MOST_FIELDS + 1)
            .map(|field| {
                let (name, value) = field.split_once('=').ok_or(HeaderError::Malformed)?;
                let name = name.trim();
                if is_token_text(name) { Ok((name.into(), unquote(value).into())) } else { Err(HeaderError::Malformed) }
            })
            .collect::<Result<Vec<_>, _>>()?;
        if fields.len() > MOST_FIELDS {
            return Err(HeaderError::Malformed);
        }
        // Two values for one name are two meanings.
        let twice = fields.iter().enumerate().any(|(at, (name, _)): (usize, &(SmolStr, SmolStr))| {
            fields[..at].iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
        });
        if twice { Err(HeaderError::Malformed) } else { Ok(Self(fields)) }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// `algorithm`, `stale`, `qop` of credentials and `nc` stand without quotes (RFC 3261 25.1), the rest within.
    fn write(&self, plain: &[&str], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { " " } else { ", " })?;
            if plain.contains(&name.as_str()) && is_token_text(value) {
                write!(f, "{name}={value}")?;
            } else {
                write!(f, "{name}=")?;
                quote(value, f)?;
            }
        }
        Ok(())
    }
}

impl Challenge {
    /// Reads the value of one header line. A line holds one challenge: its own commas separate the fields.
    ///
    /// # Errors
    /// [`HeaderError`] when it has no scheme, or a field that is none or stands twice.
    pub fn parse(text: &str) -> Result<Self, HeaderError> {
        Fields::parse(text).map(|(scheme, fields)| Self { scheme, fields })
    }

    /// A challenge of ours.
    #[must_use]
    pub fn digest(fields: &[(&str, &str)]) -> Self {
        Self {
            scheme: "Digest".into(),
            fields: Fields(fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()),
        }
    }

    /// The value of a field, without quotes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// Was only the nonce too old (RFC 7616 3.3)?
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"))
    }
}

impl Credentials {
    /// Reads the value of one header line.
    ///
    /// # Errors
    /// As [`Challenge::parse`].
    pub fn parse(text: &str) -> Result<Self, HeaderError> {
        Fields::parse(text).map(|(scheme, fields)| Self { scheme, fields })
    }

    /// Credentials of ours.
    #[must_use]
    pub fn digest(fields: &[(&str, &str)]) -> Self {
        Self {
            scheme: "Digest".into(),
            fields: Fields(fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()),
        }
    }

    /// The value of a field, without quotes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }
}

impl AuthenticationInfo {
    /// Reads the value of one header line.
    ///
    /// # Errors
    /// As [`Challenge::parse`].
    pub fn parse(text: &str) -> Result<Self, HeaderError> {
        Fields::of(text).map(|fields| Self { fields })
    }

    /// The value of a field, without quotes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        self.fields.write(&["algorithm", "stale"], f)
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        self.fields.write(&["algorithm", "qop", "nc"], f)
    }
}

impl fmt::Debug for AuthenticationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthenticationInfo(***)")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ***", self.scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_with_and_without_blanks() {
        let asterisk = Challenge::parse(
            r#"Digest realm="asterisk.test.local",nonce="17/3a",opaque="5c",algorithm=SHA-256,qop="auth""#,
        )
        .expect("well formed");
        assert_eq!(
            (asterisk.get("REALM"), asterisk.get("qop"), asterisk.is_stale()),
            (Some("asterisk.test.local"), Some("auth"), false)
        );
        let other = Challenge::parse("Digest realm=\"a, b\" , stale=TRUE , nonce=\"x=\"").expect("well formed");
        assert_eq!((other.get("realm"), other.get("nonce"), other.is_stale()), (Some("a, b"), Some("x="), true));
        let many = |count: u32| (0..count).map(|at| format!("a{at}=1,")).collect::<String>();
        assert!(Challenge::parse(&format!("Digest {}", many(64))).is_ok());
        let endless = format!("Digest {}", many(65));
        for bad in ["", "Digest", "Digest realm", "Digest a=1, A=2", "Dig est", "Digest ,", &endless] {
            assert!(Challenge::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn credentials_do_not_print_in_a_log() {
        let credentials =
            Credentials::digest(&[("username", "bob"), ("response", "0123"), ("nc", "00000001"), ("qop", "auth")]);
        assert_eq!(format!("{credentials:?}"), "Digest ***");
        assert_eq!(credentials.to_string(), r#"Digest username="bob", response="0123", nc=00000001, qop=auth"#);
    }
}
