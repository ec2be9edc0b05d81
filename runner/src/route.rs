//! From a record and its result to the message for the output topic. Pure.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use function_mesh_proto::plan::FunctionPlan;

use crate::record::{MessageId, OutgoingMessage, Record};

/// Properties that Pulsar's functions add to every output.
pub const INPUT_TOPIC: &str = "__pfn_input_topic__";
/// Standard Base64 of the input's `MessageIdData`.
pub const INPUT_MESSAGE_ID: &str = "__pfn_input_msg_id__";

#[derive(Clone, Debug)]
pub struct Router {
    output: Option<Arc<str>>,
    forward_properties: bool,
}

impl Router {
    pub fn new(plan: &FunctionPlan) -> Self {
        Self {
            output: plan.output.as_ref().map(|output| output.topic.as_str().into()),
            forward_properties: plan
                .output
                .as_ref()
                .is_some_and(|output| output.forward_properties),
        }
    }

    /// The message for a result, or none for a function without an output topic.
    pub fn route(&self, record: &Record, result: Bytes) -> Option<(&Arc<str>, OutgoingMessage)> {
        let output = self.output.as_ref()?;
        let mut properties = Vec::with_capacity(record.properties.len() + 2);
        if self.forward_properties {
            let own = [INPUT_TOPIC, INPUT_MESSAGE_ID];
            properties.extend(
                record.properties.iter().filter(|(name, _)| !own.contains(&&**name)).cloned(),
            );
        }
        properties.push((INPUT_TOPIC.to_owned(), record.topic.to_string()));
        properties
            .push((INPUT_MESSAGE_ID.to_owned(), STANDARD.encode(encode(record.id).as_slice())));
        let message = OutgoingMessage {
            payload: result,
            key: record.key.clone(),
            ordering_key: record.ordering_key.clone(),
            properties,
            event_time: None,
            sequence_id: None,
        };
        Some((output, message))
    }
}

/// A message id in the wire form of `MessageIdData` (PulsarApi.proto): varints, on the stack,
/// since every output carries one.
fn encode(id: MessageId) -> Encoded {
    let mut encoded = Encoded { bytes: [0; CAPACITY], len: 0 };
    encoded.field(1, id.ledger);
    encoded.field(2, id.entry);
    for (number, value) in [(3, id.partition), (4, id.batch_index)] {
        // -1, the fields' default, is left out.
        if let Ok(value) = u64::try_from(value) {
            encoded.field(number, value);
        }
    }
    if let Ok(size @ 1..) = u64::try_from(id.batch_size) {
        encoded.field(6, size);
    }
    encoded
}

/// Five fields of one tag byte and a varint of at most ten.
const CAPACITY: usize = 5 * 11;

struct Encoded {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Encoded {
    fn field(&mut self, number: u8, mut value: u64) {
        self.push(number << 3);
        while value >= 0x80 {
            self.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
