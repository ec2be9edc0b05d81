//! Messages in and out of the test driver.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{host::Key, record::MessageId};

/// A message to send to a function. Only the payload matters unless more is set.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub(super) payload: Vec<u8>,
    pub(super) topic: Option<String>,
    pub(super) id: Option<MessageId>,
    pub(super) key: Option<Key>,
    pub(super) properties: Vec<(String, String)>,
    pub(super) event_time: Option<u64>,
    pub(super) publish_time: u64,
    pub(super) schema_version: Option<Vec<u8>>,
    pub(super) redelivery_count: u32,
}

impl Message {
    /// A message with a payload and nothing else, published at the epoch.
    pub fn new(payload: impl AsRef<[u8]>) -> Self {
        Self { payload: payload.as_ref().to_vec(), ..Self::default() }
    }

    /// Sets the topic the message comes from.
    #[must_use]
    pub fn topic(mut self, topic: &str) -> Self {
        self.topic = Some(topic.to_owned());
        self
    }

    /// Sets the message id, which otherwise counts up.
    #[must_use]
    pub fn message_id(mut self, id: MessageId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(Key { text: key.to_owned(), base64: false });
        self
    }

    /// Sets a binary key.
    #[must_use]
    pub fn key_bytes(mut self, key: &[u8]) -> Self {
        self.key = Some(Key { text: STANDARD.encode(key), base64: true });
        self
    }

    /// Adds a property.
    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the event time, in milliseconds since the epoch.
    #[must_use]
    pub fn event_time(mut self, milliseconds: u64) -> Self {
        self.event_time = Some(milliseconds);
        self
    }

    /// Sets the publish time, in milliseconds since the epoch.
    #[must_use]
    pub fn publish_time(mut self, milliseconds: u64) -> Self {
        self.publish_time = milliseconds;
        self
    }

    /// Sets the version of the schema the message was written with.
    #[must_use]
    pub fn schema_version(mut self, version: &[u8]) -> Self {
        self.schema_version = Some(version.to_vec());
        self
    }

    /// Sets how often the message was delivered before.
    #[must_use]
    pub fn redelivery_count(mut self, count: u32) -> Self {
        self.redelivery_count = count;
        self
    }

    /// The message with the id it goes by.
    pub(super) fn placed(self, id: MessageId) -> (MessageId, Self) {
        (self.id.unwrap_or(id), self)
    }
}

impl<P: AsRef<[u8]>> From<P> for Message {
    fn from(payload: P) -> Self {
        Self::new(payload)
    }
}

/// A message that the function published through its context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The topic, as the function wrote it.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The key; a binary one in its Base64 form.
    pub key: Option<String>,
    /// The properties, in order.
    pub properties: Vec<(String, String)>,
    /// The event time, in milliseconds since the epoch.
    pub event_time: Option<u64>,
}

impl Published {
    /// The payload as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}

/// When a function's input is acknowledged: Pulsar's processing guarantees, but for
/// `EFFECTIVELY_ONCE`, which a function cannot tell from `ATLEAST_ONCE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guarantee {
    /// Before it is processed.
    AtMostOnce,
    /// When it succeeded.
    #[default]
    AtLeastOnce,
    /// When the function says so.
    Manual,
}
