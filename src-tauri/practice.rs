//! Starts and stops the practice line in this process, on the phone's wish.

use std::{future::Future, pin::Pin};

use phone::{PracticeHost, PracticeLine};
use tokio::sync::Mutex;

/// The practice line of this process, while it runs.
#[derive(Default)]
pub(crate) struct Practice {
    running: Mutex<Option<pbx::Pbx>>,
}

impl PracticeHost for Practice {
    fn start(&self) -> Pin<Box<dyn Future<Output = Result<PracticeLine, String>> + Send + '_>> {
        Box::pin(async move {
            let pbx = pbx::start(pbx::Config::practice()).await.map_err(|error| error.to_string())?;
            let line = PracticeLine { url: pbx.url().to_owned(), user: pbx.user().to_owned(), domain: pbx.domain().to_owned(), password: pbx.password().into(), pin: pbx.pin().to_owned() };
            if let Some(before) = self.running.lock().await.replace(pbx) {
                before.shutdown().await;
            }
            Ok(line)
        })
    }

    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if let Some(pbx) = self.running.lock().await.take() {
                pbx.shutdown().await;
            }
        })
    }
}
