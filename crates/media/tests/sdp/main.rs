//! Offer and answer held against what servers, browsers and enemies send.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod captured;
mod captures;
mod hostile;
mod mutation;
mod ours;
mod quirks;
mod redundant;

use media::{
    offer::{Negotiation, Policy},
    testing::fuzz::{FINGERPRINT, is_answer, local},
};

fn negotiation() -> Negotiation {
    Negotiation::new([7; 32], Policy::default())
}

/// An offer as a plain far end makes it; the tests change what they are about.
fn offer() -> String {
    format!(
        "v=0\r\no=far 10 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 5000 UDP/TLS/RTP/SAVPF 111 0 8 110 126\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n\
         a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\na=fingerprint:{FINGERPRINT}\r\n\
         a=setup:actpass\r\na=ice-ufrag:their\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n\
         a=candidate:1 1 udp 2130706431 198.51.100.1 5000 typ host\r\na=rtcp-mux\r\na=sendrecv\r\n"
    )
}

/// The answer of the same far end.
fn answer() -> String {
    offer().replace("actpass", "active")
}

/// Lines of a description that begin with `start`, without it.
fn lines<'a>(sdp: &'a str, start: &str) -> Vec<&'a str> {
    sdp.lines().filter_map(|line| line.strip_prefix(start)).collect()
}

/// Session id and version of the `o=` line.
fn origin(sdp: &str) -> (u64, u64) {
    let words: Vec<&str> = lines(sdp, "o=")[0].split(' ').collect();
    (words[1].parse().unwrap(), words[2].parse().unwrap())
}
