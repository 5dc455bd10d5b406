//! A headset that is plugged in and pulled out a thousand times under streams that follow it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use audio::Devices;
use media::port::{Capture, Health, Playback, PortError, SoundPort};

use crate::{
    MIC, SPEAKER, device, flows,
    server::{Console, Server, until, with_server},
};

const HEADSET: &str = "pulseaudio:headset";
const WORN: [&str; 2] = [HEADSET, "pulseaudio:headset-mic"];

/// Speakers and microphones that follow an order of preference, as a phone does.
struct Follower {
    port: Devices,
    changes: Arc<AtomicU64>,
    seen: u64,
    speaker: Option<Box<dyn Playback>>,
    mic: Option<Box<dyn Capture>>,
    opened: [u64; 2],
}

impl Follower {
    fn new() -> Self {
        let (mut port, changes) = (Devices::new(), Arc::new(AtomicU64::new(0)));
        let count = Arc::clone(&changes);
        port.watch(Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        }));
        Self { port, changes, seen: 0, speaker: None, mic: None, opened: [0; 2] }
    }

    /// Drops what is lost, and when something changed opens what is better.
    fn work(&mut self) {
        let now = Instant::now();
        self.speaker.take_if(|speaker| speaker.health(now) != Health::Ok);
        self.mic.take_if(|mic| mic.health(now) != Health::Ok);
        let changes = self.changes.load(Ordering::SeqCst);
        if std::mem::replace(&mut self.seen, changes) == changes && self.speaker.is_some() && self.mic.is_some() {
            return;
        }
        let devices = self.port.devices().expect("the server answers");
        let is_there = |id: &str| device(&devices, id).is_some();
        let (ear, mouth) = if is_there(HEADSET) { (WORN[0], WORN[1]) } else { (SPEAKER, MIC) };
        if self.speaker.as_ref().is_none_or(|speaker| speaker.device() != ear) {
            // It may be gone again.
            self.speaker = self.port.open_playback(Some(ear)).ok();
            self.opened[0] += 1;
        }
        let mouth = if is_there(mouth) { mouth } else { MIC };
        if self.mic.as_ref().is_none_or(|mic| mic.device() != mouth) {
            self.mic = self.port.open_capture(Some(mouth)).ok();
            self.opened[1] += 1;
        }
    }

    /// Where the two streams say that they are.
    fn says(&self) -> [Option<&str>; 2] {
        [self.speaker.as_ref().map(|speaker| speaker.device()), self.mic.as_ref().map(|mic| mic.device())]
    }

    /// Works until both streams are where they should be, by their own word and by the server's.
    fn settles(&mut self, console: &mut Console, wanted: [&str; 2]) {
        let names = wanted.map(|id| vec![id.replace("pulseaudio:", "")]);
        until("both streams are on the right devices", || {
            self.work();
            self.says() == wanted.map(Some) && console.in_use() == names
        });
    }
}

/// A headset is a sink and a microphone.
fn plug(console: &mut Console) -> [u32; 2] {
    let sink =
        console.load("module-null-sink sink_name=headset norewinds=1 sink_properties=device.description=Headset");
    [sink, console.load("module-remap-source source_name=headset-mic master=micfeed.monitor")]
}

fn unplug(console: &mut Console, modules: [u32; 2]) {
    modules.into_iter().for_each(|module| console.unload(module));
}

#[test]
fn a_thousand_headsets_come_and_go() {
    with_server("hotplug::a_thousand_headsets_come_and_go", |server| {
        let (mut console, mut own) = (server.console(), Follower::new());
        own.settles(&mut console, [SPEAKER, MIC]);
        for round in 0..1_000 {
            let modules = plug(&mut console);
            // Some are there for long enough to be used, some are gone before anybody has looked.
            match round % 8 {
                0 => own.settles(&mut console, WORN),
                1 => own.work(),
                _ => {}
            }
            unplug(&mut console, modules);
            match round % 8 {
                0 | 4 => own.settles(&mut console, [SPEAKER, MIC]),
                1 | 2 => own.work(),
                _ => {}
            }
        }
        own.settles(&mut console, [SPEAKER, MIC]);
        println!("opened {:?} streams", own.opened);
        // Sound is back after the last.
        let (mut speaker, mut mic) = (own.speaker.unwrap(), own.mic.unwrap());
        flows(mic.as_mut(), speaker.as_mut());
    });
}

/// What was played on a headset is not played by loud speakers when it is pulled out, as the server would have it (R17).
#[test]
fn a_stream_of_a_device_that_went_plays_nowhere_else() {
    with_server("hotplug::a_stream_of_a_device_that_went_plays_nowhere_else", |server| {
        let mut console = server.console();
        let modules = plug(&mut console);
        let mut port = Devices::new();
        let (told, changes) = std::sync::mpsc::channel();
        port.watch(Arc::new(move || {
            let _ = told.send(());
        }));
        changes.recv().unwrap();
        let mut speaker = port.open_playback(Some(HEADSET)).unwrap();
        let mut mic = port.open_capture(Some(WORN[1])).unwrap();
        flows(mic.as_mut(), speaker.as_mut());
        unplug(&mut console, modules);
        // The server moves no stream of ours to another device: they have ended with their own.
        assert_eq!(console.in_use(), [[""; 0]; 2]);
        until("both are lost", || {
            let now = Instant::now();
            matches!(
                (speaker.health(now), mic.health(now)),
                (Health::Lost(PortError::Gone(_)), Health::Lost(PortError::Gone(_)))
            )
        });
    });
}

/// Who follows the default hears of another one from the server, without a look at the list: of these no device comes or goes.
fn is_told(server: &Server, words: &str) {
    let (mut console, mut port) = (server.console(), Devices::new());
    let (told, changes) = std::sync::mpsc::channel();
    port.watch(Arc::new(move || {
        let _ = told.send(());
    }));
    changes.recv().expect("the server answers");
    assert!(changes.try_recv().is_err(), "nothing happened yet");
    assert_eq!(console.ask(words), [""; 0]);
    until("it is told", || changes.try_recv().is_ok());
}

#[test]
fn another_default_speaker_is_told() {
    with_server("hotplug::another_default_speaker_is_told", |server| is_told(server, "set-default-sink micfeed"));
}

#[test]
fn another_default_microphone_is_told() {
    with_server("hotplug::another_default_microphone_is_told", |server| {
        is_told(server, "set-default-source micfeed.monitor");
    });
}

#[test]
fn lists_and_streams_leave_no_connection_behind() {
    with_server("hotplug::lists_and_streams_leave_no_connection_behind", |server| {
        let (mut console, mut port) = (server.console(), Devices::new());
        for _ in 0..100 {
            port.devices().unwrap();
        }
        for _ in 0..20 {
            drop((port.open_playback(Some(SPEAKER)).unwrap(), port.open_capture(Some(MIC)).unwrap()));
        }
        // That of the console alone.
        until("none is left", || {
            console.ask("list-clients").iter().filter(|line| line.trim().starts_with("index: ")).count() == 1
        });
    });
}
