//! Whatever is written, the way from document to plan ends in a plan or in mistakes.

use proptest::{collection::btree_map, option, prelude::*};

use super::*;
use crate::function_config::{
    ConsumerConfig, FunctionConfig, ProducerConfig, Resources as ConfigResources, WindowConfig,
};

/// Texts that mean something, and any others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("in".to_owned()),
        Just("persistent://public/default/in".to_owned()),
        Just("shop/eu/.*".to_owned()),
        Just("STRING".to_owned()),
        Just("KEY_BASED".to_owned()),
        Just("{\"schema\": \"{}\"}".to_owned()),
        Just(String::new()),
        any::<String>(),
    ]
}

fn consumer() -> impl Strategy<Value = ConsumerConfig> {
    let maps = (btree_map(text(), text(), 0..3), btree_map(text(), text(), 0..3));
    (option::of(text()), option::of(text()), any::<bool>(), maps, option::of(any::<i32>()))
        .prop_map(|(schema_type, serde_class_name, is_regex_pattern, maps, receiver_queue_size)| {
            ConsumerConfig {
                schema_type,
                serde_class_name,
                is_regex_pattern,
                schema_properties: maps.0,
                consumer_properties: maps.1,
                receiver_queue_size,
                crypto_config: None,
                pool_messages: false,
            }
        })
}

prop_compose! {
    fn topics()(
        inputs in proptest::collection::vec(text(), 0..3),
        topics_pattern in option::of(text()),
        custom_serde_inputs in btree_map(text(), text(), 0..2),
        custom_schema_inputs in btree_map(text(), text(), 0..2),
        input_specs in btree_map(text(), consumer(), 0..3),
        output in option::of(text()),
        log_topic in option::of(text()),
        dead_letter_topic in option::of(text()),
    ) -> FunctionConfig {
        FunctionConfig {
            inputs,
            topics_pattern,
            custom_serde_inputs,
            custom_schema_inputs,
            input_specs,
            output,
            log_topic,
            dead_letter_topic,
            ..FunctionConfig::default()
        }
    }
}

prop_compose! {
    fn config()(
        topics in topics(),
        names in (option::of(text()), option::of(text()), option::of(text()), option::of(text())),
        packages in (option::of(text()), option::of(text()), option::of(text())),
        class_name in option::of(text()),
        flags in any::<[Option<bool>; 5]>(),
        numbers in any::<(Option<i64>, Option<i32>, Option<i32>)>(),
        resources in option::of(any::<(Option<f64>, Option<i64>, Option<i64>)>()),
        window in option::of(any::<(Option<i32>, Option<i64>)>()),
        guarantee in option::of(0..4_i32),
        batch_builder in option::of(text()),
    ) -> FunctionConfig {
        FunctionConfig {
            tenant: names.0,
            namespace: names.1,
            name: names.2,
            fqfn: names.3,
            wasm: packages.0,
            jar: packages.1,
            py: packages.2,
            class_name,
            retain_ordering: flags[0],
            retain_key_ordering: flags[1],
            auto_ack: flags[2],
            skip_to_latest: flags[3],
            forward_source_message_property: flags[4],
            timeout_ms: numbers.0,
            max_message_retries: numbers.1,
            parallelism: numbers.2,
            resources: resources.map(|(cpu, ram, disk)| ConfigResources { cpu, ram, disk }),
            window_config: window.map(|(window_length_count, window_length_duration_ms)| {
                WindowConfig {
                    window_length_count,
                    window_length_duration_ms,
                    ..WindowConfig::default()
                }
            }),
            processing_guarantees: guarantee.and_then(|number| number.try_into().ok()),
            producer_config: batch_builder.map(|batch_builder| ProducerConfig {
                batch_builder: Some(batch_builder),
                ..ProducerConfig::default()
            }),
            ..topics
        }
    }
}

proptest! {
    #[test]
    fn a_document_becomes_a_plan_or_mistakes(config in config()) {
        match config.to_plan() {
            Ok((details, plan)) => {
                let json = serde_json::to_string(&details).unwrap();
                let read: FunctionDetails = Document::parse(&json).unwrap().read().unwrap();
                prop_assert_eq!(&read, &details);
                prop_assert_eq!(FunctionPlan::from_details(&read).unwrap(), plan);
            }
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                for mistake in &mistakes {
                    prop_assert!(!mistake.accepted.is_empty());
                    prop_assert!(!mistake.field.is_empty());
                }
            }
        }
    }

    #[test]
    fn a_right_document_becomes_a_plan(
        topics in proptest::collection::btree_set("[a-z]{1,8}", 1..5),
        parallelism in 1..100_i32,
        retries in option::of(0..9_i32),
        timeout in option::of(1..100_000_i64),
        order in any::<(bool, bool)>(),
    ) {
        let config = FunctionConfig {
            wasm: Some("count.wasm".to_owned()),
            inputs: topics.iter().cloned().collect(),
            output: Some("OUT".to_owned()),
            parallelism: Some(parallelism),
            max_message_retries: retries,
            timeout_ms: timeout,
            retain_ordering: Some(order.0),
            retain_key_ordering: Some(order.1 && !order.0),
            ..FunctionConfig::default()
        };
        let (details, plan) = config.to_plan().unwrap();
        let json = serde_json::to_string(&details).unwrap();
        let read: FunctionDetails = Document::parse(&json).unwrap().read().unwrap();
        prop_assert_eq!(&read, &details);
        prop_assert_eq!(plan.inputs.len(), topics.len());
        prop_assert_eq!(plan.parallelism, u32::try_from(parallelism).unwrap());
        prop_assert_eq!(plan.retry.max_retries, retries.map(|max| u32::try_from(max).unwrap()));
        let delay = timeout.map_or(60_000, |ms| u64::try_from(ms).unwrap());
        prop_assert_eq!(plan.retry.delay, Duration::from_millis(delay));
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let config = FunctionConfig::from_yaml(&text);
        prop_assert!(config.is_ok() || !config.unwrap_err().is_empty());
    }

    #[test]
    fn a_config_written_as_json_reads_back(config in config()) {
        prop_assume!(config.resources.as_ref().is_none_or(|r| r.cpu.is_none_or(f64::is_finite)));
        let json = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(FunctionConfig::from_yaml(&json).unwrap(), config);
    }
}
