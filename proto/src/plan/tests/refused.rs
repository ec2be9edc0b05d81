//! What cannot be honoured names field, value and what is accepted.

use super::*;

fn refused(change: impl FnOnce(&mut FunctionDetails), expected: &[(&str, &str, &str)]) {
    let mut details = least();
    change(&mut details);
    let mistakes = FunctionPlan::from_details(&details).expect_err(expected[0].0);
    let found: Vec<_> = mistakes
        .iter()
        .map(|m| (m.field.as_str(), m.value.as_str(), m.accepted.as_str()))
        .collect();
    assert_eq!(found.len(), expected.len(), "{mistakes}");
    for ((field, value, accepted), (field_expected, value_expected, part)) in
        found.iter().zip(expected)
    {
        assert_eq!((field, value), (field_expected, value_expected));
        assert!(accepted.contains(part), "{field}: {accepted}");
    }
}

fn source(details: &mut FunctionDetails) -> &mut SourceSpec {
    details.source.get_or_insert_default()
}

fn sink(details: &mut FunctionDetails) -> &mut SinkSpec {
    let sink = details.sink.get_or_insert_default();
    sink.topic = "out".to_owned();
    sink
}

fn producer(details: &mut FunctionDetails) -> &mut ProducerSpec {
    sink(details).producer_spec.get_or_insert_default()
}

fn input(details: &mut FunctionDetails) -> &mut ConsumerSpec {
    source(details).input_specs.get_mut("in").unwrap()
}

#[test]
fn guarantees_that_cannot_be_kept() {
    let field = "processingGuarantees";
    refused(
        |d| d.processing_guarantees = 2,
        &[(field, "EFFECTIVELY_ONCE", "until sequence ids are carried through")],
    );
    refused(|d| d.processing_guarantees = 9, &[(field, "9", "ATLEAST_ONCE, ATMOST_ONCE")]);
}

#[test]
fn what_is_not_a_component() {
    refused(|d| d.class_name = "C".into(), &[("className", "C", "no classes")]);
    refused(|d| d.runtime = 1, &[("runtime", "PYTHON", "only components")]);
    refused(|d| d.runtime = 3, &[("runtime", "GO", "only components")]);
    refused(|d| d.runtime = 2, &[("runtime", "2", "nothing")]);
    refused(|d| d.component_type = 2, &[("componentType", "SOURCE", "connectors are Java")]);
    refused(|d| d.component_type = 3, &[("componentType", "SINK", "connectors are Java")]);
    refused(|d| d.component_type = 7, &[("componentType", "7", "FUNCTION")]);
    refused(|d| d.builtin = "b".into(), &[("builtin", "b", "name a package")]);
    refused(|d| d.runtime_flags = "-X".into(), &[("runtimeFlags", "-X", "no process")]);
    refused(
        |d| d.custom_runtime_options = "{}".into(),
        &[("customRuntimeOptions", "{}", "the controller's")],
    );
    refused(|d| source(d).class_name = "C".into(), &[("source.className", "C", "connectors")]);
    refused(|d| source(d).builtin = "b".into(), &[("source.builtin", "b", "connectors")]);
    refused(|d| source(d).configs = "{}".into(), &[("source.configs", "{}", "connectors")]);
    refused(|d| sink(d).class_name = "C".into(), &[("sink.className", "C", "connectors")]);
    refused(|d| sink(d).builtin = "b".into(), &[("sink.builtin", "b", "connectors")]);
    refused(|d| sink(d).configs = "{}".into(), &[("sink.configs", "{}", "connectors")]);
    refused(
        |d| source(d).type_class_name = "java.lang.String".into(),
        &[("source.typeClassName", "java.lang.String", "takes and returns bytes")],
    );
    refused(
        |d| sink(d).type_class_name = "java.lang.String".into(),
        &[("sink.typeClassName", "java.lang.String", "takes and returns bytes")],
    );
    refused(
        |d| d.user_config = r#"{"__WINDOWCONFIGS__": {}}"#.into(),
        &[("userConfig[\"__WINDOWCONFIGS__\"]", "{..}", "windows are not implemented")],
    );
}

#[test]
fn names_that_name_nothing() {
    refused(|d| d.tenant.clear(), &[("tenant", "", "letters, digits")]);
    refused(|d| d.namespace = "a/b".into(), &[("namespace", "a/b", "letters, digits")]);
    refused(|d| d.name.clear(), &[("name", "", "without slashes")]);
}

#[test]
fn topics_that_are_none() {
    let topic = "a topic name such as persistent://tenant/namespace/name";
    refused(|d| source(d).input_specs.clear(), &[("source.inputSpecs", "", "at least one")]);
    refused(|d| d.source = None, &[("source.inputSpecs", "", "at least one")]);
    refused(
        |d| {
            source(d).input_specs.insert("a/b".into(), ConsumerSpec::default());
        },
        &[("source.inputSpecs[\"a/b\"]", "a/b", topic)],
    );
    refused(
        |d| {
            source(d).input_specs.insert("".into(), ConsumerSpec::default());
        },
        &[("source.inputSpecs[\"\"]", "", topic)],
    );
    refused(
        |d| {
            let same = "persistent://public/default/in";
            source(d).input_specs.insert(same.into(), ConsumerSpec::default());
        },
        &[(
            "source.inputSpecs[\"persistent://public/default/in\"]",
            "persistent://public/default/in",
            "each input once",
        )],
    );
    refused(
        |d| source(d).topics_pattern = "(".into(),
        &[("source.inputSpecs[\"(\"]", "(", "a pattern such as")],
    );
    refused(|d| sink(d).topic = "a/b".into(), &[("sink.topic", "a/b", topic)]);
    refused(|d| d.log_topic = "a/b".into(), &[("logTopic", "a/b", topic)]);
}

#[test]
fn a_function_does_not_feed_itself() {
    let own = "persistent://public/default/in";
    let accepted = "feed itself";
    refused(|d| sink(d).topic = "in".into(), &[("sink.topic", own, accepted)]);
    refused(|d| d.log_topic = own.into(), &[("logTopic", own, accepted)]);
    refused(
        |d| {
            let dead_letter_topic = "public/default/in".to_owned();
            d.retry_details = Some(RetryDetails { max_message_retries: 1, dead_letter_topic });
        },
        &[("retryDetails.deadLetterTopic", own, accepted)],
    );
    refused(
        |d| {
            source(d).topics_pattern = "persistent://public/default/o.*".into();
            sink(d).topic = "out".into();
        },
        &[("sink.topic", "persistent://public/default/out", accepted)],
    );
}

#[test]
fn dead_letters_that_would_come_back() {
    let with = |inputs: &[(&str, bool)], dead: &str| {
        let mut details = least();
        source(&mut details).input_specs = inputs
            .iter()
            .map(|(text, is_regex_pattern)| {
                let spec =
                    ConsumerSpec { is_regex_pattern: *is_regex_pattern, ..ConsumerSpec::default() };
                ((*text).to_owned(), spec)
            })
            .collect();
        let dead_letter_topic = dead.to_owned();
        details.retry_details = Some(RetryDetails { max_message_retries: 1, dead_letter_topic });
        FunctionPlan::from_details(&details)
    };
    for inputs in [
        &[("persistent://shop/eu/.*", true)] as &[_],
        &[("persistent://shop/eu/o.+", true)],
        &[("shop/eu/a", false), ("persistent://shop/eu/.*-DLQ", true)],
    ] {
        let mistakes = with(inputs, "").unwrap_err().to_string();
        assert!(mistakes.contains("\"retryDetails.deadLetterTopic\" = \"\""), "{mistakes}");
        assert!(mistakes.contains("dead letters would come back"), "{mistakes}");
        assert!(with(inputs, "elsewhere").is_ok());
    }
    assert!(with(&[("persistent://shop/eu/a[0-9]+", true), ("in", false)], "").is_ok());
}

#[test]
fn orders_that_exclude_each_other() {
    refused(
        |d| (d.retain_ordering, d.retain_key_ordering) = (true, true),
        &[("retainKeyOrdering", "true", "beside retainOrdering")],
    );
    refused(
        |d| {
            d.retain_ordering = true;
            source(d).subscription_type = 2;
        },
        &[("retainOrdering", "true", "with KEY_SHARED")],
    );
    refused(
        |d| {
            d.retain_key_ordering = true;
            source(d).subscription_type = 1;
        },
        &[("retainKeyOrdering", "true", "with FAILOVER")],
    );
    refused(|d| source(d).subscription_type = 9, &[("source.subscriptionType", "9", "SHARED")]);
}

#[test]
fn positions_that_nobody_reads() {
    refused(
        |d| d.subscription_position = 1,
        &[("subscriptionPosition", "EARLIEST", "source.subscriptionPosition")],
    );
    refused(
        |d| source(d).subscription_position = 5,
        &[("source.subscriptionPosition", "5", "LATEST or EARLIEST")],
    );
}

#[test]
fn schemas_that_need_javas_classes() {
    for schema in ["AUTO_CONSUME", "KEY_VALUE", "PROTOBUF", "INT32", "org.example.MySchema"] {
        let mut details = least();
        input(&mut details).schema_type = schema.to_owned();
        sink(&mut details).schema_type = schema.to_owned();
        let mistakes = FunctionPlan::from_details(&details).unwrap_err();
        let found: Vec<_> = mistakes.iter().map(|m| (m.field.as_str(), m.value.as_str())).collect();
        assert_eq!(
            found,
            [("sink.schemaType", schema), ("source.inputSpecs[\"in\"].schemaType", schema)]
        );
    }
    refused(
        |d| input(d).serde_class_name = "S".into(),
        &[("source.inputSpecs[\"in\"].serdeClassName", "S", "a component takes and returns")],
    );
    refused(|d| sink(d).ser_de_class_name = "S".into(), &[("sink.serDeClassName", "S", "bytes")]);
    refused(
        |d| {
            source(d).topics_to_ser_de_class_name.insert("in".into(), "S".into());
        },
        &[("source.topicsToSerDeClassName[\"in\"]", "S", "bytes")],
    );
}

#[test]
fn avro_without_its_definition() {
    let field = "sink.schemaProperties[\"schema\"]";
    refused(|d| sink(d).schema_type = "AVRO".into(), &[(field, "", "the record definition")]);
    refused(
        |d| {
            sink(d).schema_type = "AVRO".into();
            sink(d).schema_properties.insert("schema".into(), "{".into());
        },
        &[(field, "{", "an Avro record definition as JSON text")],
    );
    refused(
        |d| {
            sink(d).schema_type = "JSON".into();
            sink(d).schema_properties.insert("schema".into(), "\"string\"".into());
        },
        &[(field, "\"string\"", "an Avro record definition as JSON text")],
    );
    refused(
        |d| {
            sink(d).schema_type = "STRING".into();
            sink(d).schema_properties.insert("schema".into(), r#"{"type":"record"}"#.into());
        },
        &[(field, "..", "nothing unless schemaType is JSON or AVRO")],
    );
    refused(
        |d| {
            sink(d).schema_properties.insert("__alwaysAllowNull".into(), "true".into());
        },
        &[("sink.schemaProperties[\"__alwaysAllowNull\"]", "true", "the key schema only")],
    );
}

#[test]
fn options_of_producers_that_cannot_be_kept() {
    refused(
        |d| producer(d).compression_type = 4,
        &[("sink.producerSpec.compressionType", "SNAPPY", "Java clients cannot read")],
    );
    refused(
        |d| producer(d).compression_type = 8,
        &[("sink.producerSpec.compressionType", "8", "LZ4, ZSTD, ZLIB or NONE")],
    );
    refused(
        |d| producer(d).batch_builder = "CUSTOM".into(),
        &[("sink.producerSpec.batchBuilder", "CUSTOM", "DEFAULT or KEY_BASED")],
    );
    refused(
        |d| {
            producer(d).max_pending_messages = -1;
            producer(d).max_pending_messages_across_partitions = -2;
        },
        &[
            ("sink.producerSpec.maxPendingMessages", "-1", "a number of messages"),
            ("sink.producerSpec.maxPendingMessagesAcrossPartitions", "-2", "a number of messages"),
        ],
    );
    refused(
        |d| {
            producer(d).crypto_spec = Some(CryptoSpec {
                producer_encryption_key_name: vec!["k".into()],
                ..CryptoSpec::default()
            });
        },
        &[("sink.producerSpec.cryptoSpec", "{..}", "encryption is not implemented")],
    );
    refused(
        |d| {
            sink(d).consumer_properties.insert("a".into(), "b".into());
        },
        &[("sink.consumerProperties[\"a\"]", "b", "an output is not consumed")],
    );
}

#[test]
fn options_of_consumers_that_cannot_be_kept() {
    let properties = "source.inputSpecs[\"in\"].consumerProperties";
    refused(
        |d| {
            let properties = &mut input(d).consumer_properties;
            properties.insert("ackTimeoutMillis".into(), "5".into());
            properties.insert("readCompacted".into(), "true".into());
            properties.insert("receiverQueueSize".into(), "many".into());
            properties.insert("properties".into(), "[]".into());
        },
        &[
            (&format!("{properties}[\"ackTimeoutMillis\"]"), "5", "source.timeoutMs says it"),
            (&format!("{properties}[\"properties\"]"), "..", "a JSON object as text"),
            (&format!("{properties}[\"readCompacted\"]"), "true", "all that are honoured"),
            (&format!("{properties}[\"receiverQueueSize\"]"), "many", "1 or more messages"),
        ],
    );
    refused(
        |d| input(d).receiver_queue_size = Some(ReceiverQueueSize { value: 0 }),
        &[("source.inputSpecs[\"in\"].receiverQueueSize", "0", "1 or more messages")],
    );
    refused(
        |d| {
            let class = "K".to_owned();
            let spec = CryptoSpec { crypto_key_reader_class_name: class, ..CryptoSpec::default() };
            input(d).crypto_spec = Some(spec);
        },
        &[("source.inputSpecs[\"in\"].cryptoSpec", "{..}", "encryption is not implemented")],
    );
}

#[test]
fn documents_in_texts_that_are_none() {
    refused(
        |d| (d.user_config, d.secrets_map) = ("[1]".into(), "{\"password\": hunter2}".into()),
        &[("secretsMap", "..", "line 1, column 14"), ("userConfig", "..", "a JSON object as text")],
    );
}

#[test]
fn quantities_out_of_range() {
    refused(|d| d.parallelism = 0, &[("parallelism", "0", "1 or more")]);
    refused(|d| d.parallelism = -1, &[("parallelism", "-1", "1 or more")]);
    refused(
        |d| d.resources = Some(Resources { cpu: f64::NAN, ram: -1, disk: -2 }),
        &[
            ("resources.cpu", "NaN", "cores"),
            ("resources.disk", "-2", "bytes"),
            ("resources.ram", "-1", "bytes"),
        ],
    );
    refused(
        |d| {
            let dead_letter_topic = String::new();
            d.retry_details = Some(RetryDetails { max_message_retries: -1, dead_letter_topic });
        },
        &[("retryDetails.maxMessageRetries", "-1", "0 or more")],
    );
}
