//! `load`: how many calls does a core of this machine carry? Both ends of each are in this process.

use std::process::ExitCode;

use phone::load::{FRAME, Load, LoadError, Measured, Mode, measure};
use serde::Serialize;

use crate::{args, print};

/// Packets of each end in a second.
const A_SECOND: u32 = 1000 / FRAME.as_millis() as u32;
/// So many packets each end sends before it is measured: jitter buffers settle within two seconds.
const BEFORE: u32 = 2 * A_SECOND;
/// How much of the cores a number that was found by itself is to take. Above it, calls get in each other's way.
const FULL: f64 = 0.9;
/// How near to that is enough.
const NEAR: f64 = 0.05;
/// The first number of calls takes little of any machine; each further one is at most so many times the last.
const GROWTH: f64 = 6.0;

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// Was every call carried?
    ok: bool,
    mode: &'static str,
    cores: usize,
    /// How many calls there were, each with both its ends here.
    calls: usize,
    /// Those of which no packet was sent late or lost.
    carried: usize,
    wall_s: f64,
    cpu_s: f64,
    /// How much of the cores it took.
    used_pct: f64,
    sent: u64,
    late: u64,
    lost: u64,
    /// 999 of 1000 packets were sent no later than this.
    late_ms: f64,
    concealed_pct: Option<f64>,
    /// By CPU time: calls with both ends here, ends, and packets that one end sends and another takes in a second.
    calls_per_core: f64,
    ends_per_core: f64,
    packets_per_core: f64,
}

impl Report {
    fn new(load: &Load, measured: &Measured) -> Self {
        let per_core = measured.calls_per_core();
        Self {
            ok: measured.carried == measured.calls,
            mode: word(load.mode),
            cores: load.cores,
            calls: measured.calls,
            carried: measured.carried,
            wall_s: rounded(measured.wall.as_secs_f64(), 3),
            cpu_s: rounded(measured.cpu.as_secs_f64(), 3),
            used_pct: rounded(100.0 * measured.used(load.cores), 1),
            sent: measured.sent,
            late: measured.late,
            lost: measured.lost,
            late_ms: rounded(measured.lateness.as_secs_f64() * 1000.0, 1),
            concealed_pct: measured.concealed.map(|share| rounded(100.0 * share, 2)),
            calls_per_core: rounded(per_core, 1),
            ends_per_core: rounded(2.0 * per_core, 1),
            packets_per_core: rounded(measured.sent as f64 / measured.cpu.as_secs_f64(), 0),
        }
    }

    fn step(&self) -> String {
        let concealed = self.concealed_pct.map(|share| format!(", made up {share} %")).unwrap_or_default();
        format!(
            "{:>6} calls: {} carried, {} % of {}, late {}, lost {}, 99.9 % sent within {} ms{concealed}\n",
            self.calls,
            self.carried,
            self.used_pct,
            cores(self.cores),
            self.late,
            self.lost,
            self.late_ms,
        )
    }

    fn verdict(&self) -> String {
        let carried = if self.ok { "all were carried" } else { "not all were carried" };
        format!(
            "Of {} calls {carried}. By CPU time a core carries {} with both ends here:\n\
             {} ends, {} packets a second out and in.\n",
            self.calls, self.calls_per_core, self.ends_per_core, self.packets_per_core,
        )
    }
}

/// Measures and prints what it came to. The exit code says whether all calls were carried.
pub(crate) fn load(asked: &args::Load) -> anyhow::Result<ExitCode> {
    let result = steps(asked, |report| {
        // A program wants the result; a person would wait for long.
        if asked.json { Ok(()) } else { print(&report.step()).map(drop) }
    });
    match result {
        Ok(report) => {
            print(&if asked.json { format!("{}\n", serde_json::to_string(&report)?) } else { report.verdict() })?;
            Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(error) => {
            let Some(error) = error.downcast_ref::<LoadError>() else { return Err(error) };
            if asked.json {
                let error = serde_json::json!({ "code": "internal", "message": error.to_string() });
                print(&format!("{}\n", serde_json::json!({ "ok": false, "error": error })))?;
            } else {
                eprintln!("The load failed: {error}.");
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Measures the calls that were asked for, or more and more. The report is that of the most that were carried; of the first,
/// when not even those were.
fn steps(asked: &args::Load, mut told: impl FnMut(&Report) -> anyhow::Result<()>) -> anyhow::Result<Report> {
    let packets = asked.seconds * A_SECOND;
    let few = if asked.mode == Mode::Opus { 4 } else { 100 };
    let calls = asked.calls.unwrap_or(few * asked.cores);
    let mut load = Load { mode: asked.mode, calls, cores: asked.cores, before: BEFORE, packets };
    let mut best = None;
    loop {
        let measured = measure(&load)?;
        let report = Report::new(&load, &measured);
        told(&report)?;
        if !report.ok {
            return Ok(best.unwrap_or(report));
        }
        best = Some(report);
        match next(measured.calls, measured.used(load.cores)).filter(|_| asked.calls.is_none()) {
            Some(more) => load.calls = more,
            None => return Ok(best.expect("it was set just now")),
        }
    }
}

/// How many calls to try after so many, which took this share of the cores; `None` when that is enough.
fn next(calls: usize, used: f64) -> Option<usize> {
    let growth = (FULL / used).min(GROWTH);
    let more = (calls as f64 * growth) as usize;
    (growth > 1.0 + NEAR && more > calls).then_some(more)
}

const fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Opus => "opus",
        Mode::Encoded => "encoded",
    }
}

fn cores(number: usize) -> String {
    if number == 1 { "one core".to_owned() } else { format!("{number} cores") }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (value * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_grows_until_the_cores_are_full() {
        assert_eq!(next(4, 0.01), Some(24), "not by more than sixfold");
        assert_eq!(next(24, 0.3), Some(72));
        assert_eq!(next(72, 0.87), None, "near enough");
        assert_eq!(next(72, 1.2), None);
        assert_eq!(next(1, 0.5), None, "a number that does not grow is the last");
    }
}
