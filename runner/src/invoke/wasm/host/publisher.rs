//! Publishing: messages are kept with their record and leave only if it succeeds.

use bytes::Bytes;

use super::{
    Host,
    bindings::imports::publisher::{self, Message},
};
use crate::record::OutgoingMessage;

impl publisher::Host for Host {
    fn publish(
        &mut self,
        index: u32,
        topic: String,
        message: Message,
    ) -> wasmtime::Result<Result<(), String>> {
        let position = self.position(index)?;
        if topic.is_empty() {
            return Ok(Err("the topic to publish to has no name".to_owned()));
        }
        let message = OutgoingMessage {
            payload: Bytes::from(message.payload),
            key: message.key.map(Into::into),
            properties: message.properties,
            event_time: message.event_time,
            ..OutgoingMessage::default()
        };
        self.spend(message.weight() + topic.len())?;
        let topic = self.topic(&topic);
        self.effects.publish(position, topic, message);
        Ok(Ok(()))
    }
}
