//! Somebody who offers what no phone can take. An agent of the test's own, for ours would never offer that.

use std::time::{Duration, Instant};

use bytes::Bytes;
use phone::contract::CauseKind;
use serde_json::json;
use sip::{Event, Input, Invite, Output, StatusCode, Uri, UserAgent};
use tokio::sync::mpsc::Receiver;
use wss::{Link, LinkConfig, LinkEvent, Trust};

use crate::{person::Person, place::Place};

/// So long anything may take on a machine that has much else to do. Nothing is expected to.
const PATIENCE: Duration = Duration::from_secs(60);

struct Stranger {
    agent: UserAgent,
    link: Link,
    incoming: Receiver<LinkEvent>,
}

impl Stranger {
    /// A user of the place, on the line.
    async fn of(place: &Place, user: usize) -> Self {
        let digit = |at: usize| u8::from_str_radix(&place.pbx.pin[2 * at..2 * at + 2], 16).expect("hexadecimal");
        let trust = Trust::Pin(std::array::from_fn(digit));
        let (link, incoming) = wss::open(LinkConfig::new(place.pbx.url.parse().expect("a URL"), trust, [9; 32]));
        let mut config = sip::Config::new(address(place, user), [9; 32]);
        config.password = Some(place.pbx.users[user].password.clone());
        let mut agent = UserAgent::new(config);
        agent.register(Instant::now());
        let mut own = Self { agent, link, incoming };
        own.until(|event| matches!(event, Event::Registered(_)).then_some(())).await;
        own
    }

    /// Sends and takes what there is until something happens. All goes over one connection that loses nothing, so no timer
    /// of the agent is ever due.
    async fn until<T>(&mut self, find: impl Fn(&Event) -> Option<T>) -> T {
        let look = async {
            loop {
                match self.agent.poll_output() {
                    Output::Transmit(message) => self.link.send(message).await,
                    Output::Event(event) => {
                        if let Some(found) = find(&event) {
                            return found;
                        }
                    }
                    Output::Timeout(_) => {
                        let input = match self.incoming.recv().await.expect("the link is open") {
                            LinkEvent::Up { .. } => Input::LinkUp,
                            LinkEvent::Message(message) => Input::Message(message),
                            _ => continue,
                        };
                        self.agent.handle_input(Instant::now(), input);
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, look).await.expect("it happens")
    }
}

fn address(place: &Place, user: usize) -> Uri {
    Uri::parse(&format!("sip:{}@{}", place.number(user), place.pbx.domain)).expect("a URI")
}

/// A description of one stream; `media` is its type. Nobody is at its address.
fn offer(media: &str) -> Bytes {
    let hash = ["AB"; 32].join(":");
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm={media} 9 UDP/TLS/RTP/SAVPF 111\r\n\
         a=rtpmap:111 opus/48000/2\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\n\
         a=rtcp-mux\r\na=fingerprint:sha-256 {hash}\r\n"
    )
    .into()
}

/// Waits until Ann has said so many 488, and sees that each says why (RFC 3261 20.43).
async fn refused_with_the_reason(ann: &mut Person, times: usize) {
    let refusals = |ann: &Person| {
        let said = ann.sip.iter().filter(|line| line.out && line.text.starts_with("SIP/2.0 488"));
        said.map(|line| line.text.clone()).collect::<Vec<_>>()
    };
    let said = ann.until_told("the refusal", |ann| Some(refusals(ann)).filter(|said| said.len() == times)).await;
    let warned = |text: &String| text.lines().any(|line| line.starts_with("Warning: 304 "));
    assert!(said.iter().all(warned), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_taken_is_refused_with_the_reason_in_a_call_and_before() {
    let place = Place::with(2).await;
    let mut ann = place.person(0, "Ann").await;
    ann.ask(json!({ "do": "watch", "watch": "sip" })).await;
    let mut stranger = Stranger::of(&place, 1).await;
    let to = address(&place, 0);

    let invite = Invite { to: to.clone(), offer: offer("video") };
    stranger.agent.invite(Instant::now(), invite).expect("it is on the line");
    let status = stranger
        .until(|event| match event {
            Event::Ended { cause, .. } => Some(cause.status),
            _ => None,
        })
        .await;
    assert_eq!(status, Some(StatusCode::NOT_ACCEPTABLE_HERE));
    refused_with_the_reason(&mut ann, 1).await;

    let invite = Invite { to, offer: offer("audio") };
    let call = stranger.agent.invite(Instant::now(), invite).expect("it is on the line");
    stranger.until(|event| matches!(event, Event::Ringing(_)).then_some(())).await;
    let here = ann.rings().await.id.as_str().to_owned();
    ann.act("answer", &here).await;
    stranger.until(|event| matches!(event, Event::Answered { .. }).then_some(())).await;
    stranger.agent.reoffer(Instant::now(), call, offer("video")).expect("it is up");
    let status = stranger
        .until(|event| match event {
            Event::ReofferRefused { status, .. } => Some(*status),
            _ => None,
        })
        .await;
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE_HERE);
    refused_with_the_reason(&mut ann, 2).await;

    // The call was left as it was: it is Ann who ends it.
    ann.act("hangup", &here).await;
    ann.ends(&here, CauseKind::HungUpHere).await;
    ann.shutdown().await;
}
