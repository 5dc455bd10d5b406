//! The shell round the window: how it starts, how it is closed, where it lives when no window is open, how it ends.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use acceptance::{PATIENCE, program::terminal_phone};

use crate::{
    bus::{Notifications, Tray},
    session::{Desktop, With, program, until},
    window::{Window, runs},
};

/// The terminal phone of the same build, else the one that the other tests use.
fn terminal() -> std::path::PathBuf {
    Some(program().with_file_name("bellbird-cli")).filter(|file| file.is_file()).unwrap_or_else(terminal_phone)
}

#[test]
fn without_a_display_it_says_so_and_names_the_terminal_phone() {
    let mut desktop = Desktop::start("no-display", With::default());
    desktop.forget_screen();
    let done = desktop.command(program()).stdin(Stdio::null()).output().expect("it starts");
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(said.trim(), "There is no display to open a window on. Use bellbird-cli to phone from a terminal.");
}

#[test]
fn it_names_its_version() {
    let done = Command::new(program()).arg("--version").env_clear().output().expect("it starts");
    assert!(done.status.success());
    assert_eq!(String::from_utf8_lossy(&done.stdout).trim(), format!("bellbird {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_second_start_raises_the_first_window_and_does_what_it_was_given_to_nothing() {
    let desktop = Desktop::start("second-start", With::default());
    let window = Window::open(&desktop);
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    let other = desktop.work_elsewhere();
    let mut second = desktop.spawn("second", desktop.command(program()).arg("sip:600@practice.invalid"));
    assert!(second.wait_for_end(PATIENCE).success());
    until("the window of the first has the keyboard", || desktop.active() == "Bellbird");
    assert_eq!(desktop.windows().len(), 1, "there is still one window");
    assert!(!window.has("hangup"), "and it calls nobody (H15)");

    // One phone at a time uses the stored accounts, whichever program it is.
    let done = desktop
        .command(terminal())
        .args(["run", "--json"])
        .stdin(Stdio::null())
        .output()
        .expect("the terminal phone starts");
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("already-running"), "{said}");
    drop(other);
    window.terminate();
}

#[test]
fn it_does_not_start_while_the_terminal_phone_has_the_accounts() {
    let desktop = Desktop::start("terminal-first", With::default());
    let first = desktop.spawn("terminal", desktop.command(terminal()).args(["run", "--json"]));
    first.wait_for("\"state\"", PATIENCE);
    let done = desktop.command(program()).stdin(Stdio::null()).output().expect("it starts");
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("Bellbird is already running for this user."), "{said}");
}

#[test]
fn without_a_tray_a_closed_window_is_only_minimised() {
    let desktop = Desktop::start("no-tray", With::default());
    let window = Window::open(&desktop);
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    let id = only(&desktop);
    close(&desktop);
    until("the window is minimised", || desktop.ask("xprop", &["-id", &id, "WM_STATE"]).contains("Iconic"));
    assert!(runs(window.pid), "the phone goes on");

    let mut second = desktop.spawn("second", &mut desktop.command(program()));
    assert!(second.wait_for_end(PATIENCE).success());
    until("it stands there again", || desktop.ask("xprop", &["-id", &id, "WM_STATE"]).contains("Normal"));
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    window.terminate();
}

#[test]
fn closed_to_the_tray_it_still_rings_is_answered_and_quits_from_there() {
    let desktop = Desktop::start("tray", With::default());
    let tray = Tray::start(&desktop);
    let notifications = Notifications::start(&desktop);
    let window = Window::open(&desktop);
    until("the icon is in the tray", || tray.has_icon());
    assert_eq!(tray.menu(), ["Show Bellbird", "Quit Bellbird"]);
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    window.press("welcome-ring");
    window.wait_for("[data-part=\"chips\"]");
    close(&desktop);
    until("the window is gone", || main_window(&desktop).is_none());
    assert!(runs(window.pid), "the phone goes on");

    until("the call window rings", || {
        let Some(id) = desktop.windows().pop() else { return false };
        let Some((_, _, width, height)) = desktop.place(&id) else { return false };
        height < width && desktop.offers_to_answer(&id, (width, height))
    });
    until("a notification says it", || !notifications.seen().is_empty());
    desktop.picture("ringing-without-a-window");
    let shown = notifications.seen().remove(0);
    assert_eq!(shown.title, "Incoming call");
    assert!(shown.body.contains("603"), "{shown:?}");
    let buttons: Vec<&String> =
        shown.actions.iter().filter(|name| ["answer", "decline"].contains(&name.as_str())).collect();
    assert_eq!(buttons, ["answer", "decline"], "{shown:?}");

    notifications.press(shown.id, "answer");
    until("the call is answered: the microphone is open", || desktop.open_microphones() == 1);
    until("the window came back for the call", || main_window(&desktop).is_some() && desktop.windows().len() == 1);
    until("the notification is withdrawn", || notifications.seen()[0].withdrawn);
    desktop.picture("answered");

    let begun = Instant::now();
    tray.press("Quit Bellbird");
    until("the program has ended", || !runs(window.pid));
    println!("quit in a call took {:?}", begun.elapsed());
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "the call was hung up and the server left, which has two seconds"
    );
    assert_eq!(desktop.open_microphones(), 0);
}

#[test]
fn at_the_end_of_the_session_it_leaves_in_time() {
    let desktop = Desktop::start("logout", With::default());
    let window = Window::open(&desktop);
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    window.press("welcome-echo");
    window.wait_until_says("chips", |said| said.contains("Encrypted") && said.contains("0:"));
    let took = window.terminate();
    println!("the end of the session in a call took {took:?}");
    // Two seconds for the farewell (R29), and what a busy machine needs to notice it.
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(desktop.open_microphones(), 0);
}

#[test]
fn a_page_that_is_loaded_anew_or_crashes_comes_back_into_the_call() {
    let desktop = Desktop::start("crash", With::default());
    let window = Window::open(&desktop);
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    window.press("welcome-echo");
    let in_call = |said: &str| said.contains("Encrypted") && said.contains("0:");
    window.wait_until_says("chips", in_call);
    window.run("window.before = true; location.reload()");
    window.until("the page is a new one", || window.run("return window.before !== true") == serde_json::json!(true));
    window.wait_until_says("chips", in_call);

    let page = page_process(window.pid).expect("a page has a process");
    assert!(
        Command::new("kill").args(["-s", "KILL", &page.to_string()]).status().expect("kill is everywhere").success()
    );
    until("another process shows the page", || page_process(window.pid).is_some_and(|now| now != page));
    assert!(runs(window.pid), "the phone goes on");
    assert_eq!(desktop.open_microphones(), 1, "and so does the call");
    // The place of `Hang up`, which is red again.
    let id = only(&desktop);
    let (_, _, width, height) = desktop.place(&id).expect("a window has a place");
    until("the page is drawn again", || desktop.colour(&id, width / 4, height - 40) != desktop.colour(&id, 2, 2));
    desktop.picture("after-the-crash");
    window.terminate();
}

#[test]
fn it_listens_on_no_port_but_that_of_the_practice_line() {
    let desktop = Desktop::start("ports", With::default());
    // Without WebDriver, for which WebKit opens a port of its own.
    let running = desktop.spawn("bellbird", &mut desktop.command(program()));
    until("the practice line listens", || !listeners(running.id()).is_empty());
    until("the window is there", || desktop.windows().len() == 1);
    let listening = listeners(running.id());
    assert_eq!(listening.len(), 1, "{listening:?}");
    assert!(listening[0].starts_with("0100007F:"), "it is on loopback: {listening:?}");
}

/// Closes the window that has the keyboard, as its user does.
fn close(desktop: &Desktop) {
    until("the window has the keyboard", || {
        desktop.run("xdotool", &["search", "--onlyvisible", "--class", "bellbird", "windowactivate", "--sync"]);
        desktop.active() == "Bellbird"
    });
    desktop.run("xdotool", &["key", "alt+F4"]);
}

fn only(desktop: &Desktop) -> String {
    let all = desktop.windows();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

/// The window that is higher than it is wide.
fn main_window(desktop: &Desktop) -> Option<String> {
    desktop.windows().into_iter().find(|id| desktop.place(id).is_some_and(|(_, _, width, height)| height > width))
}

/// The process in which WebKit runs the page.
fn page_process(program: u32) -> Option<u32> {
    family(program).into_iter().find(|pid| {
        runs(*pid)
            && fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("WebKitWebProces"))
    })
}

/// A process and all that it and its children have started.
fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let mut place = 0;
    while let Some(&one) = family.get(place) {
        place += 1;
        for thread in fs::read_dir(format!("/proc/{one}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    family
}

/// Local addresses, in hexadecimal, on which a process and its children listen by TCP.
fn listeners(pid: u32) -> Vec<String> {
    let sockets: Vec<String> = family(pid)
        .iter()
        .flat_map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten())
        .filter_map(|entry| {
            Some(fs::read_link(entry.path()).ok()?.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())
        })
        .collect();
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|table| fs::read_to_string(table).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            // 0A is LISTEN; the tenth cell is the inode of the socket.
            (cells.get(3) == Some(&"0A") && sockets.iter().any(|own| Some(&own.as_str()) == cells.get(9)))
                .then(|| cells[1].to_owned())
        })
        .collect()
}
