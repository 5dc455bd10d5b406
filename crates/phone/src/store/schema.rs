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

/// Who made a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// This phone, an older one, or nobody yet.
    Known,
    /// A newer phone: the file is left alone.
    Newer,
    /// Nobody: no phone counts so far.
    Nobody,
}

/// Who made the file?
///
/// # Errors
/// What SQLite says.
pub(super) fn maker(db: &Connection) -> rusqlite::Result<Maker> {
    Ok(match version(db)?.checked_sub(STEPS.len()) {
        None | Some(0) => Maker::Known,
        Some(1..1000) => Maker::Newer,
        Some(_) => Maker::Nobody,
    })
}

fn version(db: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}
