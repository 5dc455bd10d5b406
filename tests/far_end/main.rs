//! A far end that is not us: the whole `PeerConnection` of the `webrtc` crate, with offer, answer, ICE, DTLS and SRTP of
//! its own, talks to our negotiation, path and session over real sockets. No error that both of our ends share can hide.
//!
//! Who offers decides who is the client of DTLS (RFC 5763 5): both ways are gone.

mod theirs;

use std::sync::Arc;

use acceptance::{
    PATIENCE,
    end::{Ours, Sound},
};
use media::{
    RATE,
    signal::{Speech, find_delay, windows_found},
};
use tokio::sync::watch;

use theirs::Theirs;

/// What is looked for: so much sound in one piece.
const PIECE: usize = 3 * RATE as usize;
/// It is looked for again whenever so much more was heard.
const STEP: usize = RATE as usize / 2;
/// How far behind it may be heard.
const LONGEST: usize = RATE as usize;
/// Of windows of 200 ms, so many are to be found, each within 100 ms of its place: a jitter buffer moves a little.
const ENOUGH: f32 = 0.9;
const WINDOW: usize = RATE as usize / 5;
const SLACK: usize = RATE as usize / 10;

/// Both ends wake the test whenever they went on.
struct Progress {
    sender: Arc<watch::Sender<u64>>,
    receiver: watch::Receiver<u64>,
}

impl Progress {
    fn new() -> Self {
        let (sender, receiver) = watch::channel(0);
        Self { sender: Arc::new(sender), receiver }
    }

    async fn until<T>(&mut self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(seen) = look() {
                    return seen;
                }
                self.receiver.changed().await.expect("both ends run");
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{what} did not come"))
    }
}

/// Is the last piece of what was heard something that was said? `looked` is how much was heard when that was asked last:
/// it is looked for again when there is enough more.
fn found(said: &Sound, heard: &Sound, looked: &mut usize) -> Option<f32> {
    let length = heard.len();
    if length < PIECE || length < *looked + STEP {
        return None;
    }
    *looked = length;
    let start = length - PIECE;
    let piece = heard.since(start);
    // Both records begin when the way was open, one of them a little later.
    let around = said.since(start.saturating_sub(LONGEST));
    let place = find_delay(&piece, &around, 2 * LONGEST)?;
    let share = windows_found(&piece, &around, place.delay, WINDOW, SLACK);
    (share >= ENOUGH).then_some(share)
}

/// Sound both ways, and a key of ours.
async fn talk(progress: &mut Progress, ours: &Ours, theirs: &Theirs) {
    progress.until("the secured path", || ours.secure().filter(|_| theirs.is_connected())).await;
    let mut looked = 0;
    progress.until("our voice at their track", || found(&ours.said, theirs.heard(), &mut looked)).await;
    looked = 0;
    progress.until("their voice in our ear", || found(theirs.said(), &ours.heard, &mut looked)).await;
    ours.press('7');
    progress.until("our key at their track", || theirs.keys().contains(&7).then_some(())).await;
}

fn ours(seed: u8, progress: Arc<watch::Sender<u64>>) -> Ours {
    let mut voice = Speech::new(seed.into());
    Ours::start(seed, Box::new(move |block| voice.fill(block)), progress)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_offer_and_we_answer() {
    let mut progress = Progress::new();
    let ours = ours(11, Arc::clone(&progress.sender));
    let theirs = Theirs::start(12, Arc::clone(&progress.sender)).await;
    let offer = theirs.offer().await;
    let (answer, client) = ours.answer(offer.as_bytes());
    assert!(client, "whoever answers begins the handshake (RFC 5763 5):\n{answer}");
    theirs.accept(answer).await;
    talk(&mut progress, &ours, &theirs).await;
    theirs.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_offer_and_they_answer() {
    let mut progress = Progress::new();
    let ours = ours(21, Arc::clone(&progress.sender));
    let theirs = Theirs::start(22, Arc::clone(&progress.sender)).await;
    let answer = theirs.answer(ours.offer()).await;
    let client = ours.accept(answer.as_bytes());
    assert!(!client, "who offers both roles leaves the beginning to the other:\n{answer}");
    talk(&mut progress, &ours, &theirs).await;
    theirs.close().await;
}
