//! A spec as Pulsar's `FunctionDetails`, the document that says what instances run.
//!
//! The mapping is the Go operator's, field by field, so that one description means the same under
//! either operator. Its defaults, which a webhook fills in there, are filled in here.

use function_mesh_proto::function::{
    FunctionDetails, ProcessingGuarantees, Resources, RetryDetails, SubscriptionPosition,
    SubscriptionType,
    function_details::{ComponentType, Runtime},
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::{Map, Value};

use crate::{
    crd::{
        consumption::{self, Consumption},
        function::FunctionSpec,
        quantity,
        runtime::LogTopicAgent,
        sink::SinkSpec,
        source::SourceSpec,
        workload::{ProcessingGuarantee, WorkloadSpec},
    },
    resources,
    workload::Language,
};

mod connector;
mod consumer;
mod producer;
mod window;

/// The class that does nothing, between a connector and Pulsar.
const IDENTITY: &str = "org.apache.pulsar.functions.api.utils.IdentityFunction";

/// Java's name for an array of bytes.
const BYTES: &str = "[B";

pub(crate) fn function(name: &str, spec: &FunctionSpec) -> FunctionDetails {
    let common = common(name, &spec.workload, LogTopicAgent::Runtime);
    let mut user_config = spec.func_config.clone().unwrap_or_default();
    let mut class_name = spec.workload.class_name.clone().unwrap_or_default();
    if let Some(window) = &spec.window_config {
        user_config.insert(window::USER_CONFIG_KEY.to_owned(), window::config(window, &class_name));
        window::EXECUTOR.clone_into(&mut class_name);
    }
    FunctionDetails {
        class_name,
        user_config: object_text(&user_config),
        component_type: ComponentType::Function.into(),
        source: Some(match &spec.source_config {
            Some(connector) => connector::source_of_function(connector),
            None => consumer::of_function(spec),
        }),
        sink: Some(match &spec.sink_config {
            Some(connector) => connector::sink_of_function(connector),
            None => producer::output(
                spec.output.as_ref(),
                spec.forward_source_message_property.unwrap_or(true),
            ),
        }),
        ..consuming(&spec.consumption, common)
    }
}

pub(crate) fn source(name: &str, spec: &SourceSpec) -> FunctionDetails {
    let config = spec.source_config.clone().unwrap_or_default();
    FunctionDetails {
        class_name: IDENTITY.to_owned(),
        auto_ack: true,
        user_config: object_text(&config),
        component_type: ComponentType::Source.into(),
        source: Some(connector::source(spec)),
        sink: Some(producer::output(
            spec.output.as_ref(),
            spec.forward_source_message_property.unwrap_or(true),
        )),
        ..common(name, &spec.workload, LogTopicAgent::Sidecar)
    }
}

pub(crate) fn sink(name: &str, spec: &SinkSpec) -> FunctionDetails {
    let common = common(name, &spec.workload, LogTopicAgent::Sidecar);
    FunctionDetails {
        class_name: IDENTITY.to_owned(),
        component_type: ComponentType::Sink.into(),
        source: Some(consumer::of_sink(spec)),
        sink: Some(connector::sink(spec)),
        ..consuming(&spec.consumption, common)
    }
}

/// Adds what those have that consume topics.
fn consuming(spec: &Consumption, common: FunctionDetails) -> FunctionDetails {
    FunctionDetails {
        auto_ack: spec.auto_ack.unwrap_or(true),
        retry_details: retry(
            &common,
            spec.max_message_retry,
            spec.dead_letter_topic.as_deref(),
            spec.subscription_name.as_deref(),
        ),
        retain_ordering: spec.retain_ordering == Some(true),
        retain_key_ordering: spec.retain_key_ordering == Some(true),
        ..common
    }
}

/// What all three kinds have. `agent` is who writes the log topic by default.
fn common(name: &str, spec: &WorkloadSpec, agent: LogTopicAgent) -> FunctionDetails {
    let parallelism = match spec.show_precise_parallelism {
        // A function at zero is what its first instance will be.
        Some(true) => spec.replicas().max(1),
        _ => 1,
    };
    let guarantee = match spec.processing_guarantee.unwrap_or(ProcessingGuarantee::AtLeastOnce) {
        ProcessingGuarantee::AtLeastOnce => ProcessingGuarantees::AtleastOnce,
        ProcessingGuarantee::AtMostOnce => ProcessingGuarantees::AtmostOnce,
        ProcessingGuarantee::EffectivelyOnce => ProcessingGuarantees::EffectivelyOnce,
        ProcessingGuarantee::Manual => ProcessingGuarantees::Manual,
    };
    let runtime = match spec.language() {
        Some(Language::Python) => Runtime::Python,
        Some(Language::Go) => Runtime::Go,
        _ => Runtime::Java,
    };
    // A sidecar's log topic was its own business; the runner writes either.
    let by_sidecar = spec.log_topic_agent.unwrap_or(agent) == LogTopicAgent::Sidecar;
    let native = spec.language() == Some(Language::Wasm);
    FunctionDetails {
        tenant: non_empty(spec.tenant.as_deref()).unwrap_or("public").to_owned(),
        namespace: non_empty(spec.namespace.as_deref()).unwrap_or("default").to_owned(),
        name: name.to_owned(),
        log_topic: match &spec.log_topic {
            Some(topic) if native || !by_sidecar => topic.clone(),
            _ => String::new(),
        },
        processing_guarantees: guarantee.into(),
        runtime: runtime.into(),
        parallelism,
        resources: Some(requested(spec)),
        secrets_map: secrets(spec),
        runtime_flags: spec.runtime_flags.clone().unwrap_or_default(),
        ..FunctionDetails::default()
    }
}

fn requested(spec: &WorkloadSpec) -> Resources {
    let requests = resources::effective(spec.resources.as_ref()).requests.unwrap_or_default();
    let thousandths = |name: &str| requests.get(name).and_then(quantity::thousandths).unwrap_or(0);
    let bytes = |name: &str| i64::try_from(thousandths(name) / 1000).unwrap_or(i64::MAX);
    let milli_cores = u32::try_from(thousandths("cpu")).unwrap_or(u32::MAX);
    Resources { cpu: f64::from(milli_cores) / 1000.0, ram: bytes("memory"), disk: bytes("storage") }
}

fn secrets(spec: &WorkloadSpec) -> String {
    let Some(secrets) = spec.secrets_map.as_ref().filter(|map| !map.is_empty()) else {
        return String::new();
    };
    let entries = secrets.iter().map(|(name, secret)| {
        let mut reference = Map::new();
        for (field, value) in [("path", &secret.path), ("key", &secret.key)] {
            if let Some(value) = value {
                reference.insert(field.to_owned(), Value::String(value.clone()));
            }
        }
        (name.clone(), Value::Object(reference))
    });
    object_text(&entries.collect())
}

/// A bound on retries needs a place for what exceeds it. The original's default for that place
/// holds unless the subscription has a name of its own (function-mesh issue 593).
fn retry(
    details: &FunctionDetails,
    max_retries: Option<i32>,
    dead_letter_topic: Option<&str>,
    subscription: Option<&str>,
) -> Option<RetryDetails> {
    let max_retries = max_retries.unwrap_or(0);
    let dead_letter_topic = non_empty(dead_letter_topic);
    if max_retries <= 0 && dead_letter_topic.is_none() {
        return None;
    }
    let unnamed = non_empty(subscription).is_none_or(|name| name.contains('\\'));
    let by_default = format!("{}-{}-{}-DLQ", details.tenant, details.namespace, details.name);
    let dead_letter_topic = match dead_letter_topic {
        Some(topic) => topic.to_owned(),
        None if max_retries > 0 && unnamed => by_default,
        None => String::new(),
    };
    Some(RetryDetails { max_message_retries: max_retries, dead_letter_topic })
}

/// Ordering decides how a subscription is shared.
fn subscription_type(
    guarantee: Option<ProcessingGuarantee>,
    retain_ordering: Option<bool>,
    retain_key_ordering: Option<bool>,
) -> SubscriptionType {
    let effectively_once = guarantee == Some(ProcessingGuarantee::EffectivelyOnce);
    if retain_ordering == Some(true) || effectively_once {
        SubscriptionType::Failover
    } else if retain_key_ordering == Some(true) {
        SubscriptionType::KeyShared
    } else {
        SubscriptionType::Shared
    }
}

fn subscription_position(
    position: Option<consumption::SubscriptionPosition>,
) -> SubscriptionPosition {
    match position {
        Some(consumption::SubscriptionPosition::Latest) => SubscriptionPosition::Latest,
        Some(consumption::SubscriptionPosition::Earliest) | None => SubscriptionPosition::Earliest,
    }
}

/// Milliseconds; a negative number is refused before, so it counts as none.
fn millis(value: Option<i32>) -> u64 {
    value.and_then(|value| u64::try_from(value).ok()).unwrap_or(0)
}

/// JSON as text; empty for an empty object, as the original leaves it out.
fn object_text(object: &Map<String, Value>) -> String {
    if object.is_empty() { String::new() } else { Value::Object(object.clone()).to_string() }
}

fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// For quantities that a spec gives: thousandths.
pub(crate) fn amount(quantity: Option<&Quantity>) -> Option<i128> {
    quantity.and_then(quantity::thousandths)
}
