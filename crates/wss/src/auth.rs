//! Who one is to an HTTP server or proxy: the answer to its challenge (RFC 9110 11, RFC 7616, RFC 7617).
//!
//! Not the SIP digest: that is of another user at another server, and lives in `sip`.

use base64::{Engine, prelude::BASE64_STANDARD};
use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

use crate::{http::is_header, secret::Credentials};

/// What is asked for with the answer.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    /// The target as the request line has it.
    pub(crate) uri: &'a str,
    /// A fresh random text (RFC 7616 3.4).
    pub(crate) cnonce: &'a str,
}

/// The value of `Authorization` for the strongest challenge that is known; nothing where none is.
pub(crate) fn answer<'a>(
    challenges: impl Iterator<Item = &'a str>,
    who: &Credentials,
    asked: &Asked<'_>,
) -> Option<String> {
    // What would break the line is no user name.
    if who.user.expose().chars().any(char::is_control) {
        return None;
    }
    // What a header must not say cannot be said back: U+0080 to U+009F come through as octets that HTTP lets pass.
    let mut all: Vec<Challenge> =
        challenges.filter(|value| is_header("Authorization", value)).flat_map(parse).collect();
    // The strongest first; of two alike the first.
    all.sort_by_key(|challenge| std::cmp::Reverse(challenge.strength()));
    all.iter().find_map(|challenge| match challenge.strength()? {
        Strength::Basic => basic(who),
        Strength::Digest(algorithm) => digest(challenge, algorithm, who, asked),
    })
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Basic,
    Digest(Algorithm),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Md5,
    Sha256,
    Sha512_256,
}

impl Algorithm {
    const ALL: [(&'static str, Self); 3] =
        [("MD5", Self::Md5), ("SHA-256", Self::Sha256), ("SHA-512-256", Self::Sha512_256)];

    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
            Self::Sha512_256 => hex(&Sha512_256::digest(text)),
        }
    }
}

/// One challenge of a list.
struct Challenge {
    scheme: String,
    params: Vec<(String, String)>,
}

impl Challenge {
    fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The algorithm without its `-sess`, as it is written there.
    fn algorithm(&self) -> (&str, bool) {
        let name = self.param("algorithm").unwrap_or("MD5");
        match name.len().checked_sub(5).and_then(|at| Some((name.get(..at)?, name.get(at..)?))) {
            Some((base, end)) if end.eq_ignore_ascii_case("-sess") => (base, true),
            _ => (name, false),
        }
    }

    fn strength(&self) -> Option<Strength> {
        if self.scheme.eq_ignore_ascii_case("Basic") {
            return Some(Strength::Basic);
        }
        let (name, _) = self.algorithm();
        let known = Algorithm::ALL.into_iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        known.filter(|_| self.scheme.eq_ignore_ascii_case("Digest")).map(|(_, own)| Strength::Digest(own))
    }
}

/// RFC 7617 2: in UTF-8, and a user name has no colon.
fn basic(who: &Credentials) -> Option<String> {
    let (user, password) = (who.user.expose(), who.password.expose());
    (!user.contains(':')).then(|| format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
}

/// RFC 7616 3.4.
fn digest(challenge: &Challenge, algorithm: Algorithm, who: &Credentials, asked: &Asked<'_>) -> Option<String> {
    let (realm, nonce) = (challenge.param("realm")?, challenge.param("nonce")?);
    let (user, nc) = (who.user.expose(), "00000001");
    let hash = |parts: &[&str]| algorithm.hash(parts);
    let offered = |name: &str| {
        challenge.param("qop").is_some_and(|list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(name)))
    };
    let qop = match challenge.param("qop") {
        None => None,
        Some(_) if offered("auth") => Some("auth"),
        Some(_) if offered("auth-int") => Some("auth-int"),
        Some(_) => return None,
    };
    let (_, session) = challenge.algorithm();
    let mut a1 = hash(&[user, realm, who.password.expose()]);
    if session {
        a1 = hash(&[&a1, nonce, asked.cnonce]);
    }
    // A handshake has no body.
    let a2 = match qop {
        Some("auth-int") => hash(&[asked.method, asked.uri, &hash(&[""])]),
        _ => hash(&[asked.method, asked.uri]),
    };
    let response = match qop {
        Some(qop) => hash(&[&a1, nonce, nc, asked.cnonce, qop, &a2]),
        None => hash(&[&a1, nonce, &a2]),
    };
    // RFC 7616 3.4.4 and 3.4: hashed where the server wants it, and written as RFC 8187 does where it is no ASCII.
    let hashed = challenge.param("userhash").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let name = match (hashed, user.is_ascii()) {
        (true, _) => format!("username=\"{}\", userhash=true", hash(&[user, realm])),
        (false, true) => format!("username={}", quoted(user)),
        (false, false) => format!("username*=UTF-8''{}", escaped(user)),
    };
    let mut out = format!(
        "Digest {name}, realm={}, nonce={}, uri={}, response=\"{response}\"",
        quoted(realm),
        quoted(nonce),
        quoted(asked.uri)
    );
    if let Some(name) = challenge.param("algorithm") {
        out.push_str(&format!(", algorithm={name}"));
    }
    if let Some(opaque) = challenge.param("opaque") {
        out.push_str(&format!(", opaque={}", quoted(opaque)));
    }
    if let Some(qop) = qop {
        out.push_str(&format!(", qop={qop}, nc={nc}, cnonce={}", quoted(asked.cnonce)));
    } else if session {
        out.push_str(&format!(", cnonce={}", quoted(asked.cnonce)));
    }
    Some(out)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The challenges of one header: schemes and parameters stand in one list with commas between (RFC 9110 11.6.1).
fn parse(value: &str) -> Vec<Challenge> {
    let mut out: Vec<Challenge> = Vec::new();
    for item in items(value) {
        let item = item.trim();
        let end = item.find([' ', '\t', '=']).unwrap_or(item.len());
        let (word, rest) = item.split_at(end);
        let rest = rest.trim_start();
        let param = match rest.strip_prefix('=') {
            // A parameter of the challenge before it.
            Some(value) => Some((word, value)),
            None if word.is_empty() => None,
            None => {
                out.push(Challenge { scheme: word.to_owned(), params: Vec::new() });
                rest.split_once('=')
            }
        };
        if let (Some((name, value)), Some(challenge)) = (param, out.last_mut()) {
            challenge.params.push((name.trim().to_owned(), unquoted(value.trim())));
        }
    }
    out
}

/// The items of a list: a comma in quotes is none.
fn items(value: &str) -> Vec<&str> {
    let (mut out, mut start, mut quotes, mut escape) = (Vec::new(), 0, false, false);
    for (at, c) in value.char_indices() {
        match c {
            _ if escape => escape = false,
            '\\' if quotes => escape = true,
            '"' => quotes = !quotes,
            ',' if !quotes => {
                out.push(&value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(&value[start..]);
    out
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut chars = inner.chars();
    let mut out = String::new();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(challenge: &str, user: &str, password: &str) -> Option<String> {
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let asked = Asked { method: "GET", uri: "/dir/index.html", cnonce };
        answer(challenge.split('\n'), &Credentials::new(user, password), &asked)
    }

    /// RFC 7616 3.9.1, without its algorithm.
    const REALM: &str = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

    #[test]
    fn the_vectors_of_the_rfcs_come_out() {
        let sha = of(&format!("Digest {REALM}, algorithm=SHA-256"), "Mufasa", "Circle of Life").expect("an answer");
        assert_eq!(
            sha,
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
             uri=\"/dir/index.html\", response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", algorithm=SHA-256, \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", qop=auth, nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\""
        );
        let md5 = of(&format!("Digest {REALM}, algorithm=MD5"), "Mufasa", "Circle of Life").expect("an answer");
        assert!(md5.contains("response=\"8ca523f5e9506fed4657c9700eebdbec\""), "{md5}");
        // RFC 2617 2 (RFC 7617 2).
        assert_eq!(
            of("Basic realm=\"WallyWorld\"", "Aladdin", "open sesame").as_deref(),
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        assert_eq!(
            of("Basic realm=\"foo\", charset=\"UTF-8\"", "test", "123\u{a3}").as_deref(),
            Some("Basic dGVzdDoxMjPCow==")
        );
        // RFC 7616 3.9.2: the user name is hashed by the algorithm of the challenge.
        let hashed = of(
            "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, nonce=\"x\", userhash=true",
            "J\u{e4}s\u{f8}n Doe",
            "Secret, or not?",
        );
        let hashed = hashed.expect("an answer");
        assert!(
            hashed.contains(
                "username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b\", userhash=true"
            ),
            "{hashed}"
        );
    }

    #[test]
    fn the_strongest_known_challenge_is_answered() {
        for (challenges, start) in [
            (
                "Basic realm=\"a, b\", Digest realm=\"c\", nonce=\"d\"",
                "Digest username=\"u\", realm=\"c\", nonce=\"d\"",
            ),
            (
                "Digest realm=\"m\", nonce=\"1\"\nDigest realm=\"s\", nonce=\"2\", algorithm=SHA-256",
                "Digest username=\"u\", realm=\"s\"",
            ),
            ("Negotiate\nNTLM TlRMTVNTUAAB==, Basic realm=\"r\"", "Basic "),
            ("digest realm = \"a\\\"b\" , nonce=n, qop=auth", "Digest username=\"u\", realm=\"a\\\"b\", nonce=\"n\""),
            ("Digest realm=\"x\", nonce=\"y\", algorithm=SHA-3, Basic realm=\"z\"", "Basic "),
            ("Digest realm=\"x\", qop=\"new\", nonce=\"y\", Basic realm=\"z\"", "Basic "),
            ("Digest realm=\"x\", nonce=\"y\", algorithm=MD5-sess", "Digest username=\"u\""),
        ] {
            let answer = of(challenges, "u", "p").expect(challenges);
            assert!(answer.starts_with(start), "{challenges}: {answer}");
            assert!(!answer.contains("cnonce") || answer.contains("qop=") || answer.contains("MD5-sess"), "{answer}");
        }
        for none in [
            "",
            "Bearer realm=\"x\"",
            "Digest realm=\"x\"",
            "Digest nonce=\"x\"",
            "=,\"",
            "Digest realm=\"x\", nonce=\"y\", algorithm=\u{e9}",
        ] {
            assert_eq!(of(none, "u", "p"), None, "{none}");
        }
        assert_eq!((of("Basic realm=r", "a:b", "p"), of("Basic realm=r", "a\r\nX: y", "p")), (None, None));
    }

    #[test]
    fn what_no_header_may_say_is_not_said_back() {
        for control in ['\u{1}', '\u{7f}', '\u{85}', '\u{96}'] {
            let bad = format!("Digest realm=\"r\", nonce=\"a{control}b\"");
            assert_eq!(of(&bad, "u", "p"), None, "{control:?}");
            let answer = of(&format!("{bad}\nBasic realm=\"r\""), "u", "p").expect("the other one is answered");
            assert!(answer.starts_with("Basic "), "{answer}");
        }
    }

    #[test]
    fn a_name_that_is_no_ascii_is_written_as_the_rfc_wants() {
        let answer = of("Digest realm=\"r\", nonce=\"n\", qop=auth", "J\u{e4}s\u{f8}n Doe", "p").expect("an answer");
        assert!(answer.starts_with("Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, "), "{answer}");
    }
}
