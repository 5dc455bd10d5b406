//! Declares the two commands of the window, so that every other call is refused (without the list all would be allowed).

fn main() {
    let commands = tauri_build::AppManifest::new().commands(&["attach", "send"]);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))
        .expect("tauri.conf.json and capabilities/ are valid");
}
