//! Devices that come back with another rate.

use audio::Devices;

use crate::{
    server::{until, with_server},
    shapes::Device,
};

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
