use super::*;

const MS: Duration = Duration::from_millis(1);

/// Two conversations in memory, on a clock of their own.
struct Pair {
    now: Instant,
    ends: [Conversation; 2],
    addresses: [SocketAddr; 2],
    due: [Option<Instant>; 2],
    over: [bool; 2],
    /// RTP packets that each end sent.
    sent: [usize; 2],
    /// Does the network carry anything?
    works: bool,
}

impl Pair {
    /// One makes music, the other is an echo; they have agreed, if `agreed`.
    fn new(agreed: bool) -> Self {
        let now = Instant::now();
        let addresses = ["127.0.0.1:4000", "127.0.0.1:5000"].map(|text| text.parse().unwrap());
        let end = |at: usize, kind| {
            let identity = Identity::generate().unwrap();
            let seed = [u8::try_from(at).unwrap(); 32];
            Conversation::new(now, (kind, Language::English), (identity, addresses[at]), seed).unwrap()
        };
        let mut ends = [end(0, Kind::Music), end(1, Kind::Mirror)];
        let offer = ends[0].offer();
        let answer = ends[1].answer(now, offer.as_bytes()).unwrap();
        if agreed {
            ends[0].accept(now, answer.as_bytes()).unwrap();
        }
        Self { now, ends, addresses, due: [None; 2], over: [false; 2], sent: [0; 2], works: true }
    }

    /// Carries datagrams, each at once, until there are none.
    fn settle(&mut self) {
        let mut still = false;
        while !still {
            still = true;
            for at in 0..2 {
                match self.ends[at].poll() {
                    Output::Datagram(to, bytes) => {
                        still = false;
                        self.sent[at] += usize::from(bytes[0] >> 6 == 2 && !(192..=223).contains(&bytes[1]));
                        if self.works && to == self.addresses[1 - at] {
                            self.ends[1 - at].handle_datagram(self.now, self.addresses[at], &bytes);
                        }
                    }
                    Output::Over => (self.over[at], still) = (true, false),
                    Output::Timeout(due) => self.due[at] = due,
                }
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while let Some(next) = self.due.into_iter().flatten().min().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            for at in 0..2 {
                if self.due[at].is_some_and(|due| due <= self.now) {
                    self.ends[at].handle_timeout(self.now);
                }
            }
            self.settle();
        }
        self.now = end;
    }
}

#[test]
fn what_one_plays_the_other_sends_back_packet_by_packet() {
    let mut pair = Pair::new(true);
    pair.run(2000 * MS);
    let before = pair.sent;
    pair.run(10_000 * MS);
    assert_eq!([pair.sent[0] - before[0], pair.sent[1] - before[1]], [500, 500], "50 packets a second, both ways");
    assert_eq!(pair.over, [false; 2]);
}

#[test]
fn a_far_end_that_falls_silent_ends_the_call() {
    let mut pair = Pair::new(true);
    pair.run(60_000 * MS);
    assert_eq!(pair.over, [false; 2], "a call may last");
    pair.works = false;
    pair.run(5_000 * MS);
    assert_eq!(pair.over, [false; 2], "a short silence is none");
    pair.run(85_000 * MS);
    assert_eq!(pair.over, [true; 2]);
}

#[test]
fn a_path_that_comes_back_in_time_goes_on() {
    let mut pair = Pair::new(true);
    pair.run(5_000 * MS);
    pair.works = false;
    pair.run(15_000 * MS);
    pair.works = true;
    pair.run(10_000 * MS);
    let before = pair.sent[1];
    pair.run(60_000 * MS);
    assert_eq!((pair.sent[1] - before, pair.over), (3000, [false; 2]));
}

#[test]
fn a_path_that_never_opens_ends_the_call() {
    let mut pair = Pair::new(false);
    pair.run(OPENING - MS);
    assert_eq!(pair.over, [false; 2]);
    pair.run(5_000 * MS);
    assert_eq!(pair.over, [false, true], "who was never answered does not know it yet");
    assert_eq!(pair.sent, [0; 2]);
}

#[test]
fn a_restart_of_ice_is_answered_with_new_credentials() {
    let mut pair = Pair::new(true);
    pair.run(2000 * MS);
    let old = pair.ends[1].local().ufrag;
    pair.ends[0].path.restart(pair.now, vec![LocalCandidate::host(pair.addresses[0])]);
    let offer = pair.ends[0].offer();
    let answer = pair.ends[1].answer(pair.now, offer.as_bytes()).unwrap();
    assert!(!answer.contains(&old), "{answer}");
    pair.ends[0].accept(pair.now, answer.as_bytes()).unwrap();
    pair.run(5_000 * MS);
    let before = pair.sent[1];
    pair.run(10_000 * MS);
    assert_eq!((pair.sent[1] - before, pair.over), (500, [false; 2]));
}

#[test]
fn an_offer_that_is_none_changes_nothing() {
    let mut pair = Pair::new(true);
    pair.run(2000 * MS);
    for offer in ["", "v=0", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"] {
        assert!(pair.ends[1].answer(pair.now, offer.as_bytes()).is_err(), "{offer}");
    }
    let before = pair.sent[1];
    pair.run(10_000 * MS);
    assert_eq!(pair.sent[1] - before, 500);
}
