//! Small loads over real sockets: what they count is held, and how fast the machine is plays no part.

use super::*;

/// Three calls on two threads, so that the threads have unlike shares.
fn small(mode: Mode) -> Measured {
    measure(&Load { mode, calls: 3, cores: 2, before: 25, packets: 50 }).unwrap()
}

#[test]
fn calls_that_encode_and_decode_are_carried_both_ways() {
    let measured = small(Mode::Opus);
    assert_eq!((measured.calls, measured.sent, measured.lost), (3, 2 * 3 * 50, 0), "{measured:?}");
    assert!(measured.cpu > Duration::ZERO && measured.wall >= 49 * FRAME, "{measured:?}");
    assert!(measured.concealed.is_some_and(|share| share < 0.5), "{measured:?}");
}

#[test]
fn packets_that_were_encoded_beforehand_come_to_the_other_end() {
    let measured = small(Mode::Encoded);
    assert_eq!((measured.calls, measured.sent, measured.lost), (3, 2 * 3 * 50, 0), "{measured:?}");
    assert_eq!(measured.concealed, None);
    assert!(measured.used(2) > 0.0 && measured.calls_per_core() > 0.0, "{measured:?}");
}

#[test]
fn what_is_sent_late_or_lost_is_not_carried() {
    let load = Load { mode: Mode::Opus, calls: 3, cores: 2, before: 0, packets: 50 };
    let (wall, cpu) = (Duration::from_secs(3), Duration::from_secs(2));
    let mut late = Outcome { calls: 2, carried: 1, sent: 4, lost: 3, wall, cpu, ..Outcome::default() };
    [0, 1, 20, 500].iter().for_each(|ms| late.lateness.note(Duration::from_millis(*ms)));
    let measured = Outcome::sum(vec![late, Outcome { calls: 1, carried: 1, sent: 2, ..Outcome::default() }], &load);
    assert_eq!((measured.calls, measured.carried, measured.sent), (3, 2, 6));
    assert_eq!((measured.late, measured.lost), (2, 3));
    // A second of each call cost two; that it took three does not make it cheaper.
    assert_eq!(measured.calls_per_core(), 1.5);
}

#[test]
fn a_load_of_nothing_is_refused() {
    let load = Load { mode: Mode::Opus, calls: 1, cores: 1, before: 0, packets: 1 };
    for load in [
        Load { calls: 0, ..load.clone() },
        Load { cores: 0, ..load.clone() },
        Load { cores: 2, ..load.clone() },
        Load { packets: 0, ..load },
    ] {
        assert!(matches!(measure(&load), Err(LoadError::Nothing)), "{load:?}");
    }
}
