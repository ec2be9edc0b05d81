//! Sink: a connector that takes data out of Pulsar.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    function::SubscriptionPosition, io::InputSpec, status::WorkloadStatus, workload::WorkloadSpec,
};

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
    /// What is consumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<InputSpec>,
    /// Accepted and not used, as in the original; the class name says what the connector is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink_type: Option<String>,
    /// Configuration of the connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::free_form::object")]
    pub sink_config: Option<serde_json::Map<String, serde_json::Value>>,
    /// Acknowledge messages for the connector. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_ack: Option<bool>,
    /// Remove the subscription when the sink is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleanup_subscription: Option<bool>,
    /// Topic for messages that failed too often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_topic: Option<String>,
    /// How often a failed message is tried again. 0 is for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_message_retry: Option<i32>,
    /// Milliseconds before an unacknowledged message is delivered again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i32>,
    /// Milliseconds before a failed message is delivered again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negative_ack_redelivery_delay_ms: Option<i32>,
    /// Keep messages in order, by topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain_ordering: Option<bool>,
    /// Keep messages in order, by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain_key_ordering: Option<bool>,
    /// Name of the subscription. Default: tenant/namespace/name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_name: Option<String>,
    /// Where a new subscription starts. Default: earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_position: Option<SubscriptionPosition>,
}
