//! WAV files as microphone and speaker: what `--mic voice.wav --speaker heard.wav` of the terminal stands for.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use media::{
    RATE,
    port::{Capture, DeviceKind, Health, Playback, PortDevice, PortDirection, PortError, SoundPort},
};

use super::{is_asked, mix::Mix, pace::Pace};

/// Rates that the pipeline takes from a device.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// After so many samples the header is made good again, so that a killed program leaves a readable file: a second.
const FLUSH: usize = RATE as usize;

/// What a microphone that is a file does when it has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// Falls silent.
    #[default]
    Silence,
    /// Begins again.
    Again,
}

/// A WAV file as the only microphone. Each time it is opened it begins anew.
#[derive(Debug)]
pub struct WavMicrophone {
    id: String,
    name: String,
    rate: u32,
    sound: Arc<[f32]>,
    at_end: AtEnd,
}

impl WavMicrophone {
    /// Reads a file of any rate from 8 to 192 kHz, any number of channels (they are mixed) and any width of samples.
    ///
    /// # Errors
    /// [`PortError::Failed`] with the path when the file is missing, is no WAV file, or has a rate beyond these.
    pub fn open(path: impl AsRef<Path>, at_end: AtEnd) -> Result<Self, PortError> {
        let path = path.as_ref();
        let mut reader = WavReader::open(path).map_err(|error| failed(path, &error))?;
        let spec = reader.spec();
        if !RATES.contains(&spec.sample_rate) || spec.channels == 0 {
            let (rate, channels) = (spec.sample_rate, spec.channels);
            return Err(failed(path, &format!("cannot be played at {rate} Hz in {channels} channels")));
        }
        let samples: Result<Vec<f32>, hound::Error> = match spec.sample_format {
            SampleFormat::Float => reader.samples::<f32>().collect(),
            SampleFormat::Int => {
                let scale = 1.0 / (1_i64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
                reader.samples::<i32>().map(|sample| Ok(sample? as f32 * scale)).collect()
            }
        };
        let samples = samples.map_err(|error| failed(path, &error))?;
        let channels = usize::from(spec.channels);
        let sound = samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
        let name = path.display().to_string();
        Ok(Self { id: format!("file:{name}"), name, rate: spec.sample_rate, sound, at_end })
    }
}

impl SoundPort for WavMicrophone {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        Ok(vec![device(&self.id, &self.name, PortDirection::Capture)])
    }

    fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        is_asked(id, &self.id)?;
        Ok(Box::new(Reading {
            id: self.id.clone(),
            pace: Pace::new(self.rate),
            rate: self.rate,
            sound: Arc::clone(&self.sound),
            at: 0,
            at_end: self.at_end,
        }))
    }

    fn open_playback(&mut self, _id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        Err(PortError::NoDevice)
    }
}

struct Reading {
    id: String,
    rate: u32,
    pace: Pace,
    sound: Arc<[f32]>,
    at: usize,
    at_end: AtEnd,
}

impl Capture for Reading {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn read(&mut self, now: Instant, out: &mut Vec<f32>) {
        let end = out.len() + self.pace.due(now);
        while out.len() < end {
            if self.at == self.sound.len() && self.at_end == AtEnd::Again {
                self.at = 0;
            }
            let part = (end - out.len()).min(self.sound.len() - self.at);
            if part == 0 {
                out.resize(end, 0.0);
            } else {
                out.extend_from_slice(&self.sound[self.at..self.at + part]);
                self.at += part;
            }
        }
    }

    fn health(&mut self, _now: Instant) -> Health {
        Health::Ok
    }

    fn device(&self) -> &str {
        &self.id
    }

    fn hears_room(&self) -> bool {
        false
    }
}

/// A WAV file as the only speaker: 48 kHz, mono, 16 bits, in real time while it is open. Opened again, it goes on where
/// it was; opened twice at once, both are heard.
pub struct WavSpeaker {
    id: String,
    name: String,
    file: Arc<Mutex<Recording>>,
}

impl WavSpeaker {
    /// Makes the file, in place of an older one.
    ///
    /// # Errors
    /// [`PortError::Failed`] with the path when that cannot be.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, PortError> {
        let path = path.as_ref().to_owned();
        let spec = WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut writer = WavWriter::create(&path, spec).map_err(|error| failed(&path, &error))?;
        writer.flush().map_err(|error| failed(&path, &error))?;
        let name = path.display().to_string();
        let file = Recording { path, writer, mix: Mix::new(), unflushed: 0, lost: None };
        Ok(Self { id: format!("file:{name}"), name, file: Arc::new(Mutex::new(file)) })
    }
}

impl SoundPort for WavSpeaker {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        Ok(vec![device(&self.id, &self.name, PortDirection::Playback)])
    }

    fn open_capture(&mut self, _id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        Err(PortError::NoDevice)
    }

    fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        is_asked(id, &self.id)?;
        let stream = lock(&self.file).mix.open();
        Ok(Box::new(Writing { id: self.id.clone(), file: Arc::clone(&self.file), stream }))
    }
}

struct Recording {
    path: PathBuf,
    writer: WavWriter<BufWriter<File>>,
    mix: Mix,
    unflushed: usize,
    /// The disk is full, or gone.
    lost: Option<PortError>,
}

impl Recording {
    fn advance(&mut self, now: Instant) {
        let due = self.mix.due(now);
        let flush = self.unflushed + due.len() >= FLUSH;
        self.put(&due, flush);
    }

    fn put(&mut self, sound: &[f32], flush: bool) {
        if self.lost.is_some() {
            return;
        }
        let mut written = Ok(());
        for sample in sound {
            let scaled = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16;
            written = written.and_then(|()| self.writer.write_sample(scaled));
        }
        self.unflushed += sound.len();
        if flush {
            self.unflushed = 0;
            written = written.and_then(|()| self.writer.flush());
        }
        self.lost = written.err().map(|error| failed(&self.path, &error));
    }
}

struct Writing {
    id: String,
    file: Arc<Mutex<Recording>>,
    stream: u64,
}

impl Playback for Writing {
    fn rate(&self) -> u32 {
        RATE
    }

    fn write(&mut self, now: Instant, samples: &[f32]) -> usize {
        let mut file = lock(&self.file);
        file.advance(now);
        file.mix.write(self.stream, samples)
    }

    fn queued(&self) -> usize {
        lock(&self.file).mix.queued(self.stream)
    }

    fn health(&mut self, now: Instant) -> Health {
        let mut file = lock(&self.file);
        file.advance(now);
        file.lost.clone().map_or(Health::Ok, Health::Lost)
    }

    fn device(&self) -> &str {
        &self.id
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut file = lock(&self.file);
        let rest = file.mix.close(self.stream);
        file.put(&rest, true);
        if let Some(error) = &file.lost {
            tracing::warn!(%error, "the recording is not whole");
        }
    }
}

fn lock(file: &Mutex<Recording>) -> std::sync::MutexGuard<'_, Recording> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

fn device(id: &str, name: &str, direction: PortDirection) -> PortDevice {
    PortDevice { id: id.to_owned(), name: name.to_owned(), kind: DeviceKind::Other, direction, is_default: true }
}

fn failed(path: &Path, why: &dyn std::fmt::Display) -> PortError {
    PortError::Failed(format!("{}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn write(path: &Path, spec: WavSpec, samples: &[i32]) {
        let mut writer = WavWriter::create(path, spec).unwrap();
        for sample in samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
    }

    fn read(port: &mut WavMicrophone, ms: u32) -> Vec<f32> {
        let mut capture = port.open_capture(None).unwrap();
        let (start, mut out) = (Instant::now(), Vec::new());
        for step in 0..=ms {
            capture.read(start + Duration::from_millis(1) * step, &mut out);
        }
        out
    }

    #[test]
    fn any_shape_of_file_is_a_microphone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        for (rate, channels, bits) in [(8_000, 1, 8), (16_000, 2, 16), (44_100, 1, 24), (48_000, 3, 32)] {
            let spec = WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: SampleFormat::Int };
            let half = 1 << (bits - 2);
            write(&path, spec, &vec![half; rate as usize / 10 * usize::from(channels)]);
            let mut port = WavMicrophone::open(&path, AtEnd::Silence).unwrap();
            let sound = read(&mut port, 200);
            assert_eq!(sound.len(), rate as usize / 5);
            let (first, second) = sound.split_at(rate as usize / 10);
            assert!(first.iter().all(|sample| (sample - 0.5).abs() < 0.01), "{rate} {channels} {bits}");
            assert!(second.iter().all(|sample| *sample == 0.0));
        }
    }

    #[test]
    fn floats_are_read_and_a_loop_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let spec =
            WavSpec { channels: 1, sample_rate: 48_000, bits_per_sample: 32, sample_format: SampleFormat::Float };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        for n in 0..100 {
            writer.write_sample(n as f32 / 100.0).unwrap();
        }
        writer.finalize().unwrap();
        let mut port = WavMicrophone::open(&path, AtEnd::Again).unwrap();
        let sound = read(&mut port, 10);
        assert!(sound.iter().enumerate().all(|(n, sample)| *sample == (n % 100) as f32 / 100.0));
    }

    #[test]
    fn an_empty_loop_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let spec = WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
        write(&path, spec, &[]);
        assert_eq!(read(&mut WavMicrophone::open(&path, AtEnd::Again).unwrap(), 10), [0.0; 80]);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (missing, broken, slow) =
            (folder.path().join("missing.wav"), folder.path().join("broken.wav"), folder.path().join("slow.wav"));
        std::fs::write(&broken, b"RIFF no").unwrap();
        let spec = WavSpec { channels: 1, sample_rate: 4_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
        write(&slow, spec, &[0]);
        for path in [&missing, &broken, &slow] {
            let Err(PortError::Failed(why)) = WavMicrophone::open(path, AtEnd::Silence) else { panic!("{path:?}") };
            assert!(why.contains(&path.display().to_string()), "{why}");
        }
        let nowhere = folder.path().join("no/where.wav");
        let Err(PortError::Failed(why)) = WavSpeaker::create(&nowhere) else { panic!("made") };
        assert!(why.contains("where.wav"), "{why}");
    }

    #[test]
    fn a_speaker_writes_what_is_played_when_it_is_played() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heard.wav");
        let mut port = WavSpeaker::create(&path).unwrap();
        let start = Instant::now();
        let mut speaker = port.open_playback(None).unwrap();
        for step in 0..=120_u32 {
            // Half the time there is nothing to play.
            let sound: &[f32] = if step < 60 { &[0.25; 480] } else { &[] };
            assert_eq!(speaker.write(start + Duration::from_millis(10) * step, sound), sound.len());
        }
        // A second of it is readable while the file is still open.
        assert!(WavReader::open(&path).unwrap().len() >= 48_000);
        drop(speaker);
        let mut again = port.open_playback(None).unwrap();
        again.write(start, &[-0.25; 480]);
        drop(again);
        drop(port);
        let mut reader = WavReader::open(&path).unwrap();
        assert_eq!((reader.spec().sample_rate, reader.spec().channels), (RATE, 1));
        let sound: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(sound.len(), 57_600 + 480);
        assert!(sound[..28_800].iter().all(|sample| *sample == 8_192), "{:?}", &sound[..4]);
        assert!(sound[28_800..57_600].iter().all(|sample| *sample == 0));
        assert!(sound[57_600..].iter().all(|sample| *sample == -8_192));
    }
}
