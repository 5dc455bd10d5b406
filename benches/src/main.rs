//! Reads one INVITE with SDP and one REGISTER with this project's parsers and with others, in one run, and fails where a
//! goal is missed.
//!
//! The blocks are interleaved and short, so that what else the machine does falls on all alike: a ratio is the median of
//! those of the rounds, a time is that of the best block. Allocations are counted by an allocator that stays in place
//! while the time is taken.

use std::{
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use bytes::Bytes;

mod own;
mod peers;

const INVITE: &[u8] = include_bytes!("../messages/invite.sip");
const REGISTER: &[u8] = include_bytes!("../messages/register.sip");
const ROUNDS: usize = 600;
const PER_BLOCK: u32 = 200;

/// A message, and the parts of it that are read alone.
pub struct Sample {
    whole: &'static [u8],
    /// The header lines and the empty one behind them.
    head: Bytes,
    body: &'static [u8],
}

impl Sample {
    fn new(whole: &'static [u8]) -> Self {
        let start = whole.iter().position(|byte| *byte == b'\n').expect("a start line") + 1;
        let end = whole.windows(4).position(|four| four == b"\r\n\r\n").expect("an empty line") + 4;
        Self { whole, head: Bytes::from_static(&whole[start..end]), body: &whole[end..] }
    }
}

/// One way to read a message or a part of it.
struct Subject {
    name: &'static str,
    /// `false` when it cannot.
    read: fn(&Sample) -> bool,
}

/// Ways to read the same, and how long the first may take, in times of one of the others.
struct Race {
    what: &'static str,
    subjects: &'static [Subject],
    goal: Option<(usize, f64)>,
}

const WHOLE: Race = Race {
    what: "the eight headers of an agent, decoded",
    subjects: &[
        Subject { name: "sip, decoded", read: own::decoded },
        Subject { name: "sip, decoded into its own strings", read: own::owned },
        Subject { name: "rsipstack 0.7, typed", read: peers::rsipstack_typed },
        Subject { name: "rsip 0.4, typed", read: peers::rsip_typed },
    ],
    goal: Some((2, 0.5)),
};
const LINES: Race = Race {
    what: "the lines, whose values stay text",
    subjects: &[
        Subject { name: "sip, lines", read: own::lines },
        Subject { name: "rsipstack 0.7, lazy", read: peers::rsipstack_lazy },
        Subject { name: "rsip 0.4, lazy", read: peers::rsip_lazy },
    ],
    goal: None,
};
const INDEX: Race = Race {
    what: "the header index alone",
    subjects: &[
        Subject { name: "sip, index", read: own::index },
        Subject { name: "httparse 1.10, headers", read: peers::httparse },
    ],
    goal: Some((1, 1.5)),
};
const SDP: Race = Race {
    what: "the session description",
    subjects: &[
        Subject { name: "media, SDP", read: own::sdp },
        Subject { name: "webrtc-sdp 0.3", read: peers::webrtc_sdp },
    ],
    goal: None,
};
/// The most allocations for the INVITE, decoded.
const ALLOCATIONS: u64 = 20;

fn block(subject: &Subject, sample: &Sample) -> Duration {
    let start = Instant::now();
    for _ in 0..PER_BLOCK {
        black_box((subject.read)(black_box(sample)));
    }
    start.elapsed() / PER_BLOCK
}

/// Lets them race; `true` when the goal is reached.
fn race(race: &Race, sample: &Sample) -> bool {
    let Race { what, subjects, goal } = race;
    let mut best = vec![Duration::MAX; subjects.len()];
    let mut ratios = vec![Vec::with_capacity(ROUNDS); subjects.len()];
    let mut took = vec![Duration::ZERO; subjects.len()];
    for round in 0..ROUNDS {
        // There and back again: none is always first.
        let forward = 0..subjects.len();
        let order: Vec<usize> = if round % 2 == 0 { forward.collect() } else { forward.rev().collect() };
        for at in order {
            took[at] = block(&subjects[at], sample);
            best[at] = best[at].min(took[at]);
        }
        for (ratios, peer) in ratios.iter_mut().zip(&took) {
            ratios.push(took[0].as_secs_f64() / peer.as_secs_f64());
        }
    }
    let median = |ratios: &mut Vec<f64>| {
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    println!("{:<36} {:>7} {:>11} {:>12} {:>15}", *what, "ns", "messages/s", "allocations", "first / this");
    let mut reached = true;
    for (at, subject) in subjects.iter().enumerate() {
        let mut good = false;
        let counted = allocation_counter::measure(|| good = (subject.read)(sample));
        if !good {
            println!("{:<36} refuses the message", subject.name);
            reached &= at > 0;
            continue;
        }
        let ratio = median(&mut ratios[at]);
        let (nanoseconds, rate) = (best[at].as_nanos(), 1.0 / best[at].as_secs_f64());
        print!("{:<36} {nanoseconds:>7} {rate:>11.0} {:>12} {ratio:>15.2}", subject.name, counted.count_total);
        match goal {
            Some((peer, most)) if *peer == at => {
                let held = ratio <= *most;
                reached &= held;
                println!("  {} {most}", if held { "at most" } else { "MISSED:" });
            }
            _ => println!(),
        }
    }
    println!();
    reached
}

fn main() -> ExitCode {
    let mut reached = true;
    for (name, whole) in [("INVITE with SDP", INVITE), ("REGISTER", REGISTER)] {
        let sample = Sample::new(whole);
        println!("{name}, {} octets: best and median of {ROUNDS} blocks of {PER_BLOCK}\n", whole.len());
        for one in [WHOLE, LINES, INDEX] {
            reached &= race(&one, &sample);
        }
    }
    let invite = Sample::new(INVITE);
    reached &= race(&SDP, &invite);
    let counted = allocation_counter::measure(|| assert!(own::decoded(&invite), "ours reads it")).count_total;
    println!("allocations for the INVITE: {counted}, at most {ALLOCATIONS}");
    reached &= counted <= ALLOCATIONS;
    if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
