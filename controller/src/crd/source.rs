//! Source: a connector that brings data into Pulsar.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    io::{BatchSourceConfig, OutputSpec},
    status::WorkloadStatus,
    workload::WorkloadSpec,
};

/// A connector that brings data into a Pulsar topic.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "compute.functionmesh.io",
    version = "v1alpha1",
    kind = "Source",
    plural = "sources",
    shortname = "src",
    category = "functionmesh",
    namespaced,
    status = "WorkloadStatus",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceSpec {
    #[serde(flatten)]
    pub workload: WorkloadSpec,
    /// Where the data goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputSpec>,
    /// Accepted and not used, as in the original; the class name says what the connector is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
    /// Configuration of the connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::free_form::object")]
    pub source_config: Option<serde_json::Map<String, serde_json::Value>>,
    /// Batches, if it is a batch source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_source_config: Option<BatchSourceConfig>,
    /// Copy the record's properties to the message. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_source_message_property: Option<bool>,
}
