//! What happens to every ten milliseconds of sound: the microphone goes to the call that is active, its sound and
//! the phone's own go to the ear, and calls that nobody listens to go on by our clock.

use std::time::{Duration, Instant};

use media::{RATE, level::Meter, mixer::Mixer, process::Trouble};
use tokio::sync::mpsc;

use super::{
    call::Call,
    devices::{Devices, Needs},
    order::{Happened, Sounds},
    streams::Speaker,
    tones::Tones,
};
use crate::contract::CallId;

/// Sound made at a time.
const BLOCK: usize = RATE as usize / 100;
const TICK: Duration = Duration::from_millis(10);
/// What will be due so soon is done at once where all is there for it, and the thread need not be woken once more.
const EARLY: Duration = Duration::from_millis(8);
/// After sleeping longer than this, the time slept is lost and not made up for.
const OVERSLEPT: Duration = Duration::from_millis(100);
/// Levels are told after so many blocks: 20 times a second.
const LEVELS: usize = 5;
/// Devices stay open so long after they are needed, for the next key or tone comes soon. The microphone never does.
const LINGER: Duration = Duration::from_secs(2);
const RINGER_LINGER: Duration = Duration::from_millis(250);
/// A microphone opened for the meter alone is closed after this.
const LISTENS: Duration = Duration::from_secs(60);

/// The sound of this moment.
pub(super) struct Ear {
    tell: mpsc::UnboundedSender<Happened>,
    ear: Tones,
    ring: Tones,
    /// What is between the parties, while several hear each other.
    mixer: Option<Box<Mixer>>,
    listening: Option<Listening>,
    /// Until when the speaker and the ringer stay open.
    speaker_until: Option<Instant>,
    ringer_until: Option<Instant>,
    next: Option<Instant>,
    /// Blocks for which the next tick is: those that the last one gave the speaker.
    span: usize,
    ticks: usize,
    /// What was last told of the microphone.
    trouble: Option<Trouble>,
    /// When the microphone has what the packet waits for that goes out next: it does not wait for a tick.
    full_at: Option<Instant>,
    pub(super) levels: bool,
}

struct Listening {
    device: Option<String>,
    until: Instant,
    meter: Meter,
    /// The microphone was open for it.
    began: bool,
}

impl Ear {
    pub(super) fn new(tell: mpsc::UnboundedSender<Happened>) -> Self {
        Self {
            tell,
            ear: Tones::default(),
            ring: Tones::default(),
            mixer: None,
            listening: None,
            speaker_until: None,
            ringer_until: None,
            next: None,
            span: 1,
            ticks: 0,
            trouble: None,
            full_at: None,
            levels: false,
        }
    }

    /// What the phone itself sounds like from now on.
    pub(super) fn sound(&mut self, sounds: Sounds) {
        self.ring.set(sounds.ringer);
        self.ear.set(sounds.ear);
    }

    /// Keys are heard.
    pub(super) fn press(&mut self, keys: &str) {
        keys.chars().for_each(|key| self.ear.press(key));
    }

    /// The call that they were pressed in is over.
    pub(super) fn forget_keys(&mut self) {
        self.ear.forget_keys();
    }

    /// Opens a microphone for the meter, or closes it.
    pub(super) fn listen(&mut self, now: Instant, device: Option<Option<String>>) {
        match device {
            Some(device) => {
                let device = device.filter(|id| id != "default");
                self.listening =
                    Some(Listening { device, until: now + LISTENS, meter: Meter::default(), began: false });
            }
            None => self.end_listening(),
        }
    }

    /// A call, a minute or a loss ends it.
    pub(super) fn end_listening(&mut self) {
        if self.listening.take().is_some() {
            let _ = self.tell.send(Happened::ListenEnded);
        }
    }

    /// Opens what is needed now and closes what is not.
    pub(super) fn settle(&mut self, now: Instant, calls: &[Call], devices: &mut Devices) {
        let talks = calls.iter().any(Call::talks);
        let heard = talks || calls.iter().any(|call| call.is_audible() && call.flows());
        if heard || !self.ear.is_silent() {
            self.speaker_until = Some(now + LINGER);
        }
        if !self.ring.is_silent() {
            self.ringer_until = Some(now + RINGER_LINGER);
        }
        self.speaker_until.take_if(|until| *until <= now);
        self.ringer_until.take_if(|until| *until <= now);
        let needs = Needs {
            mic: talks || self.listening.is_some(),
            speaker: self.speaker_until.is_some(),
            ringer: self.ringer_until.is_some(),
            listen: self.listening.as_ref().and_then(|listening| listening.device.clone()),
        };
        let flows = heard || needs != Needs::default() || devices.any_open();
        devices.need(now, needs);
        self.next = if flows { self.next.or(Some(now)) } else { None };
    }

    /// When [`Self::tick`] is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        // Without ticks nobody hears the microphone.
        self.next.map(|next| self.full_at.map_or(next, |full| full.min(next)))
    }

    /// Moves ten milliseconds of sound, or as many as are due.
    pub(super) fn tick(&mut self, now: Instant, calls: &mut [Call], active: &[CallId], devices: &mut Devices) {
        let Some(next) = &mut self.next else { return };
        if now.saturating_duration_since(*next) > OVERSLEPT {
            *next = now;
        }
        let due = match calls {
            [call] if *next <= now + EARLY && active == [call.id.clone()] && call.session.is_ready(BLOCK) => {
                now.max(*next)
            }
            _ => now,
        };
        let mut blocks = 0;
        while *next <= due {
            *next += TICK;
            blocks += if blocks == 0 { std::mem::replace(&mut self.span, 1) } else { 1 };
        }
        if blocks == 0 {
            if self.full_at.is_some_and(|at| at <= now) {
                self.hear_microphone(now, 0, calls, active, devices);
            }
            return;
        }
        devices.check(now);
        if active.len() > 1 {
            self.mixer.get_or_insert_default();
        } else {
            self.mixer = None;
        }
        // Where only a packet waits for the microphone, it is looked at when that is full.
        let waits = self.full_at.is_some_and(|at| at > now) && calls.len() == 1 && self.listening.is_none();
        if !waits {
            self.hear_microphone(now, blocks, calls, active, devices);
        }
        self.play(now, due, blocks, calls, active, devices);
        self.ticks += blocks;
        if self.ticks >= LEVELS {
            self.ticks = 0;
            if self.levels {
                self.tell_levels(calls, active);
            }
        }
        self.watch_listening(now, devices);
    }

    fn hear_microphone(
        &mut self,
        now: Instant,
        blocks: usize,
        calls: &mut [Call],
        active: &[CallId],
        devices: &mut Devices,
    ) {
        const SILENCE: [f32; BLOCK] = [0.0; BLOCK];
        let heard = calls.iter().any(|call| call.talks() && active.contains(&call.id) && !call.is_muted());
        let (sound, trouble) = devices.microphone().map(|own| own.hear(now, heard)).unzip();
        let trouble = trouble.flatten();
        if trouble != self.trouble {
            self.trouble = trouble;
            let _ = self.tell.send(Happened::Microphone { trouble });
        }
        if let (Some(sound), Some(listening)) = (sound, &mut self.listening) {
            listening.meter.push(sound);
            listening.began = true;
        }
        if let (Some(sound), Some(mixer)) = (sound, &mut self.mixer) {
            mixer.microphone(sound);
        }
        // Those of a conference are given theirs when they have said theirs.
        let mixes = self.mixer.is_some();
        for call in calls.iter_mut().filter(|call| call.talks() && !(mixes && active.contains(&call.id))) {
            match sound.filter(|_| active.contains(&call.id)) {
                Some([]) => {}
                Some(sound) => call.capture(now, sound),
                // Who talks to nobody is sent silence, so that the way and its figures live.
                None => (0..blocks).for_each(|_| call.capture(now, &SILENCE)),
            }
        }
        let talks = calls.iter().find(|call| call.talks() && active == [call.id.clone()]);
        let missing = talks.and_then(|call| call.session.short_of());
        self.full_at = missing.and_then(|missing| devices.microphone()?.ready_at(now, missing));
    }

    fn play(
        &mut self,
        now: Instant,
        due: Instant,
        blocks: usize,
        calls: &mut [Call],
        active: &[CallId],
        devices: &mut Devices,
    ) {
        let mut unheard = [0.0; BLOCK];
        let talks = calls.iter().any(Call::talks);
        for call in calls.iter_mut().filter(|call| !active.contains(&call.id) && call.flows()) {
            (0..blocks).for_each(|_| call.playout(now, &mut unheard));
        }
        let audible = calls.iter_mut().filter(|call| active.contains(&call.id) && call.is_audible());
        let mut heard: Vec<&mut Call> = audible.collect();
        let (tones, mixer) = (&mut self.ear, &mut self.mixer);
        let wide = self.full_at.is_some() || !talks;
        let mut fill = |now: Instant, out: &mut [f32]| {
            match (&mut *mixer, &mut heard[..]) {
                (Some(mixer), calls) => confer(now, mixer, calls, out),
                (None, [call, ..]) => call.playout(now, out),
                (None, []) => out.fill(0.0),
            }
            tones.mix(out, !heard.is_empty());
            // Where the microphone waits for no tick, the next one may be a block later.
            wide && matches!(&heard[..], [call] if call.session.is_ready(BLOCK))
        };
        match devices.speaker() {
            Some(Speaker { stream, feed }) => {
                self.span = 1 + usize::from(feed.push_until(now, due, stream.as_mut(), fill));
                // Of several, none sets the pace.
                let pace = if let [call] = &heard[..] { call.session.pace() } else { 0 };
                (0..self.span).for_each(|_| feed.pace(pace));
                // Whoever is listened to sets the pace.
                self.next = Some(feed.deadline());
                devices.refer(now);
            }
            None => {
                for _ in 0..blocks {
                    fill(now, &mut unheard);
                }
            }
        }
        let ring = &mut self.ring;
        let mut fill = |_: Instant, out: &mut [f32]| {
            out.fill(0.0);
            ring.mix(out, false);
        };
        match devices.ringer() {
            Some(Speaker { stream, feed }) => feed.push(now, stream.as_mut(), fill),
            None => (0..blocks).for_each(|_| fill(now, &mut unheard)),
        }
        devices.bells().ring(now, self.ring.wanted());
    }

    fn tell_levels(&self, calls: &[Call], active: &[CallId]) {
        let mut told = false;
        for call in calls.iter().filter(|call| active.contains(&call.id) && call.is_audible()) {
            let levels = call.session.levels();
            // In a conference the session is given more than the microphone.
            let mic = self.mixer.as_ref().map_or(levels.mic_dbfs, |mixer| mixer.mic_dbfs());
            let call = Some(call.id.clone());
            let _ = self.tell.send(Happened::Levels { call, mic, far: Some(levels.far_dbfs) });
            told = true;
        }
        if let (Some(listening), false) = (&self.listening, told) {
            let _ = self.tell.send(Happened::Levels { call: None, mic: listening.meter.dbfs(), far: None });
        }
    }

    fn watch_listening(&mut self, now: Instant, devices: &mut Devices) {
        let Some(listening) = &self.listening else { return };
        let lost = listening.began && devices.microphone().is_none();
        if lost || listening.until <= now {
            self.end_listening();
        }
    }
}

/// Ten milliseconds of a conference: all say theirs, then each hears the others, and we hear all.
fn confer(now: Instant, mixer: &mut Mixer, calls: &mut [&mut Call], out: &mut [f32]) {
    mixer.begin(calls.iter().any(|call| call.is_muted()));
    for call in &mut *calls {
        call.says(now, mixer);
    }
    mixer.ear(out);
    for call in calls {
        call.hears(now, mixer);
        call.tell_ear(out);
    }
}
