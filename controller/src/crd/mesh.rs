//! FunctionMesh: functions, sources and sinks that belong together.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{function::FunctionSpec, sink::SinkSpec, source::SourceSpec, status::MeshStatus};

/// Functions, sources and sinks that are started, stopped and deleted as one.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "compute.functionmesh.io",
    version = "v1alpha1",
    kind = "FunctionMesh",
    plural = "functionmeshes",
    shortname = "fm",
    category = "functionmesh",
    namespaced,
    status = "MeshStatus",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default)]
pub struct FunctionMeshSpec {
    /// Connectors that bring data in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<SourceSpec>>,
    /// Functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub functions: Option<Vec<FunctionSpec>>,
    /// Connectors that take data out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sinks: Option<Vec<SinkSpec>>,
    /// Stop all members: no pods run until this is false again. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}
