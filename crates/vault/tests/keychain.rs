//! The keychain against the real gnome-keyring, on a session bus of the test's own.
//!
//! The test starts itself again inside `dbus-run-session` with a private home, because the store finds its bus by the
//! environment; the inner run does the work.
#![cfg(target_os = "linux")]

use std::process::Command;

use phone::secret::{Secret, SecretError, SecretKind, SecretStore};
use vault::Keychain;

const INNER: &str = "BELLBIRD_TEST_KEYCHAIN";

/// Runs the test `name` of this file again under `shell`, in a private home, and says how it ended.
fn again(name: &str, shell: &str) {
    let home = tempfile::tempdir().expect("a folder");
    let run = home.path().join("run");
    std::fs::create_dir(&run).expect("a folder");
    std::fs::set_permissions(&run, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("permissions");
    let me = std::env::current_exe().expect("this program");
    let out = Command::new("sh")
        .args(["-c", shell, "sh"])
        .arg(&me)
        .args(["--exact", name, "--nocapture"])
        .env(INNER, "1")
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", &run)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env_remove("XDG_DATA_HOME")
        .output()
        .expect("a shell");
    assert!(out.status.success(), "{}\n{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
}

fn inside() -> bool {
    std::env::var_os(INNER).is_some()
}

#[test]
fn a_password_goes_in_and_comes_out() {
    if !inside() {
        // The daemon says when it is there: with --unlock it answers once the collection is open.
        return again(
            "a_password_goes_in_and_comes_out",
            r#"exec dbus-run-session -- sh -c 'printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$0" "$@"' "$@""#,
        );
    }
    let keychain = Keychain::new();
    assert!(matches!(keychain.get("a1", SecretKind::Sip), Err(SecretError::NotFound)));
    keychain.set("a1", SecretKind::Sip, &Secret::new("pässwörd 密码".to_owned())).expect("stored");
    keychain.set("a1", SecretKind::Turn, &Secret::new("other".to_owned())).expect("stored");
    // Another connection, as after a restart of the phone.
    assert_eq!(Keychain::new().get("a1", SecretKind::Sip).expect("there").expose(), "pässwörd 密码");
    keychain.delete("a1", SecretKind::Sip).expect("gone");
    keychain.delete("a1", SecretKind::Sip).expect("gone already");
    assert!(matches!(keychain.get("a1", SecretKind::Sip), Err(SecretError::NotFound)));
    assert_eq!(keychain.get("a1", SecretKind::Turn).expect("untouched").expose(), "other");
}

#[test]
fn no_session_bus_is_no_keychain() {
    if !inside() {
        return again(
            "no_session_bus_is_no_keychain",
            r#"exec env DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus "$@""#,
        );
    }
    let keychain = Keychain::new();
    for _ in 0..2 {
        assert!(matches!(
            keychain.set("a1", SecretKind::Sip, &Secret::new("x".to_owned())),
            Err(SecretError::NoKeychain(_))
        ));
        assert!(matches!(keychain.get("a1", SecretKind::Sip), Err(SecretError::NoKeychain(_))));
    }
}

#[test]
fn a_locked_keychain_says_that_it_is_locked() {
    if !inside() {
        return again(
            "a_locked_keychain_says_that_it_is_locked",
            r#"exec dbus-run-session -- sh -c 'gnome-keyring-daemon --start --components=secrets >/dev/null; exec "$0" "$@"' "$@""#,
        );
    }
    let refused = Keychain::new().set("a1", SecretKind::Sip, &Secret::new("x".to_owned()));
    assert!(matches!(refused, Err(SecretError::Locked(_))), "{refused:?}");
}
