//! The echo test of the built program, as a person and as a program ask for it.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[allow(dead_code, reason = "each of the tests uses its part")]
mod support;

use serde_json::Value;
use support::program;

#[test]
fn the_echo_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let done = program(home.path()).args(["echo-test", "--json"]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&done.stderr));
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&report["ok"], &report["number"], &report["codec"]), (&true.into(), &"600".into(), &"opus".into()));
    assert!(report["server"].as_str().unwrap().starts_with("wss://127.0.0.1:"));
    for field in ["registerMs", "answerMs", "secureMs", "firstSoundMs"] {
        assert!(report[field].is_u64(), "{field}: {report}");
    }
    // What is measured is only as good as the machine is idle; here it is only held to be possible.
    let number = |field: &str| report[field].as_f64().unwrap_or_else(|| panic!("{field}: {report}"));
    assert!((90.0..=100.0).contains(&number("foundPct")), "{report}");
    assert!((1.0..3000.0).contains(&number("delayMs")) && number("seconds") >= 5.0, "{report}");
    assert!((-40.0..-10.0).contains(&number("levelDbfs")) && number("lossPct") >= 0.0, "{report}");
    assert!(std::fs::read_dir(home.path()).unwrap().next().is_none(), "it leaves nothing behind");
}
