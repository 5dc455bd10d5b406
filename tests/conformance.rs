//! docs/conformance.md is true: every row of the three lists stands in it, and every test it names exists.

use std::{collections::BTreeSet, fs, path::Path};

/// How many rows each list has, by the letter of its ids.
const LISTS: [(&str, usize); 8] =
    [("Q", 19), ("C", 95), ("L", 24), ("S", 33), ("R", 31), ("F", 8), ("H", 20), ("W", 18)];

struct Row {
    id: String,
    proof: String,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/conformance.md")).expect("docs/conformance.md");
    text.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
            let [id, _, proof] = cells.as_slice() else { return None };
            let (letter, number) = id.split_at(1);
            (LISTS.iter().any(|(list, _)| *list == letter) && number.parse::<usize>().is_ok())
                .then(|| Row { id: (*id).to_owned(), proof: (*proof).to_owned() })
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

#[test]
fn every_row_of_the_lists_stands_once() {
    let rows = rows();
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), rows.len(), "an id stands twice");
    for (letter, count) in LISTS {
        for number in 1..=count {
            assert!(ids.contains(format!("{letter}{number}").as_str()), "{letter}{number} is missing");
        }
    }
}

#[test]
fn every_test_that_is_named_exists() {
    for Row { id, proof } in rows() {
        let named: Vec<&str> = proof.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect();
        assert!(!named.is_empty() || proof.starts_with("open"), "{id} neither names a test nor says `open`");
        for name in named {
            let (file, test) = name.split_once("::").expect("filtered above");
            let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{id}: {file}: {error}"));
            assert!(has_test(file, &text, test), "{id} names {test}, which is not in {file}");
        }
    }
}

/// Is `test` a test of that file? In Rust a function with the attribute, a row of a table of tests, or a case of the
/// runner of real servers; elsewhere its name in quotes.
fn has_test(file: &str, text: &str, test: &str) -> bool {
    if !file.ends_with(".rs") {
        return ['"', '\'', '`'].iter().any(|quote| text.contains(&format!("{quote}{test}{quote}")));
    }
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let function = format!("fn {test}(");
    lines.iter().enumerate().any(|(at, line)| {
        let declared = line.strip_prefix("async ").unwrap_or(line).starts_with(&function);
        let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        let marked =
            attributes.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
        declared && (marked || line.contains("Result<(), Missing>")) || line.starts_with(&format!("{test}: \""))
    })
}

#[test]
fn a_test_is_told_from_what_only_looks_like_one() {
    let rust = "#[test]\nfn one() {}\nfn two() {}\n#[tokio::test]\n#[cfg(unix)]\nasync fn three() {}\n    four: \"x\" 4,\n// fn five() {}\n";
    let found = ["one", "two", "three", "four", "five", "on"].map(|test| has_test("a.rs", rust, test));
    assert_eq!(found, [true, false, true, true, false, false]);
    assert!(has_test("a.ts", "it('says so', …", "says so") && !has_test("a.ts", "it('says so', …", "says"));
}
