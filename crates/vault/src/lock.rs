//! One phone at a time uses the stored accounts. The lock is the operating system's own lock on a file, so it ends
//! with the process, however that ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
};

use crate::error::PlaceError;

/// Holds the stored accounts for this process until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the directory `data`.
    ///
    /// # Errors
    /// [`PlaceError::AlreadyRunning`] when another process has it, [`PlaceError::Unusable`] when the file cannot be made.
    pub(crate) fn take(data: &Path) -> Result<Self, PlaceError> {
        let path = data.join("lock");
        let unusable = |error| PlaceError::Unusable { path: path.clone(), error };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(PlaceError::AlreadyRunning(data.to_owned())),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }
}
