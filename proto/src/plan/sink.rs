//! What a plan makes of `SinkSpec`: the output, if there is one.

use super::{
    Compression, OutputPlan,
    refusals::Refusals,
    schema::{self, SchemaFields},
};
use crate::function::{CompressionType, ProducerSpec, SinkSpec};

/// `None` for a function without an output topic.
pub(super) fn output(sink: &SinkSpec, refusals: &mut Refusals) -> Option<OutputPlan> {
    let SinkSpec {
        class_name,
        configs,
        topic,
        ser_de_class_name,
        type_class_name,
        builtin,
        schema_type,
        forward_source_message_property,
        schema_properties,
        consumer_properties,
        producer_spec,
    } = sink;

    let connector = "nothing: sink connectors are Java classes, which do not run as yet";
    refusals.unless_empty("sink.className", class_name, connector);
    refusals.unless_empty("sink.builtin", builtin, connector);
    refusals.unless_empty("sink.configs", configs, connector);
    schema::only_bytes("sink.typeClassName", type_class_name, refusals);
    refusals.unless_empty("sink.serDeClassName", ser_de_class_name, schema::NO_SERDE);
    for (option, value) in consumer_properties {
        let field = format!("sink.consumerProperties[\"{option}\"]");
        refusals.add(field, value, "nothing: an output is not consumed");
    }
    let fields = SchemaFields {
        kind: ("sink.schemaType", schema_type),
        properties: ("sink.schemaProperties", schema_properties),
    };
    let schema = schema::plan(&fields, refusals);
    let producer = producer(&producer_spec.clone().unwrap_or_default(), refusals);

    let topic = refusals.topic("sink.topic", topic)?;
    Some(OutputPlan {
        topic,
        schema,
        compression: producer.compression,
        batch_by_key: producer.batch_by_key,
        max_pending_messages: producer.max_pending_messages,
        max_pending_messages_across_partitions: producer.max_pending_messages_across_partitions,
        forward_properties: *forward_source_message_property,
    })
}

struct Producer {
    compression: Compression,
    batch_by_key: bool,
    max_pending_messages: Option<u32>,
    max_pending_messages_across_partitions: Option<u32>,
}

fn producer(spec: &ProducerSpec, refusals: &mut Refusals) -> Producer {
    let ProducerSpec {
        max_pending_messages,
        max_pending_messages_across_partitions,
        // Asks Java for a producer to each thread. An instance publishes from one task, which has
        // a producer of its own, so either value is honoured.
        use_thread_local_producers: _,
        crypto_spec,
        batch_builder,
        compression_type,
    } = spec;
    schema::no_encryption("sink.producerSpec.cryptoSpec", crypto_spec.as_ref(), refusals);
    let batch_by_key = match batch_builder.as_str() {
        "" | "DEFAULT" => false,
        "KEY_BASED" => true,
        other => {
            refusals.add("sink.producerSpec.batchBuilder", other, "DEFAULT or KEY_BASED");
            false
        }
    };
    let mut pending = |field: &str, messages: i32| match u32::try_from(messages) {
        Ok(0) => None,
        Ok(messages) => Some(messages),
        Err(_) => {
            let field = format!("sink.producerSpec.{field}");
            refusals.add(field, messages, "a number of messages, or 0 for the default");
            None
        }
    };
    Producer {
        max_pending_messages: pending("maxPendingMessages", *max_pending_messages),
        max_pending_messages_across_partitions: pending(
            "maxPendingMessagesAcrossPartitions",
            *max_pending_messages_across_partitions,
        ),
        batch_by_key,
        compression: compression(*compression_type, refusals),
    }
}

fn compression(value: i32, refusals: &mut Refusals) -> Compression {
    let field = "sink.producerSpec.compressionType";
    match CompressionType::try_from(value) {
        Ok(CompressionType::Lz4) => return Compression::Lz4,
        Ok(CompressionType::None) => return Compression::None,
        Ok(CompressionType::Zlib) => return Compression::Zlib,
        Ok(CompressionType::Zstd) => return Compression::Zstd,
        Ok(refused @ CompressionType::Snappy) => {
            let accepted = "LZ4, ZSTD, ZLIB or NONE: what would be written as SNAPPY is framed in \
                            a way that Java clients cannot read";
            refusals.add(field, refused.as_str_name(), accepted);
        }
        Err(_) => refusals.add(field, value, "LZ4, ZSTD, ZLIB or NONE"),
    }
    Compression::Lz4
}
