//! The subscription of one input, as the stock client wants it told.

use std::collections::BTreeMap;

use function_mesh_proto::plan::{InputPlan, Position, SubscriptionKind};
use pulsar::{
    Consumer, ConsumerOptions, Pulsar, SubType, TokioExecutor,
    consumer::InitialPosition,
    proto::{MessageIdData, Schema},
};

use super::SourceSettings;
use crate::{
    cluster::{Cluster, Connections},
    schema,
};

pub(super) type TopicConsumer = Consumer<Vec<u8>, TokioExecutor>;

/// Messages prefetched per topic, as in Pulsar's clients.
const RECEIVER_QUEUE_SIZE: u32 = 1000;

pub(super) struct Subscription {
    cluster: Cluster,
    name: String,
    kind: SubType,
    position: InitialPosition,
    skip_to_latest: bool,
    consumer_name: String,
    properties: BTreeMap<String, String>,
    schema: Option<Schema>,
    receiver_queue_size: u32,
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
            // The client cannot do without a queue; 0 asks for the smallest there is.
            receiver_queue_size: input.receiver_queue_size.unwrap_or(RECEIVER_QUEUE_SIZE).max(1),
        }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn skips_to_latest(&self) -> bool {
        self.skip_to_latest
    }

    /// Subscribes to one concrete topic, over a connection of its own.
    ///
    /// `late` topics appeared while the function ran: all of their messages are for it, whatever
    /// the initial position says.
    pub(super) async fn open(
        &self,
        topic: &str,
        late: bool,
        skip: bool,
    ) -> Result<(TopicConsumer, Connections), pulsar::Error> {
        let client = self.cluster.connect().await?;
        let position = if late { InitialPosition::Earliest } else { self.position.clone() };
        let mut options = ConsumerOptions::default()
            .durable(true)
            .with_metadata(self.properties.clone())
            .with_initial_position(position)
            .with_receiver_queue_size(self.receiver_queue_size);
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
            .with_batch_size(self.receiver_queue_size)
            .with_options(options)
            .build()
            .await?;
        if skip {
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
