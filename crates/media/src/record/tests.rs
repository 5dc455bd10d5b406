use std::io::Cursor;

use super::*;
use crate::{
    RATE,
    level::rms_dbfs,
    signal::{Speech, find_delay},
    testing::epoch,
};

fn sides(frames: &[Frame]) -> (Vec<f32>, Vec<f32>) {
    frames.iter().map(|[near, far]| (*near, *far)).unzip()
}

fn speech(seed: u64, seconds: usize) -> Vec<f32> {
    let mut out = vec![0.0; seconds * RATE as usize];
    Speech::new(seed).fill(&mut out);
    out
}

/// What a call of `near` and `far` leaves, the near end `ppm` faster than the clock.
fn recorded(near: &[f32], far: &[f32], ppm: f64) -> Vec<Frame> {
    let start = epoch();
    let (mut pair, mut out) = (Pair::new(start), Vec::new());
    let mut said = 0;
    for (turn, block) in far.chunks_exact(BLOCK).enumerate() {
        let now = start + BLOCK_TIME * (turn as u32 + 1);
        let all = (((turn + 1) * BLOCK) as f64 * (1.0 + ppm / 1e6)) as usize;
        let end = all.min(near.len());
        pair.near(&near[said..end]);
        said = end;
        pair.far(block);
        assert_eq!(pair.take(now, &mut out), 0);
    }
    pair.finish(&mut out);
    out
}

#[test]
fn both_sides_of_a_moment_stand_side_by_side() {
    let (near, far) = (speech(1, 4), speech(2, 4));
    let (left, right) = sides(&recorded(&near, &far, 0.0));
    let delay = find_delay(&near, &left, RATE as usize / 5).expect("the near end is there").delay;
    assert_eq!(find_delay(&far, &right, RATE as usize / 5).expect("the far end is there").delay, delay);
    assert_eq!(left[delay..delay + near.len()], near, "nothing is lost");
    assert_eq!(right[delay..delay + far.len()], far);
}

#[test]
fn clocks_that_differ_do_not_tear_words() {
    for ppm in [-900.0, 900.0] {
        let (mut near, far) = (speech(3, 100), vec![0.0; 100 * RATE as usize]);
        // A pause of half a second every three.
        for words in near.chunks_mut(3 * RATE as usize) {
            let (fade, pause) = (RATE as usize / 20, RATE as usize / 2);
            let begin = words.len() - pause;
            for (at, sample) in words[begin..].iter_mut().enumerate() {
                let edge = at.min(pause - at) as f32 / fade as f32;
                *sample *= (1.0 - edge).clamp(0.0, 1.0);
            }
        }
        let (left, _) = sides(&recorded(&near, &far, ppm));
        // 90 ms apart at the end, had nobody seen to it.
        let last = near.len() - 20 * RATE as usize;
        let late = find_delay(&near[last..last + 4 * RATE as usize], &left[last - RATE as usize / 5..], RATE as usize);
        let late = late.expect("still there").delay as f64 / f64::from(RATE) - 0.2;
        assert!(late.abs() < 0.15, "{ppm}: {late}");
        // Wherever a block was taken out or put in, nobody spoke: no step is greater than those of the voice.
        let step = |sound: &[f32]| sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(step(&left) <= step(&near) * 1.01, "{ppm}: {} {}", step(&left), step(&near));
    }
}

#[test]
fn a_side_that_is_away_is_silence_and_the_other_goes_on() {
    let start = epoch();
    let (mut pair, mut out) = (Pair::new(start), Vec::new());
    let far = speech(5, 2);
    for (turn, block) in far.chunks_exact(BLOCK).enumerate() {
        pair.far(block);
        pair.take(start + BLOCK_TIME * (turn as u32 + 1), &mut out);
    }
    // On hold for an hour: nobody asked.
    let silence = pair.take(start + Duration::from_secs(3602), &mut out);
    let seconds = (silence + out.len() as u64) as f64 / f64::from(RATE);
    assert!((seconds - 3602.0).abs() < 0.011, "{seconds}");
    assert!(out.len() <= 4 * RATE as usize, "an hour of silence is a number");
    let (left, right) = sides(&out);
    assert!(left.iter().all(|sample| *sample == 0.0));
    assert!(rms_dbfs(&right[..far.len()]) > -40.0);
}

#[test]
fn an_ogg_file_is_as_long_as_what_was_said_and_plays_to_where_it_was_torn() {
    let frames: Vec<Frame> = speech(6, 5).into_iter().zip(speech(7, 5)).map(|(near, far)| [near, far]).collect();
    let frames = &frames[..frames.len() - 333];
    let mut file = Vec::new();
    let mut ogg = OggOpus::new(&mut file, 7).unwrap();
    for block in frames.chunks(BLOCK) {
        ogg.write(block).unwrap();
    }
    ogg.finish().unwrap();
    let whole = decoded(&file);
    assert_eq!(whole.len(), frames.len());
    let ((near, far), (left, right)) = (sides(frames), sides(&whole));
    let close = |said: &[f32], kept: &[f32]| {
        find_delay(said, kept, BLOCK).is_some_and(|found| found.delay <= 2 && found.likeness > 0.9)
    };
    assert!(close(&near, &left) && close(&far, &right), "left is the near end, right the far end");
    // A crash at any octet: all whole pages before it.
    for torn in [file.len() / 2, file.len() - 100] {
        let seconds = decoded(&file[..torn]).len() as f64 / f64::from(RATE);
        let share = torn as f64 / file.len() as f64 * 5.0;
        assert!(seconds > share - 1.3, "{torn}: {seconds}");
    }
}

/// As a player does it (RFC 7845 section 4).
fn decoded(file: &[u8]) -> Vec<Frame> {
    let mut reader = ::ogg::PacketReader::new(Cursor::new(file));
    let mut decoder = opus::Decoder::new(RATE, opus::Channels::Stereo).unwrap();
    let (mut out, mut end, mut skip, mut scratch) = (Vec::new(), 0, 0, vec![0.0; 2 * 5760]);
    let mut number = 0;
    while let Ok(Some(packet)) = reader.read_packet() {
        match number {
            0 => {
                assert_eq!(&packet.data[..10], b"OpusHead\x01\x02");
                skip = usize::from(u16::from_le_bytes([packet.data[10], packet.data[11]]));
            }
            1 => assert!(packet.data.starts_with(b"OpusTags")),
            _ => {
                let len = decoder.decode_float(&packet.data, &mut scratch, false).unwrap();
                out.extend_from_slice(scratch[..2 * len].as_chunks::<2>().0);
                end = packet.absgp_page() as usize;
            }
        }
        number += 1;
    }
    out.truncate(end);
    out.split_off(skip.min(out.len()))
}

#[test]
fn a_full_disk_is_said_and_what_was_kept_plays() {
    /// A disk of so many octets.
    struct Small(Vec<u8>, usize);
    impl std::io::Write for Small {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            if self.0.len() + octets.len() > self.1 {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            self.0.extend_from_slice(octets);
            Ok(octets.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut disk = Small(Vec::new(), 20_000);
    let mut ogg = OggOpus::new(&mut disk, 1).unwrap();
    let frames: Vec<Frame> = speech(8, 10).into_iter().map(|sample| [sample, sample]).collect();
    let told = frames.chunks(BLOCK).find_map(|block| ogg.write(block).err()).expect("it is full some time");
    assert_eq!(told.kind(), std::io::ErrorKind::StorageFull);
    let whole = ogg.whole();
    drop(ogg);
    assert!(whole > RATE.into());
    assert_eq!(decoded(&disk.0).len() as u64, whole);
}
