//! The subscription of one input, as the stock client wants it told.

use std::collections::BTreeMap;

use function_mesh_proto::plan::{InputPlan, Position, SubscriptionKind};
use pulsar::{
    Consumer, ConsumerOptions, Pulsar, SubType, TokioExecutor,
    consumer::InitialPosition,
    proto::{MessageIdData, Schema},
};

use super::{SourceSettings, prefetch::Prefetch};
use crate::{
    cluster::{Cluster, Connections},
    schema,
};

pub(super) type TopicConsumer = Consumer<Vec<u8>, TokioExecutor>;

/// Where a subscription starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Where it was left, or at its initial position if it is new.
    Usual,
    /// As usual; but the topic appeared while the function ran, so if the subscription is new
    /// all of the topic's messages are for it.
    Late,
    /// After the newest message, wherever it was left (`skipToLatest`).
    Latest,
}

pub(super) struct Subscription {
    cluster: Cluster,
    name: String,
    kind: SubType,
    position: InitialPosition,
    skip_to_latest: bool,
    consumer_name: String,
    properties: BTreeMap<String, String>,
    schema: Option<Schema>,
    receiver_queue_size: Option<u32>,
}

impl Subscription {
    pub(super) fn new(cluster: &Cluster, input: &InputPlan, settings: &SourceSettings) -> Self {
        let SourceSettings { function, instance_id, subscription, .. } = settings;
        let mut properties = crate::cluster::session_properties(function, *instance_id);
        properties.extend(input.consumer_properties.clone());
        Self {
            cluster: cluster.clone(),
            name: subscription.name.clone(),
            kind: match subscription.kind {
                SubscriptionKind::Shared => SubType::Shared,
                SubscriptionKind::Failover => SubType::Failover,
                SubscriptionKind::KeyShared => SubType::KeyShared,
            },
            position: match subscription.position {
                Position::Earliest => InitialPosition::Earliest,
                Position::Latest => InitialPosition::Latest,
            },
            skip_to_latest: subscription.skip_to_latest,
            consumer_name: format!("{function}-{instance_id}"),
            properties,
            schema: schema::registered(&input.schema),
            receiver_queue_size: input.receiver_queue_size,
        }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn prefetch(&self) -> Prefetch {
        Prefetch::new(self.receiver_queue_size)
    }

    pub(super) fn skips_to_latest(&self) -> bool {
        self.skip_to_latest
    }

    /// Subscribes to one concrete topic, over a connection of its own, with a queue of so many
    /// messages.
    pub(super) async fn open(
        &self,
        topic: &str,
        start: Start,
        queue: u32,
    ) -> Result<(TopicConsumer, Connections), pulsar::Error> {
        let client = self.cluster.connect().await?;
        let position = match start {
            Start::Late => InitialPosition::Earliest,
            Start::Usual | Start::Latest => self.position.clone(),
        };
        let mut options = ConsumerOptions::default()
            .durable(true)
            .with_metadata(self.properties.clone())
            .with_initial_position(position)
            .with_receiver_queue_size(queue);
        if let Some(schema) = &self.schema {
            options = options.with_schema(schema.clone());
        }
        let mut consumer: TopicConsumer = client
            .pulsar
            .consumer()
            .with_topic(topic)
            .with_subscription(&self.name)
            .with_subscription_type(self.kind)
            .with_consumer_name(&self.consumer_name)
            .with_batch_size(queue)
            .with_options(options)
            .build()
            .await?;
        if start == Start::Latest {
            seek_to_latest(&mut consumer, client.pulsar).await?;
        }
        // Those of the lookup and of the subscription itself are no news.
        let mut connections = client.connections;
        connections.renewed();
        Ok((consumer, connections))
    }
}

async fn seek_to_latest(
    consumer: &mut TopicConsumer,
    client: Pulsar<TokioExecutor>,
) -> Result<(), pulsar::Error> {
    // MessageId.latest of Pulsar's clients.
    let end = i64::MAX.unsigned_abs();
    let latest =
        MessageIdData { ledger_id: end, entry_id: end, partition: Some(-1), ..Default::default() };
    consumer.seek(None, Some(latest), None, client).await
}
