//! Reads Pulsar topics with the stock client.
//!
//! ```text
//! topics ─► one reader per concrete topic ─► entries ─► credit ─► Source::next
//!               ▲                                                     │
//!               └───────────── settlements of its entries ◄───────────┘
//! ```
//!
//! The inputs may live on several clusters; their readers feed one queue, first come, first
//! served. A reader keeps its subscription for as long as it takes.
//!
//! The stock client's consumer of many topics is not used: it drops a topic at its first error.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use function_mesh_proto::plan::{FunctionId, InputPlan, SubscriptionPlan};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

pub use self::missing::MissingTopics;
use self::watcher::Watcher;
use super::{Budget, Delivery, Source};
use crate::{cluster::Cluster, fault::Fault, metrics::InstanceMetrics};

mod entries;
mod handover;
mod missing;
mod prefetch;
mod reader;
mod redelivery;
mod settling;
mod subscription;
mod topics;
mod watcher;

/// Deliveries that wait for [`Source::next`]; their messages are bounded by the budget.
const READY: usize = 1024;
/// How long a stop waits for brokers that do not answer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(6);

/// What a [`PulsarSource`] reads, and for whom.
#[derive(Debug)]
pub struct SourceSettings {
    pub function: FunctionId,
    pub instance_id: u32,
    /// Each input with the cluster it is on.
    pub inputs: Vec<(Cluster, InputPlan)>,
    pub subscription: SubscriptionPlan,
    /// Also remove the subscription when the source closes, as at the end of a `localrun`.
    pub unsubscribe_on_close: bool,
    pub budget: Budget,
    pub metrics: Arc<InstanceMetrics>,
}

/// A subscription to Pulsar topics.
#[derive(Debug)]
pub struct PulsarSource {
    ready: mpsc::Receiver<Delivery>,
    missing: watch::Receiver<MissingTopics>,
    stop: CancellationToken,
    watcher: JoinHandle<()>,
}

impl PulsarSource {
    /// Starts to subscribe, in the background and for as long as it takes.
    ///
    /// # Errors
    /// A topic pattern that is not a regular expression.
    pub fn start(settings: SourceSettings) -> Result<Self, Fault> {
        let (deliveries, ready) = mpsc::channel(READY);
        let (missing_sender, missing) = watch::channel(MissingTopics::default());
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            deliveries,
            budget: settings.budget.clone(),
            metrics: settings.metrics.clone(),
            unsubscribe_on_close: settings.unsubscribe_on_close,
            missing: missing_sender,
        });
        let watcher = Watcher::new(&settings, shared, stop.clone())?;
        Ok(Self { ready, missing, stop, watcher: tokio::spawn(watcher.run().in_current_span()) })
    }

    /// The known input topics that are not subscribed to at the moment.
    pub fn missing_topics(&self) -> watch::Receiver<MissingTopics> {
        self.missing.clone()
    }
}

#[async_trait]
impl Source for PulsarSource {
    async fn next(&mut self) -> Result<Option<Delivery>, Fault> {
        Ok(self.ready.recv().await)
    }

    async fn close(mut self: Box<Self>) -> Result<(), Fault> {
        self.stop.cancel();
        // Entries that nobody took go back: they are dropped before the readers end.
        self.ready.close();
        while self.ready.try_recv().is_ok() {}
        let watcher = &mut self.watcher;
        match tokio::time::timeout(CLOSE_TIMEOUT, watcher).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Fault::source(error)),
            Err(_elapsed) => Err(Fault::source(
                "the brokers did not confirm the last acknowledgements in time; \
                 some messages may be delivered again",
            )),
        }
    }
}

/// A source that is dropped unclosed still ends its tasks.
impl Drop for PulsarSource {
    fn drop(&mut self) {
        self.stop.cancel();
        self.watcher.abort();
    }
}

/// What all readers have in common.
#[derive(Debug)]
struct Shared {
    deliveries: mpsc::Sender<Delivery>,
    budget: Budget,
    metrics: Arc<InstanceMetrics>,
    unsubscribe_on_close: bool,
    missing: watch::Sender<MissingTopics>,
}
