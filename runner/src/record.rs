//! What moves through the runner: a message with everything Pulsar knows of it.

use std::{fmt, sync::Arc};

use bytes::Bytes;

/// Name/value pairs in the order the producer set them. Names may repeat on the wire; the last wins
/// where a function asks for one.
pub type Properties = Vec<(String, String)>;

/// One input message.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Full topic name with its partition suffix: `persistent://tenant/ns/topic-partition-0`.
    pub topic: Arc<str>,
    pub id: MessageId,
    /// Decompressed, still encoded by the topic's schema.
    pub payload: Bytes,
    pub key: Option<Key>,
    pub ordering_key: Option<Bytes>,
    pub properties: Properties,
    /// Milliseconds since the epoch, if the producer set it.
    pub event_time: Option<u64>,
    /// Milliseconds since the epoch.
    pub publish_time: u64,
    pub schema_version: Option<Bytes>,
    /// How often this runner or the broker delivered the message before.
    pub redelivery_count: u32,
}

/// A partition key. Binary keys travel as Base64 text with the flag set
/// (`partition_key_b64_encoded` of PulsarApi.proto).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub text: String,
    pub base64: bool,
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), base64: false }
    }
}

/// Where a message stands in its topic (`MessageIdData` of PulsarApi.proto).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    pub ledger: u64,
    pub entry: u64,
    /// -1 for a topic without partitions.
    pub partition: i32,
    /// Position in the producer's batch; -1 for a message that was sent alone.
    pub batch_index: i32,
    /// Messages in the batch; 0 for a message that was sent alone.
    pub batch_size: i32,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.ledger, self.entry, self.partition)?;
        if self.batch_index >= 0 {
            write!(f, ":{}", self.batch_index)?;
        }
        Ok(())
    }
}

/// One message to publish.
#[derive(Clone, Debug, Default)]
pub struct OutgoingMessage {
    pub payload: Bytes,
    pub key: Option<Key>,
    pub ordering_key: Option<Bytes>,
    pub properties: Properties,
    /// Milliseconds since the epoch.
    pub event_time: Option<u64>,
    /// For deduplication; `None` lets the producer count.
    pub sequence_id: Option<u64>,
}

impl OutgoingMessage {
    /// Bytes this message holds in memory while it waits, near enough for a budget.
    pub fn weight(&self) -> usize {
        let properties: usize = self.properties.iter().map(|(k, v)| k.len() + v.len() + 48).sum();
        let key = self.key.as_ref().map_or(0, |k| k.text.len());
        self.payload.len() + properties + key + 128
    }
}

impl Record {
    /// Bytes this record holds in memory, near enough for a budget.
    pub fn weight(&self) -> usize {
        let properties: usize = self.properties.iter().map(|(k, v)| k.len() + v.len() + 48).sum();
        let key = self.key.as_ref().map_or(0, |k| k.text.len());
        self.payload.len() + properties + key + 192
    }
}
