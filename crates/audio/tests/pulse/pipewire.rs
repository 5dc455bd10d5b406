//! The same by PipeWire, which speaks PulseAudio's words.

use std::time::Instant;

use audio::Devices;
use media::port::{Health, PortError, SoundPort};

use crate::{
    flows,
    server::{Kind, Server, until, with},
};

#[test]
fn devices_of_pipewire_have_names_kinds_and_lasting_ids() {
    with(Kind::PipeWire, "pipewire::devices_of_pipewire_have_names_kinds_and_lasting_ids", crate::devices_are_named);
}

#[test]
fn sound_goes_out_and_comes_in_by_pipewire() {
    with(Kind::PipeWire, "pipewire::sound_goes_out_and_comes_in_by_pipewire", crate::sound_flows);
}

/// How many streams of this program there are.
fn ours(server: &Server) -> usize {
    let lists = ["sink-inputs", "source-outputs"].map(|kind| server.pactl(&["list", kind]).stdout);
    lists.iter().map(|list| String::from_utf8_lossy(list).matches("application.name = \"Bellbird\"").count()).sum()
}

/// What was played on a headset is not played by loud speakers when it is pulled out (R17).
#[test]
fn a_stream_of_a_device_that_went_plays_nowhere_else_on_pipewire() {
    let name = "pipewire::a_stream_of_a_device_that_went_plays_nowhere_else_on_pipewire";
    with(Kind::PipeWire, name, |server| {
        let sink = server.module("module-null-sink", &["sink_name=headset"]);
        let source = server.module("module-remap-source", &["source_name=headset-mic", "master=micfeed.monitor"]);
        let mut port = Devices::new();
        until("it is listed", || {
            let listed = port.devices().unwrap();
            ["headset", "headset-mic"].iter().all(|name| listed.iter().any(|own| own.id.ends_with(name)))
        });
        let mut speaker = port.open_playback(Some("pulseaudio:headset")).unwrap();
        let mut mic = port.open_capture(Some("pulseaudio:headset-mic")).unwrap();
        flows(mic.as_mut(), speaker.as_mut());
        assert_eq!(ours(server), 2);
        for module in [sink, source] {
            assert!(server.pactl(&["unload-module", &module]).status.success());
        }
        until("both are lost", || {
            let now = Instant::now();
            matches!(
                (speaker.health(now), mic.health(now)),
                (Health::Lost(PortError::Gone(_)), Health::Lost(PortError::Gone(_)))
            )
        });
        assert_eq!(ours(server), 0);
    });
}
