//! One topic: finds its partitions and deals messages out to them.

use std::{sync::Arc, time::Duration};

use pulsar::routing_policy::RoutingPolicy;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, warn};

use super::{QUEUE, confirmation::Confirmation, lane::Lane, producer::ProducerSettings};
use crate::{
    cluster::{Backoff, Complaints, Kind, explain, kind},
    fault::Fault,
    record::OutgoingMessage,
};

/// How often a partitioned topic is asked for new partitions.
const REFRESH: Duration = Duration::from_secs(60);

/// Messages of one publish, for one topic or for one of its partitions.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) messages: Vec<OutgoingMessage>,
    pub(super) confirmation: Confirmation,
}

pub(super) struct Topic {
    name: Arc<str>,
    settings: Arc<ProducerSettings>,
}

impl Topic {
    pub(super) fn new(name: Arc<str>, settings: Arc<ProducerSettings>) -> Self {
        Self { name, settings }
    }

    /// Until the queue is closed and empty, or what is left is abandoned.
    pub(super) async fn run(self, mut queue: mpsc::Receiver<Job>, abandon: CancellationToken) {
        let found = abandon.run_until_cancelled(self.find_partitions(&mut queue));
        match found.await.flatten() {
            None => {}
            Some(0) => {
                let lane = Lane::new(self.name.clone(), self.settings.clone());
                lane.run(queue, abandon).await;
            }
            Some(partitions) => {
                let mut lanes = Lanes::new(&self, abandon.clone());
                lanes.grow(partitions);
                _ = abandon.run_until_cancelled(self.deal(&mut queue, &mut lanes)).await;
                lanes.finish().await;
            }
        }
    }

    /// For as long as it takes; 0 is a topic without partitions. `None` if the queue ended.
    ///
    /// What only an operator can change fails the messages that wait, rather than keeping their
    /// inputs unsettled without a word.
    async fn find_partitions(&self, queue: &mut mpsc::Receiver<Job>) -> Option<u32> {
        let mut backoff = Backoff::default();
        let mut complaints = Complaints::default();
        loop {
            let error = match self.count_partitions().await {
                Ok(partitions) => return Some(partitions),
                Err(error) => error,
            };
            let cluster = &self.settings.cluster;
            let text = format!("cannot look up {} on {cluster}: {}", self.name, explain(&error));
            if complaints.due() {
                warn!("{text}; trying on");
            }
            if kind(&error) == Kind::Lasting {
                let job = queue.recv().await?;
                job.confirmation.settle(Err(Fault::sink(text)));
            }
            backoff.pause().await;
        }
    }

    async fn count_partitions(&self) -> Result<u32, pulsar::Error> {
        let client = self.settings.cluster.connect().await?;
        client.pulsar.lookup_partitioned_topic_number(&*self.name).await
    }

    async fn deal(&self, queue: &mut mpsc::Receiver<Job>, lanes: &mut Lanes) {
        let mut refresh = Instant::now() + REFRESH;
        let mut next = 0;
        while let Some(job) = queue.recv().await {
            if Instant::now() >= refresh {
                refresh = Instant::now() + REFRESH;
                // Failing here only means that new partitions wait for their first message.
                if let Ok(partitions) = self.count_partitions().await {
                    lanes.grow(partitions);
                }
            }
            let Job { messages, confirmation } = job;
            let mut parts: Vec<Vec<OutgoingMessage>> = Vec::new();
            parts.resize_with(lanes.queues.len(), Vec::new);
            // Messages without a key take turns by publish, so that batches stay whole.
            next = (next + 1) % parts.len().max(1);
            for message in messages {
                let key = message.key.as_ref().map(|key| key.text.as_str());
                let partition = key.map_or(next, |key| partition_of(key, lanes.queues.len()));
                if let Some(part) = parts.get_mut(partition) {
                    part.push(message);
                }
            }
            for (queue, messages) in lanes.queues.iter().zip(parts) {
                if !messages.is_empty() {
                    let job = Job { messages, confirmation: confirmation.share() };
                    // A lane that broke off leaves its share unconfirmed.
                    _ = queue.send(job).await;
                }
            }
            confirmation.settle(Ok(()));
        }
    }
}

/// As Pulsar's clients choose it: the key's Murmur3 hash without its sign, modulo the partitions.
fn partition_of(key: &str, partitions: usize) -> usize {
    const WITHOUT_SIGN: usize = 1 << 31;
    RoutingPolicy::compute_partition_index_for_key(key, WITHOUT_SIGN) % partitions.max(1)
}

/// One queue and one task per partition.
struct Lanes {
    topic: Arc<str>,
    settings: Arc<ProducerSettings>,
    queues: Vec<mpsc::Sender<Job>>,
    tasks: JoinSet<()>,
    abandon: CancellationToken,
}

impl Lanes {
    fn new(topic: &Topic, abandon: CancellationToken) -> Self {
        Self {
            topic: topic.name.clone(),
            settings: topic.settings.clone(),
            queues: Vec::new(),
            tasks: JoinSet::new(),
            abandon,
        }
    }

    fn grow(&mut self, partitions: u32) {
        for partition in self.queues.len()..partitions as usize {
            let (sender, queue) = mpsc::channel(QUEUE);
            let name = format!("{}-partition-{partition}", self.topic);
            let lane = Lane::new(name.into(), self.settings.clone());
            self.tasks.spawn(lane.run(queue, self.abandon.clone()).in_current_span());
            self.queues.push(sender);
        }
    }

    async fn finish(mut self) {
        self.queues.clear();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                warn!("a producer of {} broke off: {error}", self.topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_placed_as_pulsars_java_client_places_them() {
        // Murmur3 (32 bits, seed 0) of "test" is 0xba6bd213, as published with the algorithm:
        // the sign bit is set, so that it shows who drops it.
        for partitions in [1, 3, 7, 16] {
            assert_eq!(partition_of("test", partitions), 0x3a6b_d213 % partitions);
        }
    }
}
