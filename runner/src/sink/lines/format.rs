//! One message as a line.

use std::io;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::{BufMut, BytesMut};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::OutputFormat;
use crate::record::{Key, OutgoingMessage, Properties};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    key_base64: bool,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    properties: &'a Properties,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_time: Option<u64>,
    value: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    value_base64: bool,
}

pub(super) fn append(
    buffer: &mut BytesMut,
    format: OutputFormat,
    topic: &str,
    message: &OutgoingMessage,
) {
    match format {
        OutputFormat::Line => buffer.extend_from_slice(&message.payload),
        OutputFormat::Jsonl => {
            let encoded;
            let (value, value_base64) = match std::str::from_utf8(&message.payload) {
                Ok(text) => (text, false),
                Err(_binary) => {
                    encoded = BASE64_STANDARD.encode(&message.payload);
                    (encoded.as_str(), true)
                }
            };
            let object = Object {
                topic,
                key: message.key.as_ref().map(|Key { text, .. }| text.as_str()),
                key_base64: message.key.as_ref().is_some_and(|Key { base64, .. }| *base64),
                properties: &message.properties,
                event_time: message.event_time,
                value,
                value_base64,
            };
            // Strings and numbers always serialise, and a buffer in memory takes them.
            let written: Result<(), io::Error> =
                serde_json::to_writer(buffer.writer(), &object).map_err(Into::into);
            debug_assert!(written.is_ok());
        }
    }
    buffer.put_u8(b'\n');
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// As an object in the order given. A name that repeats is written as often; most readers then
/// take the last.
fn in_order<S: Serializer>(properties: &Properties, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(properties.len()))?;
    for (name, value) in properties {
        map.serialize_entry(name, value)?;
    }
    map.end()
}
