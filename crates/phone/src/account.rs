//! An account as the phone keeps it. What a person typed becomes one here, or is refused with the field that is wrong;
//! from then on nothing is checked again.

use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use sip::{
    Host,
    auth::{Algorithm, Seen},
};
use url::Url;

mod handshake;
mod speech;

pub(crate) use handshake::Handshake;
use handshake::origin;
pub(crate) use speech::Speech;

use crate::{
    contract::{AccountId, AccountWish, ContactForm, Keep, Turn},
    fault::{Code, Fault},
    secret::Typed,
};

/// For how long a server is asked to keep us, in seconds (CONFORMANCE C50).
const EXPIRES_S: u32 = 600;
/// The port of STUN and TURN (RFC 8489 18.6).
const STUN_PORT: u16 = 3478;
/// The most STUN, and the most TURN servers of an account: each costs a datagram before every call.
const MOST_SERVERS: usize = 4;
/// The longest list of certificates, in bytes.
const LONGEST_CA: usize = 64 * 1024;
/// The longest text of any other field, in characters.
const LONGEST: usize = 128;

/// An account: everything about it but its secrets and its line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Profile {
    /// Its id; empty until the phone gives it one.
    pub(crate) id: AccountId,
    /// What the person calls it.
    pub(crate) name: String,
    /// The server, `wss://…`; `ws://…` only where the person wrote that.
    pub(crate) server: String,
    /// The user part of the address.
    pub(crate) user: String,
    /// The domain of the address.
    pub(crate) domain: String,
    /// The name for the password, where it is not the user.
    pub(crate) auth_user: Option<String>,
    /// The name that others see.
    pub(crate) display_name: Option<String>,
    /// A private certificate authority, PEM.
    pub(crate) ca: Option<String>,
    /// The pinned certificate: SHA-256 in lower-case hexadecimal.
    pub(crate) pin: Option<String>,
    /// The Origin of the handshake, where it is not the server's own.
    pub(crate) origin: Option<String>,
    /// What is said before SIP begins.
    #[serde(default)]
    pub(crate) handshake: Handshake,
    /// STUN servers, `stun:host:port`.
    pub(crate) stun: Vec<String>,
    /// TURN servers, `turn:host:port`.
    pub(crate) turn: Vec<Turn>,
    /// How our Contact looks.
    pub(crate) contact_form: ContactForm,
    /// For how long to ask the server to keep us, in seconds.
    pub(crate) expires_s: u32,
    /// What its calls speak.
    #[serde(default)]
    pub(crate) speech: Speech,
    /// Shall it be on the line?
    pub(crate) enabled: bool,
    /// Is its password in the keychain?
    pub(crate) keeps_secret: bool,
    /// What its server once proved to know, so that nobody who asks for less is answered.
    #[serde(default)]
    pub(crate) digest: Digest,
}

/// What is remembered of the digest of a server (CONFORMANCE S1, S13). Nothing in it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digest {
    /// The strongest algorithm that it asked for, by its name on the wire.
    strongest: Option<String>,
    /// The realms that it took a proof for.
    realms: Vec<String>,
}

impl From<&Seen> for Digest {
    fn from(seen: &Seen) -> Self {
        Self { strongest: seen.strongest.map(|one| one.name().to_owned()), realms: seen.realms.clone() }
    }
}

impl From<&Digest> for Seen {
    fn from(digest: &Digest) -> Self {
        Self { strongest: digest.strongest.as_deref().and_then(Algorithm::named), realms: digest.realms.clone() }
    }
}

impl Profile {
    /// What a person wants, on top of what was there. An absent field stays, an empty one is cleared.
    ///
    /// # Errors
    /// A fault `bad-account` that names the first field that cannot be.
    pub(crate) fn from_wish(wish: &AccountWish, base: Option<&Self>) -> Result<Self, Fault> {
        let mut next = base.cloned().unwrap_or_else(Self::blank);
        next.take_address(wish)?;
        next.take_server(wish, base)?;
        optional(&mut next.auth_user, wish.auth_user.as_deref(), |text| line(text, "auth-user"))?;
        optional(&mut next.display_name, wish.display_name.as_deref(), |text| line(text, "display-name"))?;
        optional(&mut next.ca, wish.ca.as_deref(), authority)?;
        optional(&mut next.pin, wish.pin.as_deref(), pin)?;
        optional(&mut next.origin, wish.origin.as_deref(), origin)?;
        next.handshake.take(wish)?;
        if let Some(servers) = &wish.stun {
            next.stun = few(servers, "stun")?.iter().map(|text| server(text, "stun")).collect::<Result<_, _>>()?;
        }
        if let Some(servers) = &wish.turn {
            next.turn = few(servers, "turn")?.iter().map(relay).collect::<Result<_, _>>()?;
        }
        next.take_name(wish, base)?;
        next.contact_form = wish.contact_form.unwrap_or(next.contact_form);
        next.expires_s = wish.expires_s.unwrap_or(next.expires_s);
        if !(60..=86_400).contains(&next.expires_s) {
            return Err(bad("expires"));
        }
        next.speech.take(wish)?;
        next.enabled = wish.enabled.unwrap_or(next.enabled);
        for typed in
            [&wish.password, &wish.turn_password, &wish.http_password, &wish.proxy_password].into_iter().flatten()
        {
            if typed_length(typed) > 1024 {
                return Err(bad("password"));
            }
        }
        // Who types the password, or names another server or user, says that this server shall have it, whatever it asks.
        if wish.password.is_some() || base.is_some_and(|base| !next.is_same_line(base)) {
            next.digest = Digest::default();
        }
        if wish.password.is_some() || wish.keep.is_some() {
            next.keeps_secret = wish.keep != Some(Keep::Run);
        }
        Ok(next)
    }

    /// The account of the practice line, which is made anew at every start.
    #[must_use]
    pub(crate) fn practice(line: &crate::PracticeLine) -> Self {
        Self {
            id: AccountId::practice(),
            server: line.url.clone(),
            user: line.user.clone(),
            domain: line.domain.clone(),
            pin: Some(line.pin.clone()),
            keeps_secret: false,
            ..Self::blank()
        }
    }

    fn blank() -> Self {
        Self {
            id: AccountId::from(""),
            name: String::new(),
            server: String::new(),
            user: String::new(),
            domain: String::new(),
            auth_user: None,
            display_name: None,
            ca: None,
            pin: None,
            origin: None,
            handshake: Handshake::default(),
            stun: Vec::new(),
            turn: Vec::new(),
            contact_form: ContactForm::default(),
            expires_s: EXPIRES_S,
            speech: Speech::default(),
            enabled: true,
            keeps_secret: true,
            digest: Digest::default(),
        }
    }

    fn take_address(&mut self, wish: &AccountWish) -> Result<(), Fault> {
        if let Some(address) = wish.address.as_deref() {
            let address = address.trim();
            let bare =
                address.get(..4).filter(|head| head.eq_ignore_ascii_case("sip:")).map_or(address, |_| &address[4..]);
            let (user, domain) = bare.rsplit_once('@').ok_or_else(|| bad("address"))?;
            (self.user, self.domain) = (user.to_owned(), domain.to_owned());
        }
        for (own, wish) in [(&mut self.user, &wish.user), (&mut self.domain, &wish.domain)] {
            if let Some(text) = wish {
                *own = text.trim().to_owned();
            }
        }
        // Escapes are for the wire: the person types the user as it is (RFC 3261 19.1.2 escapes it there).
        let user_fits = (1..=LONGEST).contains(&self.user.chars().count())
            && !self.user.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '@' | '<' | '>' | '"'));
        match Host::parse(&self.domain) {
            Some(_) if user_fits => Ok(()),
            _ => Err(bad("address")),
        }
    }

    fn take_server(&mut self, wish: &AccountWish, base: Option<&Self>) -> Result<(), Fault> {
        let was_usual = base.is_none_or(Self::is_by_domain);
        match wish.server.as_deref().map(str::trim) {
            None if !was_usual => {}
            None | Some("") => self.server = websocket(&usual_server(&self.domain))?,
            Some(text) => self.server = websocket(text)?,
        }
        Ok(())
    }

    fn take_name(&mut self, wish: &AccountWish, base: Option<&Self>) -> Result<(), Fault> {
        let was_usual = base.is_none_or(|base| base.name == base.bare_address());
        match wish.name.as_deref().map(str::trim) {
            None if !was_usual => {}
            None | Some("") => self.name = self.bare_address(),
            Some(text) => self.name = line(text, "name")?,
        }
        Ok(())
    }

    fn bare_address(&self) -> String {
        format!("{}@{}", self.user, self.domain)
    }

    /// The address of record, `sip:user@domain`.
    #[must_use]
    pub(crate) fn address(&self) -> String {
        format!("sip:{}", self.bare_address())
    }

    /// The host of the server, for sentences.
    #[must_use]
    pub(crate) fn host(&self) -> String {
        Url::parse(&self.server).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Is it the same user at the same server? Two such accounts would push each other off the line.
    #[must_use]
    pub(crate) fn is_same_line(&self, other: &Self) -> bool {
        self.server == other.server && self.user == other.user && self.domain.eq_ignore_ascii_case(&other.domain)
    }

    /// Does it hand what proves `before` to somebody else: to another host, or to any that listens on the way? A digest is
    /// enough to guess a password from (CONFORMANCE S1).
    #[must_use]
    fn proves_elsewhere(&self, before: &Self) -> bool {
        let in_clear = |own: &Self| own.server.starts_with("ws:");
        self.host() != before.host() || (in_clear(self) && !in_clear(before))
    }

    /// May the server be found by its domain (RFC 3263)? A server that a person named is where they said.
    #[must_use]
    pub(crate) fn is_by_domain(&self) -> bool {
        self.server == usual_server(&self.domain)
    }

    /// Whoever would be shown what is kept for another one (CONFORMANCE S1): its host, where the wish brings nothing new.
    #[must_use]
    pub(crate) fn shown_anew(&self, before: &Self, has_password: bool, wish: &AccountWish) -> Option<String> {
        let kept = (has_password && wish.password.is_none()) || self.handshake.shows_kept(wish);
        if self.proves_elsewhere(before) && kept {
            return Some(self.host());
        }
        let relay = self.other_relay(before).filter(|_| wish.turn_password.is_none()).map(str::to_owned);
        relay.or_else(|| self.handshake.other_proxy(&before.handshake, wish))
    }

    /// The first relay that would be shown the password of another one.
    #[must_use]
    fn other_relay(&self, before: &Self) -> Option<&str> {
        let known = |turn: &&Turn| before.turn.iter().any(|known| known.url == turn.url);
        self.turn.iter().find(|turn| !before.turn.is_empty() && !known(turn)).map(|turn| turn.url.as_str())
    }

    /// May a connection that is open for the other go on for this one? What is only for the person may differ.
    #[must_use]
    pub(crate) fn is_same_connection(&self, other: &Self) -> bool {
        let names = |own: &Self| Self {
            name: String::new(),
            enabled: true,
            keeps_secret: true,
            digest: Digest::default(),
            ..own.clone()
        };
        names(self) == names(other)
    }
}

/// The server of a domain that names none.
fn usual_server(domain: &str) -> String {
    format!("wss://{}/", domain.to_ascii_lowercase())
}

fn bad(field: &'static str) -> Fault {
    Fault::new(Code::BadAccount).with("field", field)
}

fn typed_length(typed: &Typed) -> usize {
    typed.clone().into_secret().expose().len()
}

/// An optional field: absent stays, empty clears, anything else is read.
fn optional(
    field: &mut Option<String>,
    wish: Option<&str>,
    read: impl FnOnce(&str) -> Result<String, Fault>,
) -> Result<(), Fault> {
    match wish.map(str::trim) {
        None => {}
        Some("") => *field = None,
        Some(text) => *field = Some(read(text)?),
    }
    Ok(())
}

/// A text of one line.
fn line(text: &str, field: &'static str) -> Result<String, Fault> {
    let fits = text.chars().count() <= LONGEST && !text.contains(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(bad(field)) }
}

/// A WebSocket URL; without a scheme it is a secure one (RFC 7118 5.2.1 knows both, and only a person may choose `ws`).
fn websocket(text: &str) -> Result<String, Fault> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("wss://{text}") };
    let url = Url::parse(&whole).map_err(|_| bad("server"))?;
    let fits = matches!(url.scheme(), "wss" | "ws")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
        && url.port() != Some(0)
        && whole.len() <= 512;
    if fits { Ok(url.to_string()) } else { Err(bad("server")) }
}

fn authority(text: &str) -> Result<String, Fault> {
    let wrong = || bad("ca");
    if text.len() > LONGEST_CA {
        return Err(wrong());
    }
    let all: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().map_err(|_| wrong())?;
    if all.is_empty() { Err(wrong()) } else { Ok(text.to_owned()) }
}

/// A fingerprint, with or without colons and blanks, in either case.
fn pin(text: &str) -> Result<String, Fault> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>().to_ascii_lowercase();
    let fits = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if fits { Ok(digits) } else { Err(bad("pin")) }
}

fn few<'a, T>(servers: &'a [T], field: &'static str) -> Result<&'a [T], Fault> {
    if servers.len() <= MOST_SERVERS { Ok(servers) } else { Err(bad(field)) }
}

/// `stun:host:port` (RFC 7064); scheme and port may be left out.
fn server(text: &str, scheme: &'static str) -> Result<String, Fault> {
    let wrong = || bad(scheme);
    let text = text.trim();
    let rest = text.strip_prefix(scheme).and_then(|rest| rest.strip_prefix(':')).unwrap_or(text);
    let after = rest.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match rest[after..].rfind(':') {
        None => (rest, STUN_PORT),
        Some(colon) => {
            let digits = &rest[after + colon + 1..];
            (&rest[..after + colon], digits.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?)
        }
    };
    let host = Host::parse(host).ok_or_else(wrong)?;
    Ok(format!("{scheme}:{host}:{port}"))
}

fn relay(turn: &Turn) -> Result<Turn, Fault> {
    let user = line(turn.user.trim(), "turn")?;
    if user.is_empty() {
        return Err(bad("turn"));
    }
    // UDP is the only way there is; some lists say so.
    let url = turn.url.trim().strip_suffix("?transport=udp").unwrap_or(turn.url.trim());
    Ok(Turn { url: server(url, "turn")?, user })
}

#[cfg(test)]
mod tests;
