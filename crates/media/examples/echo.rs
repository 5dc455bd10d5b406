//! What is done to the sound of a microphone, to be judged by others: see tests/quality/echo.py.
//!
//!     echo ROOM FAR NEAR NOISE FOLDER
//!
//! ROOM is the seed of a room, FAR and NEAR are WAV files (48 kHz, mono, 16 bits; `-` is silence), NOISE is the level of
//! the noise in the room in dBFS (`-` is none). Writes into FOLDER what was played, what the microphone heard, what is left
//! of it by each way of processing, and by the echo canceller of sonora as it comes.

use std::path::Path;
use std::time::{Duration, Instant};

use media::RATE;
use media::process::{Noise, Processing, Processor};
use media::testing::room::{BULK, Event, Recording, Room};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use sonora::config::{EchoCanceller, MaxProcessingRate, Pipeline};
use sonora::{AudioProcessing, Config, StreamConfig};

type Failure = Box<dyn std::error::Error>;

const BLOCK: usize = RATE as usize / 100;
/// With it the ring of the speaker holds 15 ms, as it does before a sound server.
const PERIOD: Duration = Duration::from_millis(10);
const OFF: Processing = Processing::OFF;
const WAYS: [(&str, Processing); 8] = [
    ("echo", Processing { echo: true, ..OFF }),
    ("echo-medium", Processing { echo: true, noise: Noise::Medium, ..OFF }),
    ("low", Processing { noise: Noise::Low, ..OFF }),
    ("medium", Processing { noise: Noise::Medium, ..OFF }),
    ("high", Processing { noise: Noise::High, ..OFF }),
    ("strong", Processing { noise: Noise::Strong, ..OFF }),
    ("level", Processing { level: true, ..OFF }),
    ("all", Processing { echo: true, noise: Noise::Medium, level: true }),
];

#[expect(clippy::disallowed_methods, reason = "it tells what the processing costs")]
fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [room, far, near, noise, folder] = args.as_slice() else {
        return Err("echo ROOM FAR NEAR NOISE FOLDER".into());
    };
    let (seed, folder) = (room.parse()?, Path::new(folder));
    let (far, near) = (read(far)?, read(near)?);
    // Evenly spread over ±a, the root of the mean square is a/√3.
    let loud = match noise.as_str() {
        "-" => 0.0,
        dbfs => 10f32.powf(dbfs.parse::<f32>()? / 20.0) * 3f32.sqrt(),
    };
    let seconds = far.len().max(near.len()) / RATE as usize;
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let (mut played, mut said, mut dull) = (Vec::new(), source(near), 0.0);
    let mut says = source(far);
    let recording = Recording::new(
        Room::new(seed, BULK, true),
        seconds,
        RATE,
        PERIOD,
        |out| {
            says(out);
            played.extend_from_slice(out);
        },
        |out| {
            said(out);
            for sample in out {
                // As of a fan: less of it the higher it is.
                dull += 0.1 * (rng.random_range(-1.0f32..=1.0) - dull);
                *sample += loud * 4.4 * dull;
            }
        },
    );
    write(folder, "far", &played)?;
    write(folder, "mic", &recording.mic)?;
    write(folder, "plain", &plain(&recording))?;
    for (name, does) in WAYS {
        let begun = Instant::now();
        let left = recording.through(&mut Processor::new(does), |_, _| ());
        let cost = begun.elapsed().as_secs_f64() / seconds as f64;
        println!("{name} {:.2}", cost * 100.0);
        write(folder, name, &left)?;
    }
    Ok(())
}

/// The echo canceller as it comes, on the same sound and without a word of the delay.
fn plain(recording: &Recording) -> Vec<f32> {
    let config = Config {
        pipeline: Pipeline { maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz, ..Pipeline::default() },
        echo_canceller: Some(EchoCanceller::default()),
        ..Config::default()
    };
    let stream = StreamConfig::new(RATE, 1);
    let mut canceller = AudioProcessing::builder().config(config).capture_config(stream).render_config(stream).build();
    let (mut given, mut heard, mut left) = (Vec::new(), Vec::new(), Vec::new());
    let mut out = [0.0; BLOCK];
    for (_, event) in recording.events() {
        match event {
            Event::Given(sound, _) => {
                given.extend_from_slice(sound);
                for block in given.drain(..given.len() / BLOCK * BLOCK).collect::<Vec<_>>().chunks_exact(BLOCK) {
                    let _ = canceller.process_render_f32(&[block], &mut [&mut out]);
                }
            }
            Event::Heard(sound, _) => {
                heard.extend_from_slice(sound);
                for block in heard.drain(..heard.len() / BLOCK * BLOCK).collect::<Vec<_>>().chunks_exact(BLOCK) {
                    let _ = canceller.process_capture_f32(&[block], &mut [&mut out]);
                    left.extend_from_slice(&out);
                }
            }
        }
    }
    left
}

fn source(sound: Vec<f32>) -> impl FnMut(&mut [f32]) {
    let mut all = sound.into_iter();
    move |out| out.iter_mut().for_each(|sample| *sample = all.next().unwrap_or(0.0))
}

fn read(path: &str) -> Result<Vec<f32>, Failure> {
    if path == "-" {
        return Ok(Vec::new());
    }
    let samples: Result<Vec<i16>, _> = hound::WavReader::open(path)?.into_samples().collect();
    Ok(samples?.into_iter().map(|sample| f32::from(sample) / 32_768.0).collect())
}

fn write(folder: &Path, name: &str, sound: &[f32]) -> Result<(), Failure> {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = hound::WavWriter::create(folder.join(format!("{name}.wav")), spec)?;
    for sample in sound {
        file.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0) as i16)?;
    }
    Ok(file.finalize()?)
}
