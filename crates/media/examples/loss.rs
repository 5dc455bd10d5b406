//! What a voice sounds like behind a path that loses packets: a WAV file through two sessions on virtual time, with the
//! reports that let the sender follow the path.
//!
//!     cargo run --release -p media --example loss -- IN.wav OUT.wav random|same|burst PERCENT SEED plain|red|dred|short|auto
//!
//! IN is 48 kHz mono. It is said over and over for forty seconds, in which the sender learns the path, and then once more,
//! which is written to OUT with half a second after it. `burst` loses three packets in a row on average, `same` the same
//! ones of what is written whatever went before, so that a seed compares schemes. `plain` is a far
//! end that does not take RED, `dred` one that makes use of deep redundancy too; `short` asks for packets of 10 ms, `auto`
//! for them where the path proves good. Prints figures of that last time as JSON.

use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use media::agreed::{Agreed, AgreedCodec, Direction, RemotePath, Setup};
use media::codec::Codec;
use media::ladder::Delay;
use media::testing::epoch;
use media::{RATE, Session, SessionConfig, SessionOutput};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// 10 ms.
const BLOCK: usize = RATE as usize / 100;
/// Blocks before the part that is measured.
const LEARNING: usize = 40 * 100;
/// Blocks a packet is on its way.
const WAY: usize = 3;
/// Packets lost in a row on average by `burst`.
const RUN: f64 = 3.0;

/// Which packets are lost.
struct Mask {
    rng: ChaCha12Rng,
    share: f64,
    bursts: bool,
    bad: bool,
}

impl Mask {
    fn loses(&mut self) -> bool {
        let (leave, enter) = (1.0 / RUN, self.share / (1.0 - self.share) / RUN);
        let chance = match (self.bursts, self.bad) {
            (false, _) => self.share,
            (true, true) => 1.0 - leave,
            (true, false) => enter,
        };
        self.bad = self.rng.random_bool(chance);
        self.bad
    }
}

fn agreed(red: bool, past: bool) -> Agreed {
    let opus = vec![AgreedCodec { codec: Codec::Opus, pt: 111, max_bitrate: None }];
    let remote = RemotePath {
        ufrag: String::new(),
        pwd: String::new(),
        fingerprints: Vec::new(),
        setup: Setup::Active,
        candidates: Vec::new(),
        ice_lite: false,
        end_of_candidates: true,
        ice_restart: false,
    };
    Agreed {
        remote: Some(remote),
        dtls_client: false,
        controlling: true,
        send: opus.clone(),
        recv: opus,
        red: red.then_some(63),
        red_recv: vec![63],
        dtmf: None,
        dtmf_recv: Vec::new(),
        direction: Direction::SendRecv,
        remote_hold: false,
        ptime: 20,
        short: true,
        past,
        rtcp_mux: true,
        xr: media::xr::Wishes::ALL,
    }
}

#[expect(clippy::disallowed_methods, reason = "a program by itself is told its files as arguments")]
fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, input, output, kind, percent, seed, scheme] = &args[..] else {
        return Err("IN.wav OUT.wav random|same|burst PERCENT SEED plain|red|dred|short|auto".into());
    };
    let mut reader = WavReader::open(input)?;
    if reader.spec().sample_rate != RATE || reader.spec().channels != 1 {
        return Err("48 kHz mono is needed".into());
    }
    let mut voice: Vec<f32> = reader
        .samples::<i16>()
        .map(|sample| sample.map(|sample| f32::from(sample) / 32768.0))
        .collect::<Result<_, _>>()?;
    voice.resize(voice.len().next_multiple_of(BLOCK), 0.0);
    let length = voice.len() / BLOCK;
    // The measured part begins where the voice does.
    let begin = LEARNING.next_multiple_of(length);
    let end = begin + length + 50;

    let start = epoch();
    let seed = seed.parse()?;
    let mut mask = Mask {
        rng: ChaCha12Rng::seed_from_u64(seed),
        share: percent.parse::<f64>()? / 100.0,
        bursts: kind == "burst",
        bad: false,
    };
    let mut ends = Vec::new();
    for seed in [1, 2] {
        let mut session = Session::new(start, SessionConfig { seed: [seed; 32], cname: None, bitrate: None });
        session.apply(start, &agreed(scheme != "plain", scheme == "dred"))?;
        match scheme.as_str() {
            "short" => session.set_delay(Delay::Low),
            "auto" => session.set_delay(Delay::Auto),
            _ => {}
        }
        session.set_sending(true);
        ends.push(session);
    }
    let mut wire: VecDeque<(usize, usize, bool, Vec<u8>)> = VecDeque::new();
    let (mut heard, mut octets, mut packets, mut lost) = (Vec::new(), 0, 0, 0);
    let silence = [0.0; BLOCK];
    for block in 0..end {
        let now = start + Duration::from_millis(10) * u32::try_from(block)?;
        let measured = block >= begin;
        if block == begin && kind == "same" {
            (mask.rng, mask.bad) = (ChaCha12Rng::seed_from_u64(seed), false);
        }
        while let Some((_, to, control, bytes)) = wire.pop_front_if(|packet| packet.0 <= block) {
            if control { ends[to].handle_rtcp(now, &bytes) } else { ends[to].handle_rtp(now, &bytes) }
        }
        let at = block % length * BLOCK;
        let said = if block < begin + length { &voice[at..at + BLOCK] } else { &silence };
        for (from, said) in [(0, said), (1, &silence)] {
            ends[from].capture(now, said);
            loop {
                let (control, bytes) = match ends[from].poll_output() {
                    SessionOutput::Rtp(bytes) => (false, bytes),
                    SessionOutput::Rtcp(bytes) => (true, bytes),
                    SessionOutput::Event(_) => continue,
                    SessionOutput::Timeout(_) => break,
                };
                let gone = from == 0 && !control && mask.loses();
                if measured && from == 0 && !control {
                    (packets, octets, lost) = (packets + 1, octets + bytes.len() - 12, lost + u32::from(gone));
                }
                if !gone {
                    wire.push_back((block + WAY, 1 - from, control, bytes));
                }
            }
        }
        let mut block = [0.0; BLOCK];
        ends[1].playout(now, &mut block);
        if measured {
            heard.extend(block);
        }
        ends[0].playout(now, &mut block);
    }
    let spec = WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(output, spec)?;
    for sample in heard {
        writer.write_sample((sample * 32767.0) as i16)?;
    }
    writer.finalize()?;
    let seconds = (length + 50) as f64 / 100.0;
    let quality = ends[1].quality();
    println!(
        r#"{{"kbps": {:.1}, "lost_pct": {:.1}, "buffer_ms": {:.1}, "concealed_pct": {:.1}}}"#,
        octets as f64 * 8.0 / 1000.0 / seconds,
        100.0 * f64::from(lost) / f64::from(packets),
        quality.buffer_ms,
        quality.concealed_pct,
    );
    Ok(())
}
