//! Devices of every rate, number of channels and kind of sample.

use std::time::{Duration, Instant};

use audio::Devices;
use media::{
    feed::{MicFeed, SpeakerFeed},
    port::{Capture, Health, Playback, SoundPort},
};

use crate::server::{until, with_server};

/// Name, format, rate and channels as the server knows them, and the rate that is asked of it: it converts where a device
/// does more than a phone knows.
const SHAPES: [(&str, &str, u32, u32, u32); 9] = [
    ("phone", "u8", 8_000, 1, 8_000),
    ("law", "ulaw", 8_000, 1, 8_000),
    ("old", "s16le", 11_025, 2, 11_025),
    ("wide", "s16be", 16_000, 3, 16_000),
    ("disc", "s24le", 44_100, 6, 44_100),
    ("cinema", "s24-32le", 96_000, 8, 96_000),
    ("studio", "s32le", 192_000, 2, 192_000),
    ("wall", "float32le", 48_000, 32, 48_000),
    ("insane", "float32be", 384_000, 2, 48_000),
];
/// What is played, in Hz: low enough for every device.
const TONE: f32 = 440.0;

/// A device that plays a tone and hears it.
pub(crate) struct Device {
    name: &'static str,
    speaker: Box<dyn Playback>,
    speaker_feed: SpeakerFeed,
    mic: Box<dyn Capture>,
    mic_feed: MicFeed,
    played: usize,
    heard: Vec<f32>,
}

impl Device {
    pub(crate) fn open(port: &mut Devices, name: &'static str, rate: u32) -> Self {
        let speaker = port.open_playback(Some(&format!("pulseaudio:{name}"))).expect("it opens");
        let mic = port.open_capture(Some(&format!("pulseaudio:{name}-mic"))).expect("it opens");
        assert_eq!((speaker.rate(), mic.rate()), (rate, rate), "{name}");
        let speaker_feed =
            SpeakerFeed::new(Instant::now(), rate, Duration::from_millis(40)).expect("a rate of a device");
        Self {
            name,
            speaker,
            speaker_feed,
            mic,
            mic_feed: MicFeed::new(rate).expect("a rate of a device"),
            played: 0,
            heard: Vec::new(),
        }
    }

    pub(crate) fn work(&mut self) {
        let (now, played) = (Instant::now(), &mut self.played);
        self.speaker_feed.push(now, self.speaker.as_mut(), |_, out| {
            for sample in out {
                *sample = 0.5 * (std::f32::consts::TAU * TONE * *played as f32 / 48_000.0).sin();
                *played += 1;
            }
        });
        assert_eq!((self.speaker.health(now), self.mic.health(now)), (Health::Ok, Health::Ok), "{}", self.name);
        self.heard.extend_from_slice(self.mic_feed.pull(now, self.mic.as_mut()));
    }

    /// Opens what has ended anew, as a phone does.
    pub(crate) fn follow(&mut self, port: &mut Devices) {
        let now = Instant::now();
        let rates = [self.speaker.rate(), self.mic.rate()];
        if self.speaker.health(now) != Health::Ok || self.mic.health(now) != Health::Ok {
            *self = Self::open(port, self.name, rates[0]);
        }
    }

    /// How old what it hears is, as far as its streams tell.
    pub(crate) fn delay(&self) -> Duration {
        let queued = Duration::from_secs_f64(self.speaker.queued() as f64 / f64::from(self.speaker.rate()));
        queued + self.speaker.latency() + self.mic.latency()
    }

    /// Have both its streams ended?
    pub(crate) fn is_lost(&mut self) -> bool {
        let now = Instant::now();
        self.speaker.health(now) != Health::Ok && self.mic.health(now) != Health::Ok
    }

    /// Is a part of what was heard since it was asked last the tone, at its pitch and loudness?
    pub(crate) fn hears(&mut self) -> bool {
        self.parts().contains(&true)
    }

    /// The same of each 50 ms.
    pub(crate) fn parts(&mut self) -> Vec<bool> {
        let whole = self.heard.len() / 2_400 * 2_400;
        let is_tone = |part: &[f32]| {
            let ups = part.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
            let power: f32 = part.iter().map(|sample| sample * sample).sum::<f32>() / part.len() as f32;
            // 50 ms have 22 waves, and a sine of 0.5 a power of an eighth.
            (21..=23).contains(&ups) && (0.11..0.14).contains(&power)
        };
        self.heard.drain(..whole).as_slice().chunks_exact(2_400).map(is_tone).collect()
    }
}

#[test]
fn a_device_of_any_shape_plays_and_hears() {
    with_server("shapes::a_device_of_any_shape_plays_and_hears", |server| {
        let mut console = server.console();
        let mut port = Devices::new();
        // One after the other: all at once are too much for a busy machine.
        for (name, format, rate, channels, asked) in SHAPES {
            let shape = format!("format={format} rate={rate} channels={channels}");
            let sink = console.load(&format!("module-null-sink sink_name={name} norewinds=1 {shape}"));
            console.load(&format!("module-remap-source source_name={name}-mic master={name}.monitor {shape}"));
            let mut device = Device::open(&mut port, name, asked);
            until(&format!("{name} is heard"), || {
                device.work();
                device.hears()
            });
            drop(device);
            console.unload(sink);
        }
    });
}
