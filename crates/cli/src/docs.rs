//! docs/cli.md says what is so: each flag, word, command and code is in it, and each example is understood.

use std::ffi::OsString;

use phone::{
    contract::Command,
    fault::{Code, Fault},
    words::Words,
};
use serde_json::Value;

use crate::{
    args::{self, FLAGS, What},
    words::WORDS,
};

const DOCS: &str = include_str!("../../../docs/cli.md");

fn lines_after(start: &'static str) -> impl Iterator<Item = &'static str> {
    DOCS.lines().filter_map(move |line| line.strip_prefix(start))
}

#[test]
fn every_flag_and_every_word_is_there_as_it_helps() {
    for flag in FLAGS {
        let left = flag.value.map_or_else(|| flag.name.to_owned(), |value| format!("{} {value}", flag.name));
        assert!(
            DOCS.lines().any(|line| line.starts_with(&format!("| `{left}` |")) && line.contains(flag.help)),
            "{left}"
        );
    }
    for word in WORDS {
        let row = format!("| `{}` | {} |", format!("{} {}", word.name, word.then).trim_end(), word.help);
        assert!(DOCS.contains(&row), "{row}");
    }
}

#[test]
fn every_code_is_there_with_its_sentence() {
    let words = Words::of("en");
    for code in Code::ALL {
        let error = words.error(&Fault::new(*code));
        let act = code.act().map(|act| format!("`{}`", text(&act))).unwrap_or_default();
        let row = format!("| `{}` | {} | {act} | {} |", error.code, text(&error.who), error.message);
        assert!(DOCS.contains(&row), "{row}");
    }
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[test]
fn every_command_is_there_and_every_example_is_one() {
    let mut seen = std::collections::BTreeSet::new();
    for line in lines_after("> {") {
        let mut value: Value =
            serde_json::from_str(&format!("{{{line}")).unwrap_or_else(|error| panic!("{error}: {line}"));
        value.as_object_mut().expect("an object").remove("id");
        seen.insert(text(&value["do"]));
        if let Err(error) = serde_json::from_value::<Command>(value) {
            panic!("{error}: {line}");
        }
    }
    // Serde names all that there are when it is asked for one that is not.
    let refusal = serde_json::from_str::<Command>(r#"{"do":"?"}"#).err().expect("no such command").to_string();
    let known: Vec<_> = refusal.split('`').skip(3).step_by(2).collect();
    assert!(known.len() > 20, "{refusal}");
    for command in known {
        assert!(seen.contains(command), "{command} has no example");
    }
}

#[test]
fn every_line_out_is_one_of_the_phone() {
    let kinds = ["hello", "state", "reply", "notice", "levels", "quality", "sip"];
    let mut seen = std::collections::BTreeSet::new();
    for line in lines_after("< {") {
        let value: Value = serde_json::from_str(&format!("{{{line}")).unwrap_or_else(|error| panic!("{error}: {line}"));
        let first = kinds.iter().find(|kind| value.get(**kind).is_some());
        seen.insert(*first.unwrap_or_else(|| panic!("no line of the phone: {line}")));
    }
    assert_eq!(seen.len(), kinds.len(), "only {seen:?} have an example");
}

#[test]
fn every_command_line_is_understood() {
    let mut count = 0;
    for line in lines_after("$ bellbird-cli ") {
        let asked =
            args::read(line.split_whitespace().map(OsString::from)).unwrap_or_else(|usage| panic!("{usage}: {line}"));
        assert!(!matches!(asked.what, What::Help | What::Version), "{line}");
        count += 1;
    }
    assert!(count >= 5);
}
