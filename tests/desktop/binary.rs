//! The built program itself (CONFORMANCE H14, H19).

use std::{fs, process::Command};

use crate::session::program;

fn readelf(words: &[&str]) -> String {
    let done =
        Command::new("readelf").args(words).arg(program()).output().expect("readelf comes with the compiler's tools");
    assert!(done.status.success());
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[test]
fn the_program_is_hardened() {
    assert!(readelf(&["-h"]).contains("DYN"), "it may lie anywhere in memory");
    let segments = readelf(&["-lW"]);
    assert!(segments.contains("GNU_RELRO"), "its tables are read-only once it runs");
    let stack = segments.lines().find(|line| line.contains("GNU_STACK")).expect("it says how its stack is");
    assert!(!stack.contains('E'), "no code runs on the stack: {stack}");
    let dynamic = readelf(&["-dW"]);
    assert!(dynamic.contains("BIND_NOW") || dynamic.contains("NOW"), "no table is filled in later");
    for tag in ["RPATH", "RUNPATH", "TEXTREL"] {
        assert!(!dynamic.contains(tag), "{tag}: no library comes from elsewhere, no code is written to");
    }
}

#[test]
fn the_pages_of_the_program_lie_in_it_and_no_gallery_does() {
    let bytes = fs::read(program()).expect("the program can be read");
    let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("index.html"), "the pages are in it");
    assert!(!holds("gallery.html"), "the gallery is not");
}
