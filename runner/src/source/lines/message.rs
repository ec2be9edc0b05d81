//! One line as a message.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use super::InputFormat;
use crate::record::{Key, Properties, Record};

/// A message, and the topic it names.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) record: Record,
    pub(super) topic: Option<String>,
}

/// Why a line is not a message.
#[derive(Debug, thiserror::Error)]
pub(super) enum Bad {
    #[error("longer than {limit} bytes, the most a message may have")]
    TooLong { limit: usize },
    #[error(
        "not a message ({0}); expected a JSON object such as {{\"value\": \"text\", \"key\": \"k\"}}"
    )]
    Json(String),
    #[error("no \"value\"; expected a string, or any JSON to be passed on as text")]
    NoValue,
    #[error("both \"value\" and \"payload\" are given; they are two names for one thing")]
    TwoValues,
    #[error("\"{field}\" is not base64 ({cause}), though \"{field}Base64\" is true")]
    Base64 { field: &'static str, cause: base64::DecodeError },
    #[error("\"{0}Base64\" is true, but \"{0}\" is not a string")]
    Base64NotString(&'static str),
    #[error("no \"topic\"; it is needed because the inputs are patterns")]
    NoTopic,
    #[error("topic `{topic}` is not an input; the inputs are {inputs}")]
    OtherTopic { topic: String, inputs: String },
}

/// The object of a `jsonl` line.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Object<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(default)]
    value_base64: bool,
    key: Option<String>,
    #[serde(default)]
    key_base64: bool,
    #[serde(default, deserialize_with = "properties")]
    properties: Properties,
    topic: Option<String>,
    #[serde(default, deserialize_with = "milliseconds")]
    event_time: Option<u64>,
}

/// `None` for white space between JSON objects.
pub(super) fn parse(line: Bytes, format: InputFormat) -> Result<Option<Line>, Bad> {
    if format == InputFormat::Line {
        let record = Record { payload: line, ..Record::default() };
        return Ok(Some(Line { record, topic: None }));
    }
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    // An array of the fields' values would be read as well, for want of names.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err(Bad::Json("not an object".to_owned()));
    }
    let object: Object<'_> =
        serde_json::from_slice(&line).map_err(|error| Bad::Json(said(&error)))?;
    let value = match (object.value, object.payload) {
        (Some(_), Some(_)) => return Err(Bad::TwoValues),
        (Some(value), None) | (None, Some(value)) => value,
        (None, None) => return Err(Bad::NoValue),
    };
    let key = object.key.map(|text| Key { text, base64: object.key_base64 });
    if let Some(Key { text, base64: true }) = &key {
        BASE64_STANDARD.decode(text).map_err(|cause| Bad::Base64 { field: "key", cause })?;
    }
    let record = Record {
        payload: payload(value, object.value_base64)?,
        key,
        properties: object.properties,
        event_time: object.event_time,
        ..Record::default()
    };
    Ok(Some(Line { record, topic: object.topic }))
}

/// A string's text, or other JSON as compact text, exactly as written but for white space.
fn payload(value: &RawValue, base64: bool) -> Result<Bytes, Bad> {
    let text = value.get();
    if !text.starts_with('"') {
        if base64 {
            return Err(Bad::Base64NotString("value"));
        }
        return Ok(compact(text).into());
    }
    let text: String = serde_json::from_str(text).map_err(|error| Bad::Json(said(&error)))?;
    if !base64 {
        return Ok(text.into());
    }
    let bytes =
        BASE64_STANDARD.decode(text).map_err(|cause| Bad::Base64 { field: "value", cause })?;
    Ok(bytes.into())
}

/// Valid JSON without the white space between its tokens. Numbers and the order of keys stay as
/// they are, which parsing and printing would not keep.
fn compact(json: &str) -> String {
    let mut in_string = false;
    let mut escaped = false;
    json.chars()
        .filter(|&c| {
            if in_string {
                in_string = escaped || c != '"';
                escaped = !escaped && c == '\\';
                return true;
            }
            in_string = c == '"';
            !c.is_ascii_whitespace()
        })
        .collect()
}

/// The parser's words, without its line number: the input has line numbers of its own.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} at column {}", error.column()),
        None => text,
    }
}

fn properties<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Properties, D::Error> {
    struct InOrder;

    impl<'de> Visitor<'de> for InOrder {
        type Value = Properties;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of strings")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
            let mut properties = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, Value>()? {
                let Value::String(value) = value else {
                    return Err(A::Error::custom(format!("property `{name}` is not a string")));
                };
                properties.push((name, value));
            }
            Ok(properties)
        }
    }

    deserializer.deserialize_map(InOrder)
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value.as_u64() {
        Some(milliseconds) => Ok(Some(milliseconds)),
        None => Err(D::Error::custom(format!(
            "`eventTime` is {value}, not milliseconds since 1970 as a whole number"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn message(line: &str) -> (Record, Option<String>) {
        let line = Bytes::copy_from_slice(line.as_bytes());
        let Line { record, topic } = parse(line, InputFormat::Jsonl).unwrap().expect("a message");
        (record, topic)
    }

    fn refused(line: &str, why: Expect) {
        let bad = parse(Bytes::copy_from_slice(line.as_bytes()), InputFormat::Jsonl).unwrap_err();
        why.assert_eq(&bad.to_string());
    }

    #[test]
    fn a_plain_line_is_the_payload_whatever_it_holds() {
        let line = parse(Bytes::from_static(b" {\"value\": 1} \xff"), InputFormat::Line).unwrap();
        let Line { record, topic } = line.expect("a message");
        assert_eq!(&record.payload[..], b" {\"value\": 1} \xff");
        assert_eq!(topic, None);
    }

    #[test]
    fn every_field_of_an_object_is_used() {
        let (record, topic) = message(
            r#"{"value":"v\n1","key":"k","properties":{"b":"2","a":"1","b":"3"},"topic":"t","eventTime":1700000000000}"#,
        );
        assert_eq!(&record.payload[..], b"v\n1");
        assert_eq!(record.key, Some(Key::from("k")));
        let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(record.properties, [property("b", "2"), property("a", "1"), property("b", "3")]);
        assert_eq!(record.event_time, Some(1_700_000_000_000));
        assert_eq!(topic.as_deref(), Some("t"));
    }

    #[test]
    fn json_values_are_passed_on_compact_and_otherwise_as_written() {
        let payload = |line| String::from_utf8(message(line).0.payload.to_vec()).unwrap();
        assert_eq!(
            payload(r#"{"payload": { "z": [1, 2.50, 1e400], "a": "x \" y\\" , "b" : null } }"#),
            r#"{"z":[1,2.50,1e400],"a":"x \" y\\","b":null}"#
        );
        assert_eq!(payload(r#"{"value": 12345678901234567890123}"#), "12345678901234567890123");
        assert_eq!(payload(r#"{"value": false}"#), "false");
    }

    #[test]
    fn binary_values_and_keys_come_as_base64() {
        let (record, _) =
            message(r#"{"value":"/wA=","valueBase64":true,"key":"AAE=","keyBase64":true}"#);
        assert_eq!(&record.payload[..], b"\xff\0");
        assert_eq!(record.key, Some(Key { text: "AAE=".to_owned(), base64: true }));
    }

    #[test]
    fn what_is_wrong_is_said() {
        refused(
            "hello",
            expect![[
                r#"not a message (not an object); expected a JSON object such as {"value": "text", "key": "k"}"#
            ]],
        );
        refused(
            r#"{"value": }"#,
            expect![[
                r#"not a message (expected value at column 11); expected a JSON object such as {"value": "text", "key": "k"}"#
            ]],
        );
        refused(
            r#"{"key": "k"}"#,
            expect![[r#"no "value"; expected a string, or any JSON to be passed on as text"#]],
        );
        refused(
            r#"{"value": 1, "payload": 2}"#,
            expect![[r#"both "value" and "payload" are given; they are two names for one thing"#]],
        );
        refused(
            r#"{"value": 1, "headers": {}}"#,
            expect![[
                r#"not a message (unknown field `headers`, expected one of `value`, `payload`, `valueBase64`, `key`, `keyBase64`, `properties`, `topic`, `eventTime` at column 22); expected a JSON object such as {"value": "text", "key": "k"}"#
            ]],
        );
        refused(
            r#"{"value": 1, "properties": {"a": 1}}"#,
            expect![[
                r#"not a message (property `a` is not a string at column 35); expected a JSON object such as {"value": "text", "key": "k"}"#
            ]],
        );
        refused(
            r#"{"value": 1, "eventTime": -1}"#,
            expect![[
                r#"not a message (`eventTime` is -1, not milliseconds since 1970 as a whole number at column 29); expected a JSON object such as {"value": "text", "key": "k"}"#
            ]],
        );
        refused(
            r#"{"value": "*", "valueBase64": true}"#,
            expect![[
                r#""value" is not base64 (Invalid symbol 42, offset 0.), though "valueBase64" is true"#
            ]],
        );
        refused(
            r#"{"value": 1, "valueBase64": true}"#,
            expect![[r#""valueBase64" is true, but "value" is not a string"#]],
        );
        refused(
            r#"["a"]"#,
            expect![[
                r#"not a message (not an object); expected a JSON object such as {"value": "text", "key": "k"}"#
            ]],
        );
    }
}
