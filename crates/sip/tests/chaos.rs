//! A far end without sense, a link that comes and goes, and a program that does what it likes, all under a seed: nothing
//! panics, what is sent is SIP, a call that has ended is silent, and in the end nothing is left (C52, L19, S33).

use std::time::Duration;

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha12Rng;
use sip::{
    Input, StatusCode,
    testing::world::{Act, Asked, Within, World},
};

const SEEDS: u64 = 400;
const STEPS: u32 = 250;

const STATUSES: [u16; 22] =
    [100, 180, 181, 183, 199, 200, 202, 299, 302, 400, 401, 403, 407, 408, 422, 423, 439, 481, 486, 491, 503, 603];
const METHODS: [&str; 14] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "INFO",
    "UPDATE",
    "PRACK",
    "NOTIFY",
    "REFER",
    "MESSAGE",
    "SUBSCRIBE",
    "REGISTER",
    "ODD",
];
/// What may stand in any message of the far end; some of it where it makes no sense.
const HEADERS: [&str; 24] = [
    "Contact: <sip:far@192.0.2.1>",
    "Contact: <sip:bob@192.0.2.2>;q=0.5, <sip:else@192.0.2.3>",
    "Contact: *",
    "Require: 100rel",
    "Require: timer",
    "Require: x-odd",
    "Supported: timer, 100rel",
    "Session-Expires: 90;refresher=uac",
    "Session-Expires: 90;refresher=uas",
    "Session-Expires: 1",
    "Min-SE: 2000",
    "RSeq: 1",
    "RSeq: 2",
    "RAck: 1 1 INVITE",
    "Retry-After: 0",
    "Record-Route: <sip:edge.example>, <sip:far.example;lr>",
    "Allow: INVITE, UPDATE",
    "Allow: INVITE",
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
    "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256-sess, stale=true",
    "Authentication-Info: nextnonce=\"m\"",
    "Service-Route: <sip:edge.example;lr>",
    "P-Asserted-Identity: <sip:who@example.com>",
    "Event: message-summary",
];

/// What a program does, as often as it does it.
const ACTS: [Act; 9] = [
    Act::Ring,
    Act::Answer,
    Act::Answer,
    Act::Reject,
    Act::Reoffer,
    Act::AnswerOffer,
    Act::RefuseOffer,
    Act::Digit,
    Act::Hangup,
];

struct Confusion {
    world: World,
    rng: ChaCha12Rng,
}

impl Confusion {
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.rng).expect("there are some")
    }

    /// Some headers and perhaps a body.
    fn rest(&mut self) -> String {
        let count = self.rng.random_range(0..5);
        let headers: String = (0..count).map(|_| format!("{}\r\n", self.one(&HEADERS))).collect();
        let body = match self.rng.random_range(0..4) {
            0 => "Content-Type: text/html\r\n\r\n<b>",
            1 => "\r\n",
            _ => "Content-Type: application/sdp\r\n\r\nv=0",
        };
        headers + body
    }

    /// The far end answers something that it was asked, some time ago perhaps.
    fn respond(&mut self) {
        let status = StatusCode::new(self.one(&STATUSES)).expect("a status");
        let (which, tag, rest) = (self.rng.random_range(0..100), self.one(&["far", "other", "third"]), self.rest());
        self.world.respond(which, status, tag, &rest);
    }

    /// The far end asks, out of the blue or within a call.
    fn ask(&mut self) {
        self.world.number += 1;
        let (method, which, rest) = (self.one(&METHODS), self.rng.random_range(0..100), self.rest());
        let within = match self.rng.random_range(0..20) {
            0..6 => Within::Nothing,
            6..13 => Within::Response(which),
            _ => Within::Request(which),
        };
        let branch = if self.rng.random_bool(0.2) { 1 } else { self.world.number };
        self.world.ask(&Asked { method, within, branch, rest: &rest });
    }

    /// The program does something with a call, whether it makes sense or not.
    fn act(&mut self) {
        let which = self.rng.random_range(0..100);
        let act = if self.rng.random_bool(0.3) { Act::Invite(self.rng.random_bool(0.9)) } else { self.one(&ACTS) };
        self.world.act(act, which);
    }

    fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..40 => self.respond(),
            40..65 => self.ask(),
            65..85 => self.act(),
            85..95 => {
                let seconds = self.one(&[0, 1, 5, 33, 100]);
                self.world.pass(Duration::from_secs(seconds));
            }
            95 => self.world.input(Input::LinkDown),
            96 | 97 => self.world.input(Input::LinkUp),
            98 => self.world.register(true),
            _ => self.world.register(false),
        }
    }
}

#[test]
fn nothing_is_left_of_any_confusion() {
    let mut most = (0, 0, 0);
    for seed in 0..SEEDS {
        let mut confusion = Confusion { world: World::new(seed as u8), rng: ChaCha12Rng::seed_from_u64(seed) };
        confusion.world.input(Input::LinkUp);
        for _ in 0..STEPS {
            confusion.step();
            let live = confusion.world.agent.live();
            most = (most.0.max(live.0), most.1.max(live.1), most.2.max(live.2));
        }

        confusion.world.end();
    }
    assert!(most.0 <= 64 + 128 + 32 && most.1 <= 8, "{most:?}");
    assert!(most.1 >= 4, "calls came up: {most:?}");
}
