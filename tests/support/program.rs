//! Where the programs are that the tests start.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::repository;

/// The program of that name on the path of the system or among those for its administrators.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// The folder in which Cargo put the running test: `target/debug` or `target/release`.
///
/// # Panics
/// When the test runs from somewhere else.
#[must_use]
pub fn built() -> PathBuf {
    let exe = env::current_exe().expect("a running program has a path");
    exe.parent().and_then(Path::parent).expect("a test lies in target/<profile>/deps").to_owned()
}

/// The terminal phone: `$BELLBIRD_CLI`, or the one beside this test, which is built first so that it is never an old one.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn terminal_phone() -> PathBuf {
    static PHONE: OnceLock<PathBuf> = OnceLock::new();
    PHONE
        .get_or_init(|| {
            if let Some(given) = env::var_os("BELLBIRD_CLI") {
                return given.into();
            }
            let built = built();
            let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo
                .args(["build", "--quiet", "--locked", "-p", "cli", "--bin", "bellbird-cli"])
                .current_dir(repository());
            cargo.arg("--target-dir").arg(built.parent().expect("target/<profile>"));
            if built.ends_with("release") {
                cargo.arg("--release");
            }
            let status = cargo.status().unwrap_or_else(|error| panic!("cargo: {error}"));
            assert!(status.success(), "the terminal phone does not build: {status}");
            built.join("bellbird-cli")
        })
        .clone()
}
