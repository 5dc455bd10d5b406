//! A device that another program has for itself.

use std::process::{Command, Stdio};

use audio::Devices;
use media::port::{PortError, SoundPort};

use crate::{
    MIC, SPEAKER, flows,
    server::{until, with_server},
};

/// A program that sends a coded stream through (passthrough) has the device alone: the server mixes nothing into it.
#[test]
fn a_device_that_another_program_holds_is_busy_until_it_lets_go() {
    with_server("busy::a_device_that_another_program_holds_is_busy_until_it_lets_go", |server| {
        let mut console = server.console();
        let mut holder = Command::new("pacat")
            .args(["--playback", "--raw", "--passthrough", "--format=s16le", "--rate=48000", "--channels=2"])
            .args(["--device=speaker", "/dev/zero"])
            .stdout(Stdio::null())
            .spawn()
            .expect("pacat is installed with the server");
        until("the device is held", || console.in_use()[0] == ["speaker"]);
        let mut port = Devices::new();
        let refused = port.open_playback(Some(SPEAKER)).err();
        assert!(matches!(refused, Some(PortError::Busy(_))), "{refused:?}");
        // It is there all the same, and the other devices are as they were.
        assert!(port.devices().unwrap().iter().any(|device| device.id == SPEAKER));
        let mut mic = port.open_capture(Some(MIC)).unwrap();
        holder.kill().expect("it is ours");
        holder.wait().expect("it has ended");
        let mut speaker = None;
        until("it is free", || {
            speaker = port.open_playback(Some(SPEAKER)).ok();
            speaker.is_some()
        });
        flows(mic.as_mut(), speaker.unwrap().as_mut());
    });
}
