//! Sends one partition's messages, in order, for as long as it takes.
//!
//! One batch is on its way at a time: the stock client allows no more, and what is sent again
//! after a lost connection stays in order. Meanwhile the queue fills, which makes the next batch.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    batching,
    producer::{self, ProducerSettings, TopicProducer},
    topic::Job,
};
use crate::{
    cluster::{Backoff, Complaints, Kind, explain, kind},
    fault::Fault,
    record::OutgoingMessage,
};

/// A producer without messages is closed after this time.
const IDLE: Duration = Duration::from_secs(300);
/// How long a producer may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Lane {
    topic: Arc<str>,
    settings: Arc<ProducerSettings>,
    producer: Option<TopicProducer>,
    complaints: Complaints,
    backoff: Backoff,
    sessions: u64,
}

impl Lane {
    pub(super) fn new(topic: Arc<str>, settings: Arc<ProducerSettings>) -> Self {
        Self {
            topic,
            settings,
            producer: None,
            complaints: Complaints::default(),
            backoff: Backoff::default(),
            sessions: 0,
        }
    }

    /// Until the queue is closed and empty, or what is left is abandoned.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>, abandon: CancellationToken) {
        let finished = abandon.run_until_cancelled(self.work(&mut queue)).await.is_some();
        if finished {
            self.close().await;
        }
    }

    async fn work(&mut self, queue: &mut mpsc::Receiver<Job>) {
        let mut waiting = VecDeque::new();
        loop {
            match tokio::time::timeout(IDLE, queue.recv()).await {
                Ok(Some(job)) => waiting.push_back(job),
                Ok(None) => return,
                Err(_idle) => {
                    self.close().await;
                    continue;
                }
            }
            gather(queue, &mut waiting);
            self.send(waiting.drain(..).collect()).await;
        }
    }

    async fn send(&mut self, jobs: Vec<Job>) {
        let mut accepted = Vec::with_capacity(jobs.len());
        for job in jobs {
            match job.messages.iter().try_for_each(|m| producer::check(&self.topic, m)) {
                Ok(()) => accepted.push(job),
                Err(fault) => job.confirmation.settle(Err(fault)),
            }
        }
        let messages: Vec<&OutgoingMessage> = accepted.iter().flat_map(|j| &j.messages).collect();
        let mut result = Ok(());
        for batch in batching::cut(&messages, self.settings.batch_by_key) {
            let batch: Vec<&OutgoingMessage> =
                batch.into_iter().filter_map(|index| messages.get(index).copied()).collect();
            result = self.send_batch(&batch).await;
            if result.is_err() {
                break;
            }
        }
        match result {
            Ok(()) => accepted.into_iter().for_each(|job| job.confirmation.settle(Ok(()))),
            Err(text) => {
                for job in accepted {
                    job.confirmation.settle(Err(Fault::sink(text.clone())));
                }
            }
        }
    }

    /// Sends one batch until it is confirmed.
    ///
    /// # Errors
    /// Something that does not pass by itself, in words.
    async fn send_batch(&mut self, messages: &[&OutgoingMessage]) -> Result<(), String> {
        loop {
            let error = match self.try_send(messages).await {
                Ok(()) => {
                    self.backoff.reset();
                    if self.complaints.over() {
                        info!(topic = %self.topic, "publishing again");
                    }
                    return Ok(());
                }
                Err(error) => error,
            };
            // Without it the next attempt starts from a fresh connection.
            self.producer = None;
            let cluster = &self.settings.cluster;
            let why = explain(&error);
            let text = format!("cannot publish to {} on {cluster}: {why}", self.topic);
            if kind(&error) == Kind::Lasting {
                if self.complaints.due() {
                    error!("{text}");
                }
                return Err(text);
            }
            if self.complaints.due() {
                warn!("{text}; trying on");
            }
            self.backoff.pause().await;
        }
    }

    async fn try_send(&mut self, messages: &[&OutgoingMessage]) -> Result<(), pulsar::Error> {
        let producer = match &mut self.producer {
            Some(producer) => producer,
            None => {
                let producer = self.settings.open(&self.topic).await?;
                if self.sessions > 0 {
                    self.settings.metrics.reconnected();
                }
                self.sessions += 1;
                debug!(topic = %self.topic, "producer open");
                self.producer.insert(producer)
            }
        };
        let mut receipts = Vec::with_capacity(messages.len());
        for message in messages {
            receipts.push(producer.send_non_blocking(producer::message(message)).await?);
        }
        producer.send_batch().await?;
        for receipt in receipts {
            receipt.await?;
        }
        Ok(())
    }

    async fn close(&mut self) {
        if let Some(mut producer) = self.producer.take() {
            // Everything sent is confirmed: a broker that does not answer holds nothing of ours.
            _ = tokio::time::timeout(CLOSE_TIMEOUT, producer.close()).await;
        }
    }
}

/// Adds what is in the queue already, until it makes a batch.
fn gather(queue: &mut mpsc::Receiver<Job>, waiting: &mut VecDeque<Job>) {
    let size = |job: &Job| job.messages.iter().map(OutgoingMessage::weight).sum::<usize>();
    let mut messages: usize = waiting.iter().map(|job| job.messages.len()).sum();
    let mut bytes: usize = waiting.iter().map(size).sum();
    while messages < batching::MAX_MESSAGES as usize && bytes < batching::MAX_BYTES {
        let Ok(job) = queue.try_recv() else { return };
        messages += job.messages.len();
        bytes += size(&job);
        waiting.push_back(job);
    }
}
