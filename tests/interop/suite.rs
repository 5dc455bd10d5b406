//! The runner: one test after the other, each with servers of its own, and a word of its own for what could not be had.
//!
//! Rust's own runner knows no test that finds out while it runs that it cannot be made today. Here such a test is
//! `skipped`: it says so in one loud line, and the program ends with [`SKIPPED`], so that nobody takes it for passed.

use std::{
    collections::BTreeMap,
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use acceptance::program;

/// The program ends so when nothing failed but something was skipped. `scripts/test` knows it.
pub(crate) const SKIPPED: u8 = 77;

/// Software that cannot be had on this machine today, and why.
#[derive(Debug)]
pub(crate) struct Missing(pub(crate) String);

/// A test: its name, and what it does.
pub(crate) type Test = (&'static str, fn() -> Result<(), Missing>);

/// Runs the tests that the arguments name, or all. Flags of Rust's own runner are taken and mean nothing but `--list`
/// and `--exact`.
pub(crate) fn run(tests: &[Test]) -> ExitCode {
    let (mut names, mut list, mut exact) = (Vec::new(), false, false);
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--list" => list = true,
            "--exact" => exact = true,
            flag if flag.starts_with('-') => {}
            _ => names.push(argument),
        }
    }
    let named = |test: &str| {
        names.is_empty() || names.iter().any(|name| if exact { test == name } else { test.contains(name.as_str()) })
    };
    let chosen: Vec<&Test> = tests.iter().filter(|(name, _)| named(name)).collect();
    if list {
        chosen.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    // Before any server waits: one that waits for a call gives up while the phone is built.
    let _ = program::terminal_phone();
    println!("\nrunning {} tests", chosen.len());
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), BTreeMap::<String, Vec<&str>>::new());
    for (name, test) in chosen {
        let begun = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(test));
        let seconds = begun.elapsed().as_secs_f32();
        match outcome {
            Ok(Ok(())) => {
                passed += 1;
                println!("test {name} ... ok ({seconds:.1} s)");
            }
            Ok(Err(Missing(why))) => {
                println!("test {name} ... SKIPPED");
                skipped.entry(why).or_default().push(*name);
            }
            Err(_) => {
                failed.push(*name);
                println!("test {name} ... FAILED ({seconds:.1} s)");
            }
        }
    }
    println!();
    for (why, names) in &skipped {
        println!("==== SKIPPED, NOT PASSED: {why} ({})", names.join(", "));
    }
    let skips = skipped.values().map(Vec::len).sum::<usize>();
    failed.iter().for_each(|name| println!("FAILED: {name}"));
    println!("test result: {passed} passed; {} failed; {skips} skipped\n", failed.len());
    match (failed.is_empty(), skips) {
        (false, _) => ExitCode::FAILURE,
        (true, 0) => ExitCode::SUCCESS,
        (true, _) => ExitCode::from(SKIPPED),
    }
}

/// The program of that name, or the package that is missing.
pub(crate) fn installed(name: &str, package: &str) -> Result<PathBuf, Missing> {
    program::find(name)
        .ok_or_else(|| Missing(format!("there is no {name} here: the package {package} is not installed")))
}

/// `text` with each `@WORD@` filled in.
pub(crate) fn filled(text: &str, words: &[(&str, String)]) -> String {
    let filled = words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(&format!("@{word}@"), value));
    let forgotten =
        filled.split('@').skip(1).find(|part| part.len() > 1 && part.chars().all(|c| c.is_ascii_uppercase()));
    assert_eq!(forgotten, None, "nobody filled that in");
    filled
}
