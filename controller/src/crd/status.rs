//! What the controller reports on an object.
//!
//! `conditions` is the original's map of components. Kubernetes's own conditions are a list, which
//! cannot have the same name, so they are `standardConditions`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of an object, and what is under way with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ResourceCondition {
    /// What it is about: StatefulSetReady, ServiceReady, HPAReady, VPAReady, and for members of a
    /// mesh FunctionReady, SourceReady, SinkReady, MeshReady, Orphaned.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// True or False.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// What is still to be done: Create, Delete, Update, Wait or NoAction.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
}

/// Status of a Function, Source or Sink.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadStatus {
    /// By component: StatefulSet, Service, HorizontalPodAutoscaler, VerticalPodAutoscaler.
    pub conditions: BTreeMap<String, ResourceCondition>,
    /// Number of pods asked for.
    pub replicas: i32,
    /// Selector of the pods, for autoscalers.
    pub selector: String,
    /// Generation of the object that was reconciled last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Resource version of the global BackendConfig in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_backend_config_revision: Option<String>,
    /// Resource version of the namespace's BackendConfig in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaced_backend_config_revision: Option<String>,
    /// What a paused rollout holds back, as a JSON merge patch of the StatefulSet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_change: Option<String>,
    /// Kubernetes's conditions: Ready, Progressing, Degraded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub standard_conditions: Vec<Condition>,
    /// Ready pods of those asked for, as 1/1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// Reason of the Ready condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// wasm, java, python, golang or the generic runtime's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Topics that are consumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Topic that is produced to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Messages that wait in the subscription, where that is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog: Option<i64>,
}

/// Status of a FunctionMesh.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshStatus {
    /// By name of a source.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub source_conditions: BTreeMap<String, ResourceCondition>,
    /// By name of a function.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub function_conditions: BTreeMap<String, ResourceCondition>,
    /// By name of a sink.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sink_conditions: BTreeMap<String, ResourceCondition>,
    /// Of the mesh as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<ResourceCondition>,
    /// Generation of the mesh that was reconciled last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Kubernetes's conditions: Ready, Progressing, Degraded, GraphComplete.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub standard_conditions: Vec<Condition>,
    /// Ready members of all, as 3/3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// Reason of the Ready condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The graph: which member hands messages to which, over which topic.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<MeshEdge>,
}

/// An edge of a mesh's graph.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct MeshEdge {
    /// Member that writes the topic; empty if it is outside the mesh.
    pub from: String,
    /// Member that reads the topic; empty if it is outside the mesh.
    pub to: String,
    /// The topic's full name.
    pub topic: String,
}
