//! The log: what happened, without a secret and without the sound of a single word. It lies beside the phone's data,
//! a file a day, the last seven kept.

use std::path::Path;

use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::EnvFilter;

/// Starts the log in `data`. The guard writes what is left when it is dropped; without a writable folder the log goes
/// to the standard error.
pub(crate) fn start(data: &Path) -> Option<WorkerGuard> {
    let filter = || EnvFilter::try_from_env("BELLBIRD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let folder = data.join("log");
    // Looking for old files in a folder that is not there would be said on the standard error.
    let _ = std::fs::create_dir_all(&folder);
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("bellbird")
        .filename_suffix("log")
        .max_log_files(7)
        .build(&folder);
    match files {
        Ok(files) => {
            let (writer, guard) = tracing_appender::non_blocking(files);
            tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(false).with_writer(writer).init();
            Some(guard)
        }
        Err(error) => {
            tracing_subscriber::fmt().with_env_filter(filter()).with_writer(std::io::stderr).init();
            tracing::warn!(%error, "the log cannot be written beside the phone's data");
            None
        }
    }
}
