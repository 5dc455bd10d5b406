//! Times of the wall clock, for people and for the history; what the phone decides by is never one of them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{
    OffsetDateTime, format_description::BorrowedFormatItem, format_description::well_known::Rfc3339,
    macros::format_description,
};
use ts_rs::TS;

const FORM: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A time in UTC with milliseconds; RFC 3339 on the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, TS)]
#[ts(type = "string")]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    /// The time that the system's clock shows, in whole milliseconds: what is kept and told is the same.
    #[must_use]
    pub fn now() -> Self {
        let now = Self(OffsetDateTime::now_utc());
        Self::from_unix_ms(now.unix_ms())
    }

    /// From milliseconds since 1970; the nearest end of what can be told where it is out of range.
    #[must_use]
    pub fn from_unix_ms(ms: i64) -> Self {
        let most = i64::from(u32::MAX) * 1000;
        let nanoseconds = i128::from(ms.clamp(0, most)) * 1_000_000;
        Self(OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn unix_ms(self) -> i64 {
        i64::try_from(self.0.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }

    /// This much later.
    #[must_use]
    pub fn plus(self, later: std::time::Duration) -> Self {
        Self::from_unix_ms(self.unix_ms().saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(FORM).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| de::Error::custom("not an RFC 3339 time"))?;
        Ok(Self(time.to_offset(time::UtcOffset::UTC)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_with_milliseconds_in_utc() {
        let time = Timestamp::from_unix_ms(1_700_000_000_007);
        assert_eq!(time.to_string(), "2023-11-14T22:13:20.007Z");
        assert_eq!(serde_json::from_str::<Timestamp>("\"2023-11-14T23:13:20.007+01:00\"").unwrap(), time);
        assert_eq!(time.unix_ms(), 1_700_000_000_007);
        assert!(serde_json::from_str::<Timestamp>("\"yesterday\"").is_err());
    }
}
