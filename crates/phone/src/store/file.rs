//! The file: opened, read once, and moved aside when it is damaged.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rand::{TryRngCore, rngs::OsRng};
use rusqlite::{Connection, ErrorCode, config::DbConfig};

use super::{
    Kept, rows,
    schema::{self, Maker},
};
use crate::{
    contract::{Settings, Timestamp},
    fault::{Code, Fault},
    setup::StorePlace,
};

/// The code of a disk that does not take what is to be kept.
pub(super) const FAILED: Code = Code::StoreFailed;

/// Why a file cannot be used.
enum Trouble {
    /// It is no store of ours, or was one.
    Damaged(String),
    /// The disk does not let us, or the file is not to be touched.
    Failed(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        let outside = matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::PermissionDenied
                    | ErrorCode::OutOfMemory
                    | ErrorCode::FileLockingProtocolFailed
            )
        );
        // A file that is too short for what it says of itself reads as a failure of the disk.
        let short =
            error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ);
        if outside && !short { Self::Failed(error.to_string()) } else { Self::Damaged(error.to_string()) }
    }
}

/// Opens what is kept; in memory when there is no other way.
pub(super) fn open(place: &StorePlace) -> (Connection, Kept) {
    let mut faults = Vec::new();
    if let StorePlace::File(path) = place {
        let opened = open_file(path).or_else(|trouble| match trouble {
            Trouble::Damaged(why) => {
                let aside = move_aside(path).map_err(|error| Trouble::Failed(error.to_string()))?;
                tracing::error!(why, aside = %aside.display(), "the store was damaged");
                let name = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
                faults.push(Fault::new(Code::StoreDamaged).with("file", name).detail(why));
                open_file(path)
            }
            failed @ Trouble::Failed(_) => Err(failed),
        });
        match opened {
            Ok((db, mut kept)) => {
                kept.faults = faults;
                return (db, kept);
            }
            Err(Trouble::Damaged(why) | Trouble::Failed(why)) => {
                tracing::error!(why, "nothing can be stored");
                faults.push(Fault::new(FAILED).detail(why));
            }
        }
    }
    let fresh = Connection::open_in_memory().map_err(Trouble::from).and_then(prepare);
    let (db, mut kept) = fresh.unwrap_or_else(|trouble| match trouble {
        Trouble::Damaged(why) | Trouble::Failed(why) => panic!("SQLite has no memory for an empty store: {why}"),
    });
    kept.faults = faults;
    (db, kept)
}

fn open_file(path: &Path) -> Result<(Connection, Kept), Trouble> {
    make_private(path).map_err(|error| Trouble::Failed(error.to_string()))?;
    prepare(Connection::open(path)?)
}

/// Checks the file, brings it to the tables of today and reads all that a phone begins with.
fn prepare(mut db: Connection) -> Result<(Connection, Kept), Trouble> {
    db.busy_timeout(std::time::Duration::from_secs(2))?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    // On a disk that cannot be written it stays as it is; the first write will say so.
    match db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(Trouble::from) {
        Err(damaged @ Trouble::Damaged(_)) => return Err(damaged),
        Ok(()) | Err(Trouble::Failed(_)) => {}
    }
    db.pragma_update(None, "synchronous", "FULL")?;
    match schema::maker(&db)? {
        Maker::Known => {}
        Maker::Newer => return Err(Trouble::Failed("the file is of a newer version of this program".to_owned())),
        Maker::Nobody => return Err(Trouble::Damaged("no version has that number".to_owned())),
    }
    let sound: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(Trouble::Damaged(sound));
    }
    schema::migrate(&mut db)?;
    let kept = read(&db)?;
    Ok((db, kept))
}

fn read(db: &Connection) -> Result<Kept, Trouble> {
    let instance = match rows::kept::<String>(db, "instance")? {
        Some(instance) if is_urn(&instance) => instance,
        Some(other) => return Err(Trouble::Damaged(format!("no instance: {other}"))),
        None => {
            let instance = new_instance()?;
            // A disk that cannot be written gets one for this run.
            if let Err(damaged @ Trouble::Damaged(_)) = rows::keep(db, "instance", &instance).map_err(Trouble::from) {
                return Err(damaged);
            }
            instance
        }
    };
    Ok(Kept {
        accounts: rows::accounts(db)?,
        settings: settings(rows::kept(db, "settings")?),
        prefer: rows::kept(db, "prefer")?.unwrap_or_default(),
        instance,
        next_account: rows::next_account(db)?,
        next_history: rows::next_history(db)?,
        missed: rows::unseen(db, 0)?,
        faults: Vec::new(),
    })
}

/// The settings as they were kept. One that an older phone did not know, or that makes no sense any more, is as usual.
fn settings(kept: Option<serde_json::Value>) -> Settings {
    let mut known = serde_json::to_value(Settings::default()).expect("settings are plain data");
    for (key, value) in kept.as_ref().and_then(serde_json::Value::as_object).into_iter().flatten() {
        let Some(usual) = known.get(key).cloned() else { continue };
        known[key] = value.clone();
        if serde_json::from_value::<Settings>(known.clone()).is_err() {
            known[key] = usual;
        }
    }
    serde_json::from_value(known).unwrap_or_default()
}

/// A random UUID (RFC 9562 5.4) as the URN that RFC 5626 4.1 wants.
fn new_instance() -> Result<String, Trouble> {
    let mut bytes = [0; 16];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| Trouble::Failed(error.to_string()))?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

fn is_urn(text: &str) -> bool {
    text.strip_prefix("urn:uuid:")
        .is_some_and(|uuid| uuid.len() == 36 && uuid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))
}

/// The file with its log and index, under another name that says since when.
fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let at = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let since = Timestamp::now().unix_ms();
    let aside = at(&format!(".damaged-{since}"));
    fs::rename(path, &aside)?;
    for log in ["-wal", "-shm"] {
        match fs::rename(at(log), at(&format!(".damaged-{since}{log}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// The file exists and is this user's alone. SQLite gives its log the same rights.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        // It is there and may be read: what was kept is of use, even where nothing new can be.
        Err(_) if fs::File::open(path).is_ok() => Ok(()),
        Err(error) => Err(error),
        #[cfg(unix)]
        Ok(file) => file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)),
        #[cfg(not(unix))]
        Ok(_) => Ok(()),
    }
}
