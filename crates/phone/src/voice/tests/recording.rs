//! A call that is kept in a file.

use std::path::Path;

use media::signal::find_delay;

use super::*;
use crate::{
    contract::RecordAs,
    sound::{Kept, TapePlace},
};

/// Pieces of 10 ms in which something is heard.
fn loud(sound: &[f32]) -> usize {
    sound.chunks(480).filter(|part| rms_dbfs(part) > -60.0).count()
}

fn record(person: &Person, folder: &Path, announce: bool) {
    let place = TapePlace { folder: folder.to_owned(), name: "call".into(), format: RecordAs::Wav };
    person.order(Order::Record { call: "c1".into(), to: Some((place, announce)) });
}

async fn begins(person: &mut Person) {
    person.until("a file", |happened| matches!(happened, Happened::RecordingBegan { .. }).then_some(())).await;
}

async fn kept(person: &mut Person) -> Kept {
    person
        .until("the end of the recording", |happened| match happened {
            Happened::Recorded { kept, .. } => Some(kept.clone()),
            _ => None,
        })
        .await
}

/// The near end and the far end.
fn sides(kept: &Kept) -> [Vec<f32>; 2] {
    let mut wav = hound::WavReader::open(kept.path.as_ref().expect("a file")).unwrap();
    let all: Vec<f32> = wav.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect();
    [0, 1].map(|side| all.iter().skip(side).step_by(2).copied().collect())
}

#[test]
fn a_recorded_call_has_both_sides_to_its_end() {
    play(async {
        let dir = tempfile::tempdir().unwrap();
        let (mut anna, mut ben) = connected().await;
        anna.hears_of(&ben).await;
        ben.hears_of(&anna).await;
        record(&anna, dir.path(), false);
        begins(&mut anna).await;
        anna.hears_of(&ben).await;
        ben.hears_of(&anna).await;
        anna.order(Order::Close { call: "c1".into() });
        let kept = kept(&mut anna).await;
        assert_eq!(kept.error, None);
        let [near, far] = sides(&kept);
        for (who, person, side) in [("near", &anna, near), ("far", &ben, far)] {
            let said = person.said_by().lock().unwrap().clone();
            // Half a second out of the middle of the recording is somewhere in what was said.
            let part = &side[side.len() / 2..][..24_000.min(side.len() / 2)];
            let said = &said[said.len().saturating_sub(side.len() + 10 * 48_000)..];
            let found = find_delay(part, said, said.len()).expect(who);
            assert!(found.likeness > 0.6, "{who}: {found:?}");
        }
    });
}

#[test]
fn who_is_muted_is_not_recorded_and_the_tone_is_heard() {
    play(async {
        let dir = tempfile::tempdir().unwrap();
        let (mut anna, mut ben) = connected().await;
        ben.hears_of(&anna).await;
        anna.order(Order::Mute { call: "c1".into(), on: true });
        ben.hears_nothing().await;
        let (from, heard) = (ben.heard.len(), ben.heard.clone());
        record(&anna, dir.path(), true);
        begins(&mut anna).await;
        ben.until_so("the tone", || {
            let loud = |part: &[f32]| rms_dbfs(part) > -40.0;
            heard.since(from).chunks_exact(2400).any(loud).then_some(())
        })
        .await;
        ben.hears_nothing().await;
        anna.order(Order::Record { call: "c1".into(), to: None });
        let [near, _] = sides(&kept(&mut anna).await);
        assert!((15..=25).contains(&loud(&near)), "200 ms of tone and nothing of the room: {}", loud(&near));
        // Without a tone nothing of her is in it; asked again while it goes on, it goes on.
        record(&anna, dir.path(), false);
        begins(&mut anna).await;
        anna.hears_of(&ben).await;
        record(&anna, dir.path(), true);
        anna.order(Order::Record { call: "c1".into(), to: None });
        let [near, far] = sides(&kept(&mut anna).await);
        assert_eq!(loud(&near), 0);
        assert!(loud(&far) > 0);
        // The far end hears her again when she wants it, and no tone.
        anna.order(Order::Mute { call: "c1".into(), on: false });
        ben.hears_of(&anna).await;
    });
}
