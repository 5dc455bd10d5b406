//! The hardening of the shell as far as it is configuration (CONFORMANCE H1 to H16): what the files say is what was
//! decided. No display is needed here; what only a real window can show stands in `window` beside this file.

use std::{fs, path::Path};

use serde_json::{Value, json};

/// The least versions that are free of the advisories known on 2026-11-26 (H1). A package that has several versions in
/// the lock must have none below.
const LEAST: [(&str, &str); 22] = [
    ("tauri", "2.11.1"),
    ("tauri-build", "2.7.0"),
    ("tauri-plugin-notification", "2.8.0"),
    ("tauri-plugin-single-instance", "2.5.0"),
    ("wry", "0.57.0"),
    ("tao", "0.37.0"),
    ("bytes", "1.11.1"),
    ("crossbeam-channel", "0.5.15"),
    ("idna", "1.0.0"),
    ("libsqlite3-sys", "0.25.1"),
    ("plist", "1.8.0"),
    ("regex", "1.5.5"),
    ("ring", "0.17.12"),
    ("rustls", "0.23.18"),
    ("rustls-webpki", "0.103.10"),
    ("slab", "0.4.11"),
    ("time", "0.3.47"),
    ("tokio", "1.44.2"),
    ("tracing-subscriber", "0.3.20"),
    ("tungstenite", "0.20.1"),
    ("url", "2.5.4"),
    ("zbus", "5.0.0"),
];

/// The content security policy of H2, word for word.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                   connect-src ipc: http://ipc.localhost; object-src 'none'; base-uri 'none'; form-action 'none'; \
                   require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

/// The two commands of a window, and nothing else (H9).
const COMMANDS: [&str; 2] = ["attach", "send"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn config() -> Value {
    serde_json::from_str(&text("tauri.conf.json")).expect("tauri.conf.json is JSON")
}

/// The files of a folder by name, in order.
fn names(folder: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Name and version of every package in the lock.
fn locked() -> Vec<(String, String)> {
    let lock = text("Cargo.lock");
    let value =
        |line: &str, key: &str| line.strip_prefix(key).map(|value| value.trim_matches(['"', ' ', '=']).to_owned());
    let lines: Vec<&str> = lock.lines().collect();
    lines.windows(2).filter_map(|pair| Some((value(pair[0], "name = ")?, value(pair[1], "version = ")?))).collect()
}

fn numbers(version: &str) -> Vec<u64> {
    version
        .split(['-', '+'])
        .next()
        .unwrap_or_default()
        .split('.')
        .map(|part| part.parse().expect("a number"))
        .collect()
}

/// The value of `key` anywhere in a piece of configuration.
fn anywhere<'a>(value: &'a Value, wanted: &dyn Fn(&str) -> bool, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if wanted(key) {
                    found.push(key);
                }
                anywhere(value, wanted, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| anywhere(value, wanted, found)),
        _ => {}
    }
}

#[test]
fn no_package_is_older_than_its_last_known_hole() {
    let locked = locked();
    assert!(locked.len() > 100, "Cargo.lock was not read");
    for (name, least) in LEAST {
        let versions: Vec<&String> = locked.iter().filter(|(of, _)| of == name).map(|(_, version)| version).collect();
        assert!(!versions.is_empty(), "{name} is no longer used: take it off the list");
        for version in versions {
            assert!(numbers(version) >= numbers(least), "{name} {version} is older than {least}");
        }
    }
}

#[test]
fn the_page_may_load_and_reach_nothing_but_itself() {
    let config = config();
    let security = &config["app"]["security"];
    assert_eq!(security["csp"], json!(CSP));
    assert!(security.get("devCsp").is_none(), "a development build is held to the same policy");
    assert!(
        !CSP.contains("unsafe-") && !CSP.contains("frame-src"),
        "a frame-src of ours would block the isolation frame"
    );
    let mut dangerous = Vec::new();
    anywhere(&config, &|key| key.starts_with("dangerous"), &mut dangerous);
    assert!(dangerous.is_empty(), "{dangerous:?}");
}

#[test]
fn prototypes_are_frozen_and_no_global_is_given() {
    let config = config();
    assert_eq!(config["app"]["security"]["freezePrototype"], json!(true));
    assert_eq!(config["app"]["withGlobalTauri"], json!(false));
    assert_eq!(config["app"]["windows"], json!([]), "windows are made in Rust, with their guards");
}

#[test]
fn every_message_passes_the_isolation_frame() {
    let config = config();
    assert_eq!(
        config["app"]["security"]["pattern"],
        json!({ "use": "isolation", "options": { "dir": "ui/isolation" } })
    );
    assert_eq!(names("ui/isolation"), ["index.html", "index.js"]);
    let script = text("ui/isolation/index.js");
    assert!(script.lines().count() <= 60, "it is tiny");
    for word in ["import", "require(", "fetch(", "eval(", "innerHTML"] {
        assert!(!script.contains(word), "it depends on nothing: {word}");
    }
    for command in COMMANDS {
        assert!(script.contains(&format!("case \"{command}\":")), "{command}");
    }
}

#[test]
fn a_window_may_do_two_things() {
    assert_eq!(names("capabilities"), ["call.json", "main.json"], "one file a window");
    for label in ["call", "main"] {
        let capability: Value = serde_json::from_str(&text(&format!("capabilities/{label}.json"))).expect("JSON");
        let fields: Vec<&String> = capability.as_object().expect("an object").keys().collect();
        assert_eq!(
            fields,
            ["description", "identifier", "permissions", "windows"],
            "no `remote`, no `webviews`, no `platforms`"
        );
        assert_eq!(capability["identifier"], json!(label));
        assert_eq!(capability["windows"], json!([label]));
        assert_eq!(capability["permissions"], json!(["allow-attach", "allow-send"]));
    }
    let config = config();
    assert_eq!(config["app"]["security"]["capabilities"], json!(["main", "call"]));
    assert_eq!(config["build"]["removeUnusedCommands"], json!(true));
}

#[test]
fn the_two_commands_are_declared_and_no_third_is_handled() {
    let listed = COMMANDS.map(|name| format!("\"{name}\"")).join(", ");
    assert!(text("src-tauri/build.rs").contains(&format!(".commands(&[{listed}])")));
    let handled = COMMANDS.map(|name| format!("commands::{name}")).join(", ");
    assert!(text("src-tauri/lib.rs").contains(&format!("tauri::generate_handler![{handled}]")));
    let shell: String = names("src-tauri")
        .iter()
        .filter(|name| name.ends_with(".rs"))
        .map(|name| text(&format!("src-tauri/{name}")))
        .collect();
    assert_eq!(shell.matches("#[tauri::command]").count(), COMMANDS.len());
}

#[test]
fn the_shell_holds_no_plugin_that_reaches_files_programs_or_the_network() {
    let manifest = text("Cargo.toml");
    let plugins: Vec<&str> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("tauri-plugin-"))
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(plugins, ["notification", "single-instance"]);
    let locked = locked();
    let mut built: Vec<&str> = locked.iter().filter_map(|(name, _)| name.strip_prefix("tauri-plugin-")).collect();
    built.sort_unstable();
    assert_eq!(built, ["notification", "single-instance"]);
    assert!(config().get("plugins").is_none(), "neither has anything to configure; an updater would (H16)");
}

#[test]
fn nothing_of_development_is_in_a_release() {
    let manifest = text("Cargo.toml");
    let tauri = manifest.lines().find(|line| line.starts_with("tauri = ")).expect("the shell uses tauri");
    for feature in ["devtools", "protocol-asset", "custom-protocol", "dangerous"] {
        assert!(!tauri.contains(feature), "{feature} is not always on");
    }
    let config = config();
    let mut found = Vec::new();
    anywhere(
        &config,
        &|key| ["assetProtocol", "devtools", "updater", "createUpdaterArtifacts"].contains(&key),
        &mut found,
    );
    assert!(found.is_empty(), "{found:?}");
    assert!(manifest.contains("overflow-checks = true"));
}

#[test]
fn no_link_is_taken_from_outside_and_none_is_opened() {
    // H13 and H15: links come with a later version. Until then no scheme is registered, and an argument means nothing.
    let desktop = text("src-tauri/bellbird.desktop");
    assert!(!desktop.contains("MimeType") && !desktop.contains("%u"), "{desktop}");
    assert!(config().pointer("/plugins/deep-link").is_none());
    let shell = text("src-tauri/lib.rs");
    let single = shell
        .find("tauri_plugin_single_instance::init(|app, _, _|")
        .expect("what a second start was given is not read");
    assert_eq!(shell.find(".plugin("), shell[..single].rfind(".plugin("), "single-instance is the first plugin");
}
