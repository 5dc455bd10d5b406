//! How many calls does a core carry? Many calls at once through what a call costs: negotiation, ICE, DTLS, SRTP, sockets,
//! and sound that is encoded, buffered and decoded, or was encoded beforehand and is only carried.
//!
//! Both ends of each call are in this process, on the loopback interface. There is no SIP in it: the offer goes straight to
//! the other end, for signalling costs nothing while a call lasts. There is no device either, and so no resampling, no echo
//! and no noise. What is counted is the CPU time of the threads that carry the calls, with what the system does in their
//! name; time on the wall would measure what else the machine does.

mod end;
mod lateness;
#[cfg(test)]
mod tests;
mod worker;

use std::{sync::Barrier, thread, time::Duration};

use media::{
    RATE,
    codec::{Codec, VoiceEncoder},
    signal::Speech,
};

use lateness::Lateness;
use worker::Worker;

/// How long the sound of a packet lasts. One that is sent later than this is of no use in time.
pub const FRAME: Duration = Duration::from_millis(20);
/// Samples of a frame.
const SAMPLES: usize = RATE as usize / 50;
/// Ten seconds of a voice, which each end begins at another place.
const FRAMES_OF_VOICE: usize = 500;

/// What the ends of a call do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each end encodes a voice with Opus, and buffers and decodes what comes, every 20 ms.
    Opus,
    /// Each end sends packets that were encoded beforehand, under numbers of their own, and counts what comes.
    Encoded,
}

/// What to carry.
#[derive(Clone, Debug)]
pub struct Load {
    /// What the ends do.
    pub mode: Mode,
    /// How many calls at once, 1 and more; each has both its ends here.
    pub calls: usize,
    /// Threads to carry them, 1 and more; a call is of one of them.
    pub cores: usize,
    /// So many packets each end sends before it is measured, so that buffers have settled.
    pub before: u32,
    /// So many packets each end sends while it is measured, 50 a second; 1 and more.
    pub packets: u32,
}

/// What it came to. Times and packets are those of the measured part; lost packets are of the whole time.
#[derive(Clone, Debug)]
pub struct Measured {
    /// How many calls there were.
    pub calls: usize,
    /// Those of which no packet was sent late or lost.
    pub carried: usize,
    /// How long a call lasts that sends so many packets in time.
    pub sound: Duration,
    /// How long it took; longer than that when it was too much.
    pub wall: Duration,
    /// CPU time of all threads that carry calls.
    pub cpu: Duration,
    /// RTP packets sent by all ends.
    pub sent: u64,
    /// Those sent more than [`FRAME`] after their time.
    pub late: u64,
    /// RTP packets that did not come to the other end.
    pub lost: u64,
    /// How late a packet is sent at most, but for one in a thousand. In steps of 0.1 ms, up to a second.
    pub lateness: Duration,
    /// Share of the sound heard that had to be made up, 0..=1; `None` where none is decoded.
    pub concealed: Option<f64>,
}

impl Measured {
    /// How much of its cores it takes, 0..=1, by CPU time.
    #[must_use]
    pub fn used(&self, cores: usize) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64() / cores.max(1) as f64
    }

    /// How many calls with both ends here take all of one core.
    #[must_use]
    pub fn calls_per_core(&self) -> f64 {
        self.calls as f64 * self.sound.as_secs_f64() / self.cpu.as_secs_f64()
    }
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing asked for, or a thread without a call.
    #[error("a load needs at least one call for each core, and a packet to send")]
    Nothing,
    /// The crypto library or the codec refuses.
    #[error("this machine cannot make calls: {0}")]
    Unable(String),
    /// There is no socket, or no thread: of so many calls this one failed.
    #[error("call {call} cannot be made: {why}")]
    Call {
        /// Counted from 1.
        call: usize,
        /// What the system says, or the part of the phone that failed.
        why: String,
    },
    /// A system without such a clock.
    #[error("this system does not tell how much CPU time a thread has had")]
    NoClock,
}

/// What all threads share.
struct Shared {
    /// What is said, in frames of 20 ms, and the same encoded.
    voice: Vec<[f32; SAMPLES]>,
    encoded: Vec<Vec<u8>>,
    /// All begin at once.
    start: Barrier,
}

/// Makes the calls, lets them talk, measures, and ends them. It takes as long as it says: 20 ms for each packet of an
/// end, and some milliseconds for each call.
///
/// # Errors
/// [`LoadError`] when a call cannot be made, or nothing can be measured.
pub fn measure(load: &Load) -> Result<Measured, LoadError> {
    if load.cores == 0 || load.calls < load.cores || load.packets == 0 {
        return Err(LoadError::Nothing);
    }
    worker::cpu_time()?;
    let shared = Shared::new(load)?;
    let (shares, first) = (load.calls / load.cores, load.calls % load.cores);
    let outcomes = thread::scope(|scope| {
        let mut begun = 0;
        let threads: Vec<_> = (0..load.cores)
            .map(|core| {
                let calls = begun..begun + shares + usize::from(core < first);
                begun = calls.end;
                let shared = &shared;
                scope.spawn(move || Worker::run(load, shared, calls))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no call panics")).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(Outcome::sum(outcomes, load))
}

/// What one thread measured.
#[derive(Debug, Default)]
struct Outcome {
    calls: usize,
    carried: usize,
    wall: Duration,
    cpu: Duration,
    sent: u64,
    lost: u64,
    lateness: Lateness,
    sound: u64,
    concealed: u64,
}

impl Outcome {
    fn sum(all: Vec<Self>, load: &Load) -> Measured {
        let mut sum = Self::default();
        for one in all {
            sum.calls += one.calls;
            sum.carried += one.carried;
            sum.wall = sum.wall.max(one.wall);
            sum.cpu += one.cpu;
            sum.sent += one.sent;
            sum.lost += one.lost;
            sum.lateness.add(&one.lateness);
            sum.sound += one.sound;
            sum.concealed += one.concealed;
        }
        Measured {
            calls: sum.calls,
            carried: sum.carried,
            sound: FRAME * load.packets,
            wall: sum.wall,
            cpu: sum.cpu,
            sent: sum.sent,
            late: sum.lateness.beyond(FRAME),
            lost: sum.lost,
            lateness: sum.lateness.of_all_but_a_thousandth(),
            concealed: (load.mode == Mode::Opus).then(|| sum.concealed as f64 / sum.sound.max(1) as f64),
        }
    }
}

impl Shared {
    fn new(load: &Load) -> Result<Self, LoadError> {
        let mut speech = Speech::new(1);
        let mut voice = vec![[0.0; SAMPLES]; FRAMES_OF_VOICE];
        voice.iter_mut().for_each(|frame| speech.fill(frame));
        let encoded = if load.mode == Mode::Encoded { encode(&voice)? } else { Vec::new() };
        Ok(Self { voice, encoded, start: Barrier::new(load.cores) })
    }
}

/// What is sent again and again.
fn encode(voice: &[[f32; SAMPLES]]) -> Result<Vec<Vec<u8>>, LoadError> {
    let unable = |error: media::error::SoundError| LoadError::Unable(error.to_string());
    let mut encoder = VoiceEncoder::new(Codec::Opus, None).map_err(unable)?;
    let encode = |frame: &[f32; SAMPLES]| {
        let mut payload = Vec::new();
        encoder.encode(frame, &mut payload).map_err(unable)?;
        Ok(payload)
    };
    voice.iter().map(encode).collect()
}
