//! The message a function is working on. Each accessor asks the host: what is not asked for costs
//! nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    context::Context,
    error::Error,
    host::{Host as _, Key},
};

/// Where a message stands in its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    /// The ledger that holds the message.
    pub ledger: u64,
    /// The entry in the ledger.
    pub entry: u64,
    /// The topic's partition; -1 for a topic without.
    pub partition: i32,
    /// Position in the producer's batch; -1 for a message that was sent alone.
    pub batch_index: i32,
    /// Messages in the batch; 0 for a message that was sent alone.
    pub batch_size: i32,
}

/// The message the function is working on, but for its payload.
///
/// There is none in a start hook, where asking for any of this fails the start.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    context: &'a Context,
    index: u32,
}

impl Context {
    /// The message the function is working on.
    pub fn record(&self) -> Record<'_> {
        Record { context: self, index: self.record_index() }
    }

    /// Acknowledges a message whose topic and id the function remembered. Only under the `MANUAL`
    /// guarantee. It holds even if the message under way fails.
    ///
    /// # Errors
    /// The function has another guarantee, or the message is not waiting for it.
    pub fn acknowledge(&self, topic: &str, id: MessageId) -> Result<(), Error> {
        self.effect("acknowledge a message of", topic)?;
        self.host().acknowledge(topic, id).map_err(|why| {
            Error::during(format_args!("cannot acknowledge a message of '{topic}'"), why)
        })
    }

    /// Asks for a message again whose topic and id the function remembered. Only under the `MANUAL`
    /// guarantee. It holds even if the message under way fails.
    ///
    /// # Errors
    /// The function has another guarantee, or the message is not waiting for it.
    pub fn negative_acknowledge(&self, topic: &str, id: MessageId) -> Result<(), Error> {
        self.effect("refuse a message of", topic)?;
        self.host()
            .negative_acknowledge(topic, id)
            .map_err(|why| Error::during(format_args!("cannot refuse a message of '{topic}'"), why))
    }
}

impl Record<'_> {
    /// The full name of the topic the message came from, with its partition.
    pub fn topic(&self) -> String {
        self.context.host().topic(self.index)
    }

    /// Where the message stands in its topic.
    pub fn message_id(&self) -> MessageId {
        self.context.host().id(self.index)
    }

    /// The key, if the message has one. A binary key in its Base64 form.
    pub fn key(&self) -> Option<String> {
        self.raw_key().map(|key| key.text)
    }

    /// The key's bytes, if the message has one.
    ///
    /// # Errors
    /// The key is marked as binary and is not Base64.
    pub fn key_bytes(&self) -> Result<Option<Vec<u8>>, Error> {
        match self.raw_key() {
            Some(key) if key.base64 => STANDARD
                .decode(&key.text)
                .map(Some)
                .map_err(|why| Error::during("the message's binary key is not Base64", why)),
            key => Ok(key.map(|key| key.text.into_bytes())),
        }
    }

    pub(crate) fn raw_key(&self) -> Option<Key> {
        self.context.host().key(self.index)
    }

    /// All properties, in the order the producer set them.
    pub fn properties(&self) -> Vec<(String, String)> {
        self.context.host().properties(self.index)
    }

    /// One property. The last of that name, if the producer set several.
    pub fn property(&self, name: &str) -> Option<String> {
        let properties = self.properties();
        properties.into_iter().rev().find_map(|(other, value)| (other == name).then_some(value))
    }

    /// When the event happened, in milliseconds since the epoch, if the producer said so.
    pub fn event_time(&self) -> Option<u64> {
        self.context.host().event_time(self.index)
    }

    /// When the producer sent the message, in milliseconds since the epoch.
    pub fn publish_time(&self) -> u64 {
        self.context.host().publish_time(self.index)
    }

    /// The version of the schema the message was written with.
    pub fn schema_version(&self) -> Option<Vec<u8>> {
        self.context.host().schema_version(self.index)
    }

    /// How often the message was delivered before this time.
    pub fn redelivery_count(&self) -> u32 {
        self.context.host().redelivery_count(self.index)
    }

    /// Acknowledges the message, if it succeeds. Only under the `MANUAL` guarantee.
    ///
    /// # Errors
    /// The function has another guarantee.
    pub fn acknowledge(&self) -> Result<(), Error> {
        self.context.acknowledge(&self.topic(), self.message_id())
    }

    /// Asks for the message again. Only under the `MANUAL` guarantee, where a failed message comes
    /// again anyway.
    ///
    /// # Errors
    /// The function has another guarantee.
    pub fn negative_acknowledge(&self) -> Result<(), Error> {
        self.context.negative_acknowledge(&self.topic(), self.message_id())
    }
}
