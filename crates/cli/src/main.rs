//! `bellbird-cli`: the same phone as the window's, in a terminal, for people and for programs (docs/cli.md).
#![forbid(unsafe_code)]

mod account;
mod args;
mod devices;
#[cfg(test)]
mod docs;
mod echo;
mod input;
mod lines;
mod load;
mod measure;
mod practice;
mod prompt;
mod run;
mod sound;
mod tell;
mod words;

use std::process::ExitCode;

use args::{Asked, What};
use tracing_subscriber::EnvFilter;

/// Whose log `--log` is about.
const ROOMS: [&str; 10] = ["bellbird_cli", "audio", "ice", "media", "net", "pbx", "phone", "sip", "vault", "wss"];

/// The command line is not understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let asked = match args::read(std::env::args_os().skip(1)) {
        Ok(asked) => asked,
        Err(usage) => {
            eprintln!("bellbird-cli: {usage}\nTry bellbird-cli --help.");
            return ExitCode::from(USAGE);
        }
    };
    log(&asked);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("bellbird-cli: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match asked.what {
            What::Help => print(&args::help()),
            What::Version => print(&format!("bellbird-cli {}\n", env!("CARGO_PKG_VERSION"))),
            What::Devices { json } => devices::list(json),
            What::EchoTest { json } => echo::test(json).await,
            What::Run(run) => run::run(*run).await,
            What::Load(asked) => load::load(&asked),
        }
    });
    // The thread that waits for input may wait for ever.
    runtime.shutdown_background();
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bellbird-cli: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Text for the standard output. A reader who has gone has seen what it wanted.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    use std::io::Write;
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// The log, only when asked for: the standard error belongs to the person.
fn log(asked: &Asked) {
    let filter = match &asked.log {
        // The rooms of the phone; what the libraries below have to say is for BELLBIRD_LOG.
        Some(level) => {
            let rooms = ROOMS.map(|room| format!("{room}={level}"));
            EnvFilter::new(format!("error,{}", rooms.join(",")))
        }
        None => match EnvFilter::try_from_env("BELLBIRD_LOG") {
            Ok(filter) => filter,
            Err(_) => return,
        },
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).init();
}
