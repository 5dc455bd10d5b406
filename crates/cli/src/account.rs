//! The account from the flags, as a wish for the phone.

use std::{fs, io, path::Path};

use anyhow::Context;
use phone::{
    contract::{AccountWish, Keep, Turn},
    secret::{Secret, Typed},
};

use crate::{
    args::{Account, Password},
    input::Input,
};

/// Puts the wish together; the password is read from where the flags say.
///
/// # Errors
/// A sentence for the person, when a file or a variable cannot be read.
pub(crate) fn wish(account: Account, input: &mut Input) -> anyhow::Result<AccountWish> {
    let domain = account.domain.or_else(|| account.server.as_deref().map(host));
    let password = match account.password {
        Password::None => None,
        Password::Env(name) => Some(variable(&name)?),
        Password::Stdin => Some(Typed::from(input.secret().context("there is no password on the standard input")?)),
    };
    let secret = |name: Option<String>| name.map(|name| variable(&name)).transpose();
    let client_cert = account.client_cert.map(|path| Ok::<_, anyhow::Error>(Typed::from(Secret::new(file(&path)?))));
    let turn_user = account.turn_user.unwrap_or_default();
    let turn = account.turn.into_iter().map(|url| Turn { url, user: turn_user.clone() });
    Ok(AccountWish {
        user: account.user,
        domain,
        server: account.server,
        auth_user: account.auth_user,
        display_name: account.display_name,
        ca: account.ca.map(|path| file(&path)).transpose()?,
        pin: account.pin,
        origin: account.origin,
        http_user: account.http_user,
        http_password: secret(account.http_password_env)?,
        headers: secret(account.headers_env)?,
        client_cert: client_cert.transpose()?,
        proxy: account.proxy,
        proxy_password: secret(account.proxy_password_env)?,
        keepalive: account.keepalive,
        stun: Some(account.stun),
        turn: Some(turn.collect()),
        codecs: account.codecs,
        bitrate: account.bitrate,
        password,
        turn_password: secret(account.turn_password_env)?,
        keep: Some(Keep::Run),
        ..AccountWish::default()
    })
}

/// A file of PEM text: as much as an account may hold, and one byte that says there was more.
fn file(path: &Path) -> anyhow::Result<String> {
    let read = fs::File::open(path).and_then(|file| io::read_to_string(io::Read::take(file, 65_537)));
    read.with_context(|| format!("{} cannot be read", path.display()))
}

fn variable(name: &str) -> anyhow::Result<Typed> {
    let value = std::env::var(name).with_context(|| format!("the environment variable {name} holds no password"))?;
    Ok(Typed::from(Secret::new(value)))
}

/// The host of a server as it was typed.
fn host(server: &str) -> String {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let end = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    authority[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_the_host_of_the_server() {
        for (server, expected) in [
            ("wss://sip.example.com:8443/ws", "sip.example.com"),
            ("sip.example.com", "sip.example.com"),
            ("wss://[::1]:8089/ws", "[::1]"),
            ("wss://h?x", "h"),
        ] {
            assert_eq!(host(server), expected);
        }
    }
}
