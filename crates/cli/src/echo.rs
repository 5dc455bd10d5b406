//! `echo-test`: the whole phone against the practice line in this process, over real sockets, and a verdict.

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use pbx::Language;
use phone::{
    Door, Listener, Phone, Setup,
    contract::{Account, Call, CallId, Command, Error, Line, LineState, Phase, PhoneState, Quality, Watch},
};
use serde::Serialize;

use crate::{measure::Ear, practice::Practice, print, tell};

/// The echo.
const NUMBER: &str = "600";
/// How long it is listened to, in seconds.
const SECONDS: f64 = 5.0;
/// How much of it must come back, in per cent.
const ENOUGH: f64 = 90.0;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the test found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    server: String,
    number: &'static str,
    /// From the start of the phone to the registered line.
    register_ms: u64,
    /// From the dialling to the answer.
    answer_ms: u64,
    /// From the answer to the keys of the sound.
    secure_ms: Option<u32>,
    /// From the answer to the first sound.
    first_sound_ms: Option<u32>,
    /// There and back; null when nothing came back.
    delay_ms: Option<f64>,
    loss_pct: Option<f64>,
    jitter_ms: Option<f64>,
    level_dbfs: Option<f64>,
    /// How many windows of 200 ms came back.
    found_pct: f64,
    seconds: f64,
    codec: Option<String>,
    srtp: Option<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}", tell::sentence(.0))]
    Said(Box<Error>),
    #[error("{what} took more than {} seconds", PATIENCE.as_secs())]
    Late { what: &'static str },
    #[error("the phone ended by itself")]
    Gone,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Said(Box::new(error))
    }
}

/// Runs the test and prints what it found. The exit code is the verdict.
pub(crate) async fn test(json: bool) -> anyhow::Result<ExitCode> {
    let (port, ear) = Ear::new();
    let setup = Setup {
        sound: Box::new(port),
        practice: Some(Arc::new(Practice::new(Language::English))),
        ..Setup::new(env!("CARGO_PKG_VERSION"))
    };
    let started = Instant::now();
    let result = match phone::start(setup).await {
        Ok(phone) => {
            let result = measure(&phone, &ear, started).await;
            phone.shutdown().await;
            result
        }
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(report) => {
            let text = if json { format!("{}\n", serde_json::to_string(&report)?) } else { report.text() };
            print(&text)?;
            Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(failure) => {
            if json {
                let error = match &failure {
                    Failure::Said(error) => serde_json::to_value(error)?,
                    other => serde_json::json!({ "code": "internal", "message": other.to_string() }),
                };
                print(&format!("{}\n", serde_json::json!({ "ok": false, "error": error })))?;
            } else {
                eprintln!("The echo test failed. {failure}");
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn measure(phone: &Phone, ear: &Ear, started: Instant) -> Result<Report, Failure> {
    let (door, listener) = phone.attach();
    let mut follower = Follower { listener, quality: None };
    let account = follower.until("registering", registered).await?;
    let register = started.elapsed();
    for watch in [Watch::Levels, Watch::Quality] {
        door.send(Command::Watch { watch, call: None }).await?;
    }
    let dialled = Instant::now();
    let id = dial(&door, &account).await?;
    follower.until("the answer", |state| up(state, &id, |call| call.answered_at.is_some())).await?;
    let answer = dialled.elapsed();
    let heard = |call: &Call| matches!(call.phase, Phase::Connected {}) && call.media.first_sound_ms.is_some();
    let call = follower.until("the first sound", |state| up(state, &id, heard)).await?;
    follower.listen(ear, &id).await?;
    let found = ear.find();
    door.send(Command::Hangup { call: Some(id.clone()) }).await?;
    follower.until("the hang-up", |state| over(state, &id).then_some(Ok(()))).await?;
    let found_pct = found.map_or(0.0, |found| found.found_pct);
    let quality = follower.quality.as_ref();
    Ok(Report {
        ok: found_pct >= ENOUGH,
        server: account.server,
        number: NUMBER,
        register_ms: milliseconds(register),
        answer_ms: milliseconds(answer),
        secure_ms: call.media.secure_ms,
        first_sound_ms: call.media.first_sound_ms,
        delay_ms: found.map(|found| rounded(found.delay_ms)),
        loss_pct: quality.map(|quality| rounded(quality.loss_pct)),
        jitter_ms: quality.map(|quality| rounded(quality.jitter_ms)),
        level_dbfs: found.map(|found| rounded(found.level_dbfs)),
        found_pct: rounded(found_pct),
        seconds: rounded(ear.seconds()),
        codec: call.media.codec,
        srtp: call.media.srtp,
    })
}

async fn dial(door: &Door, account: &Account) -> Result<CallId, Failure> {
    let done = door.send(Command::Call { to: NUMBER.to_owned(), account: Some(account.id.clone()) }).await?;
    done.call.ok_or(Failure::Gone)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The practice line, once it is registered; its error, when it cannot be.
fn registered(state: &PhoneState) -> Option<Result<Account, Failure>> {
    let problem = state.problems.iter().find(|error| error.code == "practice-failed");
    let account = state.accounts.iter().find(|account| account.practice);
    match (account, problem) {
        (Some(account), _) => match &account.line {
            LineState::Registered { .. } => Some(Ok(account.clone())),
            LineState::Failed { error } | LineState::Retrying { error, .. } => Some(Err(error.clone().into())),
            _ => None,
        },
        (None, Some(error)) => Some(Err(error.clone().into())),
        (None, None) => None,
    }
}

/// The call, once it is as it should be; its error, when it has ended.
fn up(state: &PhoneState, id: &CallId, is: impl Fn(&Call) -> bool) -> Option<Result<Call, Failure>> {
    let call = state.calls.iter().find(|call| call.id == *id)?;
    match &call.phase {
        Phase::Ended { cause } => Some(Err(cause.error.clone().map_or(Failure::Gone, Failure::from))),
        _ => is(call).then(|| Ok(call.clone())),
    }
}

fn over(state: &PhoneState, id: &CallId) -> bool {
    state.calls.iter().find(|call| call.id == *id).is_none_or(|call| matches!(call.phase, Phase::Ended { .. }))
}

/// Follows the phone.
struct Follower {
    listener: Listener,
    /// The last that was told.
    quality: Option<Quality>,
}

impl Follower {
    /// Waits for a state of which `find` makes something.
    async fn until<T>(
        &mut self,
        what: &'static str,
        find: impl Fn(&PhoneState) -> Option<Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let found = async {
            loop {
                match self.next().await? {
                    Line::State(state) => {
                        if let Some(found) = find(&state) {
                            return found;
                        }
                    }
                    Line::Notice(phone::contract::Notice::PracticeStopped { error }) => return Err(error.into()),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or(Err(Failure::Late { what }))
    }

    /// Listens until enough was spoken. The levels are the clock: they come twenty times a second.
    async fn listen(&mut self, ear: &Ear, id: &CallId) -> Result<(), Failure> {
        let spoken = async {
            loop {
                match self.next().await? {
                    // A call that ends meanwhile says why.
                    Line::State(state) => up(&state, id, |_| true).transpose().map(drop)?,
                    Line::Levels(_) if ear.seconds() >= SECONDS => return Ok(()),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, spoken).await.unwrap_or(Err(Failure::Late { what: "the listening" }))
    }

    async fn next(&mut self) -> Result<Line, Failure> {
        let line = self.listener.next().await.ok_or(Failure::Gone)?;
        if let Line::Quality(quality) = &line {
            self.quality = Some(quality.clone());
        }
        Ok(line)
    }
}

impl Report {
    fn text(&self) -> String {
        let ms = |value: Option<u32>| value.map_or_else(|| "never".to_owned(), |ms| format!("after {ms} ms"));
        let or_none =
            |value: Option<f64>, unit: &str| value.map_or_else(|| "none".to_owned(), |v| format!("{v:.1} {unit}"));
        let media = [&self.codec, &self.srtp].into_iter().flatten().cloned().collect::<Vec<_>>().join(", ");
        let verdict = if self.ok { "The echo came back." } else { "The echo did not come back as it should." };
        format!(
            "Practice line  {}\n\
             Registered     after {} ms\n\
             Answered       after {} ms\n\
             Secured        {} ({media})\n\
             First sound    {}\n\
             Delay          {} there and back\n\
             Loss           {}\n\
             Level          {}\n\
             Came back      {:.1} % of {:.1} s\n\
             {verdict}\n",
            self.server,
            self.register_ms,
            self.answer_ms,
            ms(self.secure_ms),
            ms(self.first_sound_ms),
            or_none(self.delay_ms, "ms"),
            or_none(self.loss_pct, "%"),
            or_none(self.level_dbfs, "dBFS"),
            self.found_pct,
            self.seconds,
        )
    }
}
