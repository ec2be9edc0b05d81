//! What a function's outputs look like to a consumer.

use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use function_mesh_tests::cluster::Position;
use serde_json::json;

use crate::stage::{Stage, stop};

const TOPIC: &str = "__pfn_input_topic__";
const ID: &str = "__pfn_input_msg_id__";

/// Reads `MessageIdData` (ledgerId, entryId, partition, batch_index) with protobuf's own rules.
fn decode(encoded: &str) -> Result<[u64; 4]> {
    let bytes = BASE64_STANDARD.decode(encoded).context("not standard Base64")?;
    let mut bytes = bytes.as_slice();
    let mut fields = [0; 4];
    while !bytes.is_empty() {
        let tag = prost::encoding::decode_varint(&mut bytes)?;
        anyhow::ensure!(tag & 7 == 0, "field {} is no varint", tag >> 3);
        let value = prost::encoding::decode_varint(&mut bytes)?;
        if let Some(field) = fields.get_mut(usize::try_from(tag >> 3)? - 1) {
            *field = value;
        }
    }
    Ok(fields)
}

#[test]
fn an_output_names_the_input_it_was_made_from() -> Result<()> {
    let stage = Stage::set("origin")?;
    stage.topics.send_together(&stage.input, &["echo a", "echo b"])?;
    let running = stage.probe()?.start()?;
    let outputs = stage.topics.read(&stage.output, 2)?;
    let inputs = stage.topics.read(&stage.input, 2)?;
    for (output, input) in outputs.iter().zip(&inputs) {
        assert_eq!(output.properties.get(TOPIC), Some(&stage.input));
        let Position { ledger, entry, batch_index, .. } = input.id;
        let [got_ledger, got_entry, _, got_index] =
            decode(output.properties.get(ID).context("no input id")?)?;
        assert_eq!((got_ledger, got_entry), (ledger, entry));
        assert_eq!(got_index, u64::try_from(batch_index)?);
    }
    stop(running)
}

#[test]
fn properties_and_key_are_forwarded() -> Result<()> {
    let stage = Stage::set("forward")?;
    let message = json!({
        "payload": "echo x", "key": "k", "eventTime": 9, "properties": { "colour": "blue" },
    });
    stage.topics.send_message(&stage.input, message.clone())?;
    let running = stage.probe()?.start()?;
    let output = stage.topics.read(&stage.output, 1)?.remove(0);
    assert_eq!(output.key.as_deref(), Some("k"));
    assert_eq!(output.properties.get("colour").map(String::as_str), Some("blue"));
    // As in Pulsar, the event time stays with the input.
    assert_eq!(output.event_time, 0);
    stop(running)?;

    let running = stage.probe()?.flag("--forward-source-message-property", "false").start()?;
    stage.topics.send_message(&stage.input, message)?;
    let output = stage.topics.read(&stage.output, 2)?.remove(1);
    assert_eq!(output.key.as_deref(), Some("k"));
    assert_eq!(output.properties.get("colour"), None);
    assert!(output.properties.contains_key(TOPIC), "{output:?}");
    stop(running)
}

#[test]
fn the_context_publishes_anywhere_with_all_a_message_can_have() -> Result<()> {
    let stage = Stage::set("publish")?;
    let side = stage.topics.create("side")?;
    stage.send(&[&format!("publish {side} aside")])?;
    let running = stage.probe()?.start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["aside"]);
    let published = stage.topics.read(&side, 1)?.remove(0);
    assert_eq!(published.payload, "aside");
    assert_eq!(published.key.as_deref(), Some("side"));
    assert_eq!(published.properties.get("from").map(String::as_str), Some("probe"));
    assert_eq!(published.event_time, 1_000);
    stop(running)
}

#[test]
fn a_failed_message_leaves_nothing_behind() -> Result<()> {
    let stage = Stage::set("undo")?;
    stage.send(&["incr-and-fail n", "incr n"])?;
    let running = stage.probe()?.flag("--max-message-retries", "0").start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["1"]);
    stop(running)
}

#[test]
fn compression_is_lz4_unless_told_otherwise() -> Result<()> {
    for (config, codec) in
        [(None, "LZ4"), (Some("NONE"), "NONE"), (Some("ZSTD"), "ZSTD"), (Some("ZLIB"), "ZLIB")]
    {
        let stage = Stage::set("compression")?;
        // Long and dull, so that every codec makes it shorter.
        let text = "dull ".repeat(200);
        stage.send(&[&format!("echo {text}")])?;
        let mut probe = stage.probe()?;
        if let Some(codec) = config {
            probe =
                probe.flag("--producer-config", json!({ "compressionType": codec }).to_string());
        }
        let running = probe.start()?;
        let output = stage.topics.read(&stage.output, 1).with_context(|| running.log())?.remove(0);
        assert_eq!(output.payload, text);
        assert_eq!(output.compression, codec);
        stop(running)?;
    }
    Ok(())
}

fn registered(flags: &[(&str, &str)]) -> Result<serde_json::Value> {
    let stage = Stage::set("schema")?;
    let mut probe = stage.probe()?;
    for (name, value) in flags {
        probe = probe.flag(name, value.replace("OUTPUT", &stage.output));
    }
    stage.send(&["echo {}"])?;
    let running = probe.start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["{}"]);
    let schema = stage.topics.schema(&stage.output)?;
    stop(running)?;
    Ok(schema)
}

#[test]
fn the_outputs_schema_is_registered() -> Result<()> {
    assert_eq!(registered(&[])?, serde_json::Value::Null);
    assert_eq!(registered(&[("--schema-type", "STRING")])?["type"], "STRING");
    let record = json!({
        "type": "record", "name": "Order",
        "fields": [{ "name": "amount", "type": "int" }],
    });
    for kind in ["JSON", "AVRO"] {
        let output =
            json!({ "schemaType": kind, "schemaProperties": { "schema": record.to_string() } });
        let outputs = json!({ "OUTPUT": output.to_string() }).to_string();
        let flags = [("--schema-type", kind), ("--custom-schema-outputs", &outputs)];
        let schema = registered(&flags)?;
        assert_eq!(schema["type"], kind);
        let definition = schema["definition"].as_str().unwrap_or_default();
        assert_eq!(serde_json::from_str::<serde_json::Value>(definition)?, record);
    }
    Ok(())
}

#[test]
fn an_unknown_schema_type_is_refused() -> Result<()> {
    let stage = Stage::set("no-schema")?;
    let refused = stage.probe()?.flag("--schema-type", "COBOL").run("")?;
    assert_eq!(refused.status.code(), Some(64));
    let said = String::from_utf8(refused.stderr)?;
    assert!(said.contains("COBOL") && said.contains("STRING"), "{said}");
    Ok(())
}

#[test]
fn the_functions_log_goes_to_the_log_topic() -> Result<()> {
    let stage = Stage::set("log-topic")?;
    let logs = stage.topics.create("logs")?;
    stage.send(&["log warn something odd"])?;
    let running = stage.probe()?.flag("--log-topic", &logs).start()?;
    let line = stage.topics.read(&logs, 1).with_context(|| running.log())?.remove(0);
    assert!(line.payload.contains("something odd"), "{line:?}");
    let property = |name: &str| line.properties.get(name).map(String::as_str);
    assert_eq!(property("loglevel").map(str::to_ascii_uppercase).as_deref(), Some("WARN"));
    assert_eq!(property("instance"), Some("0"));
    assert_eq!(property("fqn"), Some("public/default/probe"));
    stop(running)
}
