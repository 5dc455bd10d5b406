//! Makes mutants, under a seed: the same seed makes the same ones.

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha12Rng;

/// No mutant is longer: more would only be more of the same.
const LONGEST: usize = 40_000;
/// What ends lines, lists, strings, brackets and numbers, and what is no ASCII.
const HOSTILE: &[u8] = b"\r\n\"<>,;:\\@%[]- \t\0\xff\x1e/=*?&{}\x7f\x80";
const NUMBERS: [&str; 9] = ["0", "-1", "1", "65535", "65536", "2147483648", "4294967296", "99999999999999999999", ""];
const WORDS: [&str; 24] = [
    "\r\n",
    "\r\n\r\n",
    "\r\n ",
    "\n",
    "\"",
    "\\\"",
    "<",
    ">",
    ";",
    ",",
    "sip:",
    "SIP/2.0",
    "Via: ",
    "To: ",
    "l: 5",
    "%00",
    "%0d%0a",
    "[::1]",
    "--b",
    "a=",
    "m=audio 9 ",
    "Digest ",
    "=\"",
    ";tag=x",
];

/// A source of mutants.
pub(crate) struct Mutator(ChaCha12Rng);

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// One of `seeds`, changed in one to eight places.
    pub(crate) fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut own = seeds.choose(&mut self.0).cloned().unwrap_or_default();
        for _ in 0..self.0.random_range(1..=8) {
            self.change(&mut own, seeds);
        }
        own.truncate(LONGEST);
        own
    }

    fn change(&mut self, own: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let rng = &mut self.0;
        let from = rng.random_range(0..=own.len());
        let to = (from + rng.random_range(0..40)).min(own.len());
        match rng.random_range(0..11) {
            0 if from < own.len() => own[from] ^= 1 << rng.random_range(0..8),
            1 if from < own.len() => own[from] = *HOSTILE.choose(rng).unwrap_or(&0),
            2 => drop(own.splice(from..from, [*HOSTILE.choose(rng).unwrap_or(&0)])),
            3 => drop(own.drain(from..to)),
            4 => {
                let piece = own[from..to].to_vec();
                drop(own.splice(to..to, piece));
            }
            // Much of one thing.
            5 if rng.random_bool(0.2) => {
                let piece = own[from..to].repeat(rng.random_range(2..400));
                drop(own.splice(to..to, piece));
            }
            6 => {
                let number = NUMBERS.choose(rng).unwrap_or(&"");
                let start = own[from..].iter().position(u8::is_ascii_digit).map_or(own.len(), |at| from + at);
                let digits = own[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                drop(own.splice(start..start + digits, number.bytes()));
            }
            7 => {
                let word = WORDS.choose(rng).unwrap_or(&"");
                drop(own.splice(from..from, word.bytes()));
            }
            // Two lines change places.
            8 => {
                let mut lines: Vec<_> = own.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                let (one, other) = (rng.random_range(0..lines.len()), rng.random_range(0..lines.len()));
                lines.swap(one, other);
                *own = lines.join(&b'\n');
            }
            // The end of another.
            9 if rng.random_bool(0.5) => {
                let other = seeds.choose(rng).map_or(&[][..], Vec::as_slice);
                own.truncate(from);
                own.extend_from_slice(&other[rng.random_range(0..=other.len())..]);
            }
            10 if rng.random_bool(0.2) => own.truncate(from),
            _ => {}
        }
    }
}
