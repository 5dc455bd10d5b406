//! What is left of a line and of its calls when they end: nothing.

use pbx::{Config, Pbx};
use sip::EndedBy;

use crate::{config, ended, line, phone::Phone, went_down};

#[tokio::test]
async fn nothing_is_left_of_calls_that_are_over_nor_of_a_line_that_is_dropped() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let pbx = line(config(16)).await;
    let mut phone = Phone::registered(&pbx, 0).await;
    let before = tasks();
    for number in ["600", "601", "602", "600", "601", "602"] {
        let call = phone.talk_to(number).await;
        assert_eq!(tasks(), before + 1, "one conversation");
        phone.hang_up(call).await;
        until("it has ended", || tasks() == before).await;
    }
    drop((phone, pbx));
    until("all has ended", || tasks() == 0).await;
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let so = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::phone::PATIENCE, so).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

#[tokio::test]
async fn a_shutdown_ends_calls_and_frees_the_port() {
    let pbx = line(config(15)).await;
    let port = port(&pbx);
    let mut phone = Phone::registered(&pbx, 0).await;
    phone.talk_to("600").await;
    let (by, ()) = tokio::join!(
        async {
            let by = ended(&mut phone).await;
            phone.wait("the link is down", went_down).await;
            by
        },
        pbx.shutdown()
    );
    assert_eq!(by, EndedBy::Remote, "the end was told");
    let again = line(Config { port, ..config(15) }).await;
    assert_eq!(again.url(), format!("wss://127.0.0.1:{port}/"));
    again.shutdown().await;
}

/// Another one may take its place at once, as it does after a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_it_has_ended_its_port_is_free() {
    for _ in 0..1_000 {
        let pbx = line(config(60)).await;
        let port = port(&pbx);
        pbx.shutdown().await;
        line(Config { port, ..config(60) }).await.shutdown().await;
    }
}

fn port(pbx: &Pbx) -> u16 {
    url::Url::parse(pbx.url()).expect("a URL").port().expect("a port")
}
