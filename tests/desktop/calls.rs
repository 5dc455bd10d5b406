//! Calls in the real window: out to the echo with a voice that is known again, and in, answered by a click.

use std::{fs, path::PathBuf};

use acceptance::{process::Process, sound};
use media::RATE;

use crate::{
    session::{Desktop, With, until},
    window::{Window, part},
};

/// Seconds of the call that are listened to.
const LISTENED: usize = 12;

/// What the speaker plays from now on, as it grows.
struct Recording {
    file: PathBuf,
    _recorder: Process,
}

impl Recording {
    fn start(desktop: &Desktop) -> Self {
        let file = desktop.folder().join("speaker.raw");
        let mut command = desktop.command("parec");
        command
            .args(["--device=speaker.monitor", "--raw", "--format=float32le", "--channels=1", "--latency-msec=20"])
            .arg(format!("--rate={RATE}"))
            .arg(&file);
        let recorder = desktop.spawn("parec", &mut command);
        let recording = Self { file, _recorder: recorder };
        until("the recording has begun", || recording.seconds() > 0.0);
        recording
    }

    fn seconds(&self) -> f32 {
        self.samples().len() as f32 / RATE as f32
    }

    fn samples(&self) -> Vec<f32> {
        let bytes = fs::read(&self.file).unwrap_or_default();
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
    }
}

/// Speaks into the microphone until it is dropped.
fn speak(desktop: &Desktop, voice: &[f32]) -> Process {
    let file = desktop.folder().join("voice.wav");
    sound::write(&file, voice);
    let mut command = desktop.command("paplay");
    command.arg("--device=micfeed").arg("--latency-msec=20").arg(&file);
    desktop.spawn("paplay", &mut command)
}

#[test]
fn the_echo_brings_back_the_voice_of_the_microphone() {
    let desktop = Desktop::start("echo", With::default());
    let window = Window::open(&desktop);
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    window.picture("welcome");
    assert_eq!(desktop.open_microphones(), 0, "no microphone is open before a call (S15)");
    window.press("welcome-echo");
    window.wait_until_says("chips", |said| said.contains("Encrypted") && said.contains("0:"));

    let voice = sound::speech(11, LISTENED + 20);
    let recording = Recording::start(&desktop);
    let speaker = speak(&desktop, &voice);
    until("enough was heard", || recording.seconds() > LISTENED as f32);
    let heard = recording.samples();
    drop(speaker);
    let known = sound::recognise(&voice, &heard).expect("the voice of the microphone comes out of the speaker");
    let glitches = media::signal::gaps(&heard[heard.len() / 2..], -60.0, RATE as usize / 50).len();
    println!("echo in the window: {known:?}, gaps of 20 ms and more in the second half: {glitches}");
    window.picture("in-call");
    desktop.picture("in-call-screen");
    assert!(known.seconds >= 4.0 && known.share >= 0.9, "nine of ten pieces of the voice come back: {known:?}");

    assert_eq!(desktop.open_microphones(), 1, "one microphone is open in the call");
    hang_up(&window);
    until("the microphone is closed after the call (S15)", || desktop.open_microphones() == 0);
    window.wait_until_says("row", |said| said.contains("600"));
    window.picture("after-the-call");
    window.terminate();
}

#[test]
fn a_call_rings_in_the_focused_window_and_is_answered_by_a_click() {
    let desktop = Desktop::start("incoming", With::default());
    let window = Window::open(&desktop);
    be_called(&window);
    window.wait_for(&part("answer"));
    window.picture("ringing");
    desktop.picture("ringing-screen");
    assert_eq!(desktop.windows().len(), 1, "the window has the focus: no second one rings");
    assert_eq!(desktop.open_microphones(), 0, "no microphone is open while it rings (S15)");
    answer(&window);
    window.wait_until_says("chips", |said| said.contains("Encrypted") && said.contains("0:"));
    until("the microphone is open", || desktop.open_microphones() == 1);
    window.picture("answered");
    hang_up(&window);
    window.terminate();
}

#[test]
fn a_call_window_rings_above_other_programs_and_leaves_them_the_keyboard() {
    let desktop = Desktop::start("callwin", With::default());
    let window = Window::open(&desktop);
    // Somebody works in another program when it rings.
    let other = desktop.work_elsewhere();
    be_called(&window);
    assert_eq!(desktop.active(), "Other program", "a press by WebDriver takes no keyboard");
    until("the call window is there, and drawn", || {
        let Some((id, (_, _, width, height))) = call_window(&desktop) else { return false };
        height < 150 && desktop.offers_to_answer(&id, (width, height))
    });
    let begun = other.count();
    for _ in 0..5 {
        desktop.run("xdotool", &["key", "x"]);
    }
    let mut typed = 0;
    other
        .hear(begun, acceptance::PATIENCE, |_, line| {
            typed += usize::from(line.text.contains("keysym") && line.text.contains(", x)"));
            (typed >= 10).then_some(())
        })
        .unwrap_or_else(|| other.give_up("what was typed did not arrive"));
    assert_eq!(desktop.active(), "Other program");
    desktop.picture("callwin-screen");
    assert!(!window.has("answer"), "it rings in one window, not in two");

    // Whoever takes up the main window finds the call there, and nowhere else.
    let main = desktop.windows().into_iter().find(|id| call_window(&desktop).is_none_or(|(call, _)| call != *id));
    desktop.activate(&main.expect("the main window is there"));
    window.wait_for(&part("answer"));
    until("the call window is gone", || desktop.windows().len() == 1);
    drop(other);
    let _other = desktop.work_elsewhere();
    until("the call window is back", || call_window(&desktop).is_some());
    window.until("the main window does not ring", || !window.has("answer"));

    // Its Answer is the right one of the two buttons in the lower half.
    until("the click on Answer is taken", || {
        if let Some((_, (x, y, width, height))) = call_window(&desktop) {
            let (x, y) = ((x + width * 3 / 4).to_string(), (y + height * 3 / 4).to_string());
            desktop.run("xdotool", &["mousemove", &x, &y, "click", "1"]);
        }
        desktop.windows().len() == 1
    });
    window.wait_until_says("chips", |said| said.contains("Encrypted") && said.contains("0:"));
    hang_up(&window);
    window.terminate();
}

/// Asks 603 to call back, and waits until that call has ended.
fn be_called(window: &Window) {
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    window.press("welcome-ring");
    window.wait_for(&part("chips"));
}

/// A press within 400 ms of a change counts for nothing (UI.md), so it is repeated as a person would.
fn answer(window: &Window) {
    window.until("the call is answered", || {
        window.try_press(&part("answer"));
        !window.has("answer")
    });
}

fn hang_up(window: &Window) {
    window.until("the end of the call", || !window.try_press("[data-part=\"hangup\"]:not([aria-disabled])"));
}

/// The call window, which is lower than it is wide, with its place and size.
fn call_window(desktop: &Desktop) -> Option<(String, (i32, i32, i32, i32))> {
    let places = desktop.windows().into_iter().filter_map(|id| Some((id.clone(), desktop.place(&id)?)));
    places.into_iter().find(|(_, (_, _, width, height))| height < width)
}
