//! Recognises what 602 says, by comparing its spectrogram with those of the recordings in `sounds/`: a jitter buffer that
//! stretches time a little changes the wave, and hardly the sound.

use std::{fs, path::Path};

use media::{RATE, resample::Down, signal::gaps};
use pbx::Language;

use crate::phone::Phone;

/// Samples per second of a recording.
const LOW: usize = 8_000;
/// Samples of a frame, and from one to the next: 32 ms and 8 ms.
const FRAME: usize = 256;
const HOP: usize = 64;
/// Centres of the bands in Hz: 200, 350 … 3500.
const BANDS: usize = 23;
/// Frames by which a word may be early or late.
const SLACK: usize = 12;

const KEYS: [(char, &str); 12] = [
    ('0', "0"),
    ('1', "1"),
    ('2', "2"),
    ('3', "3"),
    ('4', "4"),
    ('5', "5"),
    ('6', "6"),
    ('7', "7"),
    ('8', "8"),
    ('9', "9"),
    ('*', "star"),
    ('#', "hash"),
];

/// Quieter than this is a pause.
const QUIET: f32 = -45.0;
/// Pauses within a word are shorter: 100 ms.
const PAUSE: usize = RATE as usize / 10;

/// Waits until something has been said to its end, and says what and in which language.
pub(crate) async fn heard(phone: &mut Phone) -> (Language, String) {
    let from = phone.now().heard.len();
    let spoken = phone
        .wait("all is said", |phone| {
            let heard = &phone.now().heard[from..];
            let parts = parts(heard);
            // The last pause is that of somebody who has said all.
            let done = parts.last().is_some_and(|last| heard.len() > last.1 + RATE as usize);
            done.then(|| parts.iter().map(|(start, end)| heard[*start..*end].to_vec()).collect::<Vec<_>>())
        })
        .await;
    let known: Vec<_> = [(Language::English, "en"), (Language::Mandarin, "zh")]
        .iter()
        .flat_map(|(language, folder)| KEYS.map(|(key, name)| (*language, key, spectrogram(&recording(folder, name)))))
        .collect();
    let said: Vec<_> = spoken.iter().map(|part| recognised(part, &known)).collect();
    let english = said.iter().filter(|word| word.0 == Language::English).count();
    let language = if 2 * english > said.len() { Language::English } else { Language::Mandarin };
    (language, said.iter().map(|word| word.1).collect())
}

/// Beginning and end of what is between pauses, in samples, with a little of the pauses.
fn parts(heard: &[f32]) -> Vec<(usize, usize)> {
    let pauses = gaps(heard, QUIET, PAUSE);
    let between = pauses.windows(2).map(|two| (two[0].0 + two[0].1, two[1].0));
    between.map(|(start, end)| (start.saturating_sub(PAUSE / 2), end + PAUSE / 2)).collect()
}

fn recognised(part: &[f32], known: &[(Language, char, Vec<[f32; BANDS]>)]) -> (Language, char) {
    let mut low = Vec::new();
    Down::new(6).process(part, &mut low);
    let heard = spectrogram(&low);
    let mut found: Vec<_> = known.iter().map(|word| (likeness(&heard, &word.2), word.0, word.1)).collect();
    found.sort_by(|one, other| other.0.total_cmp(&one.0));
    (found[0].1, found[0].2)
}

/// Logarithms of the energies in the bands, frame by frame, above a floor 50 dB below the loudest, which is 0.
fn spectrogram(sound: &[f32]) -> Vec<[f32; BANDS]> {
    let padded = [&[0.0; FRAME], sound, &[0.0; FRAME]].concat();
    let mut all: Vec<[f32; BANDS]> = padded
        .windows(FRAME)
        .step_by(HOP)
        .map(|frame| {
            std::array::from_fn(|band| {
                let hertz = 200.0 + 150.0 * band as f32;
                let (mut sine, mut cosine) = (0.0_f32, 0.0_f32);
                for (at, sample) in frame.iter().enumerate() {
                    let hann = 1.0 - (std::f32::consts::TAU * at as f32 / FRAME as f32).cos();
                    let turn = std::f32::consts::TAU * hertz * at as f32 / LOW as f32;
                    sine += hann * sample * turn.sin();
                    cosine += hann * sample * turn.cos();
                }
                (sine * sine + cosine * cosine).max(1e-9).ln()
            })
        })
        .collect();
    let loudest = all.iter().flatten().copied().fold(f32::MIN, f32::max);
    let floor = loudest - 50.0 / 10.0 * std::f32::consts::LN_10;
    all.iter_mut().flatten().for_each(|level| *level = (*level - floor).max(0.0));
    all
}

/// The cosine between two spectrograms, at the best place; what hangs over counts as silence.
fn likeness(one: &[[f32; BANDS]], other: &[[f32; BANDS]]) -> f32 {
    let length = |all: &[[f32; BANDS]]| all.iter().flatten().map(|level| level * level).sum::<f32>().sqrt();
    let product = |one: &[[f32; BANDS]], other: &[[f32; BANDS]]| {
        one.iter().flatten().zip(other.iter().flatten()).map(|(one, other)| one * other).sum::<f32>()
    };
    let best = (0..=SLACK)
        .flat_map(|lag| [product(&one[lag.min(one.len())..], other), product(one, &other[lag.min(other.len())..])])
        .fold(0.0, f32::max);
    best / (length(one) * length(other)).max(f32::MIN_POSITIVE)
}

fn recording(folder: &str, name: &str) -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sounds").join(folder).join(format!("{name}.pcm"));
    let bytes = fs::read(path).expect("a recording");
    bytes.chunks_exact(2).map(|two| f32::from(i16::from_le_bytes([two[0], two[1]])) / 32_768.0).collect()
}
