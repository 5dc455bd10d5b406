//! What an account says before SIP begins: to the proxy, in TLS, to the HTTP side of its server, and how the connection is
//! kept. Its secrets are in the keychain under kinds of their own; here is only what may be seen.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use url::Url;
use wss::{Credentials, Identity, KeepAlive, LinkConfig, Proxy};

use super::{bad, line, optional, typed_length};
use crate::{
    contract::{AccountWish, Certificate, Keepalive},
    fault::Fault,
    secret::{Secret, SecretKind, Typed},
};

/// What stands for no proxy at all, not even that of the system.
const NO_PROXY: &str = "none";
/// The most headers, and the longest text of them, in octets: a server takes 8 kB of a request as a rule.
const MOST_HEADERS: usize = 16;
const LONGEST_HEADERS: usize = 4096;
/// The longest PEM text of a certificate with its key, in octets.
const LONGEST_PEM: usize = 64 * 1024;

/// The part of an account that is about its connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Handshake {
    /// The name for the HTTP side of the server (CONFORMANCE C18).
    pub(crate) http_user: Option<String>,
    /// The names of further headers.
    pub(crate) headers: Vec<String>,
    /// Our certificate and those between it and its authority, PEM (C20).
    pub(crate) client_cert: Option<String>,
    /// The proxy, without its password (C35).
    pub(crate) proxy: Option<String>,
    /// By what the connection is kept alive (C17).
    pub(crate) keepalive: Keepalive,
}

impl Handshake {
    /// Takes what a person wants of it; absent stays, empty clears.
    ///
    /// # Errors
    /// A fault `bad-account` that names the field.
    pub(super) fn take(&mut self, wish: &AccountWish) -> Result<(), Fault> {
        // RFC 7617 2: a colon would end the name.
        let user = |text: &str| if text.contains(':') { Err(bad("http-user")) } else { line(text, "http-user") };
        optional(&mut self.http_user, wish.http_user.as_deref(), user)?;
        if let Some(text) = &wish.headers {
            self.headers = headers(&text.clone().into_secret())?.into_iter().map(|(name, _)| name).collect();
        }
        if let Some(text) = &wish.client_cert {
            self.client_cert = identity(text)?.map(|own| String::from_utf8_lossy(&own.chain).into_owned());
        }
        optional(&mut self.proxy, wish.proxy.as_deref(), proxy)?;
        self.keepalive = wish.keepalive.unwrap_or(self.keepalive);
        Ok(())
    }

    /// Puts it into a link, with what is secret of it. `environment` may name the proxy of the system.
    pub(crate) fn equip(
        &self,
        config: &mut LinkConfig,
        secrets: &HashMap<SecretKind, Secret<String>>,
        environment: fn(&str) -> Option<String>,
    ) {
        let of = |kind| secrets.get(&kind).filter(|secret| !secret.expose().is_empty());
        let hidden = |secret: &Secret<String>| wss::Secret::new(secret.expose().clone());
        if let (Some(user), Some(password)) = (&self.http_user, of(SecretKind::Http)) {
            config.credentials = Some(Credentials::new(user, password.expose()));
        }
        for (name, value) in of(SecretKind::Headers).and_then(|text| headers(text).ok()).unwrap_or_default() {
            if name.eq_ignore_ascii_case("cookie") {
                let pairs = value.expose().split(';').map(str::trim).filter(|pair| !pair.is_empty());
                config.cookies.extend(pairs.map(|pair| wss::Secret::new(pair.to_owned())));
            } else {
                config.headers.push((name, hidden(&value)));
            }
        }
        if let (Some(chain), Some(key)) = (&self.client_cert, of(SecretKind::Key)) {
            config.identity = Some(Identity { chain: chain.clone().into_bytes(), key: hidden(key) });
        }
        config.proxy = self.named_proxy().unwrap_or_else(|| Proxy::from_environment(&config.url, environment));
        if let (Some(proxy), Some(password)) = (&mut config.proxy, of(SecretKind::Proxy))
            && let Some(who) = &mut proxy.credentials
            && self.proxy.is_some()
        {
            who.password = hidden(password);
        }
        config.keep = self.keepalive.into();
    }

    /// What our certificate says.
    pub(crate) fn client_facts(&self) -> Option<Certificate> {
        Identity::facts(self.client_cert.as_ref()?.as_bytes()).as_ref().map(Certificate::from)
    }

    /// The proxy of the account, if it names one; `Some(None)` when it wants none at all.
    pub(crate) fn named_proxy(&self) -> Option<Option<Proxy>> {
        let text = self.proxy.as_deref()?;
        Some(if text == NO_PROXY { None } else { Proxy::parse(text) })
    }

    /// Does what is kept for the one server have to be shown to another one now (CONFORMANCE S1)?
    pub(super) fn shows_kept(&self, wish: &AccountWish) -> bool {
        (self.http_user.is_some() && wish.http_password.is_none())
            || (!self.headers.is_empty() && wish.headers.is_none())
    }

    /// The host of a proxy that would be shown the password of another one.
    pub(super) fn other_proxy(&self, before: &Self, wish: &AccountWish) -> Option<String> {
        let named = self.named_proxy().flatten().filter(|own| own.credentials.is_some())?;
        let same =
            before.named_proxy().flatten().is_none_or(|old| (old.host, old.port) == (named.host.clone(), named.port));
        (!same && wish.proxy_password.is_none()).then_some(named.host)
    }
}

impl AccountWish {
    /// Takes every secret out of the wish. An empty one stands for one to forget.
    pub(crate) fn take_secrets(&mut self) -> Vec<(SecretKind, Secret<String>)> {
        let key = self.client_cert.take().map(|text| {
            // It was read before, so what fails here was cleared.
            let key = identity(&text).ok().flatten().map(|own| own.key.expose().to_owned());
            Typed::from(Secret::new(key.unwrap_or_default()))
        });
        let all = [
            (SecretKind::Sip, self.password.take()),
            (SecretKind::Http, self.http_password.take()),
            (SecretKind::Headers, self.headers.take()),
            (SecretKind::Key, key),
            (SecretKind::Proxy, self.proxy_password.take()),
            (SecretKind::Turn, self.turn_password.take()),
        ];
        all.into_iter().filter_map(|(kind, typed)| Some((kind, typed?.into_secret()))).collect()
    }
}

impl From<Keepalive> for KeepAlive {
    fn from(own: Keepalive) -> Self {
        match own {
            Keepalive::Ping => Self::Ping,
            Keepalive::Crlf => Self::Crlf,
            Keepalive::Both => Self::Both,
            Keepalive::None => Self::None,
        }
    }
}

/// The headers of a text, one a line.
///
/// # Errors
/// A fault that names the field.
fn headers(text: &Secret<String>) -> Result<Vec<(String, Secret<String>)>, Fault> {
    let read = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let (name, value) = (name.trim(), value.trim());
        // Cookies go into the jar of the link, which says them with those that the server sets.
        let fits = name.eq_ignore_ascii_case("cookie") || wss::is_settable(name, value);
        fits.then(|| (name.to_owned(), Secret::new(value.to_owned())))
    };
    let lines = text.expose().lines().map(str::trim).filter(|line| !line.is_empty());
    let all: Option<Vec<_>> = lines.map(read).collect();
    all.filter(|all| all.len() <= MOST_HEADERS && text.expose().len() <= LONGEST_HEADERS).ok_or_else(|| bad("headers"))
}

/// The certificate and key of a text; nothing for an empty one.
fn identity(text: &Typed) -> Result<Option<Identity>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    if typed_length(text) > LONGEST_PEM {
        return Err(bad("client-cert"));
    }
    Identity::from_pem(text.clone().into_secret().expose()).map(Some).map_err(|why| bad("client-cert").detail(why))
}

/// A proxy. Its password has a field of its own: this text is shown.
fn proxy(text: &str) -> Result<String, Fault> {
    if text.eq_ignore_ascii_case(NO_PROXY) {
        return Ok(NO_PROXY.to_owned());
    }
    let fits = Proxy::parse(text).is_some_and(|own| own.credentials.is_none_or(|who| who.password.expose().is_empty()));
    if fits && text.len() <= 512 { Ok(text.to_owned()) } else { Err(bad("proxy")) }
}

/// An origin (RFC 6454 6.2).
pub(super) fn origin(text: &str) -> Result<String, Fault> {
    let url = Url::parse(text).ok().filter(|url| text.len() <= 512 && matches!(url.scheme(), "https" | "http"));
    let bare = url.filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
    bare.filter(|url| url.username().is_empty())
        .map(|url| url.origin().ascii_serialization())
        .ok_or_else(|| bad("origin"))
}

#[cfg(test)]
mod tests;
