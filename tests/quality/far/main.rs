//! Bellbird and headless Chromium as far ends of each other, in real time, behind networks of a seed.
//!
//!     far delay VOICE.wav SECONDS SEED
//!     far loss VOICE.wav OUT random|burst PERCENT SEED SECONDS
//!
//! VOICE is 48 kHz mono and said over and over. `delay` has Chromium and our jitter buffer receive the same packets of ours
//! over four networks and prints a line of JSON for each. `loss` loses the same packets from us to Chromium, from Chromium
//! to us and between two ends of Chromium, and writes what was heard to OUT-to-chromium.wav, OUT-from-chromium.wav and
//! OUT-chromium.wav, from a little before the first word. Ends with 77 where there is no browser.

mod browser;
mod buffer;
mod relay;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use acceptance::{PATIENCE, end::Ours, sound};
use media::testing::traces::Trace;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use browser::Browser;
use relay::{Fate, Relay, Tally};

/// Both buffers learn the network so long, in seconds.
const SETTLING: usize = 10;
/// On the way of packets that are lost or not.
const WAY: Duration = Duration::from_millis(30);
/// Packets lost in a row on average by `burst`.
const RUN: f64 = 3.0;
/// How long after the relay has begun the first word is said, in blocks of 10 ms: as in the page.
const BREATH: usize = 10;

/// An end of ours that says a voice once it is told to.
struct Speaker {
    end: Ours,
    speaks: Arc<AtomicBool>,
    progress: watch::Receiver<u64>,
}

impl Speaker {
    fn new(seed: u8, voice: &Arc<Vec<f32>>) -> Self {
        let (sender, progress) = watch::channel(0);
        let (speaks, voice) = (Arc::new(AtomicBool::new(false)), Arc::clone(voice));
        let told = Arc::clone(&speaks);
        let (mut at, mut breath) = (0, BREATH);
        let say = move |block: &mut [f32]| {
            if !told.load(Ordering::Acquire) {
                return block.fill(0.0);
            }
            if breath > 0 {
                breath -= 1;
                return block.fill(0.0);
            }
            for sample in block {
                *sample = voice[at];
                at = (at + 1) % voice.len();
            }
        };
        Self { end: Ours::start(seed, Box::new(say), Arc::new(sender)), speaks, progress }
    }

    async fn until(&mut self, is_so: impl Fn(&Ours) -> bool) {
        let looking = async {
            while !is_so(&self.end) {
                self.progress.changed().await.expect("it runs");
            }
        };
        timeout(PATIENCE, looking).await.expect("it goes on");
    }

    /// Calls a new end of the browser over a stretch of network.
    async fn call(&mut self, browser: &mut Browser, name: &str, fates: [Fate; 2]) -> Relay {
        let mut relay = Relay::new();
        let (offer, ours) = relay.through(0, &self.end.offer());
        let (answer, theirs) = relay.through(1, &browser.answer(name, &offer));
        relay.join([ours, theirs], fates);
        self.end.accept(answer.as_bytes());
        browser.connected(name);
        self.until(|end| end.secure().is_some()).await;
        relay
    }
}

/// A network that does nothing.
fn clear() -> Fate {
    Fate::Lost(vec![false], Duration::ZERO)
}

async fn delay(voice: &Path, seconds: usize, seed: u64) -> Option<()> {
    let mut browser = Browser::start(voice)?;
    let said = Arc::new(sound::read(voice));
    let mut calls = Vec::new();
    for (trace, name) in Trace::ALL.into_iter().zip(["wire", "Wi-Fi", "mobile", "tunnel"]) {
        let mut speaker = Speaker::new(calls.len() as u8 + 1, &said);
        let late = trace.lateness(seed, (SETTLING + seconds) * 50, 20.0);
        let relay = speaker.call(&mut browser, name, [Fate::Late(late), clear()]).await;
        calls.push((name, speaker, relay));
    }
    browser.speak(&[]);
    for (_, speaker, _) in &calls {
        speaker.speaks.store(true, Ordering::Release);
    }
    browser.taped("wire", SETTLING);
    let before: Vec<Value> = calls.iter().map(|(name, ..)| browser.received(name)).collect();
    browser.taped("wire", SETTLING + seconds);
    for ((name, speaker, relay), before) in calls.iter().zip(before) {
        let now = browser.received(name);
        let since = |key: &str| now[key].as_f64().unwrap_or(f64::NAN) - before[key].as_f64().unwrap_or(f64::NAN);
        let samples = since("totalSamplesReceived");
        let sent = speaker.end.sent.since(0);
        let settled = Duration::from_secs(SETTLING as u64);
        let ours = buffer::played(&sent, &relay.tally(0).passed, settled);
        let line = json!({
            "network": name,
            "chromium": {
                "wait_ms": 1_000.0 * since("jitterBufferDelay") / since("jitterBufferEmittedCount"),
                "concealed_pct": 100.0 * since("concealedSamples") / samples,
                "stretched_pct": 100.0 * (since("removedSamplesForAcceleration") + since("insertedSamplesForDeceleration")) / samples,
                "packets": since("packetsReceived"),
            },
            "ours": ours.map(|ours| json!({
                "wait_ms": ours.wait,
                "concealed_pct": ours.made_up,
                "stretched_pct": ours.stretched,
            })),
        });
        println!("{line}");
    }
    Some(())
}

/// Which of so many packets are lost.
fn mask(bursts: bool, share: f64, seed: u64, count: usize) -> Vec<bool> {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let (leave, enter) = (1.0 / RUN, share / (1.0 - share) / RUN);
    let mut bad = false;
    let next = |_| {
        let chance = match (bursts, bad) {
            (false, _) => share,
            (true, true) => 1.0 - leave,
            (true, false) => enter,
        };
        bad = rng.random_bool(chance);
        bad
    };
    (0..count).map(next).collect()
}

async fn loss(voice: &Path, out: &str, mask: Vec<bool>, seconds: usize) -> Option<()> {
    let mut browser = Browser::start(voice)?;
    let lost = || Fate::Lost(mask.clone(), WAY);
    let mut ours = Speaker::new(1, &Arc::new(sound::read(voice)));
    let relay = ours.call(&mut browser, "theirs", [lost(), lost()]).await;
    let mut between = Relay::new();
    let (offer, one) = between.through(0, &browser.offer("one"));
    let (answer, other) = between.through(1, &browser.answer("other", &offer));
    between.join([one, other], [lost(), lost()]);
    browser.accept("one", &answer);
    browser.connected("one");
    browser.connected("other");
    browser.speak(&["theirs", "one"]);
    relay.begin();
    between.begin();
    ours.speaks.store(true, Ordering::Release);
    let (begun, began) = (ours.end.heard.len(), Instant::now());
    browser.taped("theirs", seconds);
    browser.taped("other", seconds);
    let lasted = began.elapsed().as_secs_f64();
    let file = |name: &str| PathBuf::from(format!("{out}-{name}.wav"));
    let heard = ours.end.heard.since(begun);
    sound::write(&file("from-chromium"), &heard);
    browser.tape("theirs", &file("to-chromium"));
    browser.tape("other", &file("chromium"));
    let figures = |tally: Tally| {
        let whole = tally.passed.len() + tally.lost;
        json!({
            "kbps": tally.octets as f64 * 0.008 / lasted,
            "lost_pct": 100.0 * tally.lost as f64 / whole as f64,
        })
    };
    let line = json!({
        "to-chromium": figures(relay.tally(0)),
        "from-chromium": figures(relay.tally(1)),
        "chromium": figures(between.tally(0)),
    });
    println!("{line}");
    Some(())
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let number = |word: &str| word.parse::<u32>().unwrap_or_else(|error| panic!("{word}: {error}"));
    let done = match args[..] {
        ["delay", voice, seconds, seed] => {
            runtime.block_on(delay(Path::new(voice), number(seconds) as usize, number(seed).into()))
        }
        ["loss", voice, out, kind, percent, seed, seconds] => {
            let seconds = number(seconds) as usize;
            let mask = mask(kind == "burst", f64::from(number(percent)) / 100.0, number(seed).into(), seconds * 50);
            runtime.block_on(loss(Path::new(voice), out, mask, seconds))
        }
        _ => panic!("delay VOICE.wav SECONDS SEED, or loss VOICE.wav OUT random|burst PERCENT SEED SECONDS"),
    };
    if done.is_some() { ExitCode::SUCCESS } else { ExitCode::from(77) }
}
