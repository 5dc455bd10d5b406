//! `run`: a phone from flags or with the stored accounts, at a prompt or for a program.

use std::{process::ExitCode, sync::Arc};

use pbx::Language;
use phone::{
    Phone, PracticeHost, Setup, StorePlace,
    contract::Error,
    fault::{Code, Fault},
    words::Words,
};
use vault::{Keychain, Lock, Memory, Place, PlaceError};

use crate::{account, args::Run, input::Input, lines, practice::Practice, prompt, sound, tell};

/// Runs until the input ends, somebody quits, or the process is asked to end.
pub(crate) async fn run(run: Run) -> anyhow::Result<ExitCode> {
    let json = run.json;
    let mut input = Input::new();
    let (setup, lock) = match setup(run, &mut input)? {
        Ok(made) => made,
        Err(error) => return Ok(refuse(json, &error)),
    };
    let phone = match phone::start(setup).await {
        Ok(phone) => phone,
        Err(error) => return Ok(refuse(json, &error)),
    };
    let code = if json { lines::talk(&phone, input).await } else { prompt::talk(&phone, input).await };
    drop(lock);
    Ok(code)
}

/// The phone that the flags describe, and the lock on the stored accounts where it uses them.
fn setup(run: Run, input: &mut Input) -> anyhow::Result<Result<(Setup, Option<Lock>), Error>> {
    let words = Words::of("system");
    let port = sound::port(run.mic.as_deref(), run.speaker.as_deref())?;
    let language = Language::of_tag(words.tag());
    let practice: Option<Arc<dyn PracticeHost>> =
        if run.practice { Some(Arc::new(Practice::new(language))) } else { None };
    let recordings = run.recordings;
    let base = Setup { sound: port, practice, recordings: recordings.clone(), ..Setup::new(env!("CARGO_PKG_VERSION")) };
    if let Some(flags) = run.account {
        let wish = account::wish(flags, input)?;
        let setup =
            Setup { accounts: vec![wish], secrets: Arc::new(Memory::default()), store: StorePlace::Memory, ..base };
        return Ok(Ok((setup, None)));
    }
    let place = Place::of_user()?;
    let lock = match place.lock() {
        Ok(lock) => lock,
        Err(PlaceError::AlreadyRunning(data)) => {
            let fault = Fault::new(Code::AlreadyRunning).detail(data.display().to_string());
            return Ok(Err(words.error(&fault)));
        }
        Err(error) => return Err(error.into()),
    };
    let recordings = Some(recordings.unwrap_or_else(|| place.recordings()));
    let setup = Setup { secrets: Arc::new(Keychain::new()), store: place.store(), recordings, ..base };
    Ok(Ok((setup, Some(lock))))
}

/// Says why there is no phone.
fn refuse(json: bool, error: &Error) -> ExitCode {
    if json {
        println!("{}", serde_json::json!({ "reply": null, "error": error }));
    }
    eprintln!("{}", tell::sentence(error));
    ExitCode::FAILURE
}

/// Until somebody wants the process to end.
#[cfg(unix)]
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminated), Ok(mut interrupted)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Then the system's own way of ending it is left.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
}

/// Until somebody wants the process to end.
#[cfg(not(unix))]
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Ends the phone: calls are hung up and the servers left, within the time that the phone gives itself.
pub(crate) async fn leave(phone: &Phone) {
    phone.shutdown().await;
}
