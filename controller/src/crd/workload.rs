//! What a Function, a Source and a Sink have in common.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ResourceRequirements, VolumeMount};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    autoscaling::BacklogScaling,
    messaging::PulsarMessaging,
    pod::PodPolicy,
    quantity,
    runtime::{GenericRuntime, GoRuntime, JavaRuntime, LogTopicAgent, PythonRuntime, WasmRuntime},
};

/// Delivery promise, in the spelling of the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessingGuarantee {
    #[serde(rename = "atleast_once")]
    AtLeastOnce,
    #[serde(rename = "atmost_once")]
    AtMostOnce,
    EffectivelyOnce,
    Manual,
}

/// One secret a function may ask for by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// Name of the Kubernetes Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Key in the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The fields that all three kinds have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadSpec {
    /// Pulsar-side name. Default: the object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Pulsar-side tenant. Default: public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Pulsar-side namespace, not Kubernetes's. Default: default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the Pulsar cluster, a label of the metrics. Default: kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<String>,
    /// Java class or Python module and class of the logic. Not for a Wasm component.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// Image that holds the code. A Wasm function needs none: it runs in the runner's own image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// When the image is pulled: Always, IfNotPresent or Never. Default: the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<String>,
    /// Accepted and not needed: packages are fetched by the runner itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_has_pulsarctl: Option<bool>,
    /// Accepted and not needed: packages are fetched by the runner itself.
    #[serde(rename = "imageHasGet", skip_serializing_if = "Option::is_none")]
    pub image_has_wget: Option<bool>,
    /// Accepted and not needed: packages are fetched by the runner itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downloader_image: Option<String>,
    /// Accepted and not needed: subscriptions are removed by the controller, without a pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleanup_image: Option<String>,
    /// Accepted and not needed: log messages go to the log topic from the runner, without a sidecar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filebeat_image: Option<String>,
    /// Number of pods. Default: minReplicas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Fewest pods an autoscaler may leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<i32>,
    /// Most pods an autoscaler may start. Set, it turns autoscaling on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<i32>,
    /// Scaling on the subscription's backlog, from and to zero. Not for sources, which have none. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<BacklogScaling>,
    /// Tell the function the number of replicas as its parallelism. The default tells it 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show_precise_parallelism: Option<bool>,
    /// Delivery promise. Default: atleast_once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processing_guarantee: Option<ProcessingGuarantee>,
    /// CPU and memory of the container that runs the logic. Requests: 100m and 128Mi, limits: none
    /// and 256Mi, where nothing is said.
    #[serde(deserialize_with = "quantity::lenient", skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Secrets that the logic may ask for by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_map: Option<BTreeMap<String, SecretReference>>,
    /// Volumes of pod.volumes and volumeClaimTemplates, mounted beside the logic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_mounts: Option<Vec<VolumeMount>>,
    /// The Pulsar cluster, and how to authenticate there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulsar: Option<PulsarMessaging>,
    /// Another Pulsar cluster, whose package service holds the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulsar_package_service: Option<PulsarMessaging>,
    /// More Pulsar clusters, by the names that inputs and the output use in their clusterRef. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulsar_clusters: Option<BTreeMap<String, PulsarMessaging>>,
    /// Topic that receives what the logic logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_topic: Option<String>,
    /// Who writes the log topic. Both mean the runner here; no sidecar is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_topic_agent: Option<LogTopicAgent>,
    /// Flags for the language's runtime, such as the JVM's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_flags: Option<String>,
    /// Where the state store is. A Wasm function's state needs none: it lives in a volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stateful_config: Option<StatefulConfig>,
    /// Everything about the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodPolicy>,
    /// Logic as a WebAssembly component. Of functions only. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wasm: Option<WasmRuntime>,
    /// Logic in Java.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub java: Option<JavaRuntime>,
    /// Logic in Python. Of functions only: connectors are Java.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonRuntime>,
    /// Logic in Go. Of functions only: connectors are Java.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub golang: Option<GoRuntime>,
    /// Logic in another language, or a component. Of functions only: connectors are Java.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generic_runtime: Option<GenericRuntime>,
}

/// Where a function's state lives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StatefulConfig {
    /// Pulsar's own state store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulsar: Option<PulsarStateStore>,
}

/// Pulsar's state store, on BookKeeper.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PulsarStateStore {
    /// Address of the store: bk://host:port.
    pub service_url: String,
    /// Another implementation of the store, for Java.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub java_provider: Option<JavaStateProvider>,
}

/// A Java class that implements a state store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JavaStateProvider {
    /// Name of the class.
    pub class_name: String,
    /// Accepted; Pulsar's own class takes no configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::free_form::object")]
    pub config: Option<serde_json::Map<String, serde_json::Value>>,
}
