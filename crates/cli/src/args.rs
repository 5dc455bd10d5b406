//! What is asked for on the command line. Flags are rows of one table, from which they are read and helped with.

mod load;

use std::{ffi::OsString, fmt, path::PathBuf};

pub(crate) use load::Load;
use phone::contract::Keepalive;

/// A flag: its name, what follows it, for which commands it is, and what it does.
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    pub(crate) value: Option<&'static str>,
    pub(crate) group: Group,
    pub(crate) help: &'static str,
}

/// What a flag belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Any command.
    All,
    /// Those that can speak JSON.
    Json,
    /// `run`.
    Run,
    /// `run`: an account for this run.
    Account,
    /// `load`.
    Load,
}

const fn flag(group: Group, name: &'static str, value: Option<&'static str>, help: &'static str) -> Flag {
    Flag { name, value, group, help }
}

/// All flags, in the order of the help.
pub(crate) const FLAGS: &[Flag] = &[
    flag(Group::Json, "--json", None, "speak JSON, one value a line"),
    flag(Group::Run, "--practice", None, "have the practice line, account a0"),
    flag(Group::Run, "--mic", Some("DEVICE"), "the microphone: id or name of a device, a WAV file, or none"),
    flag(Group::Run, "--speaker", Some("DEVICE"), "the speaker: id or name of a device, a WAV file to write, or none"),
    flag(Group::Run, "--recordings", Some("FOLDER"), "where recorded calls go; without it, beside the stored accounts"),
    flag(Group::Account, "--user", Some("USER"), "the user part of the address; needed for an account of this run"),
    flag(Group::Account, "--domain", Some("DOMAIN"), "the domain of the address; without it the host of the server"),
    flag(Group::Account, "--server", Some("URL"), "wss://host[:port][/path]; without it wss://DOMAIN/"),
    flag(Group::Account, "--auth-user", Some("NAME"), "the name for the password, where it is not the user"),
    flag(Group::Account, "--display-name", Some("NAME"), "the name that others see"),
    flag(Group::Account, "--password-env", Some("VAR"), "the environment variable that holds the password"),
    flag(Group::Account, "--password-stdin", None, "the first line of input is the password"),
    flag(Group::Account, "--ca", Some("FILE"), "trust this certificate authority too, a PEM file"),
    flag(Group::Account, "--pin", Some("HASH"), "trust the certificate with this SHA-256 and no other"),
    flag(Group::Account, "--origin", Some("URL"), "the Origin that the server is told, where it is not its own"),
    flag(
        Group::Account,
        "--http-user",
        Some("NAME"),
        "the name for the HTTP side of the server, if it asks in the handshake",
    ),
    flag(Group::Account, "--http-password-env", Some("VAR"), "the environment variable that holds the password for it"),
    flag(
        Group::Account,
        "--headers-env",
        Some("VAR"),
        "the variable that holds more headers of the handshake, one a line",
    ),
    flag(Group::Account, "--client-cert", Some("FILE"), "the certificate of our own and its key for TLS, one PEM file"),
    flag(
        Group::Account,
        "--proxy",
        Some("URL"),
        "http://[user@]host:port or socks5://…; none; without it that of the system",
    ),
    flag(
        Group::Account,
        "--proxy-password-env",
        Some("VAR"),
        "the environment variable that holds the password of the proxy",
    ),
    flag(Group::Account, "--keepalive", Some("KIND"), "by what the connection is kept: ping, crlf, both or none"),
    flag(Group::Account, "--stun", Some("SERVER"), "stun:host[:port]; may stand several times"),
    flag(Group::Account, "--turn", Some("SERVER"), "turn:host[:port]; may stand several times"),
    flag(Group::Account, "--turn-user", Some("USER"), "the user of the TURN servers"),
    flag(Group::Account, "--turn-password-env", Some("VAR"), "the environment variable that holds their password"),
    flag(
        Group::Account,
        "--codecs",
        Some("LIST"),
        "codecs, the best first, with commas between: opus, g722, pcmu, pcma",
    ),
    flag(Group::Account, "--bitrate", Some("BITS"), "bits per second of Opus, 6000 to 510000"),
    flag(Group::Load, "--mode", Some("MODE"), "opus: encode and decode, or encoded: only carry packets"),
    flag(Group::Load, "--calls", Some("N"), "how many calls at once; without it, as many as can be"),
    flag(Group::Load, "--cores", Some("N"), "threads that carry them; without it, 1"),
    flag(Group::Load, "--seconds", Some("N"), "how long it is measured, 1 to 3600; without it, 10"),
    flag(Group::All, "--log", Some("LEVEL"), "log to the standard error: error, warn, info, debug, trace"),
    flag(Group::All, "--help", None, "this help"),
    flag(Group::All, "--version", None, "the version"),
];

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) what: What,
    /// A level for the log.
    pub(crate) log: Option<String>,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum What {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// List the sound devices.
    Devices {
        /// As JSON.
        json: bool,
    },
    /// Call the echo of the practice line.
    EchoTest {
        /// As JSON.
        json: bool,
    },
    /// Be a phone.
    Run(Box<Run>),
    /// Carry as many calls as a core can.
    Load(Load),
}

/// How to be a phone.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) json: bool,
    pub(crate) practice: bool,
    pub(crate) mic: Option<String>,
    pub(crate) speaker: Option<String>,
    pub(crate) recordings: Option<PathBuf>,
    /// An account for this run; the stored ones without it.
    pub(crate) account: Option<Account>,
}

/// An account from flags.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) user: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) auth_user: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) password: Password,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) pin: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) http_user: Option<String>,
    pub(crate) http_password_env: Option<String>,
    pub(crate) headers_env: Option<String>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) proxy: Option<String>,
    pub(crate) proxy_password_env: Option<String>,
    pub(crate) keepalive: Option<Keepalive>,
    pub(crate) stun: Vec<String>,
    pub(crate) turn: Vec<String>,
    pub(crate) turn_user: Option<String>,
    pub(crate) turn_password_env: Option<String>,
    pub(crate) codecs: Option<Vec<String>>,
    pub(crate) bitrate: Option<u32>,
}

/// Where a password comes from. It is never a flag: every program of the machine could read it there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Password {
    /// Nowhere.
    #[default]
    None,
    /// This environment variable.
    Env(String),
    /// The first line of input.
    Stdin,
}

/// Why the command line is not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Usage {}

fn usage<T>(text: impl Into<String>) -> Result<T, Usage> {
    Err(Usage(text.into()))
}

/// Reads the command line, without the name of the program.
///
/// # Errors
/// [`Usage`], a sentence for the person.
pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Asked, Usage> {
    let mut words = words
        .into_iter()
        .map(|word| word.into_string().map_err(|word| Usage(format!("this is no text: {}", word.to_string_lossy()))));
    let mut command = None;
    let mut given: Vec<(&'static Flag, String)> = Vec::new();
    while let Some(word) = words.next().transpose()? {
        let word = match word.as_str() {
            "-h" => "--help".to_owned(),
            "-V" => "--version".to_owned(),
            _ => word,
        };
        if !word.starts_with('-') {
            if let Some(before) = command.replace(word) {
                return usage(format!("one command is enough, and {before} is one"));
            }
            continue;
        }
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let Some(flag) = FLAGS.iter().find(|flag| flag.name == name) else {
            return usage(format!("there is no flag {name}"));
        };
        let value = match (flag.value, value) {
            (None, None) => String::new(),
            (None, Some(_)) => return usage(format!("{name} takes no value")),
            (Some(_), Some(value)) => value,
            (Some(kind), None) => {
                words.next().transpose()?.ok_or_else(|| Usage(format!("{name} needs a value: {kind}")))?
            }
        };
        given.push((flag, value));
    }
    asked(command.as_deref(), &given)
}

fn asked(command: Option<&str>, given: &[(&'static Flag, String)]) -> Result<Asked, Usage> {
    let has = |name: &str| given.iter().any(|(flag, _)| flag.name == name);
    let log = given.iter().rev().find(|(flag, _)| flag.name == "--log").map(|(_, level)| level.clone());
    if let Some(level) = log.as_deref().filter(|level| !["error", "warn", "info", "debug", "trace"].contains(level)) {
        return usage(format!("--log takes error, warn, info, debug or trace, not {level}"));
    }
    if has("--help") || command == Some("help") {
        return Ok(Asked { what: What::Help, log });
    }
    if has("--version") {
        return Ok(Asked { what: What::Version, log });
    }
    let groups: &[Group] = match command {
        Some("devices" | "echo-test") => &[Group::All, Group::Json],
        Some("run") => &[Group::All, Group::Json, Group::Run, Group::Account],
        Some("load") => &[Group::All, Group::Json, Group::Load],
        Some(other) => return usage(format!("there is no command {other}")),
        None => return usage("a command is missing: run, echo-test, load or devices"),
    };
    let command = command.unwrap_or_default();
    if let Some((flag, _)) = given.iter().find(|(flag, _)| !groups.contains(&flag.group)) {
        return usage(format!("{} is no flag of {command}", flag.name));
    }
    let json = has("--json");
    let what = match command {
        "devices" => What::Devices { json },
        "echo-test" => What::EchoTest { json },
        "load" => What::Load(load::read(given)?),
        _ => What::Run(Box::new(run(given)?)),
    };
    Ok(Asked { what, log })
}

fn run(given: &[(&'static Flag, String)]) -> Result<Run, Usage> {
    let mut run = Run::default();
    let mut account = Account::default();
    for (flag, value) in given {
        let value = || value.clone();
        match flag.name {
            "--json" => run.json = true,
            "--practice" => run.practice = true,
            "--mic" => run.mic = Some(value()),
            "--recordings" => run.recordings = Some(value().into()),
            "--speaker" => run.speaker = Some(value()),
            "--user" => account.user = Some(value()),
            "--domain" => account.domain = Some(value()),
            "--server" => account.server = Some(value()),
            "--auth-user" => account.auth_user = Some(value()),
            "--display-name" => account.display_name = Some(value()),
            "--password-env" | "--password-stdin" if account.password != Password::None => {
                return usage("the password can come from one place only");
            }
            "--password-env" => account.password = Password::Env(value()),
            "--password-stdin" => account.password = Password::Stdin,
            "--ca" => account.ca = Some(value().into()),
            "--pin" => account.pin = Some(value()),
            "--origin" => account.origin = Some(value()),
            "--http-user" => account.http_user = Some(value()),
            "--http-password-env" => account.http_password_env = Some(value()),
            "--headers-env" => account.headers_env = Some(value()),
            "--client-cert" => account.client_cert = Some(value().into()),
            "--proxy" => account.proxy = Some(value()),
            "--proxy-password-env" => account.proxy_password_env = Some(value()),
            "--keepalive" => account.keepalive = Some(keepalive(&value())?),
            "--stun" => account.stun.push(value()),
            "--turn" => account.turn.push(value()),
            "--turn-user" => account.turn_user = Some(value()),
            "--codecs" => account.codecs = Some(value().split(',').map(|name| name.trim().to_owned()).collect()),
            "--bitrate" => {
                let bits = value().parse().or_else(|_| usage("--bitrate needs a number of bits per second"))?;
                account.bitrate = Some(bits);
            }
            "--turn-password-env" => account.turn_password_env = Some(value()),
            _ => {}
        }
    }
    if given.iter().any(|(flag, _)| flag.group == Group::Account) {
        if account.user.is_none() {
            return usage("an account of this run needs --user");
        }
        if account.domain.is_none() && account.server.is_none() {
            return usage("an account of this run needs --domain or --server");
        }
        if !account.turn.is_empty() && account.turn_user.is_none() {
            return usage("--turn needs --turn-user");
        }
        run.account = Some(account);
    }
    Ok(run)
}

fn keepalive(word: &str) -> Result<Keepalive, Usage> {
    match word {
        "ping" => Ok(Keepalive::Ping),
        "crlf" => Ok(Keepalive::Crlf),
        "both" => Ok(Keepalive::Both),
        "none" => Ok(Keepalive::None),
        _ => usage("--keepalive takes ping, crlf, both or none"),
    }
}

/// The help, from the table.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "bellbird-cli - Bellbird, a softphone for SIP over secure WebSockets, in a terminal\n\n\
         bellbird-cli run [FLAGS]        be a phone: at a prompt, or with --json for programs\n\
         bellbird-cli echo-test [FLAGS]  call the echo of the practice line and hear whether it comes back\n\
         bellbird-cli load [FLAGS]       measure how many calls a core of this machine carries\n\
         bellbird-cli devices [FLAGS]    list the sound devices\n",
    );
    for (group, title) in [
        (Group::Run, "Of run"),
        (Group::Account, "Of run: an account for this run, kept nowhere; without one the stored accounts are used"),
        (Group::Load, "Of load"),
        (Group::Json, "Of all four"),
        (Group::All, "Of bellbird-cli"),
    ] {
        text.push_str(&format!("\n{title}:\n"));
        for flag in FLAGS.iter().filter(|flag| flag.group == group) {
            let left = flag.value.map_or_else(|| flag.name.to_owned(), |value| format!("{} {value}", flag.name));
            text.push_str(&format!("  {left:<24}  {}\n", flag.help));
        }
    }
    text.push_str(
        "\nExit codes: 0 done, 1 what was asked failed, 2 the command line is not understood.\n\
         At the prompt, `help` tells what can be typed; docs/cli.md tells the rest.\n",
    );
    text
}

#[cfg(test)]
mod tests;
