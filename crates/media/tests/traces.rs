//! The wait of the jitter buffer on ten minutes of four networks, beside the best that could have been chosen in hindsight.

use std::time::Duration;

use media::codec::{Codec, VoiceEncoder};
use media::playout::Playout;
use media::rtp::{Header, Sequence, Ssrc, Timestamp};
use media::signal::Speech;
use media::testing::{
    epoch,
    traces::{Trace, hindsight},
};

const BLOCK: usize = 480;

/// What a trace came to.
#[derive(Debug)]
struct Outcome {
    /// Best fixed wait in ms.
    hindsight: f64,
    /// Mean wait of what was played, in ms.
    mean: f64,
    /// Share of the sound that was made up, in percent.
    made_up: f64,
    /// Share of the sound that was taken out or put in, in percent.
    stretched: f64,
}

/// Plays `seconds` of speech in packets of `each` ms over the network; `follow` asks for sound when the buffer would best
/// have it.
fn played(trace: Trace, seed: u64, seconds: usize, each: usize, follow: bool) -> Outcome {
    let mut said = vec![0.0; 20 * 48_000];
    Speech::new(11).fill(&mut said);
    // The speaker takes a breath each three seconds.
    for breath in said.chunks_mut(3 * 48_000) {
        breath.iter_mut().take(28_800).for_each(|sample| *sample *= 0.002);
    }
    let mut encoder = VoiceEncoder::new(Codec::Pcmu, None).expect("the codec is built in");
    let payloads: Vec<Vec<u8>> = said
        .chunks_exact(each * 48)
        .map(|frame| {
            let mut payload = Vec::new();
            encoder.encode(frame, &mut payload).expect("a frame of its length");
            payload
        })
        .collect();
    let count = seconds * 1_000 / each;
    let late = trace.lateness(seed, count, each as f64);
    let mut packets: Vec<(f64, usize)> =
        late.iter().enumerate().map(|(n, late)| ((n * each) as f64 + late, n)).collect();
    packets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let fastest = late.iter().copied().fold(f64::INFINITY, f64::min);
    // The timeline begins with the packet that comes first.
    let begins = (packets[0].1 * each) as f64;
    let start = epoch();
    let at = |ms: f64| start + Duration::from_secs_f64(ms / 1_000.0);
    let mut playout = Playout::new(start);
    let mut packets = packets.into_iter().peekable();
    let (mut now, mut waits, mut block) = (3.7, Vec::new(), [0.0; BLOCK]);
    while packets.peek().is_some() {
        while let Some((arrives, n)) = packets.next_if(|(arrives, _)| *arrives <= now) {
            let header = Header {
                marker: false,
                payload_type: 0,
                sequence: Sequence(n as u16),
                timestamp: Timestamp((n * each * 8) as u32),
                ssrc: Ssrc(1),
            };
            playout.insert(at(arrives), &header, Codec::Pcmu, &payloads[n % payloads.len()]);
        }
        playout.pull(at(now), &mut block);
        if playout.counts().decoded > 0 {
            // Measured by what the network did, not by what the buffer believes.
            waits.push(playout.transit().as_secs_f64() * 1_000.0 - begins - fastest);
        }
        let pace = if follow { (playout.pace() as f64 / 48.0).clamp(-0.01, 0.01) } else { 0.0 };
        now += 10.0 - pace;
    }
    let counts = playout.counts();
    let whole = (counts.decoded + counts.concealed) as f64;
    Outcome {
        hindsight: hindsight(&late),
        mean: waits.iter().sum::<f64>() / waits.len() as f64,
        made_up: 100.0 * counts.concealed as f64 / whole,
        stretched: 100.0 * counts.stretched as f64 / whole,
    }
}

#[test]
fn the_wait_is_near_the_best_in_hindsight() {
    let outcomes = Trace::ALL.map(|trace| (trace, played(trace, 1, 600, 20, true)));
    for (trace, outcome) in &outcomes {
        println!("{trace:?}: {outcome:.2?}, {:.2} of the best", outcome.mean / outcome.hindsight);
    }
    for (trace, Outcome { hindsight, mean, made_up, stretched }) in outcomes {
        assert!(mean <= 1.4 * hindsight, "{trace:?} waits {mean} ms, {hindsight} would do");
        assert!(made_up <= 1.0, "{trace:?}: {made_up} % made up");
        assert!(stretched <= 1.0, "{trace:?}: {stretched} % stretched");
    }
}

#[test]
fn the_wait_is_near_the_best_for_short_packets_too_and_where_nobody_follows() {
    for trace in Trace::ALL {
        for (each, follow) in [(10, true), (20, false)] {
            let outcome = played(trace, 2, 300, each, follow);
            // Sound that is asked for in blocks waits for half a block more, at an average.
            let most = 1.5 * outcome.hindsight + if follow { 1.0 } else { 5.0 };
            assert!(outcome.mean <= most && outcome.made_up <= 1.2, "{trace:?} of {each} ms: {outcome:?}");
        }
    }
}
