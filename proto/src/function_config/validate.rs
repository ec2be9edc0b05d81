//! What Pulsar's admin checks of a `FunctionConfig`, and what would get lost on the way on.
//!
//! Collects every mistake. Java's and Python's classes cannot be looked into here.

use super::{ConsumerConfig, CryptoConfig, FunctionConfig, identity, window};
use crate::{
    function::{ProcessingGuarantees, crypto_spec::FailureAction, function_details::Runtime},
    mistake::{Mistake, Mistakes},
    topic_name::{TopicName, is_entity, pattern, topic},
};

/// Pulsar's default, which says nothing.
const DEFAULT_MAX_PENDING_ASYNC_REQUESTS: i32 = 1000;

pub(super) fn check(config: &FunctionConfig) -> Mistakes {
    let mut mistakes = Mistakes::default();
    names(config, &mut mistakes);
    code(config, &mut mistakes);
    topics(config, &mut mistakes);
    for (topic, consumer) in &config.input_specs {
        input(&format!("inputSpecs[\"{topic}\"]"), consumer, &mut mistakes);
    }
    output(config, &mut mistakes);
    guarantee(config, &mut mistakes);
    ordering(config, &mut mistakes);
    retries(config, &mut mistakes);
    quantities(config, &mut mistakes);
    match config.inferred_runtime() {
        None => component(config, &mut mistakes),
        Some(Runtime::Java) => {}
        Some(runtime @ (Runtime::Python | Runtime::Go)) => {
            beside_java(config, runtime, &mut mistakes);
        }
    }
    if let Some(window) = &config.window_config {
        window::check(window, config, &mut mistakes);
    }
    mistakes
}

fn names(config: &FunctionConfig, mistakes: &mut Mistakes) {
    let id = config.identity();
    for (field, value) in [("tenant", &id.tenant), ("namespace", &id.namespace)] {
        if !is_entity(value) {
            mistakes.add(Mistake::new(field, value, "letters, digits and - = : . _"));
        }
    }
    let name = id.name.trim();
    if name.is_empty() || name.contains('/') || name.chars().any(char::is_control) {
        mistakes.add(Mistake::new("name", &id.name, "a name without slashes"));
    }
    let Some(fqfn) = &config.fqfn else { return };
    let Some((tenant, namespace, name)) = identity::split(fqfn) else {
        mistakes.add(Mistake::new("fqfn", fqfn, "tenant/namespace/name"));
        return;
    };
    let parts = [
        ("tenant", &config.tenant, tenant),
        ("namespace", &config.namespace, namespace),
        ("name", &config.name, name),
    ];
    for (field, given, of_fqfn) in parts {
        if let Some(given) = given.as_deref().filter(|given| *given != of_fqfn) {
            let accepted = format!("{of_fqfn}, as fqfn says, or nothing");
            mistakes.add(Mistake::new(field, given, accepted));
        }
    }
}

fn code(config: &FunctionConfig, mistakes: &mut Mistakes) {
    let packages = [
        ("wasm", &config.wasm, None),
        ("jar", &config.jar, Some(Runtime::Java)),
        ("functionType", &config.function_type, Some(Runtime::Java)),
        ("py", &config.py, Some(Runtime::Python)),
        ("go", &config.go, Some(Runtime::Go)),
    ];
    let mut given = packages.iter().filter_map(|(field, value, runtime)| {
        value.as_deref().map(|value| (*field, value, *runtime))
    });
    let first = given.next();
    for (field, value, _) in given {
        let accepted = "one of wasm, jar, py, go and functionType, not several";
        mistakes.add(Mistake::new(field, value, accepted));
    }
    let Some((field, value, runtime)) = first else { return };
    if value.trim().is_empty() {
        mistakes.add(Mistake::new(field, value, "a path or URL"));
    }
    if let Some(named) = config.runtime.filter(|named| Some(*named) != runtime) {
        let accepted = match runtime {
            Some(runtime) => format!("{}, as {field} says, or nothing", runtime.as_str_name()),
            None => "nothing: a component needs no runtime of a language".to_owned(),
        };
        mistakes.add(Mistake::new("runtime", named.as_str_name(), accepted));
    }
}

fn topics(config: &FunctionConfig, mistakes: &mut Mistakes) {
    let listed = config.inputs.iter().enumerate().map(|(i, name)| (format!("inputs[{i}]"), name));
    let serde = config.custom_serde_inputs.keys();
    let schema = config.custom_schema_inputs.keys();
    let specs = config.input_specs.iter().filter(|(_, spec)| !spec.is_regex_pattern);
    let named: Vec<(String, &String)> = listed
        .chain(serde.map(|name| (format!("customSerdeInputs[\"{name}\"]"), name)))
        .chain(schema.map(|name| (format!("customSchemaInputs[\"{name}\"]"), name)))
        .chain(specs.map(|(name, _)| (format!("inputSpecs[\"{name}\"]"), name)))
        .collect();
    let mut inputs: Vec<TopicName> = Vec::new();
    for (field, name) in &named {
        match topic(field, name) {
            Ok(name) => inputs.push(name),
            Err(mistake) => mistakes.add(mistake),
        }
    }
    let patterns: Vec<(String, &String)> = config
        .input_specs
        .iter()
        .filter(|(_, spec)| spec.is_regex_pattern)
        .map(|(text, _)| (format!("inputSpecs[\"{text}\"]"), text))
        .chain(config.topics_pattern.iter().map(|text| ("topicsPattern".to_owned(), text)))
        .collect();
    for (field, text) in &patterns {
        mistakes.extend(pattern(field, text).err());
    }
    if named.is_empty() && patterns.is_empty() {
        mistakes.add(Mistake::new("inputs", "", "at least one input topic"));
    }
    for (field, name) in
        [("logTopic", &config.log_topic), ("deadLetterTopic", &config.dead_letter_topic)]
    {
        mistakes.extend(name.as_ref().and_then(|name| topic(field, name).err()));
    }
    if let Some(output) = &config.output {
        match topic("output", output) {
            Ok(name) if inputs.contains(&name) => {
                let accepted = "a topic that is not an input: the function would feed itself";
                mistakes.add(Mistake::new("output", output, accepted));
            }
            Ok(_) => {}
            Err(mistake) => mistakes.add(mistake),
        }
    }
}

fn input(field: &str, consumer: &ConsumerConfig, mistakes: &mut Mistakes) {
    if let Some(class) = both(&consumer.schema_type, &consumer.serde_class_name) {
        let accepted = "nothing beside schemaType: only one of them can decode";
        mistakes.add(Mistake::new(format!("{field}.serdeClassName"), class, accepted));
    }
    if let Some(size) = consumer.receiver_queue_size.filter(|size| *size < 0) {
        let field = format!("{field}.receiverQueueSize");
        mistakes.add(Mistake::new(field, size.to_string(), "0 or more messages"));
    }
    if let Some(crypto) = &consumer.crypto_config {
        self::crypto(&format!("{field}.cryptoConfig"), crypto, mistakes);
    }
}

/// The second of two texts that exclude each other, if both are there.
fn both<'a>(one: &Option<String>, other: &'a Option<String>) -> Option<&'a str> {
    let one = one.as_deref().is_some_and(|text| !text.is_empty());
    other.as_deref().filter(|text| one && !text.is_empty())
}

fn crypto(field: &str, crypto: &CryptoConfig, mistakes: &mut Mistakes) {
    if crypto.crypto_key_reader_class_name.as_deref().unwrap_or_default().trim().is_empty() {
        let field = format!("{field}.cryptoKeyReaderClassName");
        mistakes.add(Mistake::new(field, "", "the class that reads the keys"));
    }
    use FailureAction::{Consume, Discard, Send};
    let producer = crypto.producer_crypto_failure_action;
    if let Some(action) = producer.filter(|action| matches!(action, Consume | Discard)) {
        let field = format!("{field}.producerCryptoFailureAction");
        mistakes.add(Mistake::new(field, action.as_str_name(), "FAIL or SEND"));
    }
    let consumer = crypto.consumer_crypto_failure_action;
    if let Some(action) = consumer.filter(|action| *action == Send) {
        let field = format!("{field}.consumerCryptoFailureAction");
        mistakes.add(Mistake::new(field, action.as_str_name(), "FAIL, DISCARD or CONSUME"));
    }
}

fn output(config: &FunctionConfig, mistakes: &mut Mistakes) {
    if let Some(class) = both(&config.output_schema_type, &config.output_serde_class_name) {
        let accepted = "nothing beside outputSchemaType: only one of them can encode";
        mistakes.add(Mistake::new("outputSerdeClassName", class, accepted));
    }
    for topic in config.custom_schema_outputs.keys() {
        if config.output.as_ref() != Some(topic) {
            let accepted = "the topic that output names: no other has a schema";
            mistakes.add(Mistake::new(
                format!("customSchemaOutputs[\"{topic}\"]"),
                topic,
                accepted,
            ));
        }
    }
    let Some(producer) = &config.producer_config else { return };
    if let Some(crypto) = &producer.crypto_config {
        let field = "producerConfig.cryptoConfig";
        self::crypto(field, crypto, mistakes);
        if crypto.encryption_keys.iter().all(|key| key.trim().is_empty()) {
            let field = format!("{field}.encryptionKeys");
            mistakes.add(Mistake::new(field, "", "the name of at least one key"));
        }
    }
}

fn guarantee(config: &FunctionConfig, mistakes: &mut Mistakes) {
    let guarantee = config.processing_guarantees.unwrap_or_default();
    if guarantee == ProcessingGuarantees::AtmostOnce && config.auto_ack == Some(false) {
        let accepted = "true or nothing with ATMOST_ONCE, which acknowledges before it processes";
        mistakes.add(Mistake::new("autoAck", "false", accepted));
    }
    let Some(timeout) = config.timeout_ms else { return };
    if timeout <= 0 {
        mistakes.add(Mistake::new("timeoutMs", timeout.to_string(), "1 or more milliseconds"));
    } else if guarantee != ProcessingGuarantees::AtleastOnce {
        let name = guarantee.as_str_name();
        let accepted = format!("nothing with {name}: a timeout means redelivery, of ATLEAST_ONCE");
        mistakes.add(Mistake::new("timeoutMs", timeout.to_string(), accepted));
    }
}

fn ordering(config: &FunctionConfig, mistakes: &mut Mistakes) {
    if config.retain_key_ordering != Some(true) {
        return;
    }
    let field = "retainKeyOrdering";
    if config.processing_guarantees == Some(ProcessingGuarantees::EffectivelyOnce) {
        let accepted = "false with EFFECTIVELY_ONCE, which keeps the order of a whole topic";
        mistakes.add(Mistake::new(field, "true", accepted));
    }
    if config.retain_ordering == Some(true) {
        let accepted = "false beside retainOrdering, which keeps the order of a whole topic";
        mistakes.add(Mistake::new(field, "true", accepted));
    }
}

fn retries(config: &FunctionConfig, mistakes: &mut Mistakes) {
    let bound = config.max_message_retries.filter(|max| *max >= 0);
    let effectively_once =
        config.processing_guarantees == Some(ProcessingGuarantees::EffectivelyOnce);
    if let Some(max) = bound.filter(|_| effectively_once) {
        let accepted = "nothing with EFFECTIVELY_ONCE, which may not skip a message";
        mistakes.add(Mistake::new("maxMessageRetries", max.to_string(), accepted));
    }
    if let Some(topic) = config.dead_letter_topic.as_ref().filter(|_| bound.is_none()) {
        let accepted = "maxMessageRetries beside it: without a bound nothing is dead";
        mistakes.add(Mistake::new("deadLetterTopic", topic, accepted));
    }
}

fn quantities(config: &FunctionConfig, mistakes: &mut Mistakes) {
    if let Some(count) = config.parallelism.filter(|count| *count <= 0) {
        mistakes.add(Mistake::new("parallelism", count.to_string(), "1 or more instances"));
    }
    let Some(resources) = &config.resources else { return };
    // Written so that what is no number is refused too.
    if let Some(cpu) = resources.cpu.filter(|cpu| !(*cpu > 0.0 && cpu.is_finite())) {
        mistakes.add(Mistake::new("resources.cpu", cpu.to_string(), "more than 0 cores"));
    }
    for (field, bytes) in [("resources.ram", resources.ram), ("resources.disk", resources.disk)] {
        if let Some(bytes) = bytes.filter(|bytes| *bytes <= 0) {
            mistakes.add(Mistake::new(field, bytes.to_string(), "more than 0 bytes"));
        }
    }
}

/// What the details do not carry, or carry without its meaning: nobody after this would see it.
fn component(config: &FunctionConfig, mistakes: &mut Mistakes) {
    if config.auto_ack == Some(false)
        && config.processing_guarantees.unwrap_or_default() == ProcessingGuarantees::AtleastOnce
        && config.window_config.is_none()
    {
        let accepted = "true or nothing with ATLEAST_ONCE, which acknowledges what was processed; \
                        a function that acknowledges by itself is of MANUAL";
        mistakes.add(Mistake::new("autoAck", "false", accepted));
    }
    let pending = config.max_pending_async_requests;
    if let Some(max) = pending.filter(|max| *max != DEFAULT_MAX_PENDING_ASYNC_REQUESTS) {
        let accepted = "nothing: limits.inFlightMessages of the instance's document bounds what a \
                        component has under way";
        mistakes.add(Mistake::new("maxPendingAsyncRequests", max.to_string(), accepted));
    }
    if config.expose_pulsar_admin_client_enabled == Some(true) {
        let accepted = "false: a component has no Pulsar admin client";
        mistakes.add(Mistake::new("exposePulsarAdminClientEnabled", "true", accepted));
    }
}

/// What asks for anything but a component, which the details do not always tell.
pub(super) fn component_only(config: &FunctionConfig, mistakes: &mut Mistakes) {
    let runtime = config.runtime.map(|runtime| runtime.as_str_name().to_owned());
    let others = [
        ("jar", &config.jar),
        ("functionType", &config.function_type),
        ("py", &config.py),
        ("go", &config.go),
        ("runtime", &runtime),
    ];
    for (field, value) in others {
        if let Some(value) = value.as_ref().filter(|_| !mistakes.iter().any(|m| m.field == field)) {
            let accepted = "nothing, and a component at wasm: others do not run as yet";
            mistakes.add(Mistake::new(field, value, accepted));
        }
    }
}

/// What Pulsar offers to Java functions only.
fn beside_java(config: &FunctionConfig, runtime: Runtime, mistakes: &mut Mistakes) {
    let language = runtime.as_str_name();
    if runtime == Runtime::Python && config.class_name.as_deref().unwrap_or_default().is_empty() {
        mistakes.add(Mistake::new("className", "", "the module and class or function to run"));
    }
    if config.processing_guarantees == Some(ProcessingGuarantees::EffectivelyOnce) {
        let accepted = format!("ATLEAST_ONCE, ATMOST_ONCE or MANUAL with {language}");
        mistakes.add(Mistake::new("processingGuarantees", "EFFECTIVELY_ONCE", accepted));
    }
    if config.window_config.is_some() {
        let accepted = format!("nothing with {language}: windows are for Java");
        mistakes.add(Mistake::new("windowConfig", "{..}", accepted));
    }
    if let Some(max) = config.max_message_retries.filter(|max| *max >= 0) {
        let accepted = format!("nothing with {language}, whose client cannot bound retries");
        mistakes.add(Mistake::new("maxMessageRetries", max.to_string(), accepted));
    }
    if runtime == Runtime::Go && config.retain_key_ordering == Some(true) {
        let accepted = "false with GO, whose client has no Key_Shared subscription";
        mistakes.add(Mistake::new("retainKeyOrdering", "true", accepted));
    }
}
