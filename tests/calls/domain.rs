//! An account that names a domain and no server (CONFORMANCE C15).

use std::process::Command;

use acceptance::{PATIENCE, port, process::Process, program};
use phone::{Dns, Setup};

use crate::{person::Person, place::Place};

/// A real name server that knows where a server of the domain is.
fn names(place: &Place, domain: &str, test: &str) -> (Process, std::net::SocketAddr) {
    let port = port::free();
    let server = url::Url::parse(&place.pbx.url).expect("a URL").port().expect("its port");
    let dnsmasq = program::find("dnsmasq").expect("dnsmasq is there (Debian has it in dnsmasq-base)");
    let mut running = Process::start(
        test,
        "dnsmasq",
        Command::new(dnsmasq)
            .args(["--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--log-facility=-"])
            .args(["--bind-interfaces", "--listen-address=127.0.0.1", "--pid-file", "--user="])
            .arg(format!("--port={port}"))
            .arg(format!("--local=/{domain}/"))
            .arg(format!("--naptr-record={domain},10,10,s,SIPS+D2W,,line.{domain}"))
            .arg(format!("--srv-host=line.{domain},one.{domain},{server},10,10"))
            .arg(format!("--host-record=one.{domain},127.0.0.1")),
    );
    running.wait_for_udp(port, PATIENCE);
    (running, ([127, 0, 0, 1], port).into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_domain_of_an_account_is_enough() {
    let place = Place::with(1).await;
    // The server's own domain is `.invalid`, which no name server is ever asked for (RFC 6761 6.4).
    let domain = "calls.test";
    let (_running, address) = names(&place, domain, "calls/the_domain_of_an_account_is_enough");
    let known = |setup| Setup { dns: Dns::Servers(vec![address]), environment: |_| None, ..setup };
    let mut ann = Person::with("Ann", place.secrets(), known).await;
    let mut wish = place.wish(0, "Ann");
    wish.as_object_mut().expect("fields").remove("server");
    wish["address"] = serde_json::json!(format!("sip:{}@{domain}", place.number(0)));
    ann.add(wish).await;
    let account = ann.registered("a1").await;
    assert_eq!(account.server, "wss://calls.test/");
    ann.shutdown().await;
}
