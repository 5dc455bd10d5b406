//! Starts and stops the practice line in this process, on the phone's wish.

use std::{future::Future, pin::Pin};

use pbx::{Config, Language, Pbx};
use phone::{PracticeHost, PracticeLine};
use rand::{TryRngCore, rngs::OsRng};
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
            let mut seed = [0; 32];
            OsRng.try_fill_bytes(&mut seed).map_err(|error| error.to_string())?;
            let config = Config { language: self.language, ..Config::new(seed) };
            let pbx = pbx::start(config).await.map_err(|error| error.to_string())?;
            let user = pbx.users.first().ok_or("the practice line has no user")?.clone();
            let line = PracticeLine {
                url: pbx.url.clone(),
                user: user.name,
                domain: pbx.domain.clone(),
                password: user.password,
                pin: pbx.pin.clone(),
            };
            if let Some(before) = self.running.lock().await.replace(pbx) {
                before.shutdown().await;
            }
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
