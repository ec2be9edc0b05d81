//! Publishing from within a function, to any topic.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    context::Context,
    error::Error,
    host::{Host as _, Key, Outgoing},
    payload::IntoPayload,
    record::Record,
};

/// A message to another topic, under construction. Nothing happens before [`send`](Self::send).
#[derive(Debug)]
#[must_use = "nothing is published before `send`"]
pub struct Publish<'a> {
    context: &'a Context,
    topic: &'a str,
    message: Outgoing,
}

impl Context {
    /// Starts a message to `topic`: a full name, or a short one as Pulsar clients take them.
    pub fn publish<'a>(&'a self, topic: &'a str) -> Publish<'a> {
        Publish { context: self, topic, message: Outgoing::default() }
    }
}

impl Publish<'_> {
    /// Sets the key.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.message.key = Some(Key { text: key.into(), base64: false });
        self
    }

    /// Sets a binary key.
    pub fn key_bytes(mut self, key: impl AsRef<[u8]>) -> Self {
        self.message.key = Some(Key { text: STANDARD.encode(key), base64: true });
        self
    }

    /// Adds a property.
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.message.properties.push((name.into(), value.into()));
        self
    }

    /// Sets the event time, in milliseconds since the epoch.
    pub fn event_time(mut self, milliseconds: u64) -> Self {
        self.message.event_time = Some(milliseconds);
        self
    }

    /// Takes over key, properties and event time of a message, usually the one under way.
    pub fn forward(mut self, record: &Record<'_>) -> Self {
        self.message.key = record.raw_key();
        self.message.properties.extend(record.properties());
        self.message.event_time = record.event_time();
        self
    }

    /// Hands the message over. It leaves when the current message succeeds, whose input is
    /// acknowledged only after the broker confirmed this one.
    ///
    /// # Errors
    /// The topic's name is invalid, the function may not publish now, or the payload cannot be
    /// written.
    pub fn send(mut self, payload: impl IntoPayload) -> Result<(), Error> {
        let failed =
            |why: String| Error::during(format_args!("cannot publish to '{}'", self.topic), why);
        payload.write_payload(&mut self.message.payload)?;
        let index = self.context.effect("publish to", self.topic)?;
        self.context.host().publish(index, self.topic, self.message).map_err(failed)
    }
}
