//! One partition's producer at the stock client: how it is made, and what it is given.

use std::{collections::BTreeMap, sync::Arc};

use function_mesh_proto::plan::{Compression as CompressionPlan, OutputPlan};
use pulsar::{
    Producer, ProducerOptions, TokioExecutor, compression::Compression, producer::Message,
    proto::Schema,
};

use super::{SinkSettings, batching};
use crate::{
    cluster::{Cluster, session_properties},
    fault::Fault,
    metrics::InstanceMetrics,
    record::OutgoingMessage,
    schema,
};

/// `maxMessageSize` of brokers, unless configured otherwise; the client does not tell.
const MAX_MESSAGE_BYTES: usize = 5 << 20;
/// What the client adds around a message that fills a batch alone.
const ENVELOPE_BYTES: usize = 1 << 10;

/// How a topic's producers are made.
pub(super) struct ProducerSettings {
    pub(super) cluster: Cluster,
    pub(super) batch_by_key: bool,
    pub(super) metrics: Arc<InstanceMetrics>,
    properties: BTreeMap<String, String>,
    schema: Option<Schema>,
    compression: Compression,
}

impl std::fmt::Debug for ProducerSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProducerSettings").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

impl ProducerSettings {
    pub(super) fn output(cluster: &Cluster, plan: &OutputPlan, settings: &SinkSettings) -> Self {
        Self {
            cluster: cluster.clone(),
            batch_by_key: plan.batch_by_key,
            metrics: settings.metrics.clone(),
            properties: session_properties(&settings.function, settings.instance_id),
            schema: schema::registered(&plan.schema),
            compression: compression(plan.compression),
        }
    }

    /// For topics without a plan of their own: compressed and batched as the output is, with
    /// whatever schema they have.
    pub(super) fn other(settings: &SinkSettings) -> Self {
        let plan = settings.output.as_ref().map(|(_, plan)| plan);
        Self {
            cluster: settings.cluster.clone(),
            batch_by_key: plan.is_some_and(|plan| plan.batch_by_key),
            metrics: settings.metrics.clone(),
            properties: session_properties(&settings.function, settings.instance_id),
            schema: None,
            compression: plan.map_or(Compression::None, |plan| compression(plan.compression)),
        }
    }

    /// Makes a producer over a connection of its own. It has no name, so that the broker
    /// gives it a new one: the client counts its sequence ids from zero, and a topic with
    /// deduplication would drop what comes under a name it knows.
    pub(super) async fn open(&self, topic: &str) -> Result<TopicProducer, pulsar::Error> {
        let client = self.cluster.connect().await?;
        client
            .pulsar
            .producer()
            .with_topic(topic)
            .with_options(ProducerOptions {
                metadata: self.properties.clone(),
                schema: self.schema.clone(),
                compression: Some(self.compression.clone()),
                // Never reached: batches end when we say so.
                batch_size: Some(batching::MAX_MESSAGES + 2),
                block_queue_if_full: true,
                ..Default::default()
            })
            .build()
            .await
    }
}

pub(super) type TopicProducer = Producer<TokioExecutor>;

/// # Errors
/// What no broker would take, whatever is tried.
pub(super) fn check(topic: &Arc<str>, message: &OutgoingMessage) -> Result<(), Fault> {
    let properties: usize = message.properties.iter().map(|(k, v)| k.len() + v.len() + 8).sum();
    let size = message.payload.len() + properties + ENVELOPE_BYTES;
    if size > MAX_MESSAGE_BYTES {
        return Err(Fault::sink(format!(
            "a message for {topic} has {size} bytes with its properties; brokers take at most \
             {MAX_MESSAGE_BYTES}"
        ))
        .permanent());
    }
    if message.sequence_id.is_some() {
        return Err(Fault::sink(format!(
            "a message for {topic} has a sequence id, which the Pulsar client cannot send"
        ))
        .permanent());
    }
    Ok(())
}

/// The message for the client; a copy, since it may have to be sent again.
pub(super) fn message(message: &OutgoingMessage) -> Message {
    Message {
        payload: message.payload.to_vec(),
        properties: message.properties.iter().cloned().collect(),
        partition_key: message.key.as_ref().map(|key| key.text.clone()),
        partition_key_b64_encoded: message.key.as_ref().map(|key| key.base64),
        ordering_key: message.ordering_key.as_ref().map(|key| key.to_vec()),
        event_time: message.event_time,
        ..Default::default()
    }
}

fn compression(plan: CompressionPlan) -> Compression {
    match plan {
        CompressionPlan::None => Compression::None,
        CompressionPlan::Lz4 => Compression::Lz4(Default::default()),
        CompressionPlan::Zlib => Compression::Zlib(Default::default()),
        CompressionPlan::Zstd => Compression::Zstd(Default::default()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_message_that_no_broker_takes_is_refused_before_it_is_sent() {
        let topic: Arc<str> = "persistent://public/default/out".into();
        let mut message =
            OutgoingMessage { payload: Bytes::from(vec![0; 5 << 20]), ..Default::default() };
        let fault = check(&topic, &message).unwrap_err();
        assert_eq!(fault.retry, crate::fault::Retry::Never);
        assert!(fault.to_string().contains("persistent://public/default/out"), "{fault}");
        message.payload.truncate(4 << 20);
        assert!(check(&topic, &message).is_ok());
    }
}
