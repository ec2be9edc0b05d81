//! BackendConfig: what all functions of a namespace, or of the cluster, have in common.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pod::PodPolicy;

/// Defaults for the pods of a namespace, or of the whole cluster. A function's own fields win over
/// those of its namespace, and these over the global ones.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "compute.functionmesh.io",
    version = "v1alpha1",
    kind = "BackendConfig",
    plural = "backendconfigs",
    shortname = "bc",
    category = "functionmesh",
    namespaced,
    status = "BackendConfigStatus",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase", default)]
pub struct BackendConfigSpec {
    /// Accepted and not used, as in the original.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Environment variables for the container with the logic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    /// Defaults for pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodPolicy>,
    /// Roll a change of this object out at once. Without it, each function takes it with its own
    /// next change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_update: Option<bool>,
}

/// Nothing is reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackendConfigStatus {}
