//! What the tests of the whole phone share: programs started and stopped by their id, certificates made for the day, the
//! terminal phone driven by its JSON lines, sounds and how to know them again.
//!
//! Nothing here knows a server; those who test against one bring its configuration with them.

pub mod cert;
pub mod end;
pub mod line;
pub mod phone;
pub mod port;
pub mod process;
pub mod program;
pub mod sound;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How long anything may take before a test gives up, for a machine that is busy with other things. Nothing waits this
/// long unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The root of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// A folder of that name for logs, recordings and pictures, under `$BELLBIRD_ARTEFACTS` or `target/artefacts`.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn artefacts(name: &str) -> PathBuf {
    let base =
        std::env::var_os("BELLBIRD_ARTEFACTS").map_or_else(|| repository().join("target/artefacts"), PathBuf::from);
    let folder = base.join(name);
    std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder
}
