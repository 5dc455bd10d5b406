//! What the calls of an account speak: which codecs, in which order, and how many bits.

use media::{codec::Codec, offer::Policy};
use serde::{Deserialize, Serialize};

use super::bad;
use crate::{contract::AccountWish, fault::Fault};

/// Bits per second of Opus (RFC 7587 section 6.1).
const BITRATES: std::ops::RangeInclusive<u32> = 6_000..=510_000;

/// The part of an account that is about the sound of its calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Speech {
    /// Codecs by their short names, the best first; empty for all, in the order of whoever calls.
    pub(crate) codecs: Vec<String>,
    /// Bits per second of Opus; nothing for the usual.
    pub(crate) bitrate: Option<u32>,
}

impl Speech {
    /// Takes what a person wants of it; absent stays, an empty list and 0 clear.
    ///
    /// # Errors
    /// A fault `bad-account` that names the field.
    pub(super) fn take(&mut self, wish: &AccountWish) -> Result<(), Fault> {
        if let Some(names) = &wish.codecs {
            self.codecs = codecs(names)?;
        }
        match wish.bitrate {
            None => {}
            Some(0) => self.bitrate = None,
            Some(bits) if BITRATES.contains(&bits) => self.bitrate = Some(bits),
            Some(_) => return Err(bad("bitrate")),
        }
        Ok(())
    }

    /// The same, as offers and answers are made by it.
    #[must_use]
    pub(crate) fn policy(&self) -> Policy {
        let usual = Policy { bitrate: self.bitrate, ..Policy::default() };
        let own: Vec<Codec> = self.codecs.iter().filter_map(|name| Codec::named(name)).collect();
        if own.is_empty() { usual } else { Policy { codecs: own, own_order: true, ..usual } }
    }
}

/// Codecs by their short names, each once.
fn codecs(names: &[String]) -> Result<Vec<String>, Fault> {
    let mut known: Vec<String> = Vec::new();
    for name in names {
        let name = Codec::named(name.trim()).ok_or_else(|| bad("codecs"))?.name().to_owned();
        if known.contains(&name) {
            return Err(bad("codecs"));
        }
        known.push(name);
    }
    Ok(known)
}
