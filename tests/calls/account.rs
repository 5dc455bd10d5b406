//! Accounts that do not work, and how they come to work.

use pbx::{Config, Faults};
use phone::contract::{Error, ErrorAct, LineState, Test, TestStep, Who};
use serde_json::json;
use sip::{StatusCode, auth::Algorithm};

use crate::{person::Person, place::Place};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_and_the_right_one_registers() {
    let place = Place::with(1).await;
    let mut secrets = place.secrets();
    secrets.push("not-the-password".to_owned());
    let mut ann = Person::new("Ann", secrets).await;
    let mut wish = place.wish(0, "Ann");
    wish["password"] = json!("not-the-password");
    ann.add(wish).await;
    let error = ann.failed("a1").await;
    assert_eq!(
        (error.code.as_str(), error.act, error.who),
        ("wrong-password", Some(ErrorAct::EnterPassword), Who::User)
    );
    let refused = ann.refused(json!({ "do": "call", "to": "600" })).await;
    assert_eq!(refused.code, "wrong-password", "a call says what the line says");
    let password = place.pbx.users[0].password.expose().clone();
    let done = ann.ask(json!({ "do": "change-account", "account": "a1", "password": password })).await;
    assert_eq!(done.account.expect("the account").as_str(), "a1");
    ann.registered("a1").await;

    // Off the line and on it again, with the password that is known.
    ann.ask(json!({ "do": "unregister", "account": "a1" })).await;
    let off = ann.line("a1", "the line that is off", |line| matches!(line, LineState::Off {})).await;
    assert!(!off.enabled);
    ann.ask(json!({ "do": "register", "account": "a1" })).await;
    assert!(ann.registered("a1").await.enabled);
    let error = ann.refused(json!({ "do": "register", "account": "a9" })).await;
    assert_eq!(error.code, "no-such-account");
    ann.ask(json!({ "do": "remove-account", "account": "a1" })).await;
    ann.until("no account", |state| state.accounts.is_empty().then_some(())).await;
    ann.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_refuses_is_said() {
    let cases = [
        (StatusCode::FORBIDDEN, None, "forbidden"),
        (StatusCode::SERVICE_UNAVAILABLE, Some(std::time::Duration::from_secs(600)), "server-unavailable"),
    ];
    for (status, after, code) in cases {
        let faults = Faults { refuse_register: Some((status, after)), ..Faults::default() };
        let place = Place::with_faults(1, faults).await;
        let mut ann = Person::new("Ann", place.secrets()).await;
        ann.add(place.wish(0, "Ann")).await;
        let error = ann
            .until("the refusal", |state| match &state.accounts.first()?.line {
                LineState::Failed { error } if after.is_none() => Some(error.clone()),
                // Retry-After says when it is tried again.
                LineState::Retrying { error, at, .. } if at.unix_ms() > error.at.unix_ms() + 500_000 => {
                    Some(error.clone())
                }
                _ => None,
            })
            .await;
        assert_eq!((error.code.as_str(), error.sip), (code, Some(status.code())));
        ann.shutdown().await;
    }
}

/// The SHA-256 of the certificate that was shown.
fn shown(error: &Error, place: &Place) -> String {
    assert_eq!((error.code.as_str(), error.act), ("certificate-untrusted", Some(ErrorAct::ShowCertificate)));
    let cert = error.cert.as_ref().expect("it is shown");
    assert_eq!((&cert.sha256, cert.self_signed), (&place.pbx.pin, true));
    assert!(cert.names.iter().any(|name| name == "127.0.0.1"), "{cert:?}");
    cert.sha256.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_shown_and_trusted() {
    let place = Place::with(1).await;
    let mut ann = Person::new("Ann", place.secrets()).await;
    let mut wish = place.wish(0, "Ann");
    wish.as_object_mut().expect("fields").remove("pin");
    ann.add(wish).await;
    let sha256 = shown(&ann.failed("a1").await, &place);
    let other = format!("{:064x}", 7);
    let error = ann.refused(json!({ "do": "trust-certificate", "account": "a1", "sha256": other })).await;
    assert_eq!(error.code, "no-such-certificate");
    ann.ask(json!({ "do": "trust-certificate", "account": "a1", "sha256": sha256 })).await;
    let account = ann.registered("a1").await;
    assert_eq!(account.pin.as_deref(), Some(sha256.as_str()));
    ann.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_tried_step_by_step() {
    let place = Place::with(1).await;
    let mut ann = Person::new("Ann", place.secrets()).await;
    let mut wish = place.wish(0, "Ann");
    wish["do"] = json!("test-account");
    wish.as_object_mut().expect("fields").remove("pin");
    let test = tried(&mut ann, wish.clone()).await;
    let last = test.steps.last().expect("a step");
    assert_eq!(last.step, TestStep::Tls);
    let sha256 = shown(last.error.as_ref().expect("it failed"), &place);
    let id = test.id.as_str().to_owned();
    let done = ann.ask(json!({ "do": "trust-certificate", "test": id, "sha256": sha256 })).await;
    let pin = done.pin.expect("the pin");
    assert_eq!(pin, place.pbx.pin);

    wish["pin"] = json!(pin);
    let test = tried(&mut ann, wish.clone()).await;
    let steps: Vec<_> = test.steps.iter().map(|step| json!(step.step)).collect();
    assert_eq!(steps, ["find", "connect", "tls", "websocket", "register", "sound"]);
    assert!(test.steps.iter().all(|step| step.error.is_none()), "{test:?}");
    let (sound, others) = test.steps.split_last().expect("steps");
    assert!(sound.skipped && sound.ms.is_none() && others.iter().all(|step| step.ms.is_some() && !step.skipped));

    wish["password"] = json!("wrong");
    let test = tried(&mut ann, wish).await;
    let last = test.steps.last().expect("a step");
    assert_eq!(
        (last.step, last.error.as_ref().map(|error| error.code.as_str())),
        (TestStep::Register, Some("wrong-password"))
    );
    // None of it is kept.
    assert!(ann.state.accounts.is_empty());
    ann.shutdown().await;
}

async fn tried(ann: &mut Person, wish: serde_json::Value) -> Test {
    let id = ann.ask(wish).await.test.expect("a test");
    ann.until("the end of the test", |state| state.tests.iter().find(|test| test.id == id && test.done).cloned()).await
}

/// CONFORMANCE S13: who answers for a server after it was known to ask for more gets nothing, until the person says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_weaker_proof_than_before_is_given_only_when_the_password_is_typed_again() {
    let config = Config::practice();
    let place = Place { pbx: pbx::start(config.clone()).await.expect("a server") };
    let mut ann = place.person(0, "Ann").await;
    let port = place.pbx.url.rsplit(':').next().and_then(|end| end.split('/').next()?.parse().ok()).expect("a port");
    place.pbx.shutdown().await;

    let weaker = Config { port, algorithms: vec![Algorithm::Md5], ..config };
    let place = Place { pbx: pbx::start(weaker).await.expect("another server in its place") };
    ann.ask(json!({ "do": "change-account", "account": "a1", "pin": place.pbx.pin })).await;
    // The line failed of the other certificate before; it is the failure after that which is meant.
    let doubts = |line: &LineState| match line {
        LineState::Failed { error } if error.code == "digest-weaker" => {
            (error.act, error.who, error.sip) == (Some(ErrorAct::EnterPassword), Who::Peer, Some(401))
        }
        _ => false,
    };
    ann.line("a1", "the doubt about the server", doubts).await;

    let password = place.pbx.users[0].password.expose();
    ann.ask(json!({ "do": "change-account", "account": "a1", "password": password })).await;
    let account = ann.registered("a1").await;
    assert_eq!(account.security.and_then(|security| security.digest).as_deref(), Some("MD5"));
    ann.shutdown().await;
}
