//! Publishes to Pulsar topics with the stock client.
//!
//! ```text
//! publish ─► credit ─► topic (partitions) ─► lane per partition ─► broker batches ─► receipts
//! ```
//!
//! Order holds per partition, and so per key. The output topic may be on a cluster of its own;
//! everything else (published through the context, dead letters, logs) goes to the default one.
//!
//! Sequence ids are not here: the stock client cannot set them.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use function_mesh_proto::plan::{FunctionId, OutputPlan};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::{
    confirmation::Confirmation,
    producer::ProducerSettings,
    topic::{Job, Topic},
};
use super::{Receipt, Sink};
use crate::{
    cluster::Cluster, fault::Fault, metrics::InstanceMetrics, record::OutgoingMessage,
    source::Budget,
};

mod batching;
mod confirmation;
mod lane;
mod producer;
mod topic;

/// Messages and bytes that may wait for confirmation unless the plan says otherwise.
const PENDING_MESSAGES: u32 = 20_000;
const PENDING_BYTES: usize = 32 << 20;
/// Publishes that may wait in one topic's queue; their messages are bounded by the credit.
const QUEUE: usize = 1024;
/// Topics with open queues; the one that rested longest makes room.
const MAX_TOPICS: usize = 500;
/// How long a stop waits for brokers that do not answer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(6);

/// Where a [`PulsarSink`] publishes, and for whom.
#[derive(Debug)]
pub struct SinkSettings {
    pub function: FunctionId,
    pub instance_id: u32,
    /// For all topics but the output.
    pub cluster: Cluster,
    /// The output topic, with the cluster it is on.
    pub output: Option<(Cluster, OutputPlan)>,
    pub metrics: Arc<InstanceMetrics>,
}

/// Producers for an instance's output and whatever else it publishes to.
#[derive(Debug)]
pub struct PulsarSink {
    output: Option<(Arc<str>, Arc<ProducerSettings>)>,
    others: Arc<ProducerSettings>,
    credit: Budget,
    topics: HashMap<Arc<str>, OpenTopic>,
    tasks: JoinSet<()>,
    /// Gives up what is not confirmed yet.
    abandon: CancellationToken,
}

#[derive(Debug)]
struct OpenTopic {
    jobs: mpsc::Sender<Job>,
    /// Publishes that are not confirmed.
    pending: Arc<AtomicUsize>,
    last_used: Instant,
}

impl PulsarSink {
    /// Connects to nothing yet: a topic's producers are made when it is first published to.
    pub fn new(settings: &SinkSettings) -> Self {
        let plan = settings.output.as_ref().map(|(_, plan)| plan);
        let limit = plan
            .into_iter()
            .flat_map(|plan| {
                [plan.max_pending_messages, plan.max_pending_messages_across_partitions]
            })
            .flatten()
            .filter(|limit| *limit > 0)
            .min();
        Self {
            output: settings.output.as_ref().map(|(cluster, plan)| {
                let producers = ProducerSettings::output(cluster, plan, settings);
                (plan.topic.as_str().into(), Arc::new(producers))
            }),
            others: Arc::new(ProducerSettings::other(settings)),
            credit: Budget::new(limit.unwrap_or(PENDING_MESSAGES), PENDING_BYTES),
            topics: HashMap::new(),
            tasks: JoinSet::new(),
            abandon: CancellationToken::new(),
        }
    }

    /// Messages that wait for their confirmation.
    pub fn pending_messages(&self) -> usize {
        self.credit.messages_in_flight()
    }

    /// Bytes that wait for their confirmation.
    pub fn pending_bytes(&self) -> usize {
        self.credit.bytes_in_flight()
    }

    fn open(&mut self, name: &Arc<str>) -> &mut OpenTopic {
        if !self.topics.contains_key(name) {
            self.make_room();
        }
        self.topics.entry(name.clone()).or_insert_with(|| {
            while self.tasks.try_join_next().is_some() {}
            let settings = match &self.output {
                Some((output, settings)) if output == name => settings,
                _ => &self.others,
            };
            let (jobs, queue) = mpsc::channel(QUEUE);
            let topic = Topic::new(name.clone(), settings.clone());
            self.tasks.spawn(topic.run(queue, self.abandon.clone()).in_current_span());
            OpenTopic { jobs, pending: Arc::default(), last_used: Instant::now() }
        })
    }

    /// Closes the topic that rested longest, if there are many. One with messages under way
    /// stays: opened anew, it would overtake them.
    fn make_room(&mut self) {
        if self.topics.len() < MAX_TOPICS {
            return;
        }
        let resting = self
            .topics
            .iter()
            .filter(|(_, topic)| topic.pending.load(Ordering::Acquire) == 0)
            .min_by_key(|(_, topic)| topic.last_used)
            .map(|(name, _)| name.clone());
        if let Some(name) = resting {
            self.topics.remove(&name);
        }
    }
}

#[async_trait]
impl Sink for PulsarSink {
    async fn publish(
        &mut self,
        topic: &Arc<str>,
        messages: Vec<OutgoingMessage>,
    ) -> Result<Receipt, Fault> {
        let weight = messages.iter().map(OutgoingMessage::weight).sum();
        let permit = self.credit.acquire(messages.len(), weight).await;
        let (confirm, receipt) = Receipt::channel();
        let open = self.open(topic);
        open.last_used = Instant::now();
        let confirmation = Confirmation::new(confirm, permit, open.pending.clone());
        let job = Job { messages, confirmation };
        if open.jobs.send(job).await.is_err() {
            return Err(Fault::sink(format!("the producer of {topic} has ended")));
        }
        Ok(receipt)
    }

    async fn close(mut self: Box<Self>) -> Result<(), Fault> {
        // Without senders the topics end once their queues are empty.
        self.topics.clear();
        let finished = async {
            let mut result = Ok(());
            while let Some(ended) = self.tasks.join_next().await {
                if let Err(error) = ended {
                    result = Err(Fault::sink(error));
                }
            }
            result
        };
        match tokio::time::timeout(CLOSE_TIMEOUT, finished).await {
            Ok(result) => result,
            Err(_elapsed) => {
                self.abandon.cancel();
                Err(Fault::sink(
                    "the brokers did not confirm the last messages in time; \
                     their inputs will be delivered again",
                ))
            }
        }
    }
}
