//! A call kept in a file. What is written takes its time on a thread of its own: the media thread only hands over.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Seek, Write},
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use hound::{SampleFormat, WavSpec, WavWriter};
use media::{
    RATE,
    record::{Frame, OggOpus, Pair},
};

use crate::contract::RecordAs;

/// Blocks of sound that wait for the disk: some five seconds. A disk that is slower leaves gaps of silence.
const WAITING: usize = 512;
/// After so many frames the file is made good, so that a killed program leaves one that plays to there: a second.
const GOOD: u64 = RATE as u64;
/// Frames that a WAV file holds, some 6.2 hours: its lengths are numbers of 32 bits, and that of the whole file counts a
/// header of less than 1 KiB too.
const MOST_OF_WAV: u64 = (u32::MAX as u64 - 1024) / 4;
/// Names that are tried where one is taken.
const NAMES: u32 = 100;

/// Where a recording goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The folder; it is made if it is not there.
    pub(crate) folder: PathBuf,
    /// The name without its ending; a number is added where there is one of that name.
    pub(crate) name: String,
    /// The format.
    pub(crate) format: RecordAs,
}

/// How a recording ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The file; nothing where none could be made.
    pub(crate) path: Option<PathBuf>,
    /// How long it is.
    pub(crate) length: Duration,
    /// Why it ended before it was told to.
    pub(crate) error: Option<Trouble>,
}

impl Kept {
    /// Not even a thread for it could be had.
    pub(crate) fn nothing(error: io::Error) -> Self {
        Self { path: None, length: Duration::ZERO, error: Some(error.into()) }
    }
}

/// Why a recording is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Is there no room left?
    pub(crate) full: bool,
    /// In the words of the system.
    pub(crate) detail: String,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        Self { full: full || error.kind() == io::ErrorKind::FileTooLarge, detail: error.to_string() }
    }
}

impl From<hound::Error> for Trouble {
    fn from(error: hound::Error) -> Self {
        match error {
            hound::Error::IoError(error) => error.into(),
            error => Self { full: false, detail: error.to_string() },
        }
    }
}

enum Piece {
    Sound(Vec<Frame>),
    Silence(u64),
}

impl Piece {
    fn frames(&self) -> u64 {
        match self {
            Self::Sound(sound) => sound.len() as u64,
            Self::Silence(frames) => *frames,
        }
    }
}

/// A recording under way. Dropped, it is ended, and told of.
pub(crate) struct Tape {
    /// Something until it is dropped.
    pair: Option<Pair>,
    pieces: SyncSender<Piece>,
    thread: Option<thread::JoinHandle<()>>,
    /// Frames that the disk was too slow for.
    missed: u64,
}

impl Tape {
    /// Begins to record. `kept` is told how it ended, `began` that there is a file.
    pub(crate) fn begin(
        now: Instant,
        place: Place,
        began: impl FnOnce() + Send + 'static,
        kept: impl FnOnce(Kept) + Send + 'static,
    ) -> io::Result<Self> {
        let (pieces, waiting) = sync_channel(WAITING);
        let write = move || kept(write(&place, began, waiting));
        let thread = Some(thread::Builder::new().name("tape".into()).spawn(write)?);
        Ok(Self { pair: Some(Pair::new(now)), pieces, thread, missed: 0 })
    }

    /// What we say.
    pub(crate) fn near(&mut self, sound: &[f32]) {
        if let Some(pair) = &mut self.pair {
            pair.near(sound);
        }
    }

    /// What we hear.
    pub(crate) fn far(&mut self, sound: &[f32]) {
        if let Some(pair) = &mut self.pair {
            pair.far(sound);
        }
    }

    /// Hands over what is due; `false` when nobody takes it any more.
    pub(crate) fn advance(&mut self, now: Instant) -> bool {
        let Some(pair) = &mut self.pair else { return false };
        let mut sound = Vec::new();
        let silence = pair.take(now, &mut sound);
        self.missed += silence;
        self.hand_over(sound)
    }

    fn hand_over(&mut self, sound: Vec<Frame>) -> bool {
        if self.missed > 0 {
            match self.pieces.try_send(Piece::Silence(self.missed)) {
                Ok(()) => self.missed = 0,
                Err(TrySendError::Full(_)) => self.missed += sound.len() as u64,
                Err(TrySendError::Disconnected(_)) => return false,
            }
        }
        if self.missed > 0 || sound.is_empty() {
            return true;
        }
        match self.pieces.try_send(Piece::Sound(sound)) {
            Ok(()) => true,
            Err(TrySendError::Full(Piece::Sound(sound))) => {
                self.missed += sound.len() as u64;
                true
            }
            Err(_) => false,
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        let mut rest = Vec::new();
        if let Some(pair) = self.pair.take() {
            pair.finish(&mut rest);
        }
        self.hand_over(rest);
        // The end of the program waits for the end of the file, and packets do not.
        if let (Some(thread), Ok(runtime)) = (self.thread.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || thread.join());
        }
    }
}

fn write(place: &Place, began: impl FnOnce(), pieces: Receiver<Piece>) -> Kept {
    let (path, file) = match create(place) {
        Ok(created) => created,
        Err(error) => return Kept { path: None, length: Duration::ZERO, error: Some(error) },
    };
    began();
    let (frames, error) = fill(file, pieces);
    if let Some(error) = &error {
        tracing::warn!(path = %path.display(), error.detail, "a recording is not whole");
    }
    Kept { path: Some(path), length: Duration::from_micros(frames * 1_000_000 / u64::from(RATE)), error }
}

/// Writes until there is no more to write or no more room. Says how many frames are in the file then, and what is wrong.
fn fill(mut file: Format<impl Write + Seek>, pieces: Receiver<Piece>) -> (u64, Option<Trouble>) {
    let (mut frames, mut since) = (0, 0);
    let mut written = Ok(());
    for piece in pieces {
        let all = piece.frames();
        let part = all.min(file.room());
        written = match piece {
            Piece::Sound(sound) => file.write(&sound[..part as usize]),
            Piece::Silence(_) => file.silence(part),
        };
        frames += part;
        since += part;
        if written.is_ok() && (part < all || since >= GOOD) {
            since = 0;
            written = file.make_good();
        }
        if part < all {
            written = written.and_then(|()| Err(too_long()));
        }
        if written.is_err() {
            break;
        }
    }
    let good = file.good();
    let error = written.and(file.finish()).err();
    // Whatever came after the file was good for the last time may be lost.
    (if error.is_some() { good } else { frames }, error)
}

fn too_long() -> Trouble {
    io::Error::new(io::ErrorKind::FileTooLarge, "a WAV file holds no more than 4 GiB, Ogg Opus has no such end").into()
}

/// A new file, readable by nobody else, and never one that is there.
fn create(place: &Place) -> Result<(PathBuf, Format<BufWriter<File>>), Trouble> {
    fs::create_dir_all(&place.folder)?;
    let ending = place.format.ending();
    for number in 1..=NAMES {
        let name = if number == 1 { place.name.clone() } else { format!("{} ({number})", place.name) };
        let path = place.folder.join(format!("{name}.{ending}"));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => return Ok((path, Format::new(place.format, BufWriter::new(file))?)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists).into())
}

enum Format<W: Write + Seek> {
    /// With the frames that it had when it was good for the last time.
    Wav(WavWriter<W>, u64),
    Ogg(OggOpus<W>),
}

impl<W: Write + Seek> Format<W> {
    fn new(format: RecordAs, file: W) -> Result<Self, Trouble> {
        let spec = WavSpec { channels: 2, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
        Ok(match format {
            RecordAs::Wav => Self::Wav(WavWriter::new(file, spec)?, 0),
            // One stream in a file: any number tells it from itself.
            RecordAs::Ogg => Self::Ogg(OggOpus::new(file, 1)?),
        })
    }

    fn write(&mut self, sound: &[Frame]) -> Result<(), Trouble> {
        match self {
            Self::Wav(file, _) => {
                for sample in sound.as_flattened() {
                    file.write_sample((sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16)?;
                }
                Ok(())
            }
            Self::Ogg(file) => Ok(file.write(sound)?),
        }
    }

    fn silence(&mut self, mut frames: u64) -> Result<(), Trouble> {
        static SILENCE: [Frame; 4800] = [[0.0; 2]; 4800];
        while frames > 0 {
            let part = frames.min(SILENCE.len() as u64);
            self.write(&SILENCE[..part as usize])?;
            frames -= part;
        }
        Ok(())
    }

    /// Frames that may still be written.
    fn room(&self) -> u64 {
        match self {
            Self::Wav(file, _) => MOST_OF_WAV.saturating_sub(file.duration().into()),
            // It counts with 64 bits.
            Self::Ogg(_) => u64::MAX,
        }
    }

    fn make_good(&mut self) -> Result<(), Trouble> {
        match self {
            Self::Wav(file, good) => {
                file.flush()?;
                *good = file.duration().into();
            }
            // It writes whole pages.
            Self::Ogg(_) => {}
        }
        Ok(())
    }

    /// Frames that play even if nothing more can be written.
    fn good(&self) -> u64 {
        match self {
            Self::Wav(_, good) => *good,
            Self::Ogg(file) => file.whole(),
        }
    }

    fn finish(self) -> Result<(), Trouble> {
        match self {
            Self::Wav(file, _) => Ok(file.finalize()?),
            Self::Ogg(file) => Ok(file.finish()?),
        }
    }
}

#[cfg(test)]
mod tests;
