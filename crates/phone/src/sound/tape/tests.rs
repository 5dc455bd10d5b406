use std::{path::Path, sync::mpsc::channel};

use media::{record::BLOCK, signal::Speech};

use super::*;

fn place(folder: &Path, format: RecordAs) -> Place {
    Place { folder: folder.join("calls"), name: "a call".into(), format }
}

/// Records so many seconds of two voices, and says what came of it.
fn record(place: Place, seconds: u32, ended: impl FnOnce(&Path)) -> Kept {
    let start = Instant::now();
    let (tell, told) = channel();
    let (name, named) = channel();
    let began = move || name.send(()).unwrap();
    let path = place.folder.join(format!("{}.{}", place.name, place.format.ending()));
    let mut tape = Tape::begin(start, place, began, move |kept| tell.send(kept).unwrap()).unwrap();
    let (mut near, mut far) = (Speech::new(1), Speech::new(2));
    let mut block = [0.0; BLOCK];
    for turn in 1..=seconds * 100 {
        near.fill(&mut block);
        tape.near(&block);
        far.fill(&mut block);
        tape.far(&block);
        // No faster than the disk.
        while tape.missed > 0 && tape.hand_over(Vec::new()) {
            thread::yield_now();
        }
        if !tape.advance(start + Duration::from_millis(10) * turn) {
            break;
        }
    }
    named.recv().unwrap();
    ended(&path);
    drop(tape);
    told.recv().unwrap()
}

#[test]
fn both_formats_hold_the_whole_call() {
    let dir = tempfile::tempdir().unwrap();
    for (format, ending) in [(RecordAs::Wav, "wav"), (RecordAs::Ogg, "ogg")] {
        for name in ["a call", "a call (2)"] {
            let kept = record(place(dir.path(), format), 3, |_| {});
            let path = kept.path.unwrap();
            assert_eq!(path, dir.path().join(format!("calls/{name}.{ending}")));
            assert_eq!(kept.error, None);
            assert!((3.0..3.1).contains(&kept.length.as_secs_f64()), "{:?}", kept.length);
            assert!(fs::metadata(&path).unwrap().len() > 10_000);
        }
    }
    let mut wav = hound::WavReader::open(dir.path().join("calls/a call.wav")).unwrap();
    assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, RATE));
    let samples: Vec<i16> = wav.samples::<i16>().map(Result::unwrap).collect();
    assert!((3.0..3.1).contains(&(samples.len() as f64 / 2.0 / f64::from(RATE))));
    let loud = |side: usize| samples.iter().skip(side).step_by(2).any(|sample| sample.abs() > 1000);
    assert!(loud(0) && loud(1));
}

#[cfg(unix)]
#[test]
fn a_recording_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let kept = record(place(dir.path(), RecordAs::Wav), 1, |_| {});
    assert_eq!(fs::metadata(kept.path.unwrap()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_killed_program_leaves_a_file_that_plays() {
    let dir = tempfile::tempdir().unwrap();
    let torn = dir.path().join("torn.wav");
    record(place(dir.path(), RecordAs::Wav), 4, |path| {
        // What the disk holds by now, as after a crash. The thread may be behind by what it has not taken yet.
        let seconds = || {
            fs::copy(path, &torn).unwrap();
            hound::WavReader::open(&torn).map_or(0.0, |wav| f64::from(wav.duration()) / f64::from(RATE))
        };
        while seconds() < 2.9 {
            thread::yield_now();
        }
    });
    assert!(hound::WavReader::open(&torn).unwrap().samples::<i16>().all(|sample| sample.is_ok()));
}

/// A call of more than six hours: the counter of a WAV file overflowed, and the thread ended without a word. The file here is as
/// long as that by its header, and full of holes.
#[cfg(unix)]
#[test]
fn a_wav_file_that_can_hold_no_more_ends_with_a_word_and_all_of_it_plays() {
    use std::io::{Read, SeekFrom};
    let dir = tempfile::tempdir().unwrap();
    let (path, mut file) = create(&place(dir.path(), RecordAs::Wav)).unwrap();
    file.write(&[[0.0; 2]]).unwrap();
    file.finish().unwrap();
    let header = fs::metadata(&path).unwrap().len() - 4;
    assert!(header < 1024);
    // Room for half a second is left.
    let before = 4 * (MOST_OF_WAV - 24_000);
    let mut raw = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    raw.set_len(header + before).unwrap();
    for (at, len) in [(4, header - 8 + before), (header - 4, before)] {
        raw.seek(SeekFrom::Start(at)).unwrap();
        raw.write_all(&u32::try_from(len).unwrap().to_le_bytes()).unwrap();
    }
    let (pieces, waiting) = sync_channel(WAITING);
    for piece in [Piece::Silence(13_000), Piece::Sound(vec![[0.5, -0.5]; 12_000])] {
        assert!(pieces.send(piece).is_ok());
    }
    drop(pieces);
    raw.rewind().unwrap();
    let (frames, error) = fill(Format::Wav(WavWriter::new_append(raw).unwrap(), 0), waiting);
    assert_eq!(frames, MOST_OF_WAV, "as much as there was room for");
    assert!(error.is_some_and(|error| error.full && error.detail.contains("4 GiB")));
    let wav = hound::WavReader::open(&path).unwrap();
    assert_eq!(u64::from(wav.duration()), MOST_OF_WAV);
    assert_eq!(fs::metadata(&path).unwrap().len(), header + 4 * MOST_OF_WAV);
    let (mut raw, mut end) = (File::open(&path).unwrap(), Vec::new());
    raw.seek(SeekFrom::End(-4 * 11_001)).unwrap();
    raw.read_to_end(&mut end).unwrap();
    let ends: Vec<i16> = end.chunks_exact(4).map(|frame| i16::from_le_bytes([frame[0], frame[1]])).collect();
    assert!(ends[0] == 0 && ends[1..].iter().all(|sample| *sample == 16_384), "the beginning of what was said last");
}

/// A disk with room for so many octets: the system lets this test's own child write no longer files, and says so as it does
/// of a disk that is full.
#[cfg(unix)]
#[test]
fn a_disk_that_is_full_ends_the_recording_and_what_was_told_of_it_plays() {
    const FOLDER: &str = "BELLBIRD_TEST_FULL";
    const TEST: &str = "sound::tape::tests::a_disk_that_is_full_ends_the_recording_and_what_was_told_of_it_plays";
    let formats = [(RecordAs::Wav, "1000"), (RecordAs::Ogg, "100")];
    if let Some(folder) = std::env::var_os(FOLDER) {
        for (format, _) in formats.iter().filter(|(format, _)| Path::new(&folder).ends_with(format.ending())) {
            let kept = record(place(Path::new(&folder), *format), 30, |_| {});
            assert!(kept.error.is_some_and(|error| error.full), "it says that there is no more room");
            let (told, path) = (kept.length.as_secs_f64(), kept.path.unwrap());
            assert!((1.0..29.0).contains(&told), "{told}");
            let plays = if *format == RecordAs::Wav {
                let mut wav = hound::WavReader::open(&path).unwrap();
                let all = wav.samples::<i16>().map(Result::unwrap).count() / 2;
                assert_eq!(all, wav.duration() as usize);
                all as u64
            } else {
                plays(&fs::read(&path).unwrap())
            };
            let plays = plays as f64 / f64::from(RATE);
            assert!((plays - told).abs() < 0.001, "{format:?}: {told} s told, {plays} s play");
        }
        return;
    }
    for (format, blocks) in formats {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(format.ending());
        let child = std::process::Command::new("sh")
            .args(["-c", r#"trap "" XFSZ; ulimit -f "$0"; exec "$@""#, blocks])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env(FOLDER, &folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success() && said.contains("1 passed"), "{said}");
        assert!(folder.join("calls").is_dir(), "it was recorded there");
    }
}

/// How many frames play of an Ogg Opus file that was torn: those up to the last whole page (RFC 3533 section 6), less what is
/// left out at the beginning (RFC 7845 section 4.2).
#[cfg(unix)]
fn plays(file: &[u8]) -> u64 {
    let (mut at, mut end) = (0, 0);
    while let Some(header) = file.get(at..at + 27) {
        let Some(sizes) = file.get(at + 27..at + 27 + usize::from(header[26])) else { break };
        at += 27 + sizes.len() + sizes.iter().map(|size| usize::from(*size)).sum::<usize>();
        if at > file.len() {
            break;
        }
        end = u64::from_le_bytes(header[6..14].try_into().unwrap());
    }
    end - u64::from(u16::from_le_bytes(file[38..40].try_into().unwrap()))
}

#[test]
fn a_place_that_cannot_be_written_is_said() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("calls"), "a file").unwrap();
    let (tell, told) = channel();
    let tape = Tape::begin(
        Instant::now(),
        place(dir.path(), RecordAs::Ogg),
        || panic!("there is no file"),
        move |kept| tell.send(kept).unwrap(),
    );
    let kept = told.recv().unwrap();
    assert!(kept.path.is_none() && kept.error.is_some_and(|error| !error.full));
    assert!(!tape.unwrap().advance(Instant::now() + Duration::from_secs(1)), "nobody takes it");
}
