//! Publishes a function's log lines to its log topic, with the properties that Pulsar's own
//! runtimes give them.
//!
//! Log lines never hold a function up: while they cannot be published the queue in front of this
//! fills, and what does not fit is dropped and counted there. Nothing is retried here beyond
//! what the sink does.

use std::sync::Arc;

use function_mesh_proto::plan::{Compression, FunctionId, OutputPlan, SchemaPlan};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::mpsc;
use tracing::warn;

use super::GuestLine;
use crate::{
    cluster::{Cluster, Complaints},
    fault::Fault,
    metrics::InstanceMetrics,
    record::OutgoingMessage,
    sink::{
        Sink,
        pulsar::{PulsarSink, SinkSettings},
    },
};

/// Lines in one publish.
const LINES: usize = 200;
/// Lines that may wait for confirmation.
const PENDING_LINES: u32 = 2_000;

/// Whose lines go where.
pub struct LogTopic {
    topic: Arc<str>,
    properties: [(String, String); 2],
    sink: Box<dyn Sink>,
}

impl LogTopic {
    /// On a Pulsar cluster, compressed with LZ4 as by Pulsar's own runtimes.
    pub fn on_pulsar(
        topic: &str,
        cluster: Cluster,
        (function, instance_id): (&FunctionId, u32),
        metrics: Arc<InstanceMetrics>,
    ) -> Self {
        let plan = OutputPlan {
            topic: topic.to_owned(),
            schema: SchemaPlan::Bytes,
            compression: Compression::Lz4,
            batch_by_key: false,
            max_pending_messages: Some(PENDING_LINES),
            max_pending_messages_across_partitions: None,
            forward_properties: false,
        };
        let sink = PulsarSink::new(&SinkSettings {
            function: function.clone(),
            instance_id,
            cluster: cluster.clone(),
            output: Some((cluster, plan)),
            metrics,
        });
        Self::new(topic, (function, instance_id), Box::new(sink))
    }

    pub fn new(
        topic: &str,
        (function, instance_id): (&FunctionId, u32),
        sink: Box<dyn Sink>,
    ) -> Self {
        let property = |name: &str, value: String| (name.to_owned(), value);
        Self {
            topic: topic.into(),
            properties: [
                property("instance", instance_id.to_string()),
                property("fqn", function.to_string()),
            ],
            sink,
        }
    }

    /// Until all who log are gone; then publishes what is left and closes the sink.
    pub async fn run(mut self, mut lines: mpsc::Receiver<GuestLine>) {
        let mut complaints = Complaints::default();
        let mut confirming = FuturesUnordered::new();
        let mut batch = Vec::with_capacity(LINES);
        loop {
            tokio::select! {
                biased;
                Some(confirmed) = confirming.next() => self.complain(confirmed, &mut complaints),
                count = lines.recv_many(&mut batch, LINES) => {
                    if count == 0 {
                        break;
                    }
                    let messages = batch.drain(..).map(|line| self.message(line)).collect();
                    match self.sink.publish(&self.topic, messages).await {
                        Ok(receipt) => confirming.push(receipt.confirmed()),
                        Err(fault) => self.complain(Err(fault), &mut complaints),
                    }
                }
            }
        }
        let topic = self.topic.clone();
        if let Err(fault) = self.sink.close().await {
            warn!("the last log lines did not reach {topic}: {fault}");
        }
    }

    fn message(&self, line: GuestLine) -> OutgoingMessage {
        let [instance, fqn] = &self.properties;
        let level = ("loglevel".to_owned(), line.level.to_string());
        OutgoingMessage {
            payload: line.message.into(),
            properties: vec![level, instance.clone(), fqn.clone()],
            ..Default::default()
        }
    }

    fn complain(&self, confirmed: Result<(), Fault>, complaints: &mut Complaints) {
        if let Err(fault) = confirmed
            && complaints.due()
        {
            warn!("log lines were lost on their way to {}: {fault}", self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use tracing::Level;

    use super::*;
    use crate::sink::Receipt;

    /// Hands on what is published.
    struct Handed(mpsc::UnboundedSender<(Arc<str>, Vec<OutgoingMessage>)>);

    #[async_trait]
    impl Sink for Handed {
        async fn publish(
            &mut self,
            topic: &Arc<str>,
            messages: Vec<OutgoingMessage>,
        ) -> Result<Receipt, Fault> {
            let (confirm, receipt) = Receipt::channel();
            self.0.send((topic.clone(), messages)).unwrap();
            confirm.send(Ok(())).unwrap();
            Ok(receipt)
        }

        async fn close(self: Box<Self>) -> Result<(), Fault> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_line_carries_level_instance_and_function() {
        let function = FunctionId {
            tenant: "public".to_owned(),
            namespace: "default".to_owned(),
            name: "f".to_owned(),
        };
        let (sender, mut published) = mpsc::unbounded_channel();
        let topic = LogTopic::new("logs", (&function, 3), Box::new(Handed(sender)));
        let (lines, queue) = mpsc::channel(10);
        lines.send(GuestLine { level: Level::WARN, message: "low".to_owned() }).await.unwrap();
        drop(lines);
        topic.run(queue).await;
        let (topic, messages) = published.recv().await.unwrap();
        assert_eq!(&*topic, "logs");
        assert_eq!(&messages[0].payload[..], b"low");
        let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            messages[0].properties,
            [
                property("loglevel", "WARN"),
                property("instance", "3"),
                property("fqn", "public/default/f")
            ]
        );
    }
}
