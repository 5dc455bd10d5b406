//! Five thousand mutants of each grammar, from what four servers sent and from the torture messages (F1, L16): whatever a
//! bad line or an enemy makes of a real message, nothing panics, what is taken is written and read again as the same, and
//! it costs no more memory and no more allocations than its length allows. And the messages that we take, held against
//! another parser.

mod differential;
mod mutate;
mod seeds;

use mutate::Mutator;
use seeds::Seeds;

/// Of each grammar.
const MUTANTS: usize = 5_000;

/// One grammar: what is made mutants of, what takes them, and what that may cost.
struct Grammar {
    name: &'static str,
    seeds: fn(&Seeds) -> Vec<Vec<u8>>,
    body: fn(&[u8]),
    cost: Cost,
}

/// What one input may cost: so much, and so much for each of its octets. A body reads and writes its input several times.
#[derive(Clone, Copy)]
struct Cost {
    /// Octets in use at once.
    memory: (u64, u64),
    /// Octets allocated one after the other: the work that is done.
    work: (u64, u64),
}

/// A body that reads text and writes it.
const PLAIN: Cost = Cost { memory: (8 * KB, 40), work: (32 * KB, 400) };
/// A list of elements that are one octet each is many strings.
const LIST: Cost = Cost { memory: (8 * KB, 200), work: (32 * KB, 800) };
/// A body with a whole agent in it.
const AGENT: Cost = Cost { memory: (64 * KB, 40), work: (256 * KB, 600) };
const KB: u64 = 1024;

const GRAMMARS: [Grammar; 16] = [
    Grammar { name: "INVITE", seeds: |own| own.requests(true), body: sip::testing::fuzz::message, cost: PLAIN },
    Grammar {
        name: "other requests",
        seeds: |own| own.requests(false),
        body: sip::testing::fuzz::message,
        cost: PLAIN,
    },
    Grammar { name: "responses", seeds: Seeds::responses, body: sip::testing::fuzz::message, cost: PLAIN },
    Grammar { name: "torture", seeds: |own| own.torture.clone(), body: sip::testing::fuzz::message, cost: PLAIN },
    Grammar { name: "URI", seeds: Seeds::uris, body: sip::testing::fuzz::uri, cost: PLAIN },
    Grammar {
        name: "addresses",
        seeds: |own| own.values(seeds::ADDRESSES),
        body: sip::testing::fuzz::address,
        cost: PLAIN,
    },
    Grammar { name: "Via", seeds: |own| own.values(&["via"]), body: sip::testing::fuzz::via, cost: PLAIN },
    Grammar { name: "numbers", seeds: |own| own.values(seeds::NUMBERS), body: sip::testing::fuzz::number, cost: PLAIN },
    Grammar { name: "Reason", seeds: |own| own.values(&["reason"]), body: sip::testing::fuzz::reason, cost: PLAIN },
    Grammar { name: "lists", seeds: |own| own.values(seeds::LISTS), body: sip::testing::fuzz::list, cost: LIST },
    Grammar {
        name: "digest",
        seeds: |own| own.values(seeds::PROOFS),
        body: sip::testing::fuzz::challenge,
        cost: AGENT,
    },
    Grammar { name: "multipart", seeds: Seeds::multiparts, body: sip::testing::fuzz::multipart, cost: PLAIN },
    Grammar { name: "SDP", seeds: Seeds::sdps, body: media::testing::fuzz::sdp, cost: PLAIN },
    Grammar { name: "offer and answer", seeds: Seeds::offers, body: media::testing::fuzz::offer, cost: AGENT },
    Grammar { name: "RTP and RTCP", seeds: |_| seeds::packets(), body: media::testing::fuzz::packets, cost: PLAIN },
    Grammar { name: "handshake", seeds: |own| own.http.clone(), body: wss::testing::fuzz::handshake, cost: AGENT },
];

#[test]
fn no_mutant_panics_or_costs_more_than_its_length_allows() {
    let all = Seeds::read();
    for (index, grammar) in GRAMMARS.iter().enumerate() {
        let seeds = (grammar.seeds)(&all);
        assert!(seeds.len() > 3, "{} has {} seeds", grammar.name, seeds.len());
        let mut mutator = Mutator::new(index as u64);
        for _ in 0..MUTANTS {
            let mutant = mutator.mutate(&seeds);
            // A panic says what is wrong, this says with what.
            let told = Told { grammar: grammar.name, mutant: &mutant };
            let used = allocation_counter::measure(|| (grammar.body)(&mutant));
            let within = |used: u64, (once, each): (u64, u64)| used <= once + each * mutant.len() as u64;
            assert!(
                within(used.bytes_max, grammar.cost.memory),
                "{} octets at once for {}",
                used.bytes_max,
                mutant.len()
            );
            assert!(
                within(used.bytes_total, grammar.cost.work),
                "{} octets of work for {}",
                used.bytes_total,
                mutant.len()
            );
            assert_eq!(used.bytes_current, 0, "nothing is kept");
            std::mem::forget(told);
        }
    }
}

/// Shows the mutant when a test ends in its midst.
struct Told<'a> {
    grammar: &'static str,
    mutant: &'a [u8],
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        println!("{}: {:?}", self.grammar, String::from_utf8_lossy(self.mutant));
    }
}
