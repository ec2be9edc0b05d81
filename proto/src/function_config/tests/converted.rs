//! What Pulsar's rules make of a document.

use serde_json::json;

use super::*;

/// The least that makes a function.
const LEAST: &str = "{wasm: count.wasm, inputs: [in]}";

#[test]
fn what_is_not_said_has_pulsars_default() {
    let details = details(LEAST);
    let json = serde_json::to_value(&details).unwrap();
    // Zero values are not written: LATEST, SHARED, ATLEAST_ONCE, LZ4, JAVA.
    let expected = json!({
        "tenant": "public",
        "namespace": "default",
        "name": "count",
        "autoAck": true,
        "parallelism": 1,
        "source": {"inputSpecs": {"in": {}}, "cleanupSubscription": true},
        "sink": {"forwardSourceMessageProperty": true},
        "resources": {"cpu": 1.0, "ram": "1073741824", "disk": "10737418240"},
        "packageUrl": "count.wasm",
        "componentType": "FUNCTION"
    });
    assert_eq!(json, expected);
}

#[test]
fn every_field_has_its_place() {
    let details = details(
        r#"
tenant: shop
namespace: eu
name: count
wasm: oci://registry/count:1
inputs: [a]
topicsPattern: persistent://shop/eu/b-.*
customSerdeInputs: {c: org.example.Serde}
customSchemaInputs: {d: '{"schemaType": "STRING", "consumerProperties": {"k": "v"}}'}
inputSpecs:
  e:
    schemaType: json
    schemaProperties: {schema: '{"type": "record"}'}
    consumerProperties: {receiverQueueSize: "5"}
    receiverQueueSize: 7
    poolMessages: true
    cryptoConfig:
      cryptoKeyReaderClassName: org.example.Keys
      cryptoKeyReaderConfig: {dir: keys}
      consumerCryptoFailureAction: CONSUME
  f-.*: {regexPattern: true}
  g-.*: {isRegexPattern: true}
subName: counting
subscriptionPosition: Earliest
skipToLatest: true
cleanupSubscription: false
output: out
outputSchemaType: STRING
customSchemaOutputs: {out: '{"schemaProperties": {"p": "q"}, "consumerProperties": {"r": "s"}}'}
producerConfig:
  maxPendingMessages: 10
  maxPendingMessagesAcrossPartitions: 20
  useThreadLocalProducers: true
  batchBuilder: DEFAULT
  compressionType: ZSTD
batchBuilder: KEY_BASED
forwardSourceMessageProperty: false
logTopic: logs
timeoutMs: 1500
maxMessageRetries: 3
deadLetterTopic: dead
retainKeyOrdering: true
userConfig: {greeting: hello, limits: [1, 2.5, null]}
secrets: {password: {path: db, key: pw}}
parallelism: 4
resources: {cpu: 0.5, ram: 536870912, disk: 1}
runtimeFlags: -Xflag
customRuntimeOptions: '{"a": 1}'
"#,
    );
    let source = details.source.unwrap();
    assert_eq!(
        (details.tenant.as_str(), details.namespace.as_str(), details.name.as_str()),
        ("shop", "eu", "count")
    );
    assert_eq!(source.subscription_type(), SubscriptionType::KeyShared);
    assert_eq!(source.subscription_name, "counting");
    assert_eq!(source.subscription_position(), Position::Earliest);
    assert!(source.skip_to_latest && !source.cleanup_subscription);
    assert_eq!((source.timeout_ms, source.negative_ack_redelivery_delay_ms), (1500, 1500));
    let specs: Vec<(&str, &ConsumerSpec)> =
        source.input_specs.iter().map(|(topic, spec)| (topic.as_str(), spec)).collect();
    let topics: Vec<&str> = specs.iter().map(|(topic, _)| *topic).collect();
    assert_eq!(topics, ["a", "c", "d", "e", "f-.*", "g-.*", "persistent://shop/eu/b-.*"]);
    let patterns: Vec<bool> = specs.iter().map(|(_, spec)| spec.is_regex_pattern).collect();
    assert_eq!(patterns, [false, false, false, false, true, true, true]);
    assert_eq!(source.input_specs["c"].serde_class_name, "org.example.Serde");
    assert_eq!(source.input_specs["d"].schema_type, "STRING");
    assert_eq!(source.input_specs["d"].consumer_properties["k"], "v");
    let e = &source.input_specs["e"];
    assert_eq!((e.schema_type.as_str(), e.pool_messages), ("json", true));
    assert_eq!(e.receiver_queue_size.unwrap().value, 7);
    let crypto = e.crypto_spec.as_ref().unwrap();
    assert_eq!(crypto.crypto_key_reader_config, r#"{"dir":"keys"}"#);
    assert_eq!(crypto.consumer_crypto_failure_action(), FailureAction::Consume);

    let sink = details.sink.unwrap();
    assert_eq!((sink.topic.as_str(), sink.schema_type.as_str()), ("out", "STRING"));
    assert!(!sink.forward_source_message_property);
    assert_eq!(sink.schema_properties["p"], "q");
    assert_eq!(sink.consumer_properties["r"], "s");
    let producer = ProducerSpec {
        max_pending_messages: 10,
        max_pending_messages_across_partitions: 20,
        use_thread_local_producers: true,
        crypto_spec: None,
        batch_builder: "KEY_BASED".to_owned(),
        compression_type: CompressionType::Zstd.into(),
    };
    assert_eq!(sink.producer_spec.unwrap(), producer);

    let retry = details.retry_details.unwrap();
    assert_eq!((retry.max_message_retries, retry.dead_letter_topic.as_str()), (3, "dead"));
    assert_eq!(details.log_topic, "logs");
    assert_eq!(details.user_config, r#"{"greeting":"hello","limits":[1,2.5,null]}"#);
    assert_eq!(details.secrets_map, r#"{"password":{"key":"pw","path":"db"}}"#);
    assert_eq!(details.parallelism, 4);
    let resources = details.resources.unwrap();
    assert_eq!((resources.cpu, resources.ram, resources.disk), (0.5, 536_870_912, 1));
    assert_eq!(details.package_url, "oci://registry/count:1");
    assert_eq!(details.runtime_flags, "-Xflag");
    assert_eq!(details.custom_runtime_options, r#"{"a": 1}"#);
    assert!(details.retain_key_ordering && !details.retain_ordering);
}

#[test]
fn the_subscription_follows_from_guarantee_and_order() {
    for (said, expected) in [
        ("", SubscriptionType::Shared),
        (", retainOrdering: true", SubscriptionType::Failover),
        (", retainKeyOrdering: true", SubscriptionType::KeyShared),
        (", processingGuarantees: EFFECTIVELY_ONCE", SubscriptionType::Failover),
        (", processingGuarantees: ATMOST_ONCE", SubscriptionType::Shared),
    ] {
        let details = details(&format!("{{wasm: count.wasm, inputs: [in]{said}}}"));
        assert_eq!(details.source.unwrap().subscription_type(), expected, "{said}");
    }
}

#[test]
fn retries_without_a_bound_leave_no_details() {
    for (said, expected) in
        [("", None), (", maxMessageRetries: -1", None), (", maxMessageRetries: 0", Some(0))]
    {
        let details = details(&format!("{{wasm: count.wasm, inputs: [in]{said}}}"));
        assert_eq!(details.retry_details.map(|retry| retry.max_message_retries), expected);
    }
}

#[test]
fn the_runtime_follows_from_the_package() {
    for (package, runtime, builtin, url) in [
        ("wasm: count.wasm", Runtime::Java, "", "count.wasm"),
        ("jar: count.jar, className: org.example.Count", Runtime::Java, "", ""),
        ("jar: 'builtin://count', name: count", Runtime::Java, "count", ""),
        ("functionType: count, name: count", Runtime::Java, "count", ""),
        ("py: count.py, className: count.Count", Runtime::Python, "", ""),
        ("go: count, name: count", Runtime::Go, "", ""),
    ] {
        let details = details(&format!("{{inputs: [in], {package}}}"));
        assert_eq!(details.runtime(), runtime, "{package}");
        assert_eq!((details.builtin.as_str(), details.package_url.as_str()), (builtin, url));
    }
}

#[test]
fn a_window_travels_in_the_user_configuration() {
    let details = details(
        "
jar: count.jar
className: org.example.Count
inputs: [in]
userConfig: {a: b}
processingGuarantees: ATMOST_ONCE
windowConfig: {windowLengthCount: 10, timestampExtractorClassName: org.example.Time}
",
    );
    assert_eq!(details.class_name, "org.apache.pulsar.functions.windowing.WindowFunctionExecutor");
    assert_eq!(details.processing_guarantees(), ProcessingGuarantees::Manual);
    assert!(!details.auto_ack);
    let user_config: Value = serde_json::from_str(&details.user_config).unwrap();
    let expected = json!({"a": "b", "__WINDOWCONFIGS__": {
        "windowLengthCount": 10,
        "slidingIntervalCount": 10,
        "maxLagMs": 0,
        "watermarkEmitIntervalMs": 1000,
        "timestampExtractorClassName": "org.example.Time",
        "actualWindowFunctionClassName": "org.example.Count",
        "processingGuarantees": "ATMOST_ONCE"
    }});
    assert_eq!(user_config, expected);
}

#[test]
fn later_places_win_over_earlier_ones() {
    let details = details(
        "{wasm: count.wasm, inputs: [in], customSerdeInputs: {in: A}, inputSpecs: {in: {schemaType: STRING}}}",
    );
    let specs = details.source.unwrap().input_specs;
    assert_eq!(specs.len(), 1);
    assert_eq!(specs["in"].schema_type, "STRING");
    assert_eq!(specs["in"].serde_class_name, "");
}

#[test]
fn a_document_written_by_pulsar_is_read() {
    // As `pulsar-admin functions get` prints it: nulls and defaults included.
    let config = config(
        r#"{
  "runtimeFlags": null,
  "tenant": "public",
  "namespace": "default",
  "name": "count",
  "className": "org.example.Count",
  "inputs": null,
  "inputSpecs": {
    "persistent://public/default/in": {
      "schemaType": null, "serdeClassName": null, "regexPattern": false,
      "schemaProperties": {}, "consumerProperties": {}, "receiverQueueSize": null,
      "cryptoConfig": null, "poolMessages": false
    }
  },
  "output": "out",
  "producerConfig": {"useThreadLocalProducers": false, "batchBuilder": "", "compressionType": "LZ4"},
  "processingGuarantees": "ATLEAST_ONCE",
  "retainOrdering": false,
  "forwardSourceMessageProperty": true,
  "userConfig": {},
  "runtime": "JAVA",
  "autoAck": true,
  "parallelism": 1,
  "resources": {"cpu": 1.0, "ram": 1073741824, "disk": 10737418240},
  "cleanupSubscription": true,
  "subscriptionPosition": "Latest"
}"#,
    );
    assert_eq!(config.runtime, Some(Runtime::Java));
    assert!(config.to_details().is_ok());
}

#[test]
fn a_document_becomes_what_pulsar_makes_of_it() {
    let details = details(include_str!("pulsar/config.yaml"));
    let recorded: FunctionDetails =
        serde_json::from_str(include_str!("pulsar/details.json")).unwrap();
    let inner = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    // The order of keys in the texts is Java's hash order.
    assert_eq!(inner(&details.user_config), inner(&recorded.user_config));
    assert_eq!(inner(&details.secrets_map), inner(&recorded.secrets_map));
    let user_config = recorded.user_config.clone();
    let secrets_map = recorded.secrets_map.clone();
    assert_eq!(FunctionDetails { user_config, secrets_map, ..details }, recorded);
}
