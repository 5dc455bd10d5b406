use std::{fs, path::Path};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::contract::{
    AccountWish, CallQuality, Cause, CauseKind, Delay, Direction, Echo, Grade, NameFrom, Noise, Party, RecordAs, Theme,
    Timestamp,
};
use crate::fault::Code;

fn in_file(dir: &Path) -> StorePlace {
    StorePlace::File(dir.join("bellbird.db"))
}

fn row(number: u64, name: &str, seen: bool) -> HistoryRow {
    let at = Timestamp::from_unix_ms(1_700_000_000_000 + i64::try_from(number).unwrap() * 1000);
    HistoryRow {
        id: HistoryId::from(format!("h{number}")),
        account: AccountId::from("a1"),
        direction: Direction::In,
        with: Party {
            name: name.to_owned(),
            number: format!("20{number}"),
            uri: format!("sip:20{number}@example.com"),
            name_from: NameFrom::Server,
            ..Party::default()
        },
        asked: String::new(),
        started_at: at,
        answered_at: None,
        ended_at: at,
        cause: Cause { is: CauseKind::Cancelled, error: None, elsewhere: None },
        recordings: Vec::new(),
        quality: None,
        seen,
    }
}

fn profile(id: &str, user: &str) -> Profile {
    let wish =
        AccountWish { user: Some(user.to_owned()), domain: Some("example.com".to_owned()), ..AccountWish::default() };
    Profile { id: AccountId::from(id), ..Profile::from_wish(&wish, None).unwrap() }
}

fn ids(rows: &[HistoryRow]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

/// A handle that is dropped leaves its thread to finish; a test that opens the file again waits for that.
async fn close(store: Store) {
    store.flush().await;
}

#[tokio::test]
async fn what_was_kept_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, kept) = Store::open(&in_file(dir.path()));
    assert_eq!((kept.accounts.len(), kept.next_account, kept.next_history, kept.missed), (0, 1, 1, 0));
    assert!(kept.faults.is_empty(), "{:?}", kept.faults);
    store.save_account(&profile("a1", "2001"));
    store.save_account(&profile("a2", "2002"));
    store.save_account(&Profile { name: "Desk".to_owned(), ..profile("a1", "2001") });
    store.remove_account(&AccountId::from("a2"));
    let settings = Settings {
        language: "zh-CN".to_owned(),
        theme: Theme::Dark,
        default_account: Some("a1".into()),
        practice: false,
        record_as: RecordAs::Ogg,
        record_tone: true,
        echo: Echo::Auto,
        noise: Noise::Strong,
        level: false,
        delay: Delay::Low,
    };
    store.save_settings(&settings);
    let prefer = Prefer { mic: vec!["usb".to_owned(), "default".to_owned()], ..Prefer::default() };
    store.save_prefer(&prefer);
    store.add_row(&row(1, "Ada", true));
    store.add_row(&row(2, "Eve", false));
    let first = kept.instance;
    close(store).await;

    let (store, kept) = Store::open(&in_file(dir.path()));
    assert_eq!(kept.accounts, [Profile { name: "Desk".to_owned(), ..profile("a1", "2001") }]);
    assert_eq!((kept.settings, kept.prefer, kept.instance), (settings, prefer, first));
    assert_eq!((kept.next_account, kept.next_history, kept.missed), (3, 3, 1), "a2 is never given again");
    assert_eq!(store.history(None, 50, None).await, [row(2, "Eve", false), row(1, "Ada", true)]);
}

#[tokio::test]
async fn quality_and_recordings_of_a_call_are_kept_and_older_rows_have_none() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&in_file(dir.path()));
    let quality = CallQuality {
        grade: Grade::Poor,
        mos: 3.12,
        loss_pct: 8.5,
        burst: Some(3.25),
        late_pct: 0.0,
        concealed_pct: 4.0,
        jitter_ms: 12.0,
        rtt_ms: None,
        far_loss_pct: Some(0.1),
        far_mos: None,
        poor_s: 40,
        trouble: Some(crate::words::Words::of("en").error(&Fault::new(Code::SoundBursts))),
    };
    let sounded = HistoryRow { quality: Some(Box::new(quality)), ..row(1, "Ada", true) };
    store.add_row(&sounded);
    // The file of a recording ends after its call: the row is written again.
    let sounded = HistoryRow { recordings: vec!["/calls/Ada.wav".to_owned()], ..sounded };
    store.add_row(&sounded);
    close(store).await;
    let mut older = serde_json::to_value(row(2, "Eve", true)).unwrap();
    for field in ["quality", "recordings"] {
        older.as_object_mut().unwrap().remove(field).unwrap();
    }
    let file = rusqlite::Connection::open(dir.path().join("bellbird.db")).unwrap();
    let add = "INSERT INTO history (id, seen, words, body) VALUES (2, 1, 'eve', ?1)";
    file.execute(add, [older.to_string()]).unwrap();
    drop(file);
    let (store, _) = Store::open(&in_file(dir.path()));
    assert_eq!(store.history(None, 50, None).await, [row(2, "Eve", true), sounded]);
}

#[tokio::test]
async fn the_history_is_read_in_pages_and_searched() {
    let (store, _) = Store::open(&StorePlace::Memory);
    for (number, name) in [(1, "Ada"), (2, "ÄNNE 100%"), (3, "Eve_1"), (4, "ada\\b"), (5, "阿达"), (6, "Evex1")] {
        store.add_row(&row(number, name, true));
    }
    store.add_row(&HistoryRow { asked: "sip:Echo@x".to_owned(), ..row(7, "", true) });
    assert_eq!(ids(&store.history(None, 2, None).await), ["h7", "h6"]);
    assert_eq!(ids(&store.history(Some(&"h6".into()), 2, None).await), ["h5", "h4"]);
    for (filter, found) in [
        ("ADA", &["h4", "h1"][..]),
        ("änne", &["h2"]),
        ("%", &["h2"]),
        ("_", &["h3"]),
        ("\\", &["h4"]),
        ("阿", &["h5"]),
        ("204", &["h4"]),
        (" echo ", &["h7"]),
        ("'; DROP TABLE history; --", &[]),
        ("\0", &[]),
    ] {
        assert_eq!(ids(&store.history(None, 50, Some(filter)).await), found, "{filter:?}");
    }
    for id in ["h", "x1", "h1x", "h99999999999999999999", ""] {
        assert!(store.history(Some(&id.into()), 50, None).await.is_empty(), "{id}");
    }
    assert_eq!(store.history(None, 50, None).await.len(), 7);
}

#[tokio::test]
async fn missed_calls_are_marked_as_seen() {
    let (store, _) = Store::open(&StorePlace::Memory);
    for number in 1..=5 {
        store.add_row(&row(number, "Ada", number == 2));
    }
    assert_eq!(store.mark_seen(Some(&"nonsense".into())).await, 4);
    assert_eq!(store.mark_seen(Some(&"h3".into())).await, 2);
    assert!(store.history(None, 50, None).await.iter().all(|row| row.seen == (row.id <= "h3".into())));
    assert_eq!(store.mark_seen(None).await, 0);
}

#[tokio::test]
async fn hostile_text_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&in_file(dir.path()));
    let names =
        ["", "\"'`; --", "\u{202e}evil\u{2066}", "a\nb\tc\0d", "🦜🇨🇳", &"x".repeat(100_000), "{\"a\":[}", "%_\\"];
    for (number, name) in (1..).zip(names) {
        store.add_row(&row(number, name, true));
    }
    let odd = Profile { display_name: Some("'); DROP TABLE accounts; --".to_owned()), ..profile("a\u{0}'", "o'neil") };
    store.save_account(&odd);
    close(store).await;
    let (store, kept) = Store::open(&in_file(dir.path()));
    assert_eq!(kept.accounts, [odd]);
    let read = store.history(None, 50, None).await;
    assert_eq!(read.iter().rev().map(|row| row.with.name.as_str()).collect::<Vec<_>>(), names);
}

#[tokio::test]
async fn only_the_newest_rows_are_kept() {
    let (store, _) = Store::open(&StorePlace::Memory);
    store.add_row(&row(1, "old", true));
    store.add_row(&row(2, "old", true));
    store.add_row(&row(MOST_ROWS + 1, "new", true));
    assert_eq!(ids(&store.history(None, 50, None).await), ["h10001", "h2"]);
}

#[tokio::test]
async fn a_file_taken_at_any_moment_holds_what_was_said_to_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&in_file(dir.path()));
    for number in 1..=12 {
        store.add_row(&row(number, "Ada", true));
        store.flush().await;
        // As after kill -9: the file and its log as they lie there, the index of the log lost.
        let copy = tempfile::tempdir().unwrap();
        for name in ["bellbird.db", "bellbird.db-wal"] {
            fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        let (store, kept) = Store::open(&in_file(copy.path()));
        assert!(kept.faults.is_empty(), "{:?}", kept.faults);
        assert_eq!(store.history(None, 50, None).await.len(), usize::try_from(number).unwrap());
    }
}

#[tokio::test]
async fn a_log_cut_anywhere_loses_only_what_came_last() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&in_file(dir.path()));
    for number in 1..=6 {
        store.add_row(&row(number, "Ada", true));
    }
    store.flush().await;
    let [file, log] = ["bellbird.db", "bellbird.db-wal"].map(|name| fs::read(dir.path().join(name)).unwrap());
    let mut most = 0;
    for cut in (0..=log.len()).step_by(log.len() / 40) {
        let copy = tempfile::tempdir().unwrap();
        fs::write(copy.path().join("bellbird.db"), &file).unwrap();
        fs::write(copy.path().join("bellbird.db-wal"), &log[..cut]).unwrap();
        let (store, kept) = Store::open(&in_file(copy.path()));
        assert!(kept.faults.is_empty(), "cut at {cut}: {:?}", kept.faults);
        let rows = store.history(None, 50, None).await;
        let numbers: Vec<_> = rows.iter().rev().map(|row| row.id.as_str().to_owned()).collect();
        let expected: Vec<_> = (1..=rows.len()).map(|number| format!("h{number}")).collect();
        assert_eq!(numbers, expected, "cut at {cut}");
        most = most.max(rows.len());
    }
    assert!(most >= 5, "{most}");
}

#[tokio::test]
async fn a_damaged_file_never_stops_the_phone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&in_file(dir.path()));
    store.save_account(&profile("a1", "2001"));
    for number in 1..=30 {
        store.add_row(&row(number, "Ada", number % 2 == 0));
    }
    store.flush().await;
    // Half of it lies in the file, half in the log.
    let db = rusqlite::Connection::open(dir.path().join("bellbird.db")).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let (store, kept) = Store::open(&in_file(dir.path()));
    assert_eq!(kept.missed, 15);
    for number in 31..=60 {
        store.add_row(&row(number, "Eve", true));
    }
    store.flush().await;
    let [file, log] = ["bellbird.db", "bellbird.db-wal"].map(|name| fs::read(dir.path().join(name)).unwrap());

    let (mut damaged, mut sound, mut newer) = (0, 0, 0);
    for seed in 0..300 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let copy = tempfile::tempdir().unwrap();
        let (mut file, mut log) = (file.clone(), log.clone());
        let bytes = if random.random_bool(0.3) && !log.is_empty() { &mut log } else { &mut file };
        match random.random_range(0..4) {
            0 => bytes.truncate(random.random_range(0..bytes.len())),
            1 => bytes[..100].iter_mut().for_each(|byte| *byte = random.random()),
            _ => {
                for _ in 0..random.random_range(1..400) {
                    let at = random.random_range(0..bytes.len());
                    bytes[at] ^= 1 << random.random_range(0..8);
                }
            }
        }
        fs::write(copy.path().join("bellbird.db"), &file).unwrap();
        if random.random_bool(0.5) {
            fs::write(copy.path().join("bellbird.db-wal"), &log).unwrap();
        }
        let (store, kept) = Store::open(&in_file(copy.path()));
        let codes: Vec<_> = kept.faults.iter().map(|fault| fault.code).collect();
        match codes[..] {
            [] => sound += 1,
            [Code::StoreDamaged] => {
                damaged += 1;
                assert!(kept.accounts.is_empty() && kept.next_history == 1, "seed {seed}: a fresh one");
                let name = &kept.faults[0].args[0].1;
                assert!(copy.path().join(name).exists(), "seed {seed}: {name} was moved aside");
            }
            // The number of the version can be hit so that it is that of a phone to come.
            [Code::StoreFailed] => newer += 1,
            _ => panic!("seed {seed}: {:?}", kept.faults),
        }
        let next = kept.next_history;
        store.add_row(&row(next, "after", true));
        let rows = store.history(None, 1, None).await;
        assert_eq!(rows.first(), Some(&row(next, "after", true)), "seed {seed}");
    }
    assert!(damaged > 50 && sound > 20 && newer < 5, "{damaged} damaged, {sound} sound, {newer} newer");
}

#[tokio::test]
async fn a_full_disk_is_said_and_what_waits_is_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let (store, kept) = Store::open(&in_file(dir.path()));
    let mut trouble = store.trouble();
    assert!(kept.faults.is_empty() && trouble.borrow().is_none());
    store.order(Order::Pages(1));
    for number in 1..=1200 {
        store.add_row(&row(number, &"Ada ".repeat(100), false));
    }
    trouble.wait_for(Option::is_some).await.unwrap();
    assert_eq!(trouble.borrow().as_ref().map(|fault| fault.code), Some(Code::StoreFailed));
    let rows = store.history(None, 500, Some("ada")).await;
    assert_eq!((rows.len(), rows[0].id.as_str()), (500, "h1200"), "what waits is read all the same");
    assert_eq!(store.mark_seen(Some(&"h1199".into())).await, 1);
    assert!(store.history(None, 2, None).await.iter().all(|row| row.seen == (row.id != "h1200".into())));
    // Written again while it waits, a row is there once, as it was written last.
    store.add_row(&HistoryRow { recordings: vec!["Ada.wav".to_owned()], ..row(1200, &"Ada ".repeat(100), false) });
    let rows = store.history(None, 2, None).await;
    assert_eq!((ids(&rows), rows[0].recordings.len()), (vec!["h1200", "h1199"], 1));
    store.save_account(&profile("a1", "2001"));

    store.order(Order::Pages(100_000));
    store.flush().await;
    trouble.wait_for(Option::is_none).await.unwrap();
    let (_, kept) = Store::open(&in_file(dir.path()));
    assert_eq!((kept.accounts.len(), kept.missed, kept.next_history), (1, 1, 1201));
    let oldest = store.history(Some(&"h999".into()), 2000, None).await;
    assert!((700..1000).contains(&oldest.len()), "about a thousand waited, the oldest went: {}", oldest.len());
}

#[tokio::test]
async fn without_a_disk_it_is_kept_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("no-folder"), "").unwrap();
    let (store, kept) = Store::open(&in_file(&dir.path().join("no-folder")));
    assert_eq!(kept.faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), [Code::StoreFailed]);
    store.add_row(&row(1, "Ada", true));
    assert_eq!(store.history(None, 50, None).await.len(), 1);
    assert!(store.trouble().borrow().is_some(), "it goes on being said");
}

#[tokio::test]
async fn a_file_of_a_newer_phone_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bellbird.db");
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.execute_batch("CREATE TABLE accounts (x); PRAGMA user_version = 99;").unwrap();
    drop(newer);
    let (_, kept) = Store::open(&in_file(dir.path()));
    assert_eq!(kept.faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), [Code::StoreFailed]);
    let again = rusqlite::Connection::open(&path).unwrap();
    assert_eq!(again.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap(), 99);
}

#[tokio::test]
async fn a_setting_that_makes_no_sense_any_more_is_as_usual() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&in_file(dir.path()));
    store.save_settings(&Settings { language: "zh-CN".to_owned(), ..Settings::default() });
    close(store).await;
    let db = rusqlite::Connection::open(dir.path().join("bellbird.db")).unwrap();
    let set = r#"UPDATE kept SET value = json_set(value, '$.theme', 'plaid', '$.gone', 1) WHERE name = 'settings'"#;
    assert_eq!(db.execute(set, []).unwrap(), 1);
    let (_, kept) = Store::open(&in_file(dir.path()));
    assert_eq!(kept.settings, Settings { language: "zh-CN".to_owned(), ..Settings::default() });
    assert!(kept.faults.is_empty());
}

#[test]
fn the_instance_is_made_once_and_is_a_random_urn() {
    let (_, one) = Store::open(&StorePlace::Memory);
    let (_, other) = Store::open(&StorePlace::Memory);
    assert_ne!(one.instance, other.instance);
    let uuid = one.instance.strip_prefix("urn:uuid:").expect("a URN");
    let groups: Vec<_> = uuid.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12]);
    assert!(uuid.as_bytes()[14] == b'4' && b"89ab".contains(&uuid.as_bytes()[19]), "RFC 9562 5.4: {uuid}");
    let dir = tempfile::tempdir().unwrap();
    let (_, first) = Store::open(&in_file(dir.path()));
    for _ in 0..100 {
        assert_eq!(Store::open(&in_file(dir.path())).1.instance, first.instance);
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (_store, _) = Store::open(&in_file(dir.path()));
    for entry in fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
}
