//! Reads one INVITE with SDP and one REGISTER with this project's parser and with two others, in one run.
//!
//! The blocks are interleaved, so that a change of the machine's clock falls on all alike; each figure is that of the
//! best block, and the blocks are short, so that a busy machine does not spoil them all. Allocations are counted by an
//! allocator that stays in place while the time is taken.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::Bytes;

mod peers;

const INVITE: &[u8] = include_bytes!("../messages/invite.sip");
const REGISTER: &[u8] = include_bytes!("../messages/register.sip");
const BLOCKS: usize = 400;
const PER_BLOCK: u32 = 500;

/// One way to read a message; `false` when it cannot.
type Read = fn(&[u8]) -> bool;

struct Subject {
    name: &'static str,
    read: Read,
}

const SUBJECTS: [Subject; 6] = [
    Subject { name: "sip, lines", read: own_lines },
    Subject { name: "sip, typed", read: own_typed },
    Subject { name: "rsipstack 0.7, lazy", read: peers::rsipstack_lazy },
    Subject { name: "rsipstack 0.7, typed", read: peers::rsipstack_typed },
    Subject { name: "rsip 0.4, lazy", read: peers::rsip_lazy },
    Subject { name: "rsip 0.4, typed", read: peers::rsip_typed },
];

/// Ours: the message is copied as it would be off a socket, its lines are indexed, and the mandatory headers checked.
fn own_lines(bytes: &[u8]) -> bool {
    black_box(sip::Message::parse(Bytes::copy_from_slice(bytes))).is_ok()
}

/// Ours, and what a user agent looks at taken apart.
fn own_typed(bytes: &[u8]) -> bool {
    use sip::{
        HeaderName,
        headers::{CSeq, Contact, Via},
    };
    let Ok(message) = sip::Message::parse(Bytes::copy_from_slice(bytes)) else { return false };
    let headers = message.headers();
    let good = matches!(headers.typed::<Via>(), Some(Ok(via)) if black_box(&via).branch().is_some())
        && headers.name_addr(&HeaderName::From).is_some_and(|from| black_box(from).tag().is_some())
        && headers.name_addr(&HeaderName::To).is_some_and(|to| black_box(to).tag().is_none())
        && matches!(headers.typed::<CSeq>(), Some(Ok(cseq)) if black_box(&cseq).number > 0)
        && headers.get(&HeaderName::CallId).is_some_and(|id| !black_box(id).is_empty())
        && matches!(headers.typed::<Contact>(), Some(Ok(contact)) if !matches!(black_box(&contact), Contact::All))
        && headers.text(&HeaderName::MaxForwards).is_some_and(|text| black_box(text.parse::<u8>()).is_ok());
    good && black_box(headers.name_addrs(&HeaderName::Route)).len() <= 2
}

fn block(subject: &Subject, message: &[u8]) -> Duration {
    let start = Instant::now();
    for _ in 0..PER_BLOCK {
        black_box((subject.read)(black_box(message)));
    }
    start.elapsed() / PER_BLOCK
}

fn main() {
    for (name, message) in [("INVITE with SDP", INVITE), ("REGISTER", REGISTER)] {
        println!("{name}, {} octets: best of {BLOCKS} blocks of {PER_BLOCK}", message.len());
        let mut best = [Duration::MAX; SUBJECTS.len()];
        for round in 0..BLOCKS {
            // There and back again: none is always first.
            let forward = 0..SUBJECTS.len();
            let order: Vec<usize> = if round % 2 == 0 { forward.collect() } else { forward.rev().collect() };
            for at in order {
                best[at] = best[at].min(block(&SUBJECTS[at], message));
            }
        }
        println!("{:<22} {:>9} {:>11} {:>8} {:>12} {:>8}", "", "ns", "messages/s", "MB/s", "allocations", "x ours");
        let ours = best[1].as_secs_f64();
        for (subject, took) in SUBJECTS.iter().zip(best) {
            let mut good = false;
            let counted = allocation_counter::measure(|| good = (subject.read)(message));
            if !good {
                println!("{:<22} refuses the message", subject.name);
                continue;
            }
            let seconds = took.as_secs_f64();
            println!(
                "{:<22} {:>9} {:>11.0} {:>8.0} {:>12} {:>8.2}",
                subject.name,
                took.as_nanos(),
                1.0 / seconds,
                message.len() as f64 / seconds / 1e6,
                counted.count_total,
                seconds / ours,
            );
        }
        println!();
    }
}
