//! Everything about the pods.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        autoscaling::v2::{HorizontalPodAutoscalerBehavior, MetricSpec},
        core::v1::{
            Affinity, Container, EnvVar, LocalObjectReference, PodSecurityContext, Probe,
            Toleration, Volume,
        },
    },
    apimachinery::pkg::api::resource::Quantity,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quantity;

/// What the pods have beyond the logic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PodPolicy {
    /// Labels of the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations of the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Labels of the nodes that may run the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<BTreeMap<String, String>>,
    /// Where pods are preferred or required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// Leave out the preference for spreading pods over nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_default_affinity: Option<bool>,
    /// Taints that the pods tolerate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerations: Option<Vec<Toleration>>,
    /// Security context of the pods, instead of the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<PodSecurityContext>,
    /// Seconds a pod has to stop. Default: the time to drain, and a margin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_grace_period_seconds: Option<i64>,
    /// Volumes of the pods.
    #[serde(deserialize_with = "quantity::lenient", skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Vec<Volume>>,
    /// Secrets for pulling images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_secrets: Option<Vec<LocalObjectReference>>,
    /// Containers that run before the others.
    #[serde(deserialize_with = "quantity::lenient", skip_serializing_if = "Option::is_none")]
    pub init_containers: Option<Vec<Container>>,
    /// Containers beside the logic.
    #[serde(deserialize_with = "quantity::lenient", skip_serializing_if = "Option::is_none")]
    pub sidecars: Option<Vec<Container>>,
    /// Service account of the pods. Without it they have the namespace's, and no token of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// Environment of the container with the logic.
    #[serde(deserialize_with = "quantity::lenient", skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<EnvVar>>,
    /// Liveness probe of the container with the logic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Liveness>,
    /// Startup probe of the container with the logic, instead of the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup_probe: Option<Probe>,
    /// Readiness probe of the container with the logic, instead of the default one. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<Probe>,
    /// Rules for autoscaling: AverageUtilizationCPUPercent80, 50 or 20, and
    /// AverageUtilizationMemoryPercent80, 50 or 20; one of each resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builtin_autoscaler: Option<Vec<String>>,
    /// Metrics for autoscaling, as a HorizontalPodAutoscaler has them.
    #[serde(deserialize_with = "quantity::lenient", skip_serializing_if = "Option::is_none")]
    pub auto_scaling_metrics: Option<Vec<MetricSpec>>,
    /// Behavior of autoscaling, as a HorizontalPodAutoscaler has it.
    #[serde(deserialize_with = "quantity::lenient", skip_serializing_if = "Option::is_none")]
    pub auto_scaling_behavior: Option<HorizontalPodAutoscalerBehavior>,
    /// A VerticalPodAutoscaler for the pods, where the cluster has that API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpa: Option<VerticalScaling>,
}

/// When a container counts as dead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Liveness {
    /// Seconds before the first probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_delay_seconds: Option<i32>,
    /// Seconds between probes, and their timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_seconds: Option<i32>,
    /// Successes that count as alive; Kubernetes allows 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_threshold: Option<i32>,
    /// Failures that count as dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<i32>,
}

/// What a VerticalPodAutoscaler may do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VerticalScaling {
    /// When recommendations are applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_policy: Option<VpaUpdatePolicy>,
    /// Bounds per container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_policy: Option<VpaResourcePolicy>,
}

/// When recommendations are applied (autoscaling.k8s.io/v1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VpaUpdatePolicy {
    /// Off, Initial, Recreate or Auto.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_mode: Option<VpaUpdateMode>,
    /// Fewest replicas that must be alive for a pod to be evicted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<i32>,
    /// Conditions that all must hold for a pod to be evicted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_requirements: Option<Vec<VpaEvictionRequirement>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VpaUpdateMode {
    Off,
    Initial,
    Recreate,
    Auto,
}

/// A condition for the eviction of a pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VpaEvictionRequirement {
    /// Resources it is about.
    pub resources: Vec<String>,
    /// TargetHigherThanRequests or TargetLowerThanRequests.
    pub change_requirement: String,
}

/// Bounds for recommendations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VpaResourcePolicy {
    /// Bounds per container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_policies: Option<Vec<VpaContainerPolicy>>,
}

/// Bounds for one container's recommendations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VpaContainerPolicy {
    /// Name of the container, or *.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_name: Option<String>,
    /// Auto or Off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<VpaContainerMode>,
    /// Least that is recommended.
    #[serde(deserialize_with = "quantity::lenient_map", skip_serializing_if = "Option::is_none")]
    pub min_allowed: Option<BTreeMap<String, Quantity>>,
    /// Most that is recommended.
    #[serde(deserialize_with = "quantity::lenient_map", skip_serializing_if = "Option::is_none")]
    pub max_allowed: Option<BTreeMap<String, Quantity>>,
    /// Resources that are recommended for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controlled_resources: Option<Vec<String>>,
    /// RequestsAndLimits or RequestsOnly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controlled_values: Option<VpaControlledValues>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VpaContainerMode {
    Auto,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VpaControlledValues {
    RequestsAndLimits,
    RequestsOnly,
}
