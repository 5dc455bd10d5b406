//! Where the phone keeps its data: the directory that the operating system gives to programs of this user, readable
//! by nobody else (CONFORMANCE S28).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use phone::StorePlace;

use crate::{error::PlaceError, lock::Lock};

/// The directory of the phone's data.
#[derive(Clone, Debug)]
pub struct Place {
    data: PathBuf,
}

impl Place {
    /// The place of this user: `$XDG_DATA_HOME/bellbird` and its like. It is made if it is not there.
    ///
    /// # Errors
    /// [`PlaceError::NoHome`] and [`PlaceError::Unusable`].
    pub fn of_user() -> Result<Self, PlaceError> {
        let dirs = directories::ProjectDirs::from("org", "bellbird", "bellbird").ok_or(PlaceError::NoHome)?;
        Self::at(dirs.data_dir())
    }

    /// The place `data`, made if it is not there, for this user only.
    ///
    /// # Errors
    /// [`PlaceError::Unusable`] when it cannot be made.
    pub fn at(data: &Path) -> Result<Self, PlaceError> {
        make_private(data).map_err(|error| PlaceError::Unusable { path: data.to_owned(), error })?;
        Ok(Self { data: data.to_owned() })
    }

    /// The directory itself.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data
    }

    /// Where accounts, settings and history lie.
    #[must_use]
    pub fn store(&self) -> StorePlace {
        StorePlace::File(self.data.join("bellbird.db"))
    }

    /// Where recorded calls lie.
    #[must_use]
    pub fn recordings(&self) -> PathBuf {
        self.data.join("recordings")
    }

    /// Takes the stored accounts for this process.
    ///
    /// # Errors
    /// [`PlaceError::AlreadyRunning`] when another phone of this user has them.
    pub fn lock(&self) -> Result<Lock, PlaceError> {
        Lock::take(&self.data)
    }
}

#[cfg(unix)]
fn make_private(data: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(data: &Path) -> io::Result<()> {
    fs::create_dir_all(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_phone_is_told_that_the_first_runs() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::at(dir.path()).unwrap();
        let first = place.lock().unwrap();
        assert!(matches!(place.lock(), Err(PlaceError::AlreadyRunning(_))));
        drop(first);
        place.lock().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_data() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("a/b");
        Place::at(&data).unwrap();
        assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_file_where_the_directory_should_be_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        fs::write(&file, "").unwrap();
        assert!(matches!(Place::at(&file), Err(PlaceError::Unusable { .. })));
    }
}
