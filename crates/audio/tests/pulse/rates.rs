//! Devices that come back with another rate, or change it while they are in use.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use audio::Devices;

use crate::{
    end,
    server::{Kind, Server, until, with, with_server},
    shapes::Device,
};

/// What is heard may be older by this than before the change, when all has settled: a test that was late keeps more ahead.
const SLACK: Duration = Duration::from_millis(100);

/// A device of PulseAudio that is made anew with another rate ends our stream, and the next one has the new rate.
#[test]
fn a_device_that_comes_back_with_another_rate_sounds_the_same() {
    with_server("rates::a_device_that_comes_back_with_another_rate_sounds_the_same", |server| {
        let (mut console, mut port) = (server.console(), Devices::new());
        for rate in [48_000, 44_100, 16_000, 96_000, 48_000] {
            let sink = console.load(&format!("module-null-sink sink_name=card norewinds=1 rate={rate}"));
            console.load(&format!("module-remap-source source_name=card-mic master=card.monitor rate={rate}"));
            let mut device = Device::open(&mut port, "card", rate);
            until(&format!("the tone is heard at {rate} Hz"), || {
                device.work();
                device.hears()
            });
            console.unload(sink);
            until("the stream has ended", || device.is_lost());
        }
    });
}

/// After a second for the change to come, the tone is heard half a second without a fault, and it is not later for good.
fn goes_on(what: &str, device: &mut Device, port: &mut Devices, usual: Duration) {
    device.parts();
    let (mut all, mut faults, mut whole) = (0, 0, 0);
    until(what, || {
        device.follow(port);
        device.work();
        for is_tone in device.parts() {
            (all, faults) = (all + 1, faults + usize::from(!is_tone));
            whole = if is_tone { whole + 1 } else { 0 };
        }
        all >= 20 && whole >= 10 && device.delay() <= usual + SLACK
    });
    println!(
        "{what}: {faults} of {all} parts of 50 ms are not the tone, {usual:?} old before and now {:?}",
        device.delay()
    );
}

/// Opens the device `card` of 48 kHz and hears its tone. Gives how old that is.
fn heard_on_card(server: &Server, port: &mut Devices) -> (Device, Duration) {
    server.module("module-null-sink", &["sink_name=card", "norewinds=1", "rate=48000"]);
    server.module("module-remap-source", &["source_name=card-mic", "master=card.monitor", "rate=48000"]);
    until("it is listed", || {
        let listed = media::port::SoundPort::devices(port).expect("the server answers");
        ["card", "card-mic"].iter().all(|name| listed.iter().any(|own| own.id.ends_with(name)))
    });
    let mut device = Device::open(port, "card", 48_000);
    // Until the latency was told, and told again when everything flows.
    let mut heard = 0;
    until("the tone is heard", || {
        device.work();
        heard += usize::from(device.hears());
        heard > 20
    });
    let usual = device.delay();
    (device, usual)
}

/// The number of the first stream that plays.
fn playing(server: &Server) -> String {
    let listed = server.pactl(&["list", "short", "sink-inputs"]).stdout;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    listed.split_whitespace().next().expect("something plays").to_owned()
}

/// Somebody moves our stream to a device of another rate, makes that the default, and plays at another rate beside us.
fn nobody_else_sets_the_rate(server: &Server) {
    let mut port = Devices::new();
    let (mut device, usual) = heard_on_card(server, &mut port);
    let ours = playing(server);
    server.module("module-null-sink", &["sink_name=other", "norewinds=1", "rate=96000"]);
    server.pactl(&["move-sink-input", &ours, "other"]);
    goes_on("it is moved", &mut device, &mut port, usual);
    assert!(server.pactl(&["set-default-sink", "other"]).status.success());
    goes_on("another default", &mut device, &mut port, usual);
    for rate in ["--rate=44100", "--rate=192000"] {
        let beside = Command::new("pacat")
            .args(["--playback", "--raw", "--format=s16le", "--channels=2", "--device=card", rate, "/dev/zero"])
            .stdout(Stdio::null())
            .spawn()
            .expect("pacat is installed with the server");
        goes_on(rate, &mut device, &mut port, usual);
        end(beside);
        goes_on("it is alone again", &mut device, &mut port, usual);
    }
}

#[test]
fn a_stream_keeps_its_pitch_whatever_others_do() {
    let name = "rates::a_stream_keeps_its_pitch_whatever_others_do";
    with_server(name, |server| nobody_else_sets_the_rate(server));
}

#[test]
fn a_stream_keeps_its_pitch_on_pipewire_whatever_others_do() {
    let name = "rates::a_stream_keeps_its_pitch_on_pipewire_whatever_others_do";
    with(Kind::PipeWire, name, |server| nobody_else_sets_the_rate(server));
}

/// PipeWire lets the rate of everything that plays change under it.
#[test]
fn a_rate_that_changes_under_a_stream_of_pipewire_is_not_heard() {
    with(Kind::PipeWire, "rates::a_rate_that_changes_under_a_stream_of_pipewire_is_not_heard", |server| {
        let mut port = Devices::new();
        let (mut device, usual) = heard_on_card(server, &mut port);
        for rate in ["44100", "96000", "16000", "192000", "48000", "0"] {
            let set = Command::new("pw-metadata")
                .args(["-n", "settings", "0", "clock.force-rate", rate])
                .output()
                .expect("pw-metadata is installed with the server");
            assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
            goes_on(rate, &mut device, &mut port, usual);
        }
    });
}
