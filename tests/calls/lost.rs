//! The server's connections break in a call.

use phone::contract::{CauseKind, ConnectWhy, LineState, Phase};

use crate::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_outlives_the_connection_to_the_server() {
    let place = Place::with(2).await;
    let (mut ann, mut ben) = (place.person(0, "Ann").await, place.person(1, "Ben").await);
    let out = ann.dial(&place.number(1)).await;
    let id = ben.rings().await.id.as_str().to_owned();
    ben.act("answer", &id).await;
    ann.connected(&out).await;
    ben.connected(&id).await;
    ben.hears(&ann.ear.clone()).await;
    place.pbx.disconnect().await;
    for person in [&mut ann, &mut ben] {
        let lost = |line: &LineState| match line {
            LineState::Retrying { error, .. } => error.code == "connection-lost",
            LineState::Connecting { why, .. } => *why == ConnectWhy::ConnectionLost,
            _ => false,
        };
        person.line("a1", "the lost connection", lost).await;
    }
    // R1: the sound does not go by the server, and so it goes on.
    let up =
        |state: &phone::contract::PhoneState| state.calls.iter().all(|call| matches!(call.phase, Phase::Connected {}));
    assert!(up(&ann.state) && up(&ben.state));
    ann.hears(&ben.ear.clone()).await;
    ben.hears(&ann.ear.clone()).await;
    ann.registered("a1").await;
    ben.registered("a1").await;
    // R2: the call can be ended over the new connections. W15 tells the server first where both are now; a person who
    // hangs up sooner is obeyed all the same.
    ben.act("hangup", &id).await;
    ben.ends(&id, CauseKind::HungUpHere).await;
    ann.ends(&out, CauseKind::HungUpThere).await;
    assert!(ann.history().await.iter().all(|row| row.answered_at.is_some()));
    // And the line is as good as before.
    let again = ann.dial(&place.number(1)).await;
    ben.rings().await;
    ann.act("hangup", &again).await;
    ann.ends(&again, CauseKind::Cancelled).await;
    ann.shutdown().await;
    ben.shutdown().await;
}
