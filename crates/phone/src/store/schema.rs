//! The tables, and how an older file becomes one of today. `PRAGMA user_version` counts the steps done.

use rusqlite::Connection;

/// One step each, done once, in order. A step that was ever released is never changed.
const STEPS: &[&str] = &["
    CREATE TABLE accounts (id TEXT PRIMARY KEY, place INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
    CREATE TABLE kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE history (
        id INTEGER PRIMARY KEY,
        seen INTEGER NOT NULL,
        words TEXT NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX unseen ON history (id) WHERE seen = 0;
"];

/// Brings the file to the tables of today.
///
/// # Errors
/// What SQLite says.
pub(super) fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    let done = version(db)?;
    for (step, number) in STEPS.iter().zip(1_i64..).skip(done) {
        let change = db.transaction()?;
        change.execute_batch(step)?;
        change.pragma_update(None, "user_version", number)?;
        change.commit()?;
    }
    Ok(())
}

/// Was the file made by a newer phone? Then it is left alone.
///
/// # Errors
/// What SQLite says.
pub(super) fn is_newer(db: &Connection) -> rusqlite::Result<bool> {
    Ok(version(db)? > STEPS.len())
}

fn version(db: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}
