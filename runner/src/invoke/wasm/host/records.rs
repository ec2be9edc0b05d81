//! The records of the guest call under way: what a function asks about them, and settling by hand.

use function_mesh_proto::plan::Guarantee;

use super::{
    Host,
    bindings::imports::records::{self, MessageId, MessageKey},
};
use crate::{invoke::ManualSettlement, record};

impl records::Host for Host {
    fn topic(&mut self, index: u32) -> wasmtime::Result<String> {
        Ok(self.record(index)?.1.topic.to_string())
    }

    fn id(&mut self, index: u32) -> wasmtime::Result<MessageId> {
        Ok(self.record(index)?.1.id.into())
    }

    fn key(&mut self, index: u32) -> wasmtime::Result<Option<MessageKey>> {
        Ok(self.record(index)?.1.key.clone().map(MessageKey::from))
    }

    fn properties(&mut self, index: u32) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.record(index)?.1.properties.clone())
    }

    fn event_time(&mut self, index: u32) -> wasmtime::Result<Option<u64>> {
        Ok(self.record(index)?.1.event_time)
    }

    fn publish_time(&mut self, index: u32) -> wasmtime::Result<u64> {
        Ok(self.record(index)?.1.publish_time)
    }

    fn schema_version(&mut self, index: u32) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.record(index)?.1.schema_version.as_ref().map(|version| version.to_vec()))
    }

    fn redelivery_count(&mut self, index: u32) -> wasmtime::Result<u32> {
        Ok(self.record(index)?.1.redelivery_count)
    }

    fn acknowledge(
        &mut self,
        topic: String,
        id: MessageId,
    ) -> wasmtime::Result<Result<(), String>> {
        self.settle(&topic, id.into(), true)
    }

    fn negative_acknowledge(
        &mut self,
        topic: String,
        id: MessageId,
    ) -> wasmtime::Result<Result<(), String>> {
        self.settle(&topic, id.into(), false)
    }

    fn discard(&mut self, index: u32) -> wasmtime::Result<()> {
        let position = self.position(index)?;
        self.effects.discard(position);
        Ok(())
    }
}

impl Host {
    fn settle(
        &mut self,
        topic: &str,
        id: record::MessageId,
        acknowledged: bool,
    ) -> wasmtime::Result<Result<(), String>> {
        if self.context.guarantee != Guarantee::Manual {
            let guarantee = match self.context.guarantee {
                Guarantee::AtMostOnce => "ATMOST_ONCE",
                Guarantee::AtLeastOnce => "ATLEAST_ONCE",
                Guarantee::Manual => "MANUAL",
            };
            return Ok(Err(format!(
                "this function runs with {guarantee}: the runner settles its messages; only with \
                 processingGuarantees MANUAL may a function do so"
            )));
        }
        self.spend(topic.len() + size_of::<ManualSettlement>())?;
        let window = self.window.clone();
        let own = self
            .records
            .get(window.clone())
            .unwrap_or_default()
            .iter()
            .position(|record| record.id == id && &*record.topic == topic);
        let topic = self.topic(topic);
        self.effects.settle(
            own.map(|offset| window.start + offset),
            ManualSettlement { topic, id, acknowledged },
        );
        Ok(Ok(()))
    }
}

impl From<record::MessageId> for MessageId {
    fn from(id: record::MessageId) -> Self {
        Self {
            ledger: id.ledger,
            entry: id.entry,
            partition: id.partition,
            batch_index: id.batch_index,
            batch_size: id.batch_size,
        }
    }
}

impl From<MessageId> for record::MessageId {
    fn from(id: MessageId) -> Self {
        Self {
            ledger: id.ledger,
            entry: id.entry,
            partition: id.partition,
            batch_index: id.batch_index,
            batch_size: id.batch_size,
        }
    }
}

impl From<record::Key> for MessageKey {
    fn from(key: record::Key) -> Self {
        Self { text: key.text, base64: key.base64 }
    }
}

impl From<MessageKey> for record::Key {
    fn from(key: MessageKey) -> Self {
        Self { text: key.text, base64: key.base64 }
    }
}
