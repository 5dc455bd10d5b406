//! Makes sound a little shorter or longer without a click: a stretch as long as one or more pitch periods is taken
//! out or played twice, with a cross-fade between places that look alike.

use crate::level::rms_dbfs;

/// Length of the cross-fade: 5 ms.
const FADE: usize = 240;
/// Lags tried: 2.5..=15 ms.
const SHORTEST: usize = 120;
const LONGEST: usize = 720;
/// Sound below this may be cut anywhere, and by as little as is wanted.
const QUIET_DBFS: f32 = -50.0;
/// How alike two places must be to be joined.
const ALIKE: f32 = 0.75;

/// Removes up to `most` samples from `sound[from..]` and returns how many went; 0 when no good place was found.
/// `force` takes the best place however bad.
pub(crate) fn shorten(sound: &mut Vec<f32>, from: usize, most: usize, force: bool) -> usize {
    let Some(lag) = lag(&sound[from..], most, force) else { return 0 };
    for n in 0..FADE {
        let share = fade(n);
        let at = from + n;
        sound[at] = sound[at] * (1.0 - share) + sound[at + lag] * share;
    }
    sound.drain(from + FADE..from + FADE + lag);
    lag
}

/// Adds up to `most` samples to `sound[from..]` and returns how many came; 0 when no good place was found.
pub(crate) fn lengthen(sound: &mut Vec<f32>, from: usize, most: usize, force: bool) -> usize {
    let Some(lag) = lag(&sound[from..], most, force) else { return 0 };
    // First up to lag + FADE, fading into the start, then on from the start's FADE: the first period sounds twice.
    let tail = sound.split_off(from + FADE);
    let head = from;
    for n in FADE..lag {
        let sample = tail[n - FADE];
        sound.push(sample);
    }
    // For a lag shorter than the fade the head already reaches beyond it.
    sound.truncate(head + lag.max(FADE).min(sound.len() - head));
    let original = |n: usize, sound: &[f32]| if n < FADE { sound[head + n] } else { tail[n - FADE] };
    let faded: Vec<f32> = (0..FADE)
        .map(|n| {
            let share = fade(n);
            original(lag + n, sound) * (1.0 - share) + original(n, sound) * share
        })
        .collect();
    sound.truncate(head + lag);
    sound.extend(faded);
    sound.extend(tail);
    lag
}

fn fade(n: usize) -> f32 {
    0.5 - 0.5 * (std::f32::consts::PI * (n + 1) as f32 / (FADE + 1) as f32).cos()
}

/// The best distance between two places of `sound`, the first at its start.
fn lag(sound: &[f32], most: usize, force: bool) -> Option<usize> {
    let longest = most.min(LONGEST).min(sound.len().checked_sub(FADE)?);
    if longest > 0 && rms_dbfs(&sound[..longest + FADE]) < QUIET_DBFS {
        return Some(longest);
    }
    if longest < SHORTEST {
        return None;
    }
    let rough = best(sound, (SHORTEST..=longest).step_by(4), 4)?.0;
    let (lag, alike) = best(sound, rough.saturating_sub(3).max(SHORTEST)..=(rough + 3).min(longest), 1)?;
    (force || alike >= ALIKE).then_some(lag)
}

fn best(sound: &[f32], lags: impl Iterator<Item = usize>, step: usize) -> Option<(usize, f32)> {
    lags.map(|lag| {
        let (mut product, mut here, mut there) = (0.0f32, 1e-9f32, 1e-9f32);
        for (a, b) in sound[..FADE].iter().zip(&sound[lag..]).step_by(step) {
            product += a * b;
            here += a * a;
            there += b * b;
        }
        (lag, product / (here * there).sqrt())
    })
    .max_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Speech;

    fn sine(hertz: f64, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (0.4 * (n as f64 * std::f64::consts::TAU * hertz / 48000.0).sin()) as f32).collect()
    }

    fn steepest(sound: &[f32]) -> f32 {
        sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_tone_stays_the_same_tone() {
        for hertz in [100.0, 170.0, 425.0, 1000.0] {
            let whole = sine(hertz, 1920);
            let mut short = whole.clone();
            let gone = shorten(&mut short, 960, 720, false);
            assert!(gone > 0, "{hertz}");
            assert_eq!(short.len(), 1920 - gone);
            let mut long = whole.clone();
            let come = lengthen(&mut long, 960, 720, false);
            assert!(come > 0, "{hertz}");
            assert_eq!(long.len(), 1920 + come);
            for changed in [&short, &long] {
                assert!(steepest(changed) < 1.1 * steepest(&whole), "{hertz}");
                assert_eq!(changed[..960], whole[..960]);
                assert_eq!(changed.last(), whole.last());
            }
        }
    }

    #[test]
    fn the_rest_of_the_sound_is_untouched() {
        let mut whole = vec![0.0; 1920];
        Speech::new(5).fill(&mut whole);
        for most in [130, 240, 480, 720] {
            let mut short = whole.clone();
            let gone = shorten(&mut short, 100, most, true);
            assert!((SHORTEST..=most).contains(&gone));
            assert_eq!(short[100 + FADE..], whole[100 + FADE + gone..]);
            let mut long = whole.clone();
            let come = lengthen(&mut long, 100, most, true);
            assert!((SHORTEST..=most).contains(&come));
            assert_eq!(long[..100 + come], whole[..100 + come]);
            assert_eq!(long[100 + come + FADE..], whole[100 + FADE..]);
        }
    }

    #[test]
    fn silence_is_cut_at_will_and_noise_only_by_force() {
        let mut silence = vec![0.0; 960];
        assert_eq!(shorten(&mut silence, 0, 10_000, false), 720);
        assert_eq!(lengthen(&mut silence, 0, 10_000, false), 0, "240 samples are too few");
        let mut state = 1u32;
        let mut noise: Vec<f32> = (0..960)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
            .collect();
        assert_eq!(shorten(&mut noise, 0, 720, false), 0);
        assert!(shorten(&mut noise, 0, 720, true) > 0);
    }
}
