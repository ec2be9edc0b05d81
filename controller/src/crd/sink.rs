//! Sink: a connector that takes data out of Pulsar.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{consumption::Consumption, status::WorkloadStatus, workload::WorkloadSpec};

/// A connector that takes data out of Pulsar topics.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "compute.functionmesh.io",
    version = "v1alpha1",
    kind = "Sink",
    plural = "sinks",
    shortname = "snk",
    category = "functionmesh",
    namespaced,
    status = "WorkloadStatus",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default)]
pub struct SinkSpec {
    #[serde(flatten)]
    pub workload: WorkloadSpec,
    #[serde(flatten)]
    pub consumption: Consumption,
    /// Accepted and not used, as in the original; the class name says what the connector is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink_type: Option<String>,
    /// Configuration of the connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::free_form::object")]
    pub sink_config: Option<serde_json::Map<String, serde_json::Value>>,
    /// Milliseconds before a failed message is delivered again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negative_ack_redelivery_delay_ms: Option<i32>,
}
