//! What is written and read, as SQL. Every value is bound, none is ever put into a text of SQL.

use rusqlite::{Connection, OptionalExtension, params, types::Type};
use serde::{Serialize, de::DeserializeOwned};

use super::{MOST_ROWS, number};
use crate::{
    account::Profile,
    contract::{AccountId, HistoryRow},
};

/// Which calls of the past are asked for.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// Only rows with a smaller number.
    pub(super) before: i64,
    /// At most so many.
    pub(super) limit: u32,
    /// Only rows with this in their words, folded; empty for all.
    pub(super) filter: String,
}

impl Search {
    pub(super) fn finds(&self, row: &HistoryRow) -> bool {
        number(&row.id).is_some_and(|id| id < self.before) && words(row).contains(&self.filter)
    }
}

/// A text as it is searched: without case.
pub(super) fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

fn words(row: &HistoryRow) -> String {
    let party = &row.with;
    [&party.name, &party.number, &party.uri, &row.asked].map(|text| fold(text)).join("\n")
}

pub(super) fn save_account(db: &Connection, profile: &Profile) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO accounts (id, place, body) VALUES (?1, (SELECT coalesce(max(place), 0) + 1 FROM accounts), ?2)
         ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        params![profile.id.as_str(), written(profile)],
    )?;
    let next = account_number(&profile.id).map_or(0, |number| number + 1);
    if next > next_account(db)? {
        keep(db, "next-account", &next)?;
    }
    Ok(())
}

pub(super) fn remove_account(db: &Connection, id: &AccountId) -> rusqlite::Result<()> {
    db.execute("DELETE FROM accounts WHERE id = ?1", [id.as_str()]).map(drop)
}

pub(super) fn accounts(db: &Connection) -> rusqlite::Result<Vec<Profile>> {
    let mut all = db.prepare("SELECT body FROM accounts ORDER BY place")?;
    all.query_map([], |row| read(&row.get::<_, String>(0)?))?.collect()
}

/// The number of the next account: one more than any that ever was.
pub(super) fn next_account(db: &Connection) -> rusqlite::Result<u64> {
    Ok(kept(db, "next-account")?.unwrap_or(1))
}

fn account_number(id: &AccountId) -> Option<u64> {
    id.as_str().strip_prefix('a')?.parse().ok()
}

/// Keeps one value under a name.
pub(super) fn keep(db: &Connection, name: &str, value: &impl Serialize) -> rusqlite::Result<()> {
    db.execute("INSERT OR REPLACE INTO kept (name, value) VALUES (?1, ?2)", params![name, written(value)]).map(drop)
}

/// The value under a name.
pub(super) fn kept<T: DeserializeOwned>(db: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    let found: Option<String> =
        db.query_row("SELECT value FROM kept WHERE name = ?1", [name], |row| row.get(0)).optional()?;
    found.map(|text| read(&text)).transpose()
}

pub(super) fn add_row(db: &Connection, row: &HistoryRow) -> rusqlite::Result<()> {
    let Some(id) = number(&row.id) else { return Ok(()) };
    db.prepare_cached("INSERT OR REPLACE INTO history (id, seen, words, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id, row.seen, words(row), written(row)])?;
    let oldest = id - i64::try_from(MOST_ROWS).unwrap_or(i64::MAX);
    db.prepare_cached("DELETE FROM history WHERE id <= ?1")?.execute([oldest]).map(drop)
}

pub(super) fn mark_seen(db: &Connection, up_to: i64) -> rusqlite::Result<()> {
    db.execute("UPDATE history SET seen = 1 WHERE seen = 0 AND id <= ?1", [up_to]).map(drop)
}

/// How many missed calls after `seen` were not seen.
pub(super) fn unseen(db: &Connection, seen: i64) -> rusqlite::Result<u32> {
    db.query_row("SELECT count(*) FROM history WHERE seen = 0 AND id > ?1", [seen], |row| row.get(0))
}

pub(super) fn next_history(db: &Connection) -> rusqlite::Result<u64> {
    let last: i64 = db.query_row("SELECT coalesce(max(id), 0) FROM history", [], |row| row.get(0))?;
    Ok(u64::try_from(last).unwrap_or(0).saturating_add(1))
}

pub(super) fn history(db: &Connection, search: &Search) -> rusqlite::Result<Vec<HistoryRow>> {
    let mut found = db.prepare_cached(
        "SELECT body, seen FROM history WHERE id < ?1 AND (?2 = '' OR instr(words, ?2) > 0) ORDER BY id DESC LIMIT ?3",
    )?;
    let rows = found.query_map(params![search.before, search.filter, search.limit], |row| {
        let body = row.get::<_, String>(0).and_then(|text| read::<HistoryRow>(&text));
        let seen = row.get(1)?;
        // One row that cannot be read hides no other.
        Ok(body
            .inspect_err(|error| tracing::warn!(%error, "a call of the past is damaged"))
            .ok()
            .map(|body| HistoryRow { seen, ..body }))
    })?;
    rows.filter_map(Result::transpose).collect()
}

fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data has no keys that are not text")
}

fn read<T: DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}
