//! Starts and stops the practice line in this process, on the wish of the phone.

use std::{future::Future, pin::Pin};

use pbx::{Config, Language, Pbx};
use phone::{PracticeHost, PracticeLine};
use tokio::sync::Mutex;

/// The practice line of this process, while it runs.
pub(crate) struct Practice {
    language: Language,
    running: Mutex<Option<Pbx>>,
}

impl Practice {
    /// One that speaks its digits in `language`, once it is started.
    pub(crate) fn new(language: Language) -> Self {
        Self { language, running: Mutex::new(None) }
    }
}

impl PracticeHost for Practice {
    fn start(&self) -> Pin<Box<dyn Future<Output = Result<PracticeLine, String>> + Send + '_>> {
        Box::pin(async move {
            let mut running = self.running.lock().await;
            if let Some(before) = running.take() {
                before.shutdown().await;
            }
            let config = Config::practice().with_language(self.language);
            let pbx = pbx::start(config).await.map_err(|error| error.to_string())?;
            let line = PracticeLine {
                url: pbx.url().to_owned(),
                user: pbx.user().to_owned(),
                domain: pbx.domain().to_owned(),
                password: pbx.password(),
                pin: pbx.pin().to_owned(),
            };
            *running = Some(pbx);
            Ok(line)
        })
    }

    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let running = self.running.lock().await.take();
            if let Some(pbx) = running {
                pbx.shutdown().await;
            }
        })
    }
}
