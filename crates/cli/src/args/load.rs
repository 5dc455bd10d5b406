//! The flags of `load`.

use phone::load::Mode;

use super::{Flag, Usage, usage};

/// The most calls of a load. Each takes two sockets, of which a system has fewer than this.
const MOST_CALLS: usize = 30_000;

/// How to measure what a core carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) json: bool,
    pub(crate) mode: Mode,
    /// So many calls; without it as many as can be.
    pub(crate) calls: Option<usize>,
    pub(crate) cores: usize,
    /// So long it is measured.
    pub(crate) seconds: u32,
}

/// Reads the flags of `load`.
pub(super) fn read(given: &[(&'static Flag, String)]) -> Result<Load, Usage> {
    let mut load = Load { json: false, mode: Mode::Opus, calls: None, cores: 1, seconds: 10 };
    let machine = std::thread::available_parallelism().map_or(1, usize::from);
    for (flag, value) in given {
        let number = |most: usize| {
            let number = value.parse().ok().filter(|number| (1..=most).contains(number));
            number.ok_or_else(|| Usage(format!("{} takes a number from 1 to {most}, not {value}", flag.name)))
        };
        match flag.name {
            "--json" => load.json = true,
            "--mode" => load.mode = mode(value)?,
            "--calls" => load.calls = Some(number(MOST_CALLS)?),
            "--cores" => load.cores = number(machine)?,
            "--seconds" => load.seconds = u32::try_from(number(3600)?).unwrap_or(3600),
            _ => {}
        }
    }
    if load.calls.is_some_and(|calls| calls < load.cores) {
        return usage("--calls is less than --cores: each core needs a call");
    }
    Ok(load)
}

fn mode(word: &str) -> Result<Mode, Usage> {
    match word {
        "opus" => Ok(Mode::Opus),
        "encoded" => Ok(Mode::Encoded),
        _ => usage(format!("--mode takes opus or encoded, not {word}")),
    }
}
