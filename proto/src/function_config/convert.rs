//! `FunctionConfig` to `FunctionDetails`, by the rules of Pulsar's `FunctionConfigUtils`.
//!
//! Converts what it can of a wrong document as well, so that the plan's mistakes can be told
//! together with its own. Nothing is checked here but the documents inside the document.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{ConsumerConfig, CryptoConfig, FunctionConfig, ProducerConfig, Resources, window};
use crate::{
    document::Document,
    function::{
        ConsumerSpec, CryptoSpec, FunctionDetails, ProcessingGuarantees, ProducerSpec,
        Resources as ResourcesSpec, RetryDetails, SinkSpec, SourceSpec, SubscriptionPosition,
        SubscriptionType, consumer_spec::ReceiverQueueSize, function_details::ComponentType,
    },
    mistake::{Mistake, Mistakes},
};

const DEFAULT_CPU: f64 = 1.0;
const DEFAULT_RAM: i64 = 1 << 30;
const DEFAULT_DISK: i64 = 10 << 30;

/// A package of this form names a built-in function.
const BUILTIN: &str = "builtin://";

/// The details, and what is wrong with the documents inside the document.
pub(super) fn details(config: &FunctionConfig) -> (FunctionDetails, Mistakes) {
    let mut mistakes = Mistakes::default();
    let id = config.identity();
    let guarantee = config.processing_guarantees.unwrap_or_default();
    let windowed = config.window_config.is_some();
    let details = FunctionDetails {
        tenant: id.tenant,
        namespace: id.namespace,
        name: id.name,
        class_name: if windowed { window::EXECUTOR.to_owned() } else { text(&config.class_name) },
        log_topic: text(&config.log_topic),
        processing_guarantees: if windowed { ProcessingGuarantees::Manual } else { guarantee }
            .into(),
        user_config: object(&user_config(config)),
        runtime: config.inferred_runtime().unwrap_or_default().into(),
        auto_ack: !windowed && config.auto_ack.unwrap_or(true),
        parallelism: config.parallelism.unwrap_or(1),
        source: Some(source(config, guarantee, &mut mistakes)),
        sink: Some(sink(config, &mut mistakes)),
        resources: Some(resources(config.resources.as_ref())),
        package_url: text(&config.wasm),
        retry_details: retry(config),
        secrets_map: object(&config.secrets),
        runtime_flags: text(&config.runtime_flags),
        component_type: ComponentType::Function.into(),
        custom_runtime_options: text(&config.custom_runtime_options),
        builtin: builtin(config),
        retain_ordering: config.retain_ordering.unwrap_or_default(),
        retain_key_ordering: config.retain_key_ordering.unwrap_or_default(),
        // The source has the one that counts.
        subscription_position: SubscriptionPosition::Latest.into(),
    };
    (details, mistakes)
}

fn text(field: &Option<String>) -> String {
    field.as_deref().unwrap_or_default().to_owned()
}

fn object(map: &Map<String, Value>) -> String {
    if map.is_empty() { String::new() } else { Value::Object(map.clone()).to_string() }
}

fn user_config(config: &FunctionConfig) -> Map<String, Value> {
    let mut user_config = config.user_config.clone();
    if let Some(window) = &config.window_config {
        user_config.insert(window::USER_CONFIG_KEY.to_owned(), window::inferred(window, config));
    }
    user_config
}

fn builtin(config: &FunctionConfig) -> String {
    let packages = [&config.jar, &config.py, &config.go];
    let named = packages.into_iter().flatten().find_map(|package| package.strip_prefix(BUILTIN));
    named.or(config.function_type.as_deref()).unwrap_or_default().to_owned()
}

fn retry(config: &FunctionConfig) -> Option<RetryDetails> {
    let max_message_retries = config.max_message_retries.filter(|max| *max >= 0)?;
    let dead_letter_topic = text(&config.dead_letter_topic);
    Some(RetryDetails { max_message_retries, dead_letter_topic })
}

fn resources(given: Option<&Resources>) -> ResourcesSpec {
    let given = given.cloned().unwrap_or_default();
    ResourcesSpec {
        cpu: given.cpu.unwrap_or(DEFAULT_CPU),
        ram: given.ram.unwrap_or(DEFAULT_RAM),
        disk: given.disk.unwrap_or(DEFAULT_DISK),
    }
}

fn source(
    config: &FunctionConfig,
    guarantee: ProcessingGuarantees,
    mistakes: &mut Mistakes,
) -> SourceSpec {
    let retain_order = config.retain_ordering.unwrap_or_default();
    let subscription_type = if retain_order || guarantee == ProcessingGuarantees::EffectivelyOnce {
        SubscriptionType::Failover
    } else if config.retain_key_ordering.unwrap_or_default() {
        SubscriptionType::KeyShared
    } else {
        SubscriptionType::Shared
    };
    let position = match config.subscription_position.unwrap_or_default() {
        super::SubscriptionPosition::Latest => SubscriptionPosition::Latest,
        super::SubscriptionPosition::Earliest => SubscriptionPosition::Earliest,
    };
    // A failed message comes again after the time that an unanswered one does.
    let timeout_ms = config.timeout_ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default();
    SourceSpec {
        class_name: String::new(),
        configs: String::new(),
        subscription_type: subscription_type.into(),
        topics_to_ser_de_class_name: BTreeMap::new(),
        type_class_name: text(&config.input_type_class_name),
        timeout_ms,
        topics_pattern: String::new(),
        builtin: String::new(),
        subscription_name: text(&config.sub_name),
        input_specs: input_specs(config, mistakes),
        cleanup_subscription: config.cleanup_subscription.unwrap_or(true),
        subscription_position: position.into(),
        negative_ack_redelivery_delay_ms: timeout_ms,
        skip_to_latest: config.skip_to_latest.unwrap_or_default(),
    }
}

/// Where two places name the same topic, the later of them counts.
fn input_specs(config: &FunctionConfig, mistakes: &mut Mistakes) -> BTreeMap<String, ConsumerSpec> {
    let mut specs = BTreeMap::new();
    for topic in &config.inputs {
        specs.insert(topic.clone(), ConsumerSpec::default());
    }
    if let Some(pattern) = &config.topics_pattern {
        let spec = ConsumerSpec { is_regex_pattern: true, ..ConsumerSpec::default() };
        specs.insert(pattern.clone(), spec);
    }
    for (topic, class) in &config.custom_serde_inputs {
        let spec = ConsumerSpec { serde_class_name: class.clone(), ..ConsumerSpec::default() };
        specs.insert(topic.clone(), spec);
    }
    for (topic, document) in &config.custom_schema_inputs {
        let field = format!("customSchemaInputs[\"{topic}\"]");
        if let Some(consumer) = custom_schema(&field, document, mistakes) {
            if only_schema(&consumer) != consumer {
                let accepted = "schemaType, schemaProperties and consumerProperties only; \
                                inputSpecs takes the rest";
                mistakes.add(Mistake::new(field, document, accepted));
            }
            specs.insert(topic.clone(), consumer_spec(&only_schema(&consumer)));
        }
    }
    for (topic, consumer) in &config.input_specs {
        specs.insert(topic.clone(), consumer_spec(consumer));
    }
    specs
}

/// Reads the JSON inside `customSchemaInputs` and `customSchemaOutputs`.
fn custom_schema(field: &str, document: &str, mistakes: &mut Mistakes) -> Option<ConsumerConfig> {
    match Document::parse(document).and_then(|document| document.read()) {
        Ok(consumer) => Some(consumer),
        Err(inner) => {
            mistakes.extend(inner.inside_text_of(field));
            None
        }
    }
}

/// What Pulsar takes from `customSchemaInputs`.
fn only_schema(consumer: &ConsumerConfig) -> ConsumerConfig {
    ConsumerConfig {
        schema_type: consumer.schema_type.clone(),
        schema_properties: consumer.schema_properties.clone(),
        consumer_properties: consumer.consumer_properties.clone(),
        ..ConsumerConfig::default()
    }
}

fn consumer_spec(config: &ConsumerConfig) -> ConsumerSpec {
    let ConsumerConfig {
        schema_type,
        serde_class_name,
        is_regex_pattern,
        schema_properties,
        consumer_properties,
        receiver_queue_size,
        crypto_config,
        pool_messages,
    } = config;
    ConsumerSpec {
        schema_type: text(schema_type),
        serde_class_name: text(serde_class_name),
        is_regex_pattern: *is_regex_pattern,
        receiver_queue_size: receiver_queue_size.map(|value| ReceiverQueueSize { value }),
        schema_properties: schema_properties.clone(),
        consumer_properties: consumer_properties.clone(),
        crypto_spec: crypto_config.as_ref().map(crypto_spec),
        pool_messages: *pool_messages,
    }
}

fn sink(config: &FunctionConfig, mistakes: &mut Mistakes) -> SinkSpec {
    let topic = text(&config.output);
    let custom = config.custom_schema_outputs.get(&topic).and_then(|document| {
        custom_schema(&format!("customSchemaOutputs[\"{topic}\"]"), document, mistakes)
    });
    // Of these, Pulsar takes the properties only.
    let custom = custom.unwrap_or_default();
    let mut producer_spec = config.producer_config.as_ref().map(producer_spec);
    if let Some(batch_builder) = &config.batch_builder {
        producer_spec.get_or_insert_default().batch_builder = batch_builder.clone();
    }
    SinkSpec {
        class_name: String::new(),
        configs: String::new(),
        topic,
        ser_de_class_name: text(&config.output_serde_class_name),
        type_class_name: text(&config.output_type_class_name),
        builtin: String::new(),
        schema_type: text(&config.output_schema_type),
        forward_source_message_property: config.forward_source_message_property.unwrap_or(true),
        schema_properties: custom.schema_properties,
        consumer_properties: custom.consumer_properties,
        producer_spec,
    }
}

fn producer_spec(config: &ProducerConfig) -> ProducerSpec {
    let ProducerConfig {
        max_pending_messages,
        max_pending_messages_across_partitions,
        use_thread_local_producers,
        crypto_config,
        batch_builder,
        compression_type,
    } = config;
    ProducerSpec {
        max_pending_messages: max_pending_messages.unwrap_or_default(),
        max_pending_messages_across_partitions: max_pending_messages_across_partitions
            .unwrap_or_default(),
        use_thread_local_producers: use_thread_local_producers.unwrap_or_default(),
        crypto_spec: crypto_config.as_ref().map(crypto_spec),
        batch_builder: text(batch_builder),
        compression_type: compression_type.unwrap_or_default().into(),
    }
}

fn crypto_spec(config: &CryptoConfig) -> CryptoSpec {
    let CryptoConfig {
        crypto_key_reader_class_name,
        crypto_key_reader_config,
        encryption_keys,
        producer_crypto_failure_action,
        consumer_crypto_failure_action,
    } = config;
    CryptoSpec {
        crypto_key_reader_class_name: text(crypto_key_reader_class_name),
        crypto_key_reader_config: object(crypto_key_reader_config),
        producer_encryption_key_name: encryption_keys.clone(),
        producer_crypto_failure_action: producer_crypto_failure_action.unwrap_or_default().into(),
        consumer_crypto_failure_action: consumer_crypto_failure_action.unwrap_or_default().into(),
    }
}
