//! The practice line: it is there, it works, and it goes.

use std::{future::Future, pin::Pin, sync::Arc};

use pbx::{Config, Pbx};
use phone::{
    PracticeHost, PracticeLine,
    contract::{CauseKind, Phase},
};
use serde_json::json;
use tokio::sync::Mutex;

use crate::person::Person;

/// Runs the practice line in this process, as the window does.
#[derive(Default)]
struct Host(Mutex<Option<Pbx>>);

impl PracticeHost for Host {
    fn start(&self) -> Pin<Box<dyn Future<Output = Result<PracticeLine, String>> + Send + '_>> {
        Box::pin(async move {
            let pbx = pbx::start(Config::practice()).await.map_err(|error| error.to_string())?;
            let line = PracticeLine {
                url: pbx.url().to_owned(),
                user: pbx.user().to_owned(),
                domain: pbx.domain().to_owned(),
                password: pbx.password(),
                pin: pbx.pin().to_owned(),
            };
            *self.0.lock().await = Some(pbx);
            Ok(line)
        })
    }

    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // It takes its time, and may not end what is begun meanwhile.
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            if let Some(pbx) = self.0.lock().await.take() {
                pbx.shutdown().await;
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_practice_line_is_there_and_can_be_removed() {
    let host = Arc::new(Host::default());
    let practice = Arc::clone(&host);
    let mut ann = Person::with("Ann", Vec::new(), |setup| phone::Setup { practice: Some(practice), ..setup }).await;
    let account = ann.registered("a0").await;
    assert!(account.practice && !account.name.is_empty());
    let call = ann.dial("600").await;
    ann.connected(&call).await;
    // Its calls end with it.
    ann.ask(json!({ "do": "remove-account", "account": "a0" })).await;
    ann.ends(&call, CauseKind::HungUpHere).await;
    ann.until("no account", |state| (state.accounts.is_empty() && !state.settings.practice).then_some(())).await;
    let error = ann.refused(json!({ "do": "call", "to": "600" })).await;
    assert_eq!(error.code, "no-such-account");
    // It comes again when it is wished for.
    ann.ask(json!({ "do": "set", "setting": "practice", "value": true })).await;
    ann.registered("a0").await;
    let call = ann.dial("600").await;
    ann.connected(&call).await;
    ann.act("hangup", &call).await;
    ann.call(&call, "the end", |call| matches!(call.phase, Phase::Ended { .. })).await;
    ann.shutdown().await;
    assert!(host.0.lock().await.is_none(), "the phone stops it when it ends");
}
