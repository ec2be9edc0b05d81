//! Scaling on what waits in Pulsar. Ours: the original scales on CPU and memory only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Replicas follow the backlog of the function's subscription: as many as it takes to have at most
/// `backlogPerReplica` entries each, from `min` to the spec's `maxReplicas`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BacklogScaling {
    /// Entries that one replica may have waiting, as Pulsar counts them: messages that a producer sent
    /// as one batch are one entry.
    pub backlog_per_replica: i64,
    /// Fewest replicas; 0 stops the function while nothing waits. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i32>,
    /// Seconds for which the backlog must have been low before replicas are removed. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown_seconds: Option<i32>,
}
