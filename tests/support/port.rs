//! Ports that nobody has.

use std::{
    net::{TcpListener, UdpSocket},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the range from which the system gives out ports by itself, so that none is taken before its server starts.
const FIRST: u16 = 15_000;
const LAST: u16 = 32_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on 127.0.0.1 that is free for TCP and for UDP.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free() -> u16 {
    range(1)
}

/// The first of `count` ports in a row that are free for TCP and for UDP; it is even, as RTP likes it.
///
/// # Panics
/// When there is no such row.
#[must_use]
pub fn range(count: u16) -> u16 {
    let span = LAST - FIRST;
    // Two test programs at once begin at different places.
    let offset = (process::id() % 61) as u16 * (span / 61);
    let step = count.next_multiple_of(2);
    for _ in 0..span / step {
        let at = NEXT.fetch_add(step, Ordering::Relaxed);
        let first = (FIRST + offset.wrapping_add(at) % (span - step)) & !1;
        if (first..first + count).all(is_free) {
            return first;
        }
    }
    panic!("no {count} free ports in a row between {FIRST} and {LAST}");
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_and_a_taken_one_is_left_out() {
        // Another test program may look at it, or take it, in between.
        let bind = |first| Some((first, UdpSocket::bind(("127.0.0.1", first)).ok()?));
        let (first, holder) = std::iter::repeat_with(|| range(10)).take(50).find_map(bind).unwrap();
        assert_eq!(first % 2, 0);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let port = free();
            assert_ne!(port, holder.local_addr().unwrap().port());
            assert!(seen.insert(port));
        }
    }
}
