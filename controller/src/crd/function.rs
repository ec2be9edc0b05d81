//! Function: consumes topics, runs logic, publishes results.

use k8s_openapi::api::{
    apps::v1::StatefulSetPersistentVolumeClaimRetentionPolicy, core::v1::PersistentVolumeClaim,
};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    consumption::Consumption,
    io::{BatchSourceConfig, OutputSpec},
    quantity,
    status::WorkloadStatus,
    workload::WorkloadSpec,
};

/// A function on Pulsar: the topics it consumes, its logic, and where the results go.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "compute.functionmesh.io",
    version = "v1alpha1",
    kind = "Function",
    plural = "functions",
    shortname = "fn",
    category = "functionmesh",
    namespaced,
    status = "WorkloadStatus",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default)]
pub struct FunctionSpec {
    #[serde(flatten)]
    pub workload: WorkloadSpec,
    #[serde(flatten)]
    pub consumption: Consumption,
    /// Where the results go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputSpec>,
    /// Configuration that the logic can ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::free_form::object")]
    pub func_config: Option<serde_json::Map<String, serde_json::Value>>,
    /// Copy the input's properties to the output. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_source_message_property: Option<bool>,
    /// Asynchronous results that may be open. Default: 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pending_async_requests: Option<i32>,
    /// Start at the newest message whenever an instance starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_to_latest: Option<bool>,
    /// Run the logic on windows of messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_config: Option<WindowConfig>,
    /// A connector in the place of the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_config: Option<ConnectorSource>,
    /// A connector in the place of the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink_config: Option<ConnectorSink>,
    /// Claims for volumes of each pod's own.
    #[serde(deserialize_with = "quantity::lenient", skip_serializing_if = "Option::is_none")]
    pub volume_claim_templates: Option<Vec<PersistentVolumeClaim>>,
    /// What becomes of these volumes when the function is scaled down or deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim_retention_policy:
        Option<StatefulSetPersistentVolumeClaimRetentionPolicy>,
}

/// Windows of messages, by count or by time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowConfig {
    /// Messages in a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_length_count: Option<i32>,
    /// Milliseconds of a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_length_duration_ms: Option<i64>,
    /// Messages after which the window slides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_interval_count: Option<i32>,
    /// Milliseconds after which the window slides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_interval_duration_ms: Option<i64>,
    /// Topic for messages that are late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_data_topic: Option<String>,
    /// Milliseconds that a message may be late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lag_ms: Option<i64>,
    /// Milliseconds between watermarks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark_emit_interval_ms: Option<i64>,
    /// Class that reads a message's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_extractor_class_name: Option<String>,
    /// Class of the logic.
    pub actual_window_function_class_name: String,
    /// Delivery promise of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing_guarantees: Option<WindowGuarantee>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WindowGuarantee {
    #[serde(rename = "ATLEAST_ONCE")]
    AtLeastOnce,
    #[serde(rename = "ATMOST_ONCE")]
    AtMostOnce,
}

/// A connector that feeds a function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ConnectorSource {
    /// Class of the connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// Java type it produces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type_class_name: Option<String>,
    /// Name of a built-in connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
    /// Its configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::free_form::object")]
    pub configs: Option<serde_json::Map<String, serde_json::Value>>,
    /// Batches, if it is a batch source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_source_config: Option<BatchSourceConfig>,
}

/// A connector that takes a function's results.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ConnectorSink {
    /// Class of the connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// Java type it consumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type_class_name: Option<String>,
    /// Name of a built-in connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink_type: Option<String>,
    /// Its configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::free_form::object")]
    pub configs: Option<serde_json::Map<String, serde_json::Value>>,
}
