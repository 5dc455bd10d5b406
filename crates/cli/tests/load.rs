//! The load of the built program: a few calls, of which it counts every packet. How fast the machine is plays no part.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[allow(dead_code, reason = "each of the tests uses its part")]
mod support;

use serde_json::Value;
use support::program;

/// Four calls for a second, and what the program said of them.
fn four_calls(mode: &str) -> Value {
    let home = tempfile::tempdir().unwrap();
    let line = ["load", "--json", "--calls", "4", "--seconds", "1", "--mode", mode];
    let done = program(home.path()).args(line).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let report: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{done:?}"));
    // On a busy machine a packet may be late; the exit code says so then.
    assert_eq!(done.status.code(), Some(if report["ok"] == true { 0 } else { 1 }), "{report}");
    assert!(std::fs::read_dir(home.path()).unwrap().next().is_none(), "it leaves nothing behind");
    report
}

#[test]
fn every_packet_of_four_calls_goes_and_comes() {
    for mode in ["opus", "encoded"] {
        let report = four_calls(mode);
        assert_eq!(report["mode"], mode);
        for (field, value) in [("calls", 4), ("cores", 1), ("sent", 4 * 2 * 50), ("lost", 0)] {
            assert_eq!(report[field], value, "{field}: {report}");
        }
        let number = |field: &str| report[field].as_f64().unwrap_or_else(|| panic!("{field}: {report}"));
        assert!(number("wallS") >= 0.9 && number("cpuS") > 0.0 && number("callsPerCore") > 0.0, "{report}");
        assert!((number("endsPerCore") - 2.0 * number("callsPerCore")).abs() < 0.2, "{report}");
        // Two seconds and more went before, so that there is sound.
        assert_eq!(report["concealedPct"].as_f64().map(|share| share < 50.0), (mode == "opus").then_some(true));
    }
}
