//! What a plan says of details that can be honoured.

use serde_json::json;

use super::*;

#[test]
fn what_is_not_said_has_pulsars_default() {
    let expected = FunctionPlan {
        id: FunctionId { tenant: "t".to_owned(), namespace: "n".to_owned(), name: "f".to_owned() },
        class_name: String::new(),
        guarantee: Guarantee::AtLeastOnce,
        inputs: vec![InputPlan {
            topic: TopicSelector::Name("persistent://public/default/in".to_owned()),
            schema: SchemaPlan::Bytes,
            receiver_queue_size: None,
            consumer_properties: BTreeMap::new(),
        }],
        subscription: SubscriptionPlan {
            name: "t/n/f".to_owned(),
            kind: SubscriptionKind::Shared,
            position: Position::Latest,
            skip_to_latest: false,
            cleanup: false,
        },
        ordering: Ordering::None,
        output: None,
        retry: RetryPlan {
            max_retries: None,
            delay: Duration::from_secs(60),
            dead_letter_topic: None,
        },
        timeout: None,
        log_topic: None,
        user_config: serde_json::Map::new(),
        secrets: BTreeMap::new(),
        parallelism: 1,
        package: None,
        resources: ResourcesPlan::default(),
    };
    assert_eq!(plan(&least()), expected);
}

#[test]
fn every_field_has_its_place() {
    // By hand, as the Java code of Pulsar prints a message: camelCase, names for enums, texts for
    // 64-bit integers, zero values left out.
    let details = details(
        r#"{
  "tenant": "shop",
  "namespace": "eu",
  "name": "count",
  "logTopic": "logs",
  "processingGuarantees": "MANUAL",
  "userConfig": "{\"greeting\":\"hello\"}",
  "autoAck": true,
  "parallelism": 3,
  "source": {
    "subscriptionType": "KEY_SHARED",
    "typeClassName": "[B",
    "timeoutMs": "2500",
    "subscriptionName": "counting",
    "inputSpecs": {
      "z": {
        "schemaType": "string",
        "receiverQueueSize": {"value": 50},
        "consumerProperties": {"properties": "{\"team\":\"blue\"}"},
        "poolMessages": true
      },
      "persistent://shop/eu/.*": {
        "isRegexPattern": true,
        "schemaType": "AVRO",
        "schemaProperties": {"schema": "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"}
      }
    },
    "cleanupSubscription": true,
    "subscriptionPosition": "EARLIEST",
    "negativeAckRedeliveryDelayMs": "700",
    "skipToLatest": true
  },
  "sink": {
    "topic": "out",
    "typeClassName": "byte[]",
    "schemaType": "JSON",
    "forwardSourceMessageProperty": true,
    "producerSpec": {
      "maxPendingMessages": 10,
      "maxPendingMessagesAcrossPartitions": 20,
      "useThreadLocalProducers": true,
      "batchBuilder": "KEY_BASED",
      "compressionType": "ZSTD"
    }
  },
  "resources": {"cpu": 0.5, "ram": "536870912", "disk": "1"},
  "packageUrl": "function://shop/eu/count@v1",
  "retryDetails": {"maxMessageRetries": 4, "deadLetterTopic": "shop/eu2/dead"},
  "secretsMap": "{\"password\":{\"path\":\"db\"}}",
  "componentType": "FUNCTION",
  "retainKeyOrdering": true
}"#,
    );
    let expected = FunctionPlan {
        id: FunctionId {
            tenant: "shop".to_owned(),
            namespace: "eu".to_owned(),
            name: "count".to_owned(),
        },
        class_name: String::new(),
        guarantee: Guarantee::Manual,
        inputs: vec![
            InputPlan {
                topic: TopicSelector::Name("persistent://public/default/z".to_owned()),
                schema: SchemaPlan::String,
                receiver_queue_size: Some(50),
                consumer_properties: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
            },
            InputPlan {
                topic: TopicSelector::Pattern {
                    namespace: "shop/eu".to_owned(),
                    regex: "persistent://shop/eu/.*".to_owned(),
                },
                schema: SchemaPlan::Avro(r#"{"type":"record","name":"R","fields":[]}"#.to_owned()),
                receiver_queue_size: None,
                consumer_properties: BTreeMap::new(),
            },
        ],
        subscription: SubscriptionPlan {
            name: "counting".to_owned(),
            kind: SubscriptionKind::KeyShared,
            position: Position::Earliest,
            skip_to_latest: true,
            cleanup: true,
        },
        ordering: Ordering::Key,
        output: Some(OutputPlan {
            topic: "persistent://public/default/out".to_owned(),
            schema: SchemaPlan::Json(None),
            compression: Compression::Zstd,
            batch_by_key: true,
            max_pending_messages: Some(10),
            max_pending_messages_across_partitions: Some(20),
            forward_properties: true,
        }),
        retry: RetryPlan {
            max_retries: Some(4),
            delay: Duration::from_millis(700),
            dead_letter_topic: Some("persistent://shop/eu2/dead".to_owned()),
        },
        timeout: Some(Duration::from_millis(2500)),
        log_topic: Some("persistent://public/default/logs".to_owned()),
        user_config: serde_json::from_value(json!({"greeting": "hello"})).unwrap(),
        secrets: BTreeMap::from([("password".to_owned(), json!({"path": "db"}))]),
        parallelism: 3,
        package: Some("function://shop/eu/count@v1".to_owned()),
        resources: ResourcesPlan { cpu: Some(0.5), ram: Some(536_870_912), disk: Some(1) },
    };
    assert_eq!(plan(&details), expected);
}

#[test]
fn the_deprecated_fields_for_inputs_are_honoured() {
    let details = details(
        "
tenant: t
namespace: n
name: f
parallelism: 1
source:
  topicsToSerDeClassName: {in: ''}
  topicsPattern: persistent://t/n/.*
",
    );
    let inputs: Vec<TopicSelector> =
        plan(&details).inputs.into_iter().map(|input| input.topic).collect();
    let expected = [
        TopicSelector::Name("persistent://public/default/in".to_owned()),
        TopicSelector::Pattern {
            namespace: "t/n".to_owned(),
            regex: "persistent://t/n/.*".to_owned(),
        },
    ];
    assert_eq!(inputs, expected);
}

#[test]
fn either_way_to_ask_for_order_gives_it() {
    use SubscriptionKind::{Failover, KeyShared, Shared};
    for (said, kind, ordering) in [
        ("", Shared, Ordering::None),
        ("retainOrdering: true", Failover, Ordering::Topic),
        ("retainKeyOrdering: true", KeyShared, Ordering::Key),
    ] {
        let yaml = format!(
            "{{tenant: t, namespace: n, name: f, parallelism: 1, source: {{inputSpecs: {{in: {{}}}}}}, {said}}}"
        );
        let plan = plan(&details(&yaml));
        assert_eq!((plan.subscription.kind, plan.ordering), (kind, ordering), "{said}");
    }
    for (kind, ordering) in [("FAILOVER", Ordering::Topic), ("KEY_SHARED", Ordering::Key)] {
        let mut details = least();
        details.source = Some(details_source(&format!("subscriptionType: {kind}")));
        assert_eq!(plan(&details).ordering, ordering);
    }
}

fn details_source(said: &str) -> SourceSpec {
    details(&format!("source: {{inputSpecs: {{in: {{}}}}, {said}}}")).source.unwrap()
}

#[test]
fn the_default_compression_is_lz4() {
    let mut details = least();
    details.sink = Some(SinkSpec { topic: "out".to_owned(), ..SinkSpec::default() });
    assert_eq!(plan(&details).output.unwrap().compression, Compression::Lz4);
}

#[test]
fn a_retry_waits_for_the_delay_of_negative_acknowledgements() {
    for (said, millis) in [
        ("", 60_000),
        ("timeoutMs: 5", 60_000),
        ("negativeAckRedeliveryDelayMs: 7, timeoutMs: 5", 7),
    ] {
        let mut details = least();
        details.source = Some(details_source(said));
        assert_eq!(plan(&details).retry.delay, Duration::from_millis(millis), "{said}");
    }
}
