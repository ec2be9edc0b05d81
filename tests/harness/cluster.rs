//! One broker as a test sees it: topics to make, fill, read and ask about.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context as _, Result};
use pulsar_standalone::{
    access::Access,
    standalone::{self, Ports, Standalone},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    checks::{Report, Verify},
    peer::Peer,
};

/// A broker and the client to look at it with.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub ports: Ports,
    access: Access,
    peer: Arc<Peer>,
    namespaces: Arc<AtomicU32>,
}

/// Messages to preload: texts from a template with `%id%`, `%n%` (the number within its key,
/// from 0), `%count%` (the same from 1), `%key%`, `%choice:a|b%` (by id, in turn) and `%pad%` (fills up to `size`).
#[derive(Clone, Debug)]
pub struct Load {
    pub first: u32,
    pub count: u32,
    /// Messages per entry; 1 sends each alone.
    pub batch: u32,
    /// Message `id` has key `k{id % keys}`; 0 for no keys.
    pub keys: u32,
    pub size: u32,
    pub payload: String,
    pub compression: &'static str,
    pub properties: Value,
}

impl Load {
    pub fn new(count: u32, batch: u32) -> Self {
        Self {
            first: 0,
            count,
            batch,
            keys: 50,
            size: 100,
            payload: "%id% %n% %pad%".to_owned(),
            compression: "NONE",
            properties: json!({}),
        }
    }
}

/// A message as an independent consumer got it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    pub topic: String,
    pub payload: String,
    pub base64: String,
    #[serde(default)]
    pub key: Option<String>,
    pub properties: std::collections::BTreeMap<String, String>,
    pub event_time: u64,
    pub publish_time: u64,
    pub redelivery_count: u32,
    /// Codec of the entry.
    pub compression: String,
    pub id: Position,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    pub ledger: u64,
    pub entry: u64,
    pub partition: i32,
    pub batch_index: i32,
    pub batch_size: i32,
}

impl Cluster {
    pub fn new(ports: Ports, peer: Arc<Peer>) -> Self {
        Self { ports, access: Access::Everybody, peer, namespaces: Arc::default() }
    }

    /// The same, of a broker that does not let everybody in.
    pub fn with_access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// A broker of its own in `dir`, which ends with the returned value, and a view of it.
    ///
    /// # Errors
    /// As [`Standalone::start`].
    pub fn start(dir: &Path, peer: Arc<Peer>) -> Result<(Standalone, Self)> {
        let broker = Standalone::start(&dir.join("pulsar"), Ports::free()?)?;
        let cluster = Self::new(broker.ports, peer);
        Ok((broker, cluster))
    }

    pub fn is_up(&self) -> bool {
        standalone::answers(self.ports, &self.access)
    }

    /// A new namespace, which keeps what is published there: `public/<name>-<unique>`.
    pub fn namespace(&self, name: &str) -> Result<Namespace> {
        let number = self.namespaces.fetch_add(1, Ordering::Relaxed);
        let name = format!("public/{name}-{}-{number}", std::process::id());
        self.call("namespace", json!({ "namespace": name }))?;
        Ok(Namespace { cluster: self.clone(), name })
    }

    pub fn call(&self, action: &str, mut arguments: Value) -> Result<Value> {
        if let (Some(token), Some(fields)) = (self.access.token(), arguments.as_object_mut()) {
            fields.insert("token".to_owned(), json!(token));
        }
        self.peer.call(self.ports, action, arguments)
    }
}

/// A namespace of a test's own.
#[derive(Clone, Debug)]
pub struct Namespace {
    pub cluster: Cluster,
    /// `tenant/namespace`.
    pub name: String,
}

impl Namespace {
    /// The full name of a topic here.
    pub fn topic(&self, name: &str) -> String {
        format!("persistent://{}/{name}", self.name)
    }

    /// Creates a topic without partitions.
    pub fn create(&self, name: &str) -> Result<String> {
        let topic = self.topic(name);
        self.call("topic", json!({ "topic": topic }))?;
        Ok(topic)
    }

    pub fn create_partitioned(&self, name: &str, partitions: u32) -> Result<String> {
        let topic = self.topic(name);
        self.call("topic", json!({ "topic": topic, "partitions": partitions }))?;
        Ok(topic)
    }

    /// Every topic here, with partition suffixes.
    pub fn topics(&self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.call("topics", json!({ "namespace": self.name }))?)?)
    }

    pub fn delete(&self, topic: &str) -> Result<()> {
        self.call("delete", json!({ "topic": topic })).map(drop)
    }

    /// Creates a subscription that starts with the oldest message.
    pub fn subscribe(&self, topic: &str, subscription: &str) -> Result<()> {
        self.call("subscribe", json!({ "topic": topic, "subscription": subscription })).map(drop)
    }

    /// Publishes a load and waits for its confirmation.
    pub fn load(&self, topic: &str, load: &Load) -> Result<()> {
        let arguments = json!({
            "topic": topic, "first": load.first, "count": load.count, "batch": load.batch,
            "keys": load.keys, "size": load.size, "payload": load.payload,
            "compression": load.compression, "properties": load.properties,
        });
        self.call("produce", arguments).map(drop)
    }

    /// Publishes texts, each in an entry of its own.
    pub fn send(&self, topic: &str, texts: &[&str]) -> Result<()> {
        let messages: Vec<Value> = texts.iter().map(|text| json!({ "payload": text })).collect();
        self.call("send", json!({ "topic": topic, "messages": messages })).map(drop)
    }

    /// Publishes texts in one entry.
    pub fn send_together(&self, topic: &str, texts: &[&str]) -> Result<()> {
        let messages: Vec<Value> = texts.iter().map(|text| json!({ "payload": text })).collect();
        self.call("send", json!({ "topic": topic, "messages": messages, "together": true }))
            .map(drop)
    }

    /// Publishes one message with all it can have (`payload` or `base64`, `key`, `properties`,
    /// `eventTime`).
    pub fn send_message(&self, topic: &str, message: Value) -> Result<()> {
        self.call("send", json!({ "topic": topic, "messages": [message] })).map(drop)
    }

    /// The first `max` messages of a topic, as soon as they are there.
    ///
    /// # Errors
    /// Fewer came within 30 seconds.
    pub fn read(&self, topic: &str, max: usize) -> Result<Vec<Received>> {
        let received = self.read_within(topic, max, 30_000)?;
        let count = received.len();
        let texts = || received.iter().map(|message| message.payload.clone()).collect::<Vec<_>>();
        anyhow::ensure!(count == max, "{count} of {max} messages came to {topic}: {:?}", texts());
        Ok(received)
    }

    /// What is in a topic, or comes within `millis`, up to `max` messages.
    pub fn read_within(&self, topic: &str, max: usize, millis: u32) -> Result<Vec<Received>> {
        let arguments = json!({ "topic": topic, "max": max, "millis": millis });
        Ok(serde_json::from_value(self.call("read", arguments)?)?)
    }

    /// Texts of the first `max` messages of a topic.
    pub fn texts(&self, topic: &str, max: usize) -> Result<Vec<String>> {
        Ok(self.read(topic, max)?.into_iter().map(|message| message.payload).collect())
    }

    /// What a subscription would still deliver to another consumer. `kind` as Pulsar names it
    /// (`Shared`, `Failover`, `Key_Shared`).
    pub fn unsettled(&self, topic: &str, subscription: &str, kind: &str) -> Result<Vec<Received>> {
        let arguments = json!({ "topic": topic, "subscription": subscription, "type": kind });
        Ok(serde_json::from_value(self.call("unsettled", arguments)?)?)
    }

    /// The broker's statistics of a topic.
    pub fn stats(&self, topic: &str) -> Result<Value> {
        self.call("stats", json!({ "topic": topic }))
    }

    /// Names of a topic's subscriptions.
    pub fn subscriptions(&self, topic: &str) -> Result<Vec<String>> {
        let stats = self.stats(topic)?;
        let found = stats.get("subscriptions").and_then(Value::as_object);
        Ok(found.context("no statistics")?.keys().cloned().collect())
    }

    /// Entries that a subscription has not settled.
    pub fn backlog(&self, topic: &str, subscription: &str) -> Result<u64> {
        let stats = self.stats(topic)?;
        let backlog = stats.pointer(&format!(
            "/subscriptions/{}/msgBacklog",
            subscription.replace('~', "~0").replace('/', "~1")
        ));
        backlog
            .and_then(Value::as_u64)
            .with_context(|| format!("{topic} has no subscription {subscription}"))
    }

    /// Consumers connected to a subscription, as the broker lists them.
    pub fn consumers(&self, topic: &str, subscription: &str) -> Result<Vec<Value>> {
        let stats = self.stats(topic)?;
        let pointer = format!(
            "/subscriptions/{}/consumers",
            subscription.replace('~', "~0").replace('/', "~1")
        );
        Ok(stats.pointer(&pointer).and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// The schema registered for a topic: `{type, name, definition}`, or null.
    pub fn schema(&self, topic: &str) -> Result<Value> {
        self.call("schema", json!({ "topic": topic }))
    }

    /// Holds topics against what must have become of a load.
    pub fn verify(&self, verify: &Verify) -> Result<Report> {
        let report = self.call("verify", verify.arguments())?;
        serde_json::from_value(report).context("the Java client's report")
    }

    fn call(&self, action: &str, arguments: Value) -> Result<Value> {
        self.cluster.call(action, arguments)
    }
}
