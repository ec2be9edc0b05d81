//! `FunctionDetails` to a plan for a component: every field is honoured or refused.
//!
//! The messages are taken apart without `..`, so a field that is new in Pulsar does not compile
//! before somebody has decided about it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value};

use super::{FunctionId, FunctionPlan, Guarantee, ResourcesPlan, RetryPlan, refusals::Refusals};
use crate::{
    function::{
        FunctionDetails, ProcessingGuarantees, Resources, RetryDetails, SubscriptionPosition,
        function_details::{ComponentType, Runtime},
    },
    function_config::window,
    mistake::Mistakes,
    topic_name::is_entity,
};

/// What Pulsar's client waits before a failed message comes again, where nothing is said.
const DEFAULT_RETRY_DELAY: Duration = Duration::from_secs(60);

impl FunctionPlan {
    /// What a component's details ask for.
    ///
    /// `autoAck` decides nothing: in Pulsar 4.0 the guarantee alone does, and absence cannot be
    /// told from false.
    ///
    /// # Errors
    /// Everything that is wrong or cannot be honoured.
    pub fn from_details(details: &FunctionDetails) -> Result<Self, Mistakes> {
        let mut refusals = Refusals::default();
        let plan = plan(details, &mut refusals);
        refusals.into_mistakes().or(plan)
    }
}

fn plan(details: &FunctionDetails, refusals: &mut Refusals) -> FunctionPlan {
    let FunctionDetails {
        tenant,
        namespace,
        name,
        class_name,
        log_topic,
        processing_guarantees,
        user_config,
        runtime,
        auto_ack: _,
        parallelism,
        source,
        sink,
        resources,
        package_url,
        retry_details,
        secrets_map,
        runtime_flags,
        component_type,
        custom_runtime_options,
        builtin,
        retain_ordering,
        retain_key_ordering,
        subscription_position,
    } = details;

    for (field, value, why) in [
        ("className", class_name, "nothing: a component has no classes"),
        ("runtimeFlags", runtime_flags, "nothing: a component starts no process to give flags to"),
        (
            "customRuntimeOptions",
            custom_runtime_options,
            "nothing: options of a pod are the controller's",
        ),
        ("builtin", builtin, "nothing: there are no built-in components; name a package"),
    ] {
        refusals.unless_empty(field, value, why);
    }
    match Runtime::try_from(*runtime) {
        // The zero value, which is also what nothing said reads as.
        Ok(Runtime::Java) => {}
        Ok(other @ (Runtime::Python | Runtime::Go)) => {
            refusals.add("runtime", other.as_str_name(), "nothing: only components run as yet");
        }
        Err(_) => refusals.add("runtime", runtime, "nothing, for a component"),
    }
    match ComponentType::try_from(*component_type) {
        Ok(ComponentType::Unknown | ComponentType::Function) => {}
        Ok(other @ (ComponentType::Source | ComponentType::Sink)) => {
            let accepted = "FUNCTION: connectors are Java classes, which do not run as yet";
            refusals.add("componentType", other.as_str_name(), accepted);
        }
        Err(_) => refusals.add("componentType", component_type, "FUNCTION"),
    }

    let id =
        FunctionId { tenant: tenant.clone(), namespace: namespace.clone(), name: name.clone() };
    identity(&id, refusals);
    let source = source.clone().unwrap_or_default();
    // Pulsar writes this one beside the source's and reads the source's.
    let unread = SubscriptionPosition::try_from(*subscription_position);
    if unread == Ok(SubscriptionPosition::Earliest)
        && source.subscription_position != *subscription_position
    {
        let accepted = "LATEST or nothing: source.subscriptionPosition is the one that counts";
        refusals.add("subscriptionPosition", "EARLIEST", accepted);
    }
    let kind = super::source::kind(&source, *retain_ordering, *retain_key_ordering, refusals);
    let read = super::source::read(&source, &id, kind, refusals);
    let output = super::sink::output(&sink.clone().unwrap_or_default(), refusals);
    let log_topic = refusals.topic("logTopic", log_topic);
    let retry = retry(retry_details.as_ref(), read.retry_delay, refusals);
    let written = [
        ("sink.topic", output.as_ref().map(|output| &output.topic)),
        ("logTopic", log_topic.as_ref()),
        ("retryDetails.deadLetterTopic", retry.dead_letter_topic.as_ref()),
    ];
    for (field, topic) in written.into_iter().filter_map(|(f, topic)| topic.map(|t| (f, t))) {
        if read.reads(topic) {
            let accepted = "a topic that is not an input: the function would feed itself";
            refusals.add(field, topic, accepted);
        }
    }
    let by_default = retry.max_retries.is_some() && retry.dead_letter_topic.is_none();
    if let Some(pattern) = read.rereads_dead_letters().filter(|_| by_default) {
        let accepted = format!(
            "a topic that no input matches: {pattern} matches the default, \
             <topic>-<subscription>-DLQ, so dead letters would come back"
        );
        refusals.add("retryDetails.deadLetterTopic", "", accepted);
    }

    FunctionPlan {
        id,
        class_name: String::new(),
        guarantee: guarantee(*processing_guarantees, refusals),
        inputs: read.inputs,
        subscription: read.subscription,
        ordering: kind.into(),
        output,
        retry,
        timeout: read.timeout,
        log_topic,
        user_config: user_configuration(user_config, refusals),
        secrets: secrets(secrets_map, refusals),
        parallelism: count(*parallelism, refusals),
        package: Some(package_url.clone()).filter(|url| !url.is_empty()),
        resources: resources_plan(resources.as_ref(), refusals),
    }
}

fn identity(id: &FunctionId, refusals: &mut Refusals) {
    for (field, value) in [("tenant", &id.tenant), ("namespace", &id.namespace)] {
        if !is_entity(value) {
            refusals.add(field, value, "letters, digits and - = : . _");
        }
    }
    let name = id.name.trim();
    if name.is_empty() || name.contains('/') || name.chars().any(char::is_control) {
        refusals.add("name", &id.name, "a name without slashes");
    }
}

fn guarantee(value: i32, refusals: &mut Refusals) -> Guarantee {
    let field = "processingGuarantees";
    match ProcessingGuarantees::try_from(value) {
        Ok(ProcessingGuarantees::AtleastOnce) => return Guarantee::AtLeastOnce,
        Ok(ProcessingGuarantees::AtmostOnce) => return Guarantee::AtMostOnce,
        Ok(ProcessingGuarantees::Manual) => return Guarantee::Manual,
        Ok(refused @ ProcessingGuarantees::EffectivelyOnce) => {
            let accepted = "ATLEAST_ONCE, ATMOST_ONCE or MANUAL until sequence ids are carried \
                            through: without them the broker cannot tell a repeated output from \
                            a new one";
            refusals.add(field, refused.as_str_name(), accepted);
        }
        Err(_) => refusals.add(field, value, "ATLEAST_ONCE, ATMOST_ONCE or MANUAL"),
    }
    Guarantee::AtLeastOnce
}

fn retry(
    details: Option<&RetryDetails>,
    delay: Option<Duration>,
    refusals: &mut Refusals,
) -> RetryPlan {
    let delay = delay.unwrap_or(DEFAULT_RETRY_DELAY);
    let Some(RetryDetails { max_message_retries, dead_letter_topic }) = details else {
        return RetryPlan { max_retries: None, delay, dead_letter_topic: None };
    };
    let max_retries = u32::try_from(*max_message_retries).ok();
    if max_retries.is_none() {
        let accepted = "0 or more retries; leave out retryDetails for no end to them";
        refusals.add("retryDetails.maxMessageRetries", max_message_retries, accepted);
    }
    let dead_letter_topic = refusals.topic("retryDetails.deadLetterTopic", dead_letter_topic);
    RetryPlan { max_retries, delay, dead_letter_topic }
}

fn user_configuration(text: &str, refusals: &mut Refusals) -> Map<String, Value> {
    let user_config = refusals.object("userConfig", text);
    if user_config.contains_key(window::USER_CONFIG_KEY) {
        let field = format!("userConfig[\"{}\"]", window::USER_CONFIG_KEY);
        let accepted = "nothing: windows are not implemented for components as yet";
        refusals.add(field, "{..}", accepted);
    }
    user_config
}

fn secrets(text: &str, refusals: &mut Refusals) -> BTreeMap<String, Value> {
    refusals.object("secretsMap", text).into_iter().collect()
}

fn count(parallelism: i32, refusals: &mut Refusals) -> u32 {
    match u32::try_from(parallelism) {
        Ok(count @ 1..) => count,
        Ok(0) | Err(_) => {
            refusals.add("parallelism", parallelism, "1 or more instances");
            1
        }
    }
}

fn resources_plan(resources: Option<&Resources>, refusals: &mut Refusals) -> ResourcesPlan {
    let Some(Resources { cpu, ram, disk }) = resources else { return ResourcesPlan::default() };
    if !(cpu.is_finite() && *cpu >= 0.0) {
        refusals.add("resources.cpu", cpu, "a number of cores, or 0 for no wish");
    }
    let mut bytes = |field: &str, bytes: i64| match u64::try_from(bytes) {
        Ok(0) => None,
        Ok(bytes) => Some(bytes),
        Err(_) => {
            refusals.add(field, bytes, "a number of bytes, or 0 for no wish");
            None
        }
    };
    ResourcesPlan {
        ram: bytes("resources.ram", *ram),
        disk: bytes("resources.disk", *disk),
        cpu: Some(*cpu).filter(|cpu| *cpu > 0.0),
    }
}
