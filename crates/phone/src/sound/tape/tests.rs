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
