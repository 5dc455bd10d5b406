//! Packets of ten milliseconds.

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
fn a_short_packet_goes_out_when_its_last_sample_comes() {
    let mut table = Table::with(vec![One::in_pieces(0), One::new(1)], Codec::Opus);
    table.talks_with(&[1]);
    table.order(0, Order::Delay(Delay::Low));
    table.passes(Duration::from_secs(1));
    let short = sent(&mut table, Duration::from_secs(2));
    assert!(short.len() >= 199, "{}", short.len());
    assert!(short.iter().all(|after| after.is_zero()), "{short:?}");
    table.order(0, Order::Delay(Delay::Safe));
    table.passes(Duration::from_secs(1));
    // Usual packets wait for the tick, which is when the far end's packets are best played.
    let usual = sent(&mut table, Duration::from_secs(2));
    assert!(usual.len() <= 101 && usual.iter().any(|after| !after.is_zero()), "{usual:?}");
    assert!(table.all[1].told.iter().any(|told| matches!(told, Happened::FirstSound { call: own } if *own == call(1))));
}
