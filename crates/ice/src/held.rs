//! Datagrams that came before they can be used.

use std::{
    collections::{HashSet, VecDeque},
    net::SocketAddr,
};

use crate::agent::Pair;

/// A short queue. The oldest goes when it is full, and no source has more than its share of it, so that a stranger's
/// flood neither fills it for good nor pushes out what the far end sent (CONFORMANCE S16).
#[derive(Debug)]
pub(crate) struct Held {
    most: usize,
    share: usize,
    datagrams: VecDeque<(Pair, Vec<u8>)>,
}

impl Held {
    pub(crate) const fn new(most: usize, share: usize) -> Self {
        Self { most, share, datagrams: VecDeque::new() }
    }

    pub(crate) fn push(&mut self, pair: Pair, bytes: &[u8]) {
        let mut same = self.datagrams.iter().enumerate().filter(|(_, (own, _))| own.remote == pair.remote);
        let first = same.next().map(|(at, _)| at);
        // What comes later is a repeat, or what the far end says by now.
        if same.count() + 1 >= self.share
            && let Some(first) = first
        {
            self.datagrams.remove(first);
        } else if self.datagrams.len() >= self.most {
            self.datagrams.pop_front();
        }
        self.datagrams.push_back((pair, bytes.to_vec()));
    }

    /// Takes what came from addresses that proved themselves; the rest waits on.
    pub(crate) fn take(&mut self, proved: &HashSet<SocketAddr>) -> VecDeque<(Pair, Vec<u8>)> {
        let all = std::mem::take(&mut self.datagrams);
        let ready;
        (ready, self.datagrams) = all.into_iter().partition(|(pair, _)| proved.contains(&pair.remote));
        ready
    }

    pub(crate) fn clear(&mut self) {
        self.datagrams.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flood_leaves_room_and_many_leave_the_newest() {
        let local: SocketAddr = "192.0.2.1:1".parse().unwrap();
        let from = |port| Pair { local, remote: SocketAddr::new("192.0.2.2".parse().unwrap(), port) };
        let mut held = Held::new(8, 4);
        for _ in 0..100 {
            held.push(from(1), b"flood");
        }
        held.push(from(2), b"peer");
        assert_eq!(held.take(&HashSet::from([from(2).remote])).len(), 1);
        for port in 10..100 {
            held.push(from(port), b"flood");
        }
        held.push(from(2), b"peer");
        assert_eq!(held.take(&HashSet::from([from(2).remote])).len(), 1);
        assert_eq!(held.datagrams.len(), 7);
    }
}
