//! A thread of the load, and the turns of its calls.
//!
//! Each end has its turn at a time of its own within 20 ms, as calls of people have, in one of twenty turns of a
//! millisecond. A turn that comes late is taken as soon as it can be, and none is left out: so each end sends as many packets
//! as it should, and how late they are shows what the thread cannot carry.

use std::{
    ops::Range,
    thread,
    time::{Duration, Instant},
};

use net::LARGEST;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    FRAME, Load, LoadError, Mode, Outcome, Shared,
    end::{End, Reader},
};
use crate::voice::{Happened, PathState};

/// Between two turns.
const TURN: Duration = Duration::from_millis(1);
/// In a frame.
const TURNS: u32 = 20;
/// So many calls are made at a time. More would repeat their handshakes, which cost more than all else.
const TOGETHER: usize = 16;
/// How long the handshakes of those may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The CPU time that this thread has had.
///
/// # Errors
/// [`LoadError::NoClock`] where the system does not tell.
#[cfg(unix)]
pub(super) fn cpu_time() -> Result<Duration, LoadError> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Ok(Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default()))
}

/// The CPU time that this thread has had.
///
/// # Errors
/// [`LoadError::NoClock`] where the system does not tell.
#[cfg(not(unix))]
pub(super) fn cpu_time() -> Result<Duration, LoadError> {
    Err(LoadError::NoClock)
}

pub(super) struct Worker<'a> {
    load: &'a Load,
    shared: &'a Shared,
    /// The ends of a call stand one behind the other.
    ends: Vec<End>,
    reader: Reader,
    told: UnboundedReceiver<Happened>,
}

impl<'a> Worker<'a> {
    /// Makes these calls, lets them talk and ends them.
    pub(super) fn run(load: &'a Load, shared: &'a Shared, calls: Range<usize>) -> Result<Outcome, LoadError> {
        let (tell, told) = unbounded_channel();
        let reader = Reader { buffer: [0; LARGEST], tell };
        let mut worker = Self { load, shared, ends: Vec::with_capacity(2 * calls.len()), reader, told };
        let made = worker.make(calls);
        // The others wait, whatever became of these.
        shared.start.wait();
        made?;
        worker.talk()
    }

    /// Makes the calls and waits until all have keys.
    fn make(&mut self, calls: Range<usize>) -> Result<(), LoadError> {
        let mut rng = ChaCha12Rng::seed_from_u64(calls.start as u64);
        let mut made = 0;
        for call in calls.clone() {
            let failed = |why| LoadError::Call { call: call + 1, why };
            self.ends.extend(End::pair(2 * call as u64, self.load.mode, self.shared, &mut rng).map_err(failed)?);
            if self.ends.len() - made == 2 * TOGETHER || call + 1 == calls.end {
                self.secure(made).map_err(failed)?;
                made = self.ends.len();
            }
        }
        Ok(())
    }

    /// Waits until the calls from `made` on have keys. The others have to answer meanwhile that they are still there.
    fn secure(&mut self, made: usize) -> Result<(), String> {
        let begun = Instant::now();
        while !self.ends[made..].iter().all(End::is_secure) {
            let now = Instant::now();
            self.ends[made..].iter_mut().for_each(|end| end.work(now, &mut self.reader));
            while let Ok(happened) = self.told.try_recv() {
                if let Happened::Path { path: PathState::Failed(error), .. } = happened {
                    return Err(error.to_string());
                }
            }
            if now - begun > PATIENCE {
                return Err(format!("it has no keys after {} s", PATIENCE.as_secs()));
            }
            thread::sleep(TURN);
        }
        let now = Instant::now();
        self.ends[..made].iter_mut().for_each(|end| end.work(now, &mut self.reader));
        Ok(())
    }

    fn talk(mut self) -> Result<Outcome, LoadError> {
        self.ends.iter_mut().for_each(End::talk);
        let begin = Instant::now() + FRAME;
        for turn in 0..self.load.before * TURNS {
            self.turn(begin, turn, &mut Outcome::default());
        }
        let mut outcome = Outcome { calls: self.ends.len() / 2, ..Outcome::default() };
        self.ends.iter_mut().for_each(|end| end.late = false);
        let before: u64 = self.sent();
        let (wall, cpu) = (Instant::now(), cpu_time()?);
        for turn in 0..self.load.packets * TURNS {
            self.turn(begin, self.load.before * TURNS + turn, &mut outcome);
        }
        (outcome.wall, outcome.cpu) = (wall.elapsed(), cpu_time()?.saturating_sub(cpu));
        outcome.sent = self.sent() - before;
        self.finish(&mut outcome);
        Ok(outcome)
    }

    /// Waits for a turn and gives it to the ends that have it.
    fn turn(&mut self, begin: Instant, turn: u32, outcome: &mut Outcome) {
        let due = begin + turn * TURN;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let step = TURNS as usize;
        let at = turn as usize % step;
        for end in self.ends.iter_mut().skip(at).step_by(step) {
            outcome.lateness.note(end.speak(due, self.shared, &mut self.reader));
        }
        if self.load.mode == Mode::Opus {
            for end in self.ends.iter_mut().skip((at + step / 2) % step).step_by(step) {
                end.listen(Instant::now(), &mut self.reader);
            }
        }
        // Nobody has to know of a first sound, or of a key.
        while self.told.try_recv().is_ok() {}
    }

    /// Takes what is still on its way, counts, and hangs up.
    fn finish(mut self, outcome: &mut Outcome) {
        thread::sleep(TURN);
        let now = Instant::now();
        self.ends.iter_mut().for_each(|end| end.work(now, &mut self.reader));
        for call in self.ends.chunks_exact(2) {
            let carried = [call[0].carried(), call[1].carried()];
            let lost = |from: usize| u64::from(carried[from].sent).saturating_sub(carried[1 - from].received);
            outcome.lost += lost(0) + lost(1);
            outcome.carried += usize::from(lost(0) + lost(1) == 0 && call.iter().all(|end| !end.late));
            outcome.sound += carried.iter().map(|one| one.sound).sum::<u64>();
            outcome.concealed += carried.iter().map(|one| one.concealed).sum::<u64>();
        }
        for end in self.ends {
            end.close(now, &self.reader);
        }
    }

    fn sent(&self) -> u64 {
        self.ends.iter().map(|end| u64::from(end.carried().sent)).sum()
    }
}
