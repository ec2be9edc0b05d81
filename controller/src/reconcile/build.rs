//! From what is wanted to the objects that have it. Pure: no client, no clock.

use std::collections::BTreeMap;

use function_mesh_proto::function::FunctionDetails;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{ConfigMap, Service},
};
use kube::{ResourceExt, core::DynamicObject};
use serde::Serialize;

use super::{RESTARTED_AT, dereference::References};
use crate::{config::PodDefaults, digest::digest, workload::Workload};

pub mod autoscaler;
mod config_map;
mod container;
pub mod labels;
pub(crate) mod mounts;
mod pod;
mod service;
mod stateful_set;

/// `InstanceControl`, which Pulsar's workers ask for an instance's status.
const CONTROL_PORT: (&str, i32) = ("tcp-grpc", 9093);
/// Metrics and probes.
pub(super) const METRICS_PORT: (&str, i32) = ("http-metrics", 9094);
/// Configuration and credentials.
pub(crate) const CONFIG_DIR: &str = "/etc/function-mesh";
/// The runner, in pods whose image is not its own.
const BINARY_DIR: &str = "/opt/function-mesh";
/// The cluster that `pulsarPackageService` describes.
pub(crate) const PACKAGE_CLUSTER: &str = "package-service";

/// On the StatefulSet: what its pods were made from. While that stays the same, so do the pods,
/// whatever version of the operator looks at them.
pub const INPUTS: &str = "compute.functionmesh.io/inputs";
/// On the StatefulSet: the pod template that was made from it.
pub const TEMPLATE: &str = "compute.functionmesh.io/template";
/// On whatever belongs to a workload, but not the pods: what was applied last, so that a field that is
/// wanted no longer shows, and is removed with the next write.
pub const APPLIED: &str = "compute.functionmesh.io/applied";
/// On pods: their configuration, so that a changed one rolls them.
pub const CONFIGURATION: &str = "compute.functionmesh.io/configuration";

/// Everything that belongs to one workload.
#[derive(Clone, Debug)]
pub struct Resources {
    pub config_map: ConfigMap,
    pub service: Service,
    pub stateful_set: StatefulSet,
    pub horizontal: Option<HorizontalPodAutoscaler>,
    pub vertical: Option<DynamicObject>,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("the spec names no runtime")]
    NoRuntime,
    #[error("a document cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Makes all objects of a workload. `replicas` is what autoscaling decided, or the spec says.
pub fn build<W: Workload>(
    workload: &W,
    details: &FunctionDetails,
    references: &References,
    defaults: &PodDefaults,
    replicas: i32,
) -> Result<Resources, BuildError> {
    let mut config_map = config_map::config_map(workload, details, references)?;
    let configuration = digest(&(&config_map.data, &references.digests))?;
    let mut annotations = BTreeMap::from([(CONFIGURATION.to_owned(), configuration)]);
    if let Some(time) = workload.annotations().get(RESTARTED_AT) {
        annotations.insert(RESTARTED_AT.to_owned(), time.clone());
    }
    let mut stateful_set =
        stateful_set::stateful_set(workload, references, defaults, replicas, annotations);
    let mut horizontal = autoscaler::horizontal(workload, &references.pod);
    let mut vertical = autoscaler::vertical(workload, &references.pod)?;
    let mut service = service::service(workload);
    let template = digest(&stateful_set.spec.as_ref().map(|spec| &spec.template))?;
    stateful_set.metadata.annotations = Some(BTreeMap::from([
        (INPUTS.to_owned(), inputs(workload, references, defaults)?),
        (TEMPLATE.to_owned(), template),
    ]));
    stamp(&mut config_map)?;
    stamp(&mut service)?;
    stamp(&mut stateful_set)?;
    horizontal.as_mut().map(stamp).transpose()?;
    vertical.as_mut().map(stamp).transpose()?;
    Ok(Resources { config_map, service, stateful_set, horizontal, vertical })
}

/// Adds the digest of what an object is to be.
fn stamp<K: ResourceExt + Serialize>(object: &mut K) -> Result<(), serde_json::Error> {
    let mut whole = serde_json::to_value(&*object)?;
    if let Some(metadata) = whole.get_mut("metadata").and_then(|metadata| metadata.as_object_mut())
    {
        metadata.remove("annotations");
    }
    if let Some(spec) = whole.get_mut("spec").and_then(|spec| spec.as_object_mut()) {
        // How many pods there are changes often, and cannot be absent; pods have annotations of
        // their own.
        spec.retain(|field, _| field != "replicas" && field != "template");
    }
    object.annotations_mut().insert(APPLIED.to_owned(), digest(&whole)?);
    Ok(())
}

/// A digest of everything that a user can change and that pods depend on. Not in it: how many pods
/// there are, metadata, which runner the operator brings, and how this version builds a pod.
fn inputs<W: Workload>(
    workload: &W,
    references: &References,
    defaults: &PodDefaults,
) -> Result<String, serde_json::Error> {
    let whole = serde_json::to_value(workload)?;
    let mut spec = whole.get("spec").cloned().unwrap_or_default();
    if let Some(fields) = spec.as_object_mut() {
        for scaling in ["replicas", "minReplicas", "maxReplicas", "autoscaling"] {
            // Unless the function is told how many it is.
            if scaling != "replicas" || workload.spec().show_precise_parallelism != Some(true) {
                fields.remove(scaling);
            }
        }
        if let Some(pod) = fields.get_mut("pod").and_then(|pod| pod.as_object_mut()) {
            for scaling in ["builtinAutoscaler", "autoScalingMetrics", "autoScalingBehavior", "vpa"]
            {
                pod.remove(scaling);
            }
        }
    }
    let operator = (
        &defaults.resource_labels,
        &defaults.resource_annotations,
        &defaults.image_pull_secrets,
        &defaults.image_pull_policy,
        &defaults.default_affinity,
        &defaults.images,
    );
    let restarted = workload.annotations().get(RESTARTED_AT);
    digest(&(spec, restarted, &references.digests, &references.rolling_backend_configs, operator))
}
