//! How many registrations and calls the server takes in a second of one core. The whole of its signalling is measured, as
//! it stands in the practice line; not the sockets, and not TLS.
//!
//!     cargo run --release -p pbx --features testing --example load

use pbx::testing::load::Load;

/// Rounds of one measurement; the best of five counts, for what else runs only slows it.
const ROUNDS: u32 = 2_000;
const MEASUREMENTS: u32 = 5;

fn main() {
    let mut load = Load::new();
    for (what, act, count) in [
        ("registrations", Load::register as fn(&mut Load), (|load: &Load| load.registrations) as fn(&Load) -> u64),
        ("calls", Load::call, |load| load.calls),
    ] {
        let best = (0..MEASUREMENTS)
            .map(|_| {
                let (before, spent) = (count(&load), load.spent);
                (0..ROUNDS).for_each(|_| act(&mut load));
                (count(&load) - before) as f64 / (load.spent - spent).as_secs_f64()
            })
            .fold(0.0, f64::max);
        println!("{best:.0} {what} a second of one core");
    }
}
