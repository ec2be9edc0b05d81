//! The output: topic, schema, producer.

use function_mesh_proto::function::{CompressionType, ProducerSpec, SinkSpec};

use super::{BYTES, consumer, non_empty};
use crate::crd::io::{self, ConsumerConfig, OutputSpec, ProducerConfig};

pub(super) fn output(output: Option<&OutputSpec>, forward_properties: bool) -> SinkSpec {
    let none = OutputSpec::default();
    let output = output.unwrap_or(&none);
    let topic = output.topic.clone().unwrap_or_default();
    // The original keeps schema properties of the output in a consumer's configuration, as JSON.
    let custom = output.custom_schema_sinks.as_ref().and_then(|sinks| sinks.get(&topic));
    let custom: ConsumerConfig =
        custom.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    SinkSpec {
        topic,
        ser_de_class_name: output.sink_serde_class_name.clone().unwrap_or_default(),
        type_class_name: non_empty(output.type_class_name.as_deref()).unwrap_or(BYTES).to_owned(),
        schema_type: output.sink_schema_type.clone().unwrap_or_default(),
        forward_source_message_property: forward_properties,
        schema_properties: custom.schema_properties.unwrap_or_default(),
        consumer_properties: custom.consumer_properties.unwrap_or_default(),
        producer_spec: output.producer_conf.as_ref().map(producer),
        ..SinkSpec::default()
    }
}

fn producer(config: &ProducerConfig) -> ProducerSpec {
    let compression = match config.compression_type {
        Some(io::CompressionType::None) => CompressionType::None,
        Some(io::CompressionType::Zlib) => CompressionType::Zlib,
        Some(io::CompressionType::Zstd) => CompressionType::Zstd,
        Some(io::CompressionType::Snappy) => CompressionType::Snappy,
        Some(io::CompressionType::Lz4) | None => CompressionType::Lz4,
    };
    ProducerSpec {
        max_pending_messages: config.max_pending_messages.unwrap_or(0),
        max_pending_messages_across_partitions: config
            .max_pending_messages_across_partitions
            .unwrap_or(0),
        use_thread_local_producers: config.use_thread_local_producers == Some(true),
        crypto_spec: config.crypto_config.as_ref().map(consumer::crypto),
        batch_builder: config.batch_builder.clone().unwrap_or_default(),
        compression_type: compression.into(),
    }
}
