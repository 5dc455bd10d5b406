use std::time::{Duration, Instant};

use super::*;
use crate::contract::Timestamp;

/// A call that sounds well.
fn well() -> Quality {
    Quality {
        packet_ms: 20.0,
        loss_pct: 0.2,
        burst: None,
        late_pct: 0.0,
        jitter_ms: 3.0,
        buffer_ms: 25.0,
        rtt_ms: Some(40.0),
        mos: 4.3,
        concealed_pct: 0.1,
        far_loss_pct: Some(0.0),
        far_burst: None,
        far_jitter_ms: Some(2.0),
        far_mos: Some(4.2),
        codec: Some("opus"),
        grade: Grade::Clear,
    }
}

/// The same while packets get lost both ways.
pub(in crate::switchboard) fn lossy() -> Quality {
    Quality {
        loss_pct: 12.0,
        burst: Some(1.1),
        concealed_pct: 6.0,
        mos: 2.9,
        far_loss_pct: Some(9.0),
        grade: Grade::Poor,
        ..well()
    }
}

struct Seconds {
    watch: Watch,
    now: Now,
}

impl Seconds {
    fn new() -> Self {
        let now = Now { instant: Instant::now(), wall: Timestamp::from_unix_ms(1_700_000_000_000) };
        let mut own = Self { watch: Watch::default(), now };
        own.pass(SETTLING, &lossy());
        own
    }

    /// So many seconds go by; says what is said then.
    fn pass(&mut self, seconds: u32, quality: &Quality) -> Option<Code> {
        for _ in 0..seconds {
            let second = Duration::from_secs(1);
            self.now = Now { instant: self.now.instant + second, wall: self.now.wall.plus(second) };
            self.watch.second(self.now, quality);
        }
        self.watch.trouble.as_ref().map(|fault| fault.code)
    }
}

#[test]
fn each_trouble_has_its_name() {
    let bursts = Quality { burst: Some(3.2), ..lossy() };
    let late = Quality { loss_pct: 1.0, late_pct: 5.0, ..lossy() };
    for (quality, code) in [
        (lossy(), Code::SoundLoss),
        (Quality { far_loss_pct: None, ..lossy() }, Code::SoundLoss),
        (bursts.clone(), Code::SoundBursts),
        (Quality { far_loss_pct: Some(0.4), ..bursts }, Code::SoundLossTheirs),
        (late, Code::SoundUneven),
        (Quality { loss_pct: 0.5, ..lossy() }, Code::SoundUneven),
        (Quality { mos: 3.3, rtt_ms: Some(900.0), ..well() }, Code::SoundDelayed),
        (Quality { mos: 3.3, rtt_ms: None, ..well() }, Code::SoundDelayed),
        (Quality { far_mos: Some(2.8), far_loss_pct: Some(8.0), ..well() }, Code::SoundLossSent),
        (Quality { far_mos: None, far_loss_pct: Some(12.0), ..well() }, Code::SoundLossSent),
        (Quality { far_mos: Some(2.8), ..well() }, Code::SoundPoorThere),
    ] {
        assert_eq!(cause(&quality), Some(code), "{quality:?}");
    }
    for quality in [
        well(),
        Quality { far_mos: None, far_loss_pct: Some(8.0), ..well() },
        Quality { loss_pct: 12.0, mos: 3.9, ..lossy() },
    ] {
        assert_eq!(cause(&quality), None, "what is repaired is no trouble: {quality:?}");
    }
}

#[test]
fn it_is_said_after_some_seconds_and_ends_after_more() {
    let mut seconds = Seconds::new();
    assert_eq!(seconds.pass(SAID_AFTER - 1, &lossy()), None);
    assert_eq!(seconds.pass(1, &well()), None, "a moment is no trouble");
    assert_eq!(seconds.pass(SAID_AFTER, &lossy()), Some(Code::SoundLoss));
    let at = seconds.watch.trouble.as_ref().unwrap().at;
    // What goes to and fro is said once.
    for _ in 0..20 {
        seconds.pass(OVER_AFTER - 1, &well());
        assert_eq!(seconds.pass(1, &lossy()), Some(Code::SoundLoss));
    }
    // Just not poor is not yet good.
    assert_eq!(seconds.pass(60, &Quality { mos: 3.7, ..well() }), Some(Code::SoundLoss));
    assert_eq!(seconds.watch.trouble.as_ref().unwrap().at, at, "since then");
    assert_eq!(seconds.pass(OVER_AFTER - 1, &well()), Some(Code::SoundLoss));
    assert_eq!(seconds.pass(1, &well()), None);
}

#[test]
fn another_cause_is_said_once_it_has_lasted() {
    let mut seconds = Seconds::new();
    let bursts = Quality { burst: Some(4.0), ..lossy() };
    // Whatever the first poor seconds come from, something is said in time.
    for _ in 0..SAID_AFTER / 2 {
        seconds.pass(1, &lossy());
        seconds.pass(1, &bursts);
    }
    assert_eq!(seconds.pass(0, &bursts), Some(Code::SoundBursts));
    assert_eq!(seconds.pass(SAID_AFTER - 1, &lossy()), Some(Code::SoundBursts));
    assert_eq!(seconds.pass(1, &lossy()), Some(Code::SoundLoss));
}

#[test]
fn what_is_kept_are_means_and_what_lasted_longest() {
    let words = Words::of("en");
    let mut seconds = Seconds::new();
    assert_eq!(seconds.watch.kept(seconds.now, &words), None, "the first seconds do not count");
    seconds.pass(30, &well());
    let kept = seconds.watch.kept(seconds.now, &words).unwrap();
    assert_eq!((kept.mos, kept.poor_s, kept.trouble, kept.burst), (4.3, 0, None, None));
    seconds.pass(3, &Quality { burst: Some(3.0), ..lossy() });
    seconds.pass(7, &lossy());
    let kept = seconds.watch.kept(seconds.now, &words).unwrap();
    assert_eq!((kept.poor_s, kept.loss_pct, kept.burst), (10, 3.15, Some(1.67)));
    assert_eq!((kept.mos, kept.grade), (3.95, crate::contract::Grade::Fair));
    assert_eq!(kept.trouble.unwrap().message, "Your network loses packets");
    // A hold ends what is said, and nothing of what is kept.
    seconds.watch.pause();
    assert!(seconds.watch.trouble(&words).is_none());
    assert_eq!(seconds.watch.kept(seconds.now, &words).unwrap().poor_s, 10);
}
