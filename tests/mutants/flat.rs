//! What is over is forgotten: the server keeps as much after many registrations and calls as after few (CONFORMANCE S33).

use pbx::testing::load::Load;

/// What may differ between two rounds, in octets: a table that has just grown.
const SLACK: i64 = 16 * 1024;

fn kept_by(load: &mut Load, rounds: usize, act: fn(&mut Load)) -> i64 {
    allocation_counter::measure(|| (0..rounds).for_each(|_| act(load))).bytes_current
}

#[test]
fn a_server_and_its_phones_keep_nothing_of_what_is_over() {
    let mut load = Load::new();
    for act in [Load::register, Load::call] {
        // The first rounds make room for what is kept for good.
        kept_by(&mut load, 200, act);
        let grown = kept_by(&mut load, 5_000, act);
        assert!(grown < SLACK, "{grown} octets more after 5,000 rounds");
    }
    assert!(load.registrations >= 10_000 && load.calls == 5_200);
}
