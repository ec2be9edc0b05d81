//! Inputs: topics, patterns, schemas, subscriptions.

use std::collections::BTreeMap;

use function_mesh_proto::function::{
    ConsumerSpec, CryptoSpec, SourceSpec, consumer_spec::ReceiverQueueSize,
    crypto_spec::FailureAction,
};

use super::{BYTES, millis, non_empty, object_text, subscription_position, subscription_type};
use crate::crd::{
    consumption::Consumption,
    function::FunctionSpec,
    io::{ConsumerConfig, CryptoConfig, InputSpec},
    sink::SinkSpec,
    workload::WorkloadSpec,
};

pub(super) fn of_function(spec: &FunctionSpec) -> SourceSpec {
    SourceSpec {
        // The original has no field of its own for this in a Function.
        negative_ack_redelivery_delay_ms: millis(spec.consumption.timeout),
        skip_to_latest: spec.skip_to_latest == Some(true),
        ..subscription(&spec.consumption, &spec.workload)
    }
}

pub(super) fn of_sink(spec: &SinkSpec) -> SourceSpec {
    SourceSpec {
        negative_ack_redelivery_delay_ms: millis(spec.negative_ack_redelivery_delay_ms),
        ..subscription(&spec.consumption, &spec.workload)
    }
}

fn subscription(spec: &Consumption, workload: &WorkloadSpec) -> SourceSpec {
    SourceSpec {
        type_class_name: type_class_name(spec.input.as_ref()),
        subscription_type: subscription_type(
            workload.processing_guarantee,
            spec.retain_ordering,
            spec.retain_key_ordering,
        )
        .into(),
        input_specs: inputs(spec.input.as_ref()),
        timeout_ms: millis(spec.timeout),
        subscription_name: spec.subscription_name.clone().unwrap_or_default(),
        cleanup_subscription: spec.cleanup_subscription == Some(true),
        subscription_position: subscription_position(spec.subscription_position).into(),
        ..SourceSpec::default()
    }
}

fn type_class_name(input: Option<&InputSpec>) -> String {
    let named = input.and_then(|input| non_empty(input.type_class_name.as_deref()));
    named.unwrap_or(BYTES).to_owned()
}

/// Later ones win over earlier ones of the same topic.
fn inputs(input: Option<&InputSpec>) -> BTreeMap<String, ConsumerSpec> {
    let mut specs = BTreeMap::new();
    let Some(input) = input else { return specs };
    for topic in input.topics.iter().flatten() {
        specs.insert(topic.clone(), ConsumerSpec::default());
    }
    if let Some(pattern) = non_empty(input.topic_pattern.as_deref()) {
        let spec = ConsumerSpec { is_regex_pattern: true, ..ConsumerSpec::default() };
        specs.insert(pattern.to_owned(), spec);
    }
    for (topic, class) in input.custom_serde_sources.iter().flatten() {
        let spec = ConsumerSpec { serde_class_name: class.clone(), ..ConsumerSpec::default() };
        specs.insert(topic.clone(), spec);
    }
    for (topic, schema) in input.custom_schema_sources.iter().flatten() {
        let spec = ConsumerSpec { schema_type: schema.clone(), ..ConsumerSpec::default() };
        specs.insert(topic.clone(), spec);
    }
    for (topic, config) in input.source_specs.iter().flatten() {
        specs.insert(topic.clone(), consumer(config));
    }
    specs
}

fn consumer(config: &ConsumerConfig) -> ConsumerSpec {
    ConsumerSpec {
        schema_type: config.schema_type.clone().unwrap_or_default(),
        serde_class_name: config.serde_class_name.clone().unwrap_or_default(),
        is_regex_pattern: config.is_regex_pattern == Some(true),
        receiver_queue_size: config.receiver_queue_size.map(|value| ReceiverQueueSize { value }),
        schema_properties: config.schema_properties.clone().unwrap_or_default(),
        consumer_properties: config.consumer_properties.clone().unwrap_or_default(),
        crypto_spec: config.crypto_config.as_ref().map(crypto),
        pool_messages: false,
    }
}

/// The keys themselves are in Secrets, mounted beside.
pub(super) fn crypto(config: &CryptoConfig) -> CryptoSpec {
    let action = |name: &Option<String>| {
        let known = name.as_deref().and_then(FailureAction::from_str_name);
        known.unwrap_or(FailureAction::Fail).into()
    };
    let reader = config.crypto_key_reader_config.iter().flatten();
    let reader = reader.map(|(key, value)| (key.clone(), value.clone().into())).collect();
    CryptoSpec {
        crypto_key_reader_class_name: config
            .crypto_key_reader_class_name
            .clone()
            .unwrap_or_default(),
        crypto_key_reader_config: object_text(&reader),
        producer_encryption_key_name: config.encryption_keys.clone().unwrap_or_default(),
        producer_crypto_failure_action: action(&config.producer_crypto_failure_action),
        consumer_crypto_failure_action: action(&config.consumer_crypto_failure_action),
    }
}
