//! A whole agent fed by a script: frames of a server, time, and what a person wants.
//!
//! ```text
//! <FRAME                     the server sends this
//! rWSSSTREST                 the server answers our request W with the status SSS, the tag T and these lines
//! aKWMETHOD\nREST            the far end asks: K is n (nothing), q (within our request W) or p (within our answer W);
//!                            in upper case it repeats its last request
//! +N                         N seconds pass
//! !AW                        the program does A with the call W
//! u d R U                    the link is up, down; register, unregister
//! ```
//!
//! One after the other, with the octet 1E between.

use std::time::Duration;

use bytes::Bytes;

use super::headers::as_text;
use crate::{
    Input, StatusCode,
    testing::world::{Act, Asked, Within, World},
};

/// Between two steps: a character that nobody has in a message, which has a meaning for this.
const BETWEEN: u8 = 0x1e;
/// The steps of one script that count.
const MOST: usize = 400;
const TAGS: [&str; 3] = ["far", "other", "third"];

/// A whole agent; see above.
pub fn agent(script: &[u8]) {
    let mut world = World::new(7);
    world.input(Input::LinkUp);
    for step in script.split(|byte| *byte == BETWEEN).take(MOST) {
        if let Some((what, how)) = step.split_first() {
            take(&mut world, *what, how);
        }
        let (transactions, calls, _) = world.agent.live();
        assert!(transactions <= 64 + 128 + 32 && calls <= 8, "{:?}", world.agent.live());
    }
    world.end();
}

fn take(world: &mut World, what: u8, how: &[u8]) {
    let at = |place: usize| usize::from(how.get(place).copied().unwrap_or_default());
    match what {
        b'<' => world.input(Input::Message(Bytes::copy_from_slice(how))),
        b'r' => {
            let status = how.get(1..4).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            let Some(status) = status.and_then(StatusCode::new) else { return };
            world.respond(at(0), status, TAGS[at(4) % TAGS.len()], &as_text(how.get(5..).unwrap_or_default()));
        }
        b'a' => {
            let Some(rest) = how.get(2..) else { return };
            let mut lines = rest.splitn(2, |byte| *byte == b'\n');
            let (method, rest) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
            let within = match how[0].to_ascii_lowercase() {
                b'q' => Within::Request(at(1)),
                b'p' => Within::Response(at(1)),
                _ => Within::Nothing,
            };
            if !how[0].is_ascii_uppercase() {
                world.number += 1;
            }
            let branch = world.number;
            world.ask(&Asked { method: &as_text(method), within, branch, rest: &as_text(rest) });
        }
        b'+' => {
            let seconds = as_text(how).trim().parse::<u64>().unwrap_or_default();
            world.pass(Duration::from_secs(seconds.min(4_000)));
        }
        b'!' => world.act(Act::ALL[at(0) % Act::ALL.len()], at(1)),
        b'u' => world.input(Input::LinkUp),
        b'd' => world.input(Input::LinkDown),
        b'R' => world.register(true),
        b'U' => world.register(false),
        _ => {}
    }
}
