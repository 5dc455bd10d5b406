//! What a practice line is made of.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use sip::{StatusCode, auth::Algorithm};

/// The language of the spoken digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Mandarin.
    Mandarin,
}

impl Language {
    /// The one for a language tag (RFC 5646): Mandarin for Chinese of any kind, English for everything else.
    #[must_use]
    pub fn of_tag(tag: &str) -> Self {
        match tag.split(['-', '_', '.']).next() {
            Some(language) if language.eq_ignore_ascii_case("zh") || language.eq_ignore_ascii_case("cmn") => {
                Self::Mandarin
            }
            _ => Self::English,
        }
    }
}

/// What a practice line is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where its random names, passwords and tags come from. The key of its certificate comes from the system.
    pub seed: [u8; 32],
    /// The port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// How many users it has; 0 is 1.
    pub users: usize,
    /// The language of the spoken digits of 602.
    pub language: Language,
    /// How long 603 waits before it calls back.
    pub call_back: Duration,
    /// What its challenges offer, the preferred first.
    pub algorithms: Vec<Algorithm>,
    /// Does it give GRUUs (RFC 5627)?
    pub gruu: bool,
    /// What it does wrong.
    pub faults: Faults,
}

impl Config {
    /// The practice line of a phone: one user, with a name and a password that nobody can guess.
    ///
    /// # Panics
    /// Where the system has no random numbers.
    #[must_use]
    pub fn practice() -> Self {
        Self::new(ChaCha12Rng::from_os_rng().random())
    }

    /// The same with another language of the spoken digits.
    #[must_use]
    pub fn with_language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// One user, SHA-256 and MD5, no faults.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            port: 0,
            users: 1,
            language: Language::English,
            call_back: Duration::from_secs(5),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            gruu: true,
            faults: Faults::default(),
        }
    }
}

/// What a practice line does wrong, for tests.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// No password is ever right.
    pub wrong_passwords: bool,
    /// The connection is dropped without a word after so many SIP messages.
    pub drop_after: Option<u32>,
    /// The WebSocket lives, but SIP is never answered (CONFORMANCE R11).
    pub silent: bool,
    /// Every REGISTER is refused so, with this Retry-After.
    pub refuse_register: Option<(StatusCode, Option<Duration>)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_a_language() {
        for tag in ["zh", "zh-Hans-CN", "zh_CN.UTF-8", "ZH-tw", "cmn"] {
            assert_eq!(Language::of_tag(tag), Language::Mandarin, "{tag}");
        }
        for tag in ["en", "de-AT", "", "system", "zha"] {
            assert_eq!(Language::of_tag(tag), Language::English, "{tag}");
        }
    }

    #[test]
    fn practice_lines_have_nothing_in_common() {
        assert_ne!(Config::practice().seed, Config::practice().seed);
    }
}
