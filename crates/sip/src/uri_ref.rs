//! A URI where it stands in a message.

use std::fmt;

use crate::{
    error::UriError,
    host::Host,
    params::{Params, ParamsRef},
    token::cut,
    uri::{Scheme, Uri},
};

/// A URI that is checked and taken apart where it stands. Its fields are those of [`Uri`].
#[derive(Clone)]
pub struct UriRef<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The user part, or what follows the scheme.
    pub user: Option<&'a str>,
    /// A password.
    pub password: Option<&'a str>,
    /// The host, of which [`Host::parse`] makes one.
    pub host: Option<&'a str>,
    /// The port.
    pub port: Option<u16>,
    /// The parameters.
    pub params: ParamsRef<'a>,
    /// What follows `?`.
    pub headers: Option<&'a str>,
}

impl<'a> UriRef<'a> {
    /// Takes a URI apart.
    ///
    /// # Errors
    /// As [`Uri::parse`].
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        let text = text.trim_ascii();
        if let Some(rest) = text.strip_prefix("sip:") {
            return Self::sip(Scheme::Sip, rest);
        }
        let (scheme, rest) = cut(text, b':');
        let rest = rest.ok_or(UriError::NoScheme)?;
        if scheme.eq_ignore_ascii_case("sip") {
            return Self::sip(Scheme::Sip, rest);
        }
        if scheme.eq_ignore_ascii_case("sips") {
            return Self::sip(Scheme::Sips, rest);
        }
        let proper = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        if !proper {
            return Err(UriError::NoScheme);
        }
        if rest.bytes().any(is_forbidden) {
            return Err(UriError::Character);
        }
        let opaque = |scheme, user, params| Self {
            scheme,
            user: Some(user),
            password: None,
            host: None,
            port: None,
            params: ParamsRef { text: params },
            headers: None,
        };
        if scheme.eq_ignore_ascii_case("tel") {
            let (number, params) = cut(rest, b';');
            if number.is_empty() {
                return Err(UriError::NoUser);
            }
            return Ok(opaque(Scheme::Tel, number, params.unwrap_or_default()));
        }
        Ok(opaque(Scheme::Other(scheme.to_ascii_lowercase().into()), rest, ""))
    }

    fn sip(scheme: Scheme, text: &'a str) -> Result<Self, UriError> {
        // The user part may hold `;` and `?`, a host holds none.
        let (user, rest) = match cut(text, b'@') {
            (user, Some(rest)) => (Some(user), rest),
            (rest, None) => (None, rest),
        };
        let (user, password) = match user.map(|user| cut(user, b':')) {
            Some((user, password)) => (Some(user), password),
            None => (None, None),
        };
        let bad = |text: &str| text.bytes().any(|byte| BAD[usize::from(byte)]);
        let named = Host::named(rest);
        let length = match rest.as_bytes().get(named) {
            None | Some(b';' | b'?') => named,
            Some(_) => rest.bytes().position(|byte| matches!(byte, b';' | b'?')).unwrap_or(rest.len()),
        };
        let (host, tail) = rest.split_at(length);
        if user.is_some_and(bad) || password.is_some_and(bad) || bad(&host[named..]) || bad(tail) {
            return Err(UriError::Character);
        }
        let (host, port) = Host::split(host).ok_or(UriError::NoHost)?;
        if user == Some("") {
            return Err(UriError::NoUser);
        }
        let (params, headers) = cut(tail, b'?');
        Ok(Self { scheme, user, password, host: Some(host), port, params: ParamsRef { text: params }, headers })
    }

    /// The same with strings of its own. It is made where it stays: each move of that many costs as much as one of them.
    #[must_use]
    #[inline]
    pub fn uri(self) -> Uri {
        Uri {
            scheme: self.scheme,
            user: self.user.map(Into::into),
            password: self.password.map(Into::into),
            host: self.host.map(Host::of),
            port: self.port,
            params: Params::parse(self.params.text),
            headers: self.headers.map(Into::into),
        }
    }
}

impl fmt::Debug for UriRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.clone().uri(), f)
    }
}

/// May stand in no URI: what would end it, or the line.
const fn is_forbidden(byte: u8) -> bool {
    byte.is_ascii_control() || matches!(byte, b' ' | b'<' | b'>' | b'"')
}

/// May stand nowhere in a SIP URI but for the `@` that ends its user part.
const BAD: [bool; 256] = {
    let mut bad = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        bad[byte] = is_forbidden(byte as u8) || byte as u8 == b'@';
        byte += 1;
    }
    bad
};
