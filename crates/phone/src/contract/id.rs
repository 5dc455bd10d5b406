//! Ids are opaque and never used again: `a…` accounts, `c…` calls, `f…` conferences, `h…` history rows, `t…` tests.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(String);

        impl $name {
            /// The id as it stands in the lines.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }
    )*};
}

ids! {
    /// An account; the practice line is always `a0`.
    AccountId,
    /// A call.
    CallId,
    /// A conference.
    ConferenceId,
    /// A row of the history.
    HistoryId,
    /// A test of an account.
    TestId,
}

impl AccountId {
    /// The account of the practice line.
    #[must_use]
    pub fn practice() -> Self {
        Self("a0".to_owned())
    }

    /// Is it the practice line?
    #[must_use]
    pub fn is_practice(&self) -> bool {
        self.0 == "a0"
    }
}
