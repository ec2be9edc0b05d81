//! What a function is, after checking: the one thing that runner and controller agree on.
//!
//! A plan holds only what can be honoured. Building one from `FunctionDetails` refuses the rest.

use std::{collections::BTreeMap, fmt, time::Duration};

mod from_details;
mod refusals;
mod schema;
mod sink;
mod source;

pub use schema::DEFINITION as SCHEMA_DEFINITION;

/// `tenant/namespace/name`: Pulsar's fully qualified function name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionId {
    pub tenant: String,
    pub namespace: String,
    pub name: String,
}

impl fmt::Display for FunctionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.namespace, self.name)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunctionPlan {
    pub id: FunctionId,
    /// Java's class, Python's module and class; empty for a component.
    pub class_name: String,
    pub guarantee: Guarantee,
    /// In name order; never empty.
    pub inputs: Vec<InputPlan>,
    pub subscription: SubscriptionPlan,
    pub ordering: Ordering,
    pub output: Option<OutputPlan>,
    pub retry: RetryPlan,
    /// `timeoutMs`: how long one message may take before its redelivery; `None` for no limit but
    /// the sandbox's.
    pub timeout: Option<Duration>,
    pub log_topic: Option<String>,
    pub user_config: serde_json::Map<String, serde_json::Value>,
    /// Name to provider-specific reference (`secretsMap`).
    pub secrets: BTreeMap<String, serde_json::Value>,
    /// Instances over all pods or processes; at least 1.
    pub parallelism: u32,
    /// Where the code comes from, if the details say so (`packageUrl`).
    pub package: Option<String>,
    /// What one instance may use. The controller gives it to the pod; of it, the runner holds the
    /// guest's memory below `ram`.
    pub resources: ResourcesPlan,
}

/// `None` where nothing was said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ResourcesPlan {
    /// Cores.
    pub cpu: Option<f64>,
    /// Bytes.
    pub ram: Option<u64>,
    /// Bytes.
    pub disk: Option<u64>,
}

/// `ProcessingGuarantees` of Function.proto, less the one that is refused today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    AtMostOnce,
    AtLeastOnce,
    Manual,
}

/// What must stay in order when a message has to be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// Nothing: others overtake a failing message (Shared subscription).
    None,
    /// Messages of one key (`retainKeyOrdering`, Key_Shared).
    Key,
    /// All messages of a topic (`retainOrdering`, Failover).
    Topic,
}

#[derive(Clone, Debug, PartialEq)]
pub struct InputPlan {
    pub topic: TopicSelector,
    pub schema: SchemaPlan,
    /// Messages the client prefetches.
    pub receiver_queue_size: Option<u32>,
    /// Consumer properties shown in the broker's stats, besides the runner's own.
    pub consumer_properties: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicSelector {
    /// A topic by its full name (`persistent://tenant/namespace/name`).
    Name(String),
    /// All topics of a namespace whose full name matches.
    Pattern { namespace: String, regex: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionPlan {
    pub name: String,
    pub kind: SubscriptionKind,
    pub position: Position,
    /// Start at the newest message at every start of an instance.
    pub skip_to_latest: bool,
    /// Remove the subscription when the function is deleted (or `localrun` ends).
    pub cleanup: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionKind {
    Shared,
    Failover,
    KeyShared,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Latest,
    Earliest,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OutputPlan {
    pub topic: String,
    pub schema: SchemaPlan,
    pub compression: Compression,
    /// One batch per key, as Key_Shared consumers of the output need.
    pub batch_by_key: bool,
    /// Messages that may wait for the broker's confirmation; `None` for the runner's default.
    pub max_pending_messages: Option<u32>,
    pub max_pending_messages_across_partitions: Option<u32>,
    /// Copy the input's properties to the output.
    pub forward_properties: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Lz4,
    Zlib,
    Zstd,
}

/// The schema registered with the broker for a topic.
#[derive(Clone, Debug, PartialEq)]
pub enum SchemaPlan {
    /// Bytes, without a registered schema.
    Bytes,
    String,
    /// With its Avro-syntax record definition, if one was given.
    Json(Option<String>),
    /// With its record definition.
    Avro(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPlan {
    /// How often a failed message is tried again; `None` for ever.
    pub max_retries: Option<u32>,
    /// Between attempts.
    pub delay: Duration,
    /// Where a message goes after its last attempt. `None` with a bound on retries means the
    /// runner's default for the input's topic: `<topic>-<subscription>-DLQ` with the slashes of
    /// the subscription made dashes, since Pulsar's own default is not a legal name
    /// (function-mesh issue 593).
    pub dead_letter_topic: Option<String>,
}

#[cfg(test)]
mod tests;
