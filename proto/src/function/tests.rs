use prost::Message;

use super::{
    consumer_spec::ReceiverQueueSize,
    crypto_spec::FailureAction,
    function_details::{ComponentType, Runtime},
    *,
};
use crate::{
    document::Document,
    wire_bytes::{bytes, double, entry, number},
};

/// Every field with a value of its own.
fn whole() -> FunctionDetails {
    let crypto = CryptoSpec {
        crypto_key_reader_class_name: "reader".into(),
        crypto_key_reader_config: "{}".into(),
        producer_encryption_key_name: vec!["k1".into(), "k2".into()],
        producer_crypto_failure_action: FailureAction::Send.into(),
        consumer_crypto_failure_action: FailureAction::Consume.into(),
    };
    let consumer = ConsumerSpec {
        schema_type: "AVRO".into(),
        serde_class_name: "serde".into(),
        is_regex_pattern: true,
        receiver_queue_size: Some(ReceiverQueueSize { value: 0 }),
        schema_properties: [("a".to_owned(), "b".to_owned())].into(),
        consumer_properties: [("c".to_owned(), "d".to_owned())].into(),
        crypto_spec: Some(crypto.clone()),
        pool_messages: true,
    };
    FunctionDetails {
        tenant: "t".into(),
        namespace: "n".into(),
        name: "f".into(),
        class_name: "C".into(),
        log_topic: "log".into(),
        processing_guarantees: ProcessingGuarantees::Manual.into(),
        user_config: "{\"a\":1}".into(),
        runtime: Runtime::Go.into(),
        auto_ack: true,
        parallelism: 7,
        source: Some(SourceSpec {
            class_name: "S".into(),
            configs: "{}".into(),
            subscription_type: SubscriptionType::KeyShared.into(),
            topics_to_ser_de_class_name: [("x".to_owned(), "y".to_owned())].into(),
            type_class_name: "[B".into(),
            timeout_ms: u64::MAX,
            topics_pattern: "p.*".into(),
            builtin: "kafka".into(),
            subscription_name: "sub".into(),
            input_specs: [("in".to_owned(), consumer)].into(),
            cleanup_subscription: true,
            subscription_position: SubscriptionPosition::Earliest.into(),
            negative_ack_redelivery_delay_ms: 300,
            skip_to_latest: true,
        }),
        sink: Some(SinkSpec {
            class_name: "K".into(),
            configs: "{}".into(),
            topic: "out".into(),
            ser_de_class_name: "serde".into(),
            type_class_name: "T".into(),
            builtin: "jdbc".into(),
            schema_type: "JSON".into(),
            forward_source_message_property: true,
            schema_properties: [("e".to_owned(), "f".to_owned())].into(),
            consumer_properties: [("g".to_owned(), "h".to_owned())].into(),
            producer_spec: Some(ProducerSpec {
                max_pending_messages: 10,
                max_pending_messages_across_partitions: 20,
                use_thread_local_producers: true,
                crypto_spec: Some(crypto),
                batch_builder: "KEY_BASED".into(),
                compression_type: CompressionType::Snappy.into(),
            }),
        }),
        resources: Some(Resources { cpu: 0.5, ram: 1 << 40, disk: 9 }),
        package_url: "url".into(),
        retry_details: Some(RetryDetails { max_message_retries: 3, dead_letter_topic: "d".into() }),
        secrets_map: "{}".into(),
        runtime_flags: "-X".into(),
        component_type: ComponentType::Sink.into(),
        custom_runtime_options: "o".into(),
        builtin: "b".into(),
        retain_ordering: true,
        retain_key_ordering: true,
        subscription_position: SubscriptionPosition::Earliest.into(),
    }
}

#[test]
fn the_wire_has_pulsars_numbers() {
    let crypto = [
        bytes(1, "reader"),
        bytes(2, "{}"),
        bytes(3, "k1"),
        bytes(3, "k2"),
        number(4, 10),
        number(5, 2),
    ]
    .concat();
    let consumer = [
        bytes(1, "AVRO"),
        bytes(2, "serde"),
        number(3, 1),
        bytes(4, []),
        entry(5, "a", bytes(2, "b")),
        entry(6, "c", bytes(2, "d")),
        bytes(7, &crypto),
        number(8, 1),
    ]
    .concat();
    let source = [
        bytes(1, "S"),
        bytes(2, "{}"),
        number(3, 2),
        entry(4, "x", bytes(2, "y")),
        bytes(5, "[B"),
        number(6, u64::MAX),
        bytes(7, "p.*"),
        bytes(8, "kafka"),
        bytes(9, "sub"),
        entry(10, "in", bytes(2, consumer)),
        number(11, 1),
        number(12, 1),
        number(13, 300),
        number(14, 1),
    ]
    .concat();
    let producer = [
        number(1, 10),
        number(2, 20),
        number(3, 1),
        bytes(4, crypto),
        bytes(5, "KEY_BASED"),
        number(6, 4),
    ]
    .concat();
    let sink = [
        bytes(1, "K"),
        bytes(2, "{}"),
        bytes(3, "out"),
        bytes(4, "serde"),
        bytes(5, "T"),
        bytes(6, "jdbc"),
        bytes(7, "JSON"),
        number(8, 1),
        entry(9, "e", bytes(2, "f")),
        entry(10, "g", bytes(2, "h")),
        bytes(11, producer),
    ]
    .concat();
    let details = [
        bytes(1, "t"),
        bytes(2, "n"),
        bytes(3, "f"),
        bytes(4, "C"),
        bytes(5, "log"),
        number(6, 3),
        bytes(7, "{\"a\":1}"),
        number(8, 3),
        number(9, 1),
        number(10, 7),
        bytes(11, source),
        bytes(12, sink),
        bytes(13, [double(1, 0.5), number(2, 1 << 40), number(3, 9)].concat()),
        bytes(14, "url"),
        bytes(15, [number(1, 3), bytes(2, "d")].concat()),
        bytes(16, "{}"),
        bytes(17, "-X"),
        number(18, 3),
        bytes(19, "o"),
        bytes(20, "b"),
        number(21, 1),
        number(22, 1),
        number(23, 1),
    ]
    .concat();
    assert_eq!(FunctionDetails::decode(details.as_slice()).unwrap(), whole());
    assert_eq!(whole().encode_to_vec(), details);
}

#[test]
fn the_json_is_pulsars() {
    let json = r#"{
  "tenant": "t",
  "namespace": "n",
  "name": "f",
  "className": "C",
  "logTopic": "log",
  "processingGuarantees": "MANUAL",
  "userConfig": "{\"a\":1}",
  "runtime": "GO",
  "autoAck": true,
  "parallelism": 7,
  "source": {
    "className": "S",
    "configs": "{}",
    "subscriptionType": "KEY_SHARED",
    "topicsToSerDeClassName": {"x": "y"},
    "typeClassName": "[B",
    "timeoutMs": "18446744073709551615",
    "topicsPattern": "p.*",
    "builtin": "kafka",
    "subscriptionName": "sub",
    "inputSpecs": {
      "in": {
        "schemaType": "AVRO",
        "serdeClassName": "serde",
        "isRegexPattern": true,
        "receiverQueueSize": {},
        "schemaProperties": {"a": "b"},
        "consumerProperties": {"c": "d"},
        "cryptoSpec": {
          "cryptoKeyReaderClassName": "reader",
          "cryptoKeyReaderConfig": "{}",
          "producerEncryptionKeyName": ["k1", "k2"],
          "producerCryptoFailureAction": "SEND",
          "consumerCryptoFailureAction": "CONSUME"
        },
        "poolMessages": true
      }
    },
    "cleanupSubscription": true,
    "subscriptionPosition": "EARLIEST",
    "negativeAckRedeliveryDelayMs": "300",
    "skipToLatest": true
  },
  "sink": {
    "className": "K",
    "configs": "{}",
    "topic": "out",
    "serDeClassName": "serde",
    "typeClassName": "T",
    "builtin": "jdbc",
    "schemaType": "JSON",
    "forwardSourceMessageProperty": true,
    "schemaProperties": {"e": "f"},
    "consumerProperties": {"g": "h"},
    "producerSpec": {
      "maxPendingMessages": 10,
      "maxPendingMessagesAcrossPartitions": 20,
      "useThreadLocalProducers": true,
      "cryptoSpec": {
        "cryptoKeyReaderClassName": "reader",
        "cryptoKeyReaderConfig": "{}",
        "producerEncryptionKeyName": ["k1", "k2"],
        "producerCryptoFailureAction": "SEND",
        "consumerCryptoFailureAction": "CONSUME"
      },
      "batchBuilder": "KEY_BASED",
      "compressionType": "SNAPPY"
    }
  },
  "resources": {"cpu": 0.5, "ram": "1099511627776", "disk": "9"},
  "packageUrl": "url",
  "retryDetails": {"maxMessageRetries": 3, "deadLetterTopic": "d"},
  "secretsMap": "{}",
  "runtimeFlags": "-X",
  "componentType": "SINK",
  "customRuntimeOptions": "o",
  "builtin": "b",
  "retainOrdering": true,
  "retainKeyOrdering": true,
  "subscriptionPosition": "EARLIEST"
}"#;
    let by_serde: FunctionDetails = serde_json::from_str(json).unwrap();
    assert_eq!(by_serde, whole());
    let by_document: FunctionDetails = Document::parse(json).unwrap().read().unwrap();
    assert_eq!(by_document, whole());
    let expected: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_value(whole()).unwrap(), expected);
}

#[test]
fn numbers_are_read_as_numbers_and_as_texts() {
    let text =
        r#"{"parallelism": "7", "resources": {"ram": 5, "cpu": "1.5"}, "processingGuarantees": 3}"#;
    let details: FunctionDetails = Document::parse(text).unwrap().read().unwrap();
    assert_eq!((details.parallelism, details.processing_guarantees), (7, 3));
    let resources = details.resources.unwrap();
    assert_eq!((resources.ram, resources.cpu), (5, 1.5));
}

#[test]
fn what_is_no_such_document_says_why() {
    let text = "\
parallelism: []
processingGuarantees: TWICE
runtime: [GO]
autoAck: 1
source: in
sink: {compressiontype: LZ4, producerSpec: {compressionType: 99}}
logtopic: log
";
    let found = Document::parse(text).unwrap().read::<FunctionDetails>().unwrap_err().to_string();
    let expected = "\
field \"autoAck\" = \"1\" (line 4, column 10): expected true or false
field \"logtopic\" = \"..\" (line 7, column 1): expected a known field: did you mean logTopic?
field \"parallelism\" = \"[..]\" (line 1, column 14): expected a number
field \"processingGuarantees\" = \"TWICE\" (line 2, column 23): expected one of ATLEAST_ONCE, ATMOST_ONCE, EFFECTIVELY_ONCE, MANUAL
field \"runtime\" = \"[..]\" (line 3, column 10): expected one of JAVA, PYTHON, GO
field \"sink.compressiontype\" = \"..\" (line 6, column 8): expected a known field: className, configs, topic, serDeClassName, typeClassName, builtin, schemaType, forwardSourceMessageProperty, schemaProperties, consumerProperties, producerSpec
field \"sink.producerSpec.compressionType\" = \"99\" (line 6, column 62): expected one of LZ4, NONE, ZLIB, ZSTD, SNAPPY
field \"source\" = \"in\" (line 5, column 9): expected an object";
    assert_eq!(found, expected);
}
