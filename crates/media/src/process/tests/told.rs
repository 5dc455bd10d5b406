//! What the canceller is told of the speaker, and how.

use super::*;
use crate::testing::room::Event;

/// How much of the echo is gone after seven seconds where `tell` tells the processor of what the speaker was given, with all
/// that comes after it, and how long the first of it is on its way.
fn gone(fill: u64, mut tell: impl FnMut(&mut Processor, Instant, usize, &[&[f32]], Duration)) -> f32 {
    let recording = Recording::new(Room::new(7, BULK, false), 10, RATE, ms(fill), speech(1, 1.0), silence);
    let given: Vec<&[f32]> = recording
        .events()
        .filter_map(|(_, event)| if let Event::Given(sound, _) = event { Some(&sound[..]) } else { None })
        .collect();
    let (mut processor, mut left, mut step) = (Processor::new(ECHO), Vec::new(), 0);
    for (now, event) in recording.events() {
        match event {
            Event::Heard(sound, age) => left.extend_from_slice(processor.capture(*now, sound, *age)),
            Event::Given(_, delay) => {
                tell(&mut processor, *now, step, &given[step..], *delay);
                step += 1;
            }
        }
    }
    level(&recording.mic, 7) - level(&left, 7)
}

/// Where each sound of the speaker is `told` so, or not at all.
fn gone_where(told: impl Fn(usize, Duration) -> Option<Duration>) -> f32 {
    gone(10, |processor, now, step, sound, delay| {
        if let Some(delay) = told(step, delay) {
            processor.render(now, sound[0], RATE, delay);
        }
    })
}

/// A driver that does not know how long its device takes.
#[test]
fn an_echo_that_comes_at_another_time_than_was_told_goes_too() {
    for (shorter, longer) in [(100, 0), (40, 0), (0, 10), (0, 20)].map(|(less, more)| (ms(less), ms(more))) {
        let gone = gone_where(|_, delay| Some(delay.saturating_sub(shorter) + longer));
        assert!(gone >= 25.0, "{shorter:?} too short, {longer:?} too long: {gone} dB");
    }
}

#[test]
fn an_echo_goes_after_its_speaker_was_still_or_became_another() {
    let still = gone_where(|step, delay| (!(200..350).contains(&step)).then_some(delay));
    assert!(still >= 25.0, "1.5 s without a sound: {still} dB");
    let other = gone_where(|step, delay| Some(if step < 200 { delay + ms(150) } else { delay }));
    assert!(other >= 25.0, "another device after 2 s: {other} dB");
}

/// As in a call whose packets are given to the speaker whole.
#[test]
fn an_echo_goes_where_the_speaker_is_given_two_blocks_at_once() {
    for fill in SOME_FILLS {
        let gone = gone(fill, |processor, now, step, sound, delay| {
            if step % 2 == 0 {
                processor.render(now, &sound[..sound.len().min(2)].concat(), RATE, delay);
            }
        });
        assert!(gone >= 25.0, "{fill} ms: {gone} dB");
    }
}
