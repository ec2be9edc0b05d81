//! What a plan makes of `SourceSpec`: inputs, subscription, timing.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    FunctionId, InputPlan, Ordering, Position, SubscriptionKind, SubscriptionPlan, TopicSelector,
    refusals::Refusals,
    schema::{self, SchemaFields},
};
use crate::{
    function::{ConsumerSpec, SourceSpec, SubscriptionPosition, SubscriptionType},
    topic_name::{TopicName, TopicPattern},
};

/// What is read and how.
pub(super) struct Read {
    pub(super) inputs: Vec<InputPlan>,
    pub(super) subscription: SubscriptionPlan,
    pub(super) timeout: Option<Duration>,
    pub(super) retry_delay: Option<Duration>,
    patterns: Vec<TopicPattern>,
}

impl Read {
    /// Whether this topic, by its full name, is an input.
    pub(super) fn reads(&self, topic: &str) -> bool {
        let named = self.inputs.iter().any(|input| match &input.topic {
            TopicSelector::Name(name) => name == topic,
            TopicSelector::Pattern { .. } => false,
        });
        let name = topic.parse::<TopicName>();
        named || name.is_ok_and(|name| self.patterns.iter().any(|pattern| pattern.matches(&name)))
    }

    /// A pattern of the inputs that matches a dead letter's default topic, with which dead letters
    /// would come back as inputs.
    pub(super) fn rereads_dead_letters(&self) -> Option<&str> {
        let suffix = format!("-{}-DLQ", self.subscription.name.replace('/', "-"));
        let rereads = |pattern: &&TopicPattern| {
            let topics = self.inputs.iter().map(|input| match &input.topic {
                TopicSelector::Name(name) => name,
                // A pattern that ends in `.*` matches its own text, and with a suffix too. One of
                // classes of characters may escape this.
                TopicSelector::Pattern { regex, .. } => regex,
            });
            let mut read = topics.filter_map(|topic| format!("{topic}{suffix}").parse().ok());
            read.any(|topic| pattern.matches(&topic))
        };
        self.patterns.iter().find(rereads).map(|pattern| pattern.text.as_str())
    }
}

impl From<SubscriptionKind> for Ordering {
    fn from(kind: SubscriptionKind) -> Self {
        match kind {
            SubscriptionKind::Shared => Self::None,
            SubscriptionKind::KeyShared => Self::Key,
            SubscriptionKind::Failover => Self::Topic,
        }
    }
}

/// The subscription's type, which the two flags of the details may ask for as well.
pub(super) fn kind(
    source: &SourceSpec,
    retain_ordering: bool,
    retain_key_ordering: bool,
    refusals: &mut Refusals,
) -> SubscriptionKind {
    let named = match SubscriptionType::try_from(source.subscription_type) {
        Ok(SubscriptionType::Shared) => SubscriptionKind::Shared,
        Ok(SubscriptionType::Failover) => SubscriptionKind::Failover,
        Ok(SubscriptionType::KeyShared) => SubscriptionKind::KeyShared,
        Err(_) => {
            let accepted = "SHARED, FAILOVER or KEY_SHARED";
            refusals.add("source.subscriptionType", source.subscription_type, accepted);
            SubscriptionKind::Shared
        }
    };
    match (named, retain_ordering, retain_key_ordering) {
        (_, true, true) => {
            let accepted = "false beside retainOrdering, which keeps the order of a whole topic";
            refusals.add("retainKeyOrdering", true, accepted);
            named
        }
        (SubscriptionKind::KeyShared, true, false) => {
            let accepted = "false with KEY_SHARED, which keeps the order of one key only";
            refusals.add("retainOrdering", true, accepted);
            named
        }
        (SubscriptionKind::Failover, false, true) => {
            let accepted = "false with FAILOVER, which keeps the order of a whole topic";
            refusals.add("retainKeyOrdering", true, accepted);
            named
        }
        (_, true, false) => SubscriptionKind::Failover,
        (_, false, true) => SubscriptionKind::KeyShared,
        (_, false, false) => named,
    }
}

pub(super) fn read(
    source: &SourceSpec,
    id: &FunctionId,
    kind: SubscriptionKind,
    refusals: &mut Refusals,
) -> Read {
    let SourceSpec {
        class_name,
        configs,
        subscription_type: _, // in `kind`
        topics_to_ser_de_class_name,
        type_class_name,
        timeout_ms,
        topics_pattern,
        builtin,
        subscription_name,
        input_specs,
        cleanup_subscription,
        subscription_position,
        negative_ack_redelivery_delay_ms,
        skip_to_latest,
    } = source;

    let connector = "nothing: source connectors are Java classes, which do not run as yet";
    refusals.unless_empty("source.className", class_name, connector);
    refusals.unless_empty("source.builtin", builtin, connector);
    refusals.unless_empty("source.configs", configs, connector);
    schema::only_bytes("source.typeClassName", type_class_name, refusals);

    let mut specs = input_specs.clone();
    for (topic, class) in topics_to_ser_de_class_name {
        let field = format!("source.topicsToSerDeClassName[\"{topic}\"]");
        refusals.unless_empty(field, class, schema::NO_SERDE);
        specs.entry(topic.clone()).or_default();
    }
    if !topics_pattern.is_empty() {
        specs.entry(topics_pattern.clone()).or_default().is_regex_pattern = true;
    }
    let (inputs, patterns) = inputs(&specs, refusals);

    let position = match SubscriptionPosition::try_from(*subscription_position) {
        Ok(SubscriptionPosition::Earliest) => Position::Earliest,
        Ok(SubscriptionPosition::Latest) => Position::Latest,
        Err(_) => {
            let accepted = "LATEST or EARLIEST";
            refusals.add("source.subscriptionPosition", subscription_position, accepted);
            Position::Latest
        }
    };
    let name = match subscription_name.trim() {
        "" => id.to_string(),
        _ => subscription_name.clone(),
    };
    let millis = |ms: u64| (ms > 0).then(|| Duration::from_millis(ms));
    Read {
        inputs,
        patterns,
        subscription: SubscriptionPlan {
            name,
            kind,
            position,
            skip_to_latest: *skip_to_latest,
            cleanup: *cleanup_subscription,
        },
        timeout: millis(*timeout_ms),
        retry_delay: millis(*negative_ack_redelivery_delay_ms),
    }
}

/// In the order of the full names.
fn inputs(
    specs: &BTreeMap<String, ConsumerSpec>,
    refusals: &mut Refusals,
) -> (Vec<InputPlan>, Vec<TopicPattern>) {
    if specs.is_empty() {
        refusals.add("source.inputSpecs", "", "at least one input topic");
    }
    let mut plans: BTreeMap<String, InputPlan> = BTreeMap::new();
    let mut patterns = Vec::new();
    for (text, spec) in specs {
        let field = format!("source.inputSpecs[\"{text}\"]");
        let (name, topic) = if spec.is_regex_pattern {
            let Some(pattern) = refusals.pattern(&field, text) else { continue };
            let (namespace, regex) = (pattern.namespace.clone(), pattern.text.clone());
            patterns.push(pattern);
            (regex.clone(), TopicSelector::Pattern { namespace, regex })
        } else {
            let Some(name) = refusals.required_topic(&field, text) else { continue };
            (name.clone(), TopicSelector::Name(name))
        };
        let input = input(&field, topic, spec, refusals);
        if plans.insert(name.clone(), input).is_some() {
            let accepted = "each input once: another entry names the same topic";
            refusals.add(field, &name, accepted);
        }
    }
    (plans.into_values().collect(), patterns)
}

fn input(
    field: &str,
    topic: TopicSelector,
    spec: &ConsumerSpec,
    refusals: &mut Refusals,
) -> InputPlan {
    let ConsumerSpec {
        schema_type,
        serde_class_name,
        is_regex_pattern: _, // decided what `topic` is
        receiver_queue_size,
        schema_properties,
        consumer_properties,
        crypto_spec,
        // Asks Java to reuse the buffers of messages. Here they are never copied in the first
        // place, so either value is honoured.
        pool_messages: _,
    } = spec;
    refusals.unless_empty(format!("{field}.serdeClassName"), serde_class_name, schema::NO_SERDE);
    schema::no_encryption(&format!("{field}.cryptoSpec"), crypto_spec.as_ref(), refusals);
    let fields = SchemaFields {
        kind: (&format!("{field}.schemaType"), schema_type),
        properties: (&format!("{field}.schemaProperties"), schema_properties),
    };
    let schema = schema::plan(&fields, refusals);

    let mut queue_size = None;
    if let Some(size) = receiver_queue_size {
        queue_size = queue(&format!("{field}.receiverQueueSize"), i64::from(size.value), refusals);
    }
    let mut properties = BTreeMap::new();
    for (option, value) in consumer_properties {
        let field = format!("{field}.consumerProperties[\"{option}\"]");
        match option.as_str() {
            "receiverQueueSize" => match value.parse() {
                Ok(size) => queue_size = queue(&field, size, refusals),
                Err(_) => refusals.add(field, value, QUEUE_SIZE),
            },
            "properties" => properties = text_properties(&field, value, refusals),
            _ => refusals.add(field, value, no_option(option)),
        }
    }
    InputPlan { topic, schema, receiver_queue_size: queue_size, consumer_properties: properties }
}

const QUEUE_SIZE: &str = "1 or more messages: without a queue nothing is read ahead of a call";

fn queue(field: &str, size: i64, refusals: &mut Refusals) -> Option<u32> {
    let messages = u32::try_from(size).ok().filter(|messages| *messages > 0);
    if messages.is_none() {
        refusals.add(field, size, QUEUE_SIZE);
    }
    messages
}

/// Consumer properties, a JSON object as text.
fn text_properties(field: &str, text: &str, refusals: &mut Refusals) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for (name, value) in refusals.object(field, text) {
        if let Value::String(value) = value {
            properties.insert(name, value);
        } else {
            refusals.add(format!("{field}.{name}"), value, "a text");
        }
    }
    properties
}

/// Says where an option of Pulsar's Java consumer is said here, if it is at all.
fn no_option(option: &str) -> String {
    let instead = match option {
        "subscriptionName" => "source.subscriptionName",
        "subscriptionType" => "source.subscriptionType",
        "subscriptionInitialPosition" => "source.subscriptionPosition",
        "ackTimeoutMillis" => "source.timeoutMs",
        "negativeAckRedeliveryDelayMicros" => "source.negativeAckRedeliveryDelayMs",
        "deadLetterPolicy" => "retryDetails",
        "cryptoFailureAction" => "cryptoSpec",
        "poolMessages" => "poolMessages",
        _ => {
            return "one of the consumer options receiverQueueSize and properties (a JSON object \
                    of texts), which are all that are honoured"
                .to_owned();
        }
    };
    format!("nothing: {instead} says it")
}
