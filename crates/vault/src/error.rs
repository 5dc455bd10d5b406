//! What can be wrong with the place of the phone's data.

use std::{io, path::PathBuf};

/// Why the stored accounts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Another phone of this user has them open (`already-running`).
    #[error("another phone uses the data in {0}")]
    AlreadyRunning(PathBuf),
    /// The operating system names no home for this user.
    #[error("there is no home directory for this user")]
    NoHome,
    /// The directory cannot be made or written.
    #[error("the directory {path} cannot be used: {error}")]
    Unusable {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}
