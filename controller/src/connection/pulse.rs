//! When the API server answered last: what readiness goes by.

use std::sync::Arc;

use tokio::{
    sync::watch,
    time::{Duration, Instant, timeout},
};

/// Time of the last answer that was no failure of the server's. Clones share it.
#[derive(Clone, Debug)]
pub struct Pulse {
    last: Arc<watch::Sender<Option<Instant>>>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { last: Arc::new(watch::Sender::new(None)) }
    }
}

/// How often the API server is asked, if only to hear from it.
const PAUSE: Duration = Duration::from_secs(5);

impl Pulse {
    pub fn beat(&self) {
        self.last.send_replace(Some(Instant::now()));
    }

    /// `None` before the first answer.
    pub fn age(&self) -> Option<Duration> {
        self.last.borrow().map(|last| last.elapsed())
    }

    /// Asks again and again whether the API server is there: watches may be silent for minutes.
    pub async fn keep(&self, client: &kube::Client) {
        loop {
            if self.age().is_none_or(|age| age >= PAUSE) {
                // The answer is noted where all answers pass; that there is none shows as age.
                let asked = timeout(PAUSE, client.apiserver_version()).await;
                drop(asked);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
