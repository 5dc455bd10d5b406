//! Our jitter buffer on virtual time, given the very packets that another received, at the times at which they came.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use media::{codec::Codec, playout::Playout, rtp::Packet, testing::epoch};

use crate::relay::Passed;

/// 10 ms.
const BLOCK: usize = 480;
/// A packet of 20 ms.
const FRAME: f64 = 960.0;

/// What it came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Mean of the milliseconds from a packet's arrival to the playing of its first sample, over the packets played.
    pub(crate) wait: f64,
    /// Share of the sound that was made up, in percent.
    pub(crate) made_up: f64,
    /// Share of the sound that was taken out or put in, in percent.
    pub(crate) stretched: f64,
}

/// Plays what was `sent` as it was `passed` on. What happens before `settled` does not count. `None` where the packets came
/// with such gaps that the buffer began anew, as on a machine that is too busy.
pub(crate) fn played(sent: &[Vec<u8>], passed: &[Passed], settled: Duration) -> Option<Outcome> {
    let packets: HashMap<u16, Packet<'_>> = sent
        .iter()
        .filter_map(|bytes| Packet::parse(bytes).ok())
        .map(|packet| (packet.header.sequence.0, packet))
        .collect();
    let start = epoch();
    let after = |at: Instant| at.saturating_duration_since(passed[0].at);
    let arrivals: Vec<(Duration, Packet<'_>)> =
        passed.iter().filter_map(|one| Some((after(one.at), *packets.get(&one.sequence)?))).collect();
    let first = arrivals[0].1.header.timestamp;
    // By the number of the packet on the timeline that begins with the packet that came first.
    let number = |packet: &Packet<'_>| (packet.header.timestamp.since(first) as f64 / FRAME).round() as i64;
    let came: HashMap<i64, f64> = arrivals.iter().map(|(at, packet)| (number(packet), at.as_secs_f64())).collect();
    let mut playout = Playout::new(start);
    let mut arrivals = arrivals.iter().peekable();
    let (mut now, mut waits, mut block) = (Duration::from_micros(3_700), Vec::new(), [0.0; BLOCK]);
    let mut before = None;
    while arrivals.peek().is_some() {
        while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at <= now) {
            playout.insert(start + *at, &packet.header, Codec::Opus, packet.payload);
        }
        playout.pull(start + now, &mut block);
        if now >= settled {
            before.get_or_insert_with(|| playout.counts());
            let transit = playout.transit().as_secs_f64();
            let playing = ((now.as_secs_f64() - transit) * 48_000.0 / FRAME).floor() as i64;
            let played = transit + playing as f64 * FRAME / 48_000.0;
            // One that is late is not played.
            waits.extend(came.get(&playing).map(|came| 1_000.0 * (played - came)).filter(|wait| *wait >= 0.0));
        }
        // As the feed of the speaker does.
        let pace = (playout.pace() as f64 / 48_000.0).clamp(-1e-5, 1e-5);
        now += Duration::from_secs_f64(0.01 - pace);
    }
    let (counts, before) = (playout.counts(), before?);
    let concealed = counts.concealed - before.concealed;
    let whole = (counts.decoded - before.decoded + counts.recovered - before.recovered + concealed) as f64;
    (playout.packets().restarts == 0).then(|| Outcome {
        wait: waits.iter().sum::<f64>() / waits.len() as f64,
        made_up: 100.0 * concealed as f64 / whole,
        stretched: 100.0 * (counts.stretched - before.stretched) as f64 / whole,
    })
}
