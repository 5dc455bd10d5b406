//! When packets go out, and how often the thread is woken for them.

use std::time::Duration;

use media::{codec::Codec, ladder::Delay};

use super::{
    table::{One, Table, call},
    *,
};

/// What goes out between this and the next look at a table, in packets of sound: after which piece of the microphone.
fn sent(table: &mut Table, time: Duration) -> Vec<Duration> {
    let pieces = table.all[0].pieces.clone().unwrap();
    let sound = table.watched(time).into_iter().filter(|(_, bytes)| bytes[0] >> 6 == 2 && bytes[1] & 0x7f >= 96);
    sound.map(|(at, _)| pieces.after_a_piece(at)).collect()
}

#[test]
fn a_packet_goes_out_when_its_last_sample_comes() {
    let mut table = Table::with(vec![One::in_pieces(0), One::new(1)], Codec::Opus);
    table.talks_with(&[1]);
    table.order(0, Order::Delay(Delay::Low));
    table.passes(Duration::from_secs(1));
    let short = sent(&mut table, Duration::from_secs(2));
    assert!(short.len() >= 199, "{}", short.len());
    assert!(short.iter().all(|after| after.is_zero()), "{short:?}");
    table.order(0, Order::Delay(Delay::Safe));
    table.passes(Duration::from_secs(1));
    let usual = sent(&mut table, Duration::from_secs(2));
    assert!((99..=101).contains(&usual.len()) && usual.iter().all(Duration::is_zero), "{usual:?}");
    assert!(table.all[1].told.iter().any(|told| matches!(told, Happened::FirstSound { call: own } if *own == call(1))));
}

/// A hundred packets a second, one way and the other, are a hundred reasons to wake. What is due with them is done with them,
/// and what a packet brought is given to the speaker whole.
#[test]
fn the_thread_wakes_once_for_each_packet() {
    let mut table = Table::with(vec![One::in_pieces(0), One::in_pieces(1)], Codec::Opus);
    table.talks_with(&[1]);
    table.passes(Duration::from_secs(5));
    let before = table.woken;
    table.passes(Duration::from_secs(5));
    let woken = table.woken - before;
    assert!((500..=560).contains(&woken), "{woken} times in five seconds");
    table.hear(&[0, 1], &[0, 1]);
}
