//! Encoder → a bad network → jitter buffer and decoder, on virtual time and seeded, measured by what is heard.

use std::time::{Duration, Instant};

use media::RATE;
use media::codec::{Codec, VoiceDecoder, VoiceEncoder};
use media::level::rms_dbfs;
use media::playout::Playout;
use media::rtp::{Header, Sequence, Ssrc, Timestamp};
use media::signal::{Speech, find_delay, gaps, windows_found};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

const FRAME: usize = 960;

#[expect(clippy::disallowed_methods, reason = "virtual time needs one instant to count from")]
fn epoch() -> Instant {
    Instant::now()
}

/// Milliseconds by which packet `n` is late.
type Lateness = fn(u64, &mut ChaCha12Rng) -> f64;

/// What the network does to each packet.
#[derive(Clone)]
struct Network {
    seed: u64,
    /// Share lost, 0..=1, each packet by itself.
    loss: f64,
    /// Milliseconds late for packet `n`.
    late: Lateness,
    /// Share that comes twice.
    doubled: f64,
    sequence: u16,
    timestamp: u32,
    /// Parts per million by which the sender's clock is fast.
    ppm: f64,
}

impl Default for Network {
    fn default() -> Self {
        Self { seed: 1, loss: 0.0, late: |_, _| 0.0, doubled: 0.0, sequence: 10, timestamp: 1000, ppm: 0.0 }
    }
}

/// One packet on its way: when it arrives in ms, and what it is.
struct Packet {
    arrives: f64,
    header: Header,
    codec: Codec,
    payload: Vec<u8>,
}

struct Heard {
    sound: Vec<f32>,
    playout: Playout,
    lost: u64,
    sent: u64,
    longest_loss: u64,
    /// Shortest and longest wait after the first minute, and samples stretched since.
    settled: Option<(Duration, Duration, u64)>,
}

fn speech(seconds: usize) -> Vec<f32> {
    let mut sound = vec![0.0; seconds * RATE as usize];
    Speech::new(42).fill(&mut sound);
    sound
}

fn encoded(sound: &[f32], codec: Codec, loss: u8) -> Vec<Vec<u8>> {
    let mut encoder = VoiceEncoder::new(codec, None).expect("the codec is built in");
    encoder.set_loss(loss);
    let frame = |frame| {
        let mut payload = Vec::new();
        encoder.encode(frame, &mut payload).expect("a frame is 20 ms");
        payload
    };
    sound.chunks_exact(FRAME).map(frame).collect()
}

/// Sends one payload each 20 ms of the sender's clock; `None` is silence on purpose.
fn sent(network: &Network, frames: &[Option<(Codec, Vec<u8>)>]) -> (Vec<Packet>, u64, u64) {
    let mut rng = ChaCha12Rng::seed_from_u64(network.seed);
    let (mut packets, mut lost, mut run, mut longest) = (Vec::new(), 0, 0, 0);
    let mut sequence = network.sequence;
    for (n, frame) in frames.iter().enumerate() {
        let Some((codec, payload)) = frame else { continue };
        let header = Header {
            marker: false,
            payload_type: 96,
            sequence: Sequence(sequence),
            timestamp: Timestamp(network.timestamp.wrapping_add((n * 20) as u32 * (codec.clock() / 1000))),
            ssrc: Ssrc(1),
        };
        sequence = sequence.wrapping_add(1);
        let late = (network.late)(n as u64, &mut rng);
        if rng.random_bool(network.loss) {
            (lost, run) = (lost + 1, run + 1);
            longest = longest.max(run);
            continue;
        }
        run = 0;
        let arrives = n as f64 * 20.0 / (1.0 + network.ppm * 1e-6) + 5.0 + late;
        for _ in 0..1 + u8::from(rng.random_bool(network.doubled)) {
            packets.push(Packet { arrives, header, codec: *codec, payload: payload.clone() });
        }
    }
    packets.sort_by(|a, b| a.arrives.total_cmp(&b.arrives));
    (packets, lost, longest)
}

fn through(network: &Network, frames: &[Option<(Codec, Vec<u8>)>]) -> Heard {
    let (packets, lost, longest_loss) = sent(network, frames);
    let start = epoch();
    let mut playout = Playout::new(start);
    let mut packets = packets.into_iter().peekable();
    let mut sound = Vec::new();
    let mut block = [0.0; 480];
    // The sender may need longer by its own clock; half a second more lets the last packets out.
    let end_ms = frames.len() as f64 * 20.0 / (1.0 + network.ppm * 1e-6);
    let (mut now_ms, mut settled) = (0.0, None);
    while now_ms < end_ms {
        while let Some(packet) = packets.next_if(|packet| packet.arrives <= now_ms) {
            let at = start + Duration::from_secs_f64(packet.arrives / 1000.0);
            playout.insert(at, &packet.header, packet.codec, &packet.payload);
        }
        playout.pull(start + Duration::from_secs_f64(now_ms / 1000.0), &mut block);
        let (wait, stretched) = (playout.delay(), playout.counts().stretched);
        if now_ms > 60_000.0 {
            let (least, most, before) = *settled.get_or_insert((wait, wait, stretched));
            settled = Some((least.min(wait), most.max(wait), before));
        }
        sound.extend_from_slice(&block);
        // As the phone does, by a thousandth.
        now_ms += 10.0 - (playout.pace() as f64 / 48.0).clamp(-0.01, 0.01);
    }
    let sent = frames.iter().flatten().count() as u64;
    let stretched = playout.counts().stretched;
    let settled = settled.map(|(least, most, before)| (least, most, stretched - before));
    Heard { sound, playout, lost, sent, longest_loss, settled }
}

fn all(codec: Codec, payloads: Vec<Vec<u8>>) -> Vec<Option<(Codec, Vec<u8>)>> {
    payloads.into_iter().map(|payload| Some((codec, payload))).collect()
}

/// Share of 200 ms windows of `said` recognised in `heard`.
fn recognised(said: &[f32], heard: &[f32]) -> f32 {
    let found = find_delay(&said[RATE as usize..], &heard[RATE as usize..], RATE as usize).expect("speech is heard");
    windows_found(said, heard, found.delay, 9600, 2880)
}

/// The largest step from one sample to the next.
fn steepest(sound: &[f32]) -> f32 {
    sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

#[test]
fn nothing_is_missing_on_a_good_network() {
    let said = speech(8);
    for codec in [Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma] {
        let heard = through(&Network::default(), &all(codec, encoded(&said, codec, 0)));
        let counts = heard.playout.counts();
        assert_eq!((counts.concealed, counts.recovered), (0, 0), "{codec:?}");
        assert!(recognised(&said, &heard.sound) > 0.97, "{codec:?}");
        let change = rms_dbfs(&heard.sound[48_000..]) - rms_dbfs(&said[48_000..]);
        assert!(change.abs() < 1.0, "{codec:?}: {change} dB");
        assert!(gaps(&heard.sound[9_600..], -45.0, 960).is_empty());
        assert!(heard.playout.delay() < Duration::from_millis(25), "{:?}", heard.playout.delay());
    }
}

#[test]
fn a_tone_is_continuous_to_the_sample() {
    let step = std::f64::consts::TAU * 440.0 / f64::from(RATE);
    let said: Vec<f32> = (0..480_000).map(|n| (0.4 * (n as f64 * step).sin()) as f32).collect();
    for codec in [Codec::Opus, Codec::G722, Codec::Pcmu] {
        let payloads = encoded(&said, codec, 0);
        let mut decoder = VoiceDecoder::new(codec).unwrap();
        let mut plain = Vec::new();
        for payload in &payloads {
            decoder.decode(payload, &mut plain).unwrap();
        }
        let heard = through(&Network::default(), &all(codec, payloads));
        // The buffer takes its first caution back by stretching, and even that must not click.
        assert!(heard.playout.counts().stretched > 0);
        let (ours, codecs) = (steepest(&heard.sound[4800..]), steepest(&plain[4800..]));
        assert!(ours <= codecs * 1.1, "{codec:?}: {ours} against {codecs}");
    }
}

#[test]
fn what_is_lost_is_made_up_and_no_more() {
    let said = speech(20);
    for (codec, floors) in [
        (Codec::Opus, [0.98, 0.97, 0.95, 0.90, 0.80]),
        (Codec::G722, [0.98, 0.96, 0.93, 0.75, 0.55]),
        (Codec::Pcmu, [0.98, 0.96, 0.93, 0.75, 0.55]),
    ] {
        for (percent, floor) in [1, 5, 10, 20, 30].into_iter().zip(floors) {
            let payloads = encoded(&said, codec, percent);
            let network = Network { loss: f64::from(percent) / 100.0, seed: u64::from(percent), ..Default::default() };
            let heard = through(&network, &all(codec, payloads));
            let counts = heard.playout.counts();
            let missing = (counts.concealed + counts.recovered) as f64 / FRAME as f64;
            let lost = heard.lost as f64;
            assert!((missing - lost).abs() <= 3.0 + 0.1 * lost, "{codec:?} {percent} %: {missing} of {lost}");
            let share = recognised(&said, &heard.sound);
            assert!(share >= floor, "{codec:?} {percent} %: {share}");
            let longest = 960 * (heard.longest_loss as usize + 1);
            let silent = gaps(&heard.sound[9_600..], -55.0, longest);
            assert!(silent.is_empty(), "{codec:?} {percent} %: {silent:?}");
            let change = rms_dbfs(&heard.sound[48_000..]) - rms_dbfs(&said[48_000..]);
            assert!(change.abs() < 3.0, "{codec:?} {percent} %: {change} dB");
            if codec == Codec::Opus && percent >= 5 {
                assert!(counts.recovered > counts.concealed / 3, "{percent} %: {counts:?}");
            }
        }
    }
}

#[test]
fn jitter_is_waited_for_and_hardly_anything_comes_late() {
    let said = speech(30);
    let frames = all(Codec::Opus, encoded(&said, Codec::Opus, 0));
    let traces: [(&str, Lateness, u64); 5] = [
        ("uniform 40 ms", |_, rng| rng.random_range(0.0..40.0), 70),
        ("uniform 150 ms", |_, rng| rng.random_range(0.0..150.0), 200),
        ("uniform 300 ms", |_, rng| rng.random_range(0.0..300.0), 400),
        ("spikes", |n, rng| if n % 100 < 4 { 80.0 - (n % 100) as f64 * 20.0 } else { rng.random_range(0.0..5.0) }, 130),
        ("waves", |n, _| 30.0 + 30.0 * (n as f64 / 40.0).sin(), 90),
    ];
    for (name, late, most) in traces {
        let heard = through(&Network { late, ..Default::default() }, &frames);
        let packets = heard.playout.packets();
        assert!(packets.late * 100 <= heard.sent * 4, "{name}: {packets:?}");
        let share = recognised(&said[192_000..], &heard.sound[192_000..]);
        assert!(share > 0.85, "{name}: {share}");
        assert!(heard.playout.delay() < Duration::from_millis(most), "{name}: {:?}", heard.playout.delay());
        assert_eq!(packets.restarts, 0, "{name}");
    }
}

#[test]
fn order_and_doubles_do_not_matter() {
    let said = speech(10);
    let frames = all(Codec::Opus, encoded(&said, Codec::Opus, 0));
    let network = Network {
        // Every fifth packet comes after the one behind it.
        late: |n, _| if n % 5 == 0 { 25.0 } else { 0.0 },
        doubled: 0.3,
        ..Default::default()
    };
    let heard = through(&network, &frames);
    let packets = heard.playout.packets();
    assert_eq!(packets.received, heard.sent);
    assert!(packets.duplicates > 100, "{packets:?}");
    assert!(packets.late <= 2, "{packets:?}");
    assert!(recognised(&said, &heard.sound) > 0.95);
}

#[test]
fn wrapping_numbers_change_not_one_sample() {
    let said = speech(5);
    for codec in [Codec::Opus, Codec::G722, Codec::Pcma] {
        let frames = all(codec, encoded(&said, codec, 10));
        let network = Network { loss: 0.1, late: |_, rng| rng.random_range(0.0..30.0), ..Default::default() };
        let plain = through(&network, &frames);
        let wrapping = Network { sequence: 65_500, timestamp: u32::MAX - 20_000, ..network };
        assert!(plain.sound == through(&wrapping, &frames).sound, "{codec:?}");
    }
}

#[test]
fn silence_on_purpose_is_not_loss() {
    let said = speech(12);
    let mut frames = all(Codec::Opus, encoded(&said, Codec::Opus, 0));
    for (n, frame) in frames.iter_mut().enumerate() {
        // Talks for a second, then is silent for 1.4 s with a sign of life each 400 ms.
        let place = n % 120;
        if place >= 50 {
            *frame = (place % 20 == 10).then(|| (Codec::Opus, vec![0x78]));
        }
    }
    let heard = through(&Network { late: |_, rng| rng.random_range(0.0..10.0), ..Default::default() }, &frames);
    let counts = heard.playout.counts();
    assert!(counts.concealed <= 960 * 3, "{counts:?}");
    assert!(counts.quiet > 48_000 * 5, "{counts:?}");
    assert_eq!(heard.playout.packets().late, 0);
    // Each spurt is heard, the last as well as the first.
    for spurt in [0usize, 115_200, 230_400, 345_600, 460_800] {
        let part = &said[spurt + 4_800..spurt + 43_200];
        let after = &heard.sound[spurt..spurt + 67_200];
        let found = find_delay(&part[..19_200], after, 12_000).expect("the spurt is heard");
        let share = windows_found(part, after, found.delay, 9_600, 2_880);
        assert!(share > 0.8, "{spurt}: {share} with {found:?}");
    }
}

#[test]
fn the_payload_type_may_change_at_any_time() {
    let said = speech(12);
    let codecs = [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Opus];
    let mut frames = Vec::new();
    for (part, codec) in said.chunks(3 * RATE as usize).zip(codecs) {
        frames.extend(all(codec, encoded(part, codec, 0)));
    }
    // The timestamps of each clock go on from its own zero, as a server that switches sources has it.
    let heard = through(&Network::default(), &frames);
    assert_eq!(heard.playout.counts().concealed, 0, "{:?}", heard.playout.counts());
    assert!(recognised(&said, &heard.sound) > 0.93);
    assert!(steepest(&heard.sound) < 1.5 * steepest(&said), "a switch clicks");
}

#[test]
fn thirty_minutes_of_a_drifting_sender_never_run_dry_and_are_not_stretched() {
    let payloads = encoded(&speech(2), Codec::Pcmu, 0);
    for ppm in [-200.0, 200.0] {
        let frames = all(Codec::Pcmu, (0..90_000).map(|n| payloads[n % payloads.len()].clone()).collect());
        let heard = through(&Network { ppm, ..Default::default() }, &frames);
        assert_eq!((heard.playout.counts().concealed, heard.playout.packets().late), (0, 0), "{ppm} ppm");
        let (least, most, stretched) = heard.settled.expect("it took longer than a minute");
        assert_eq!(stretched, 0, "{ppm} ppm");
        assert!(most - least <= Duration::from_millis(2), "{ppm} ppm: from {least:?} to {most:?}");
        // With jitter on top a packet in a thousand may be late, as always.
        let jitter = Network { ppm, late: |_, rng| rng.random_range(0.0..8.0), ..Default::default() };
        let counts = through(&jitter, &frames[..15_000]).playout.counts();
        assert!(counts.concealed * 1_000 < counts.decoded && counts.stretched * 1_000 < counts.decoded, "{counts:?}");
    }
}

#[test]
fn an_outage_is_survived_and_the_wait_comes_back() {
    let said = speech(20);
    let frames = all(Codec::Opus, encoded(&said, Codec::Opus, 0));
    // 400 ms without a packet, then all of them at once; later two seconds that never come.
    let late = |n: u64, _: &mut ChaCha12Rng| if (300..320).contains(&n) { (320 - n) as f64 * 20.0 } else { 0.0 };
    let mut frames_with_hole = frames;
    for frame in &mut frames_with_hole[600..700] {
        *frame = None;
    }
    let heard = through(&Network { late, ..Default::default() }, &frames_with_hole);
    assert!(heard.playout.packets().late <= 1, "{:?}", heard.playout.packets());
    assert!(heard.playout.delay() < Duration::from_millis(80), "{:?}", heard.playout.delay());
    let part = &said[48_000 * 17..48_000 * 19];
    let after = &heard.sound[48_000 * 17..];
    let found = find_delay(part, after, 24_000).expect("sound is back");
    assert!(windows_found(part, after, found.delay, 9_600, 2_880) > 0.85, "{found:?}");
}
