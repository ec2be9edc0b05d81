//! The pod: the runner, beside whatever the user puts there.
//!
//! The container with the logic runs the runner, not a shell. Code in an image of the user's is
//! reached by copying the runner into that image's pod; a component needs no other image.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Affinity, EmptyDirVolumeSource, EnvVar, EnvVarSource, HTTPGetAction, LocalObjectReference,
        ObjectFieldSelector, PodAffinityTerm, PodAntiAffinity, PodSecurityContext, PodSpec,
        PodTemplateSpec, Probe, SeccompProfile, Volume, VolumeMount, WeightedPodAffinityTerm,
    },
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, ObjectMeta},
        util::intstr::IntOrString,
    },
};

use super::{
    BINARY_DIR, CONFIG_DIR, CONTROL_PORT, METRICS_PORT, config_map, container, labels, mounts,
};
use crate::{
    config::PodDefaults,
    crd::{pod::PodPolicy, workload::WorkloadSpec},
    reconcile::dereference::References,
    workload::{Language, Workload},
};

/// What a pod takes beyond draining: closing connections, and the kubelet's own time.
const GRACE_MARGIN_SECONDS: u64 = 10;
const DRAIN_SECONDS: u64 = 20;

pub(super) fn grace_seconds(given: Option<i64>) -> u64 {
    given
        .and_then(|seconds| u64::try_from(seconds).ok())
        .unwrap_or(DRAIN_SECONDS + GRACE_MARGIN_SECONDS)
}

/// How long the runner may drain, so that it is done before it is killed.
pub(super) fn drain_seconds(grace: u64) -> u64 {
    grace.saturating_sub(GRACE_MARGIN_SECONDS.min(grace / 3)).max(1)
}

pub(super) fn template<W: Workload>(
    workload: &W,
    references: &References,
    defaults: &PodDefaults,
    annotations: BTreeMap<String, String>,
) -> PodTemplateSpec {
    let policy = &references.pod;
    let mut pod_labels = labels::selector(workload);
    let selector = pod_labels.clone();
    pod_labels.extend(defaults.resource_labels.clone());
    pod_labels.extend(policy.labels.clone().unwrap_or_default());
    // A StatefulSet refuses pods that its selector does not select.
    pod_labels.extend(selector);
    let mut all = BTreeMap::from([
        ("prometheus.io/scrape".to_owned(), "true".to_owned()),
        ("prometheus.io/port".to_owned(), METRICS_PORT.1.to_string()),
    ]);
    all.extend(defaults.resource_annotations.clone());
    all.extend(policy.annotations.clone().unwrap_or_default());
    all.extend(annotations);
    PodTemplateSpec {
        spec: Some(pod(workload, references, defaults, &pod_labels)),
        metadata: Some(ObjectMeta {
            labels: Some(pod_labels),
            annotations: Some(all),
            ..ObjectMeta::default()
        }),
    }
}

fn pod<W: Workload>(
    workload: &W,
    references: &References,
    defaults: &PodDefaults,
    pod_labels: &BTreeMap<String, String>,
) -> PodSpec {
    let (spec, policy) = (workload.spec(), &references.pod);
    let install = needs_install(spec);
    let mut init = policy.init_containers.clone().unwrap_or_default();
    if install {
        init.push(container::installer(defaults));
    }
    let mut containers = policy.sidecars.clone().unwrap_or_default();
    containers.push(container::logic(workload, references, defaults, install));
    let mut volumes = policy.volumes.clone().unwrap_or_default();
    volumes.push(mounts::configuration(workload, references));
    volumes.extend(mounts::crypto(workload));
    for (name, needed) in [("tmp", true), ("cache", true), ("runner", install)] {
        if needed {
            volumes.push(empty_dir(name));
        }
    }
    let own_account = policy.service_account_name.is_some();
    PodSpec {
        init_containers: Some(init).filter(|init| !init.is_empty()),
        containers,
        volumes: Some(volumes),
        termination_grace_period_seconds: i64::try_from(grace_seconds(
            policy.termination_grace_period_seconds,
        ))
        .ok(),
        node_selector: policy.node_selector.clone(),
        affinity: affinity(policy, defaults, pod_labels),
        tolerations: policy.tolerations.clone(),
        image_pull_secrets: Some(pull_secrets(policy, defaults)).filter(|s| !s.is_empty()),
        service_account_name: policy.service_account_name.clone(),
        // The old name of the same field. The API server fills it in, and takes the account from it
        // when the other is removed, unless both are ours.
        service_account: policy.service_account_name.clone(),
        // An account that was chosen is there for its token; the namespace's is not.
        automount_service_account_token: (!own_account).then_some(false),
        security_context: Some(policy.security_context.clone().unwrap_or_else(unprivileged)),
        ..PodSpec::default()
    }
}

/// A component needs no image but the runner's; code in an image needs the runner in it.
pub(super) fn needs_install(spec: &WorkloadSpec) -> bool {
    spec.language() != Some(Language::Wasm) || spec.image.as_ref().is_some_and(|i| !i.is_empty())
}

fn empty_dir(name: &str) -> Volume {
    Volume {
        name: format!("function-mesh-{name}"),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    }
}

pub(super) fn own_mounts(install: bool) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: format!("function-mesh-{name}"),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    let mut mounts = vec![
        mount("config", CONFIG_DIR, true),
        mount("tmp", "/tmp", false),
        mount("cache", config_map::CACHE_DIR, false),
    ];
    if install {
        mounts.push(mount("runner", BINARY_DIR, true));
    }
    mounts
}

/// What Kubernetes's restricted profile asks for, with the ids that Pulsar's images use.
fn unprivileged() -> PodSecurityContext {
    PodSecurityContext {
        run_as_user: Some(10_000),
        run_as_group: Some(10_001),
        fs_group: Some(10_001),
        run_as_non_root: Some(true),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        ..PodSecurityContext::default()
    }
}

/// The user's affinity, and a preference for nodes without pods of the same function.
fn affinity(
    policy: &PodPolicy,
    defaults: &PodDefaults,
    pod_labels: &BTreeMap<String, String>,
) -> Option<Affinity> {
    let mut affinity = policy.affinity.clone();
    if policy.disable_default_affinity == Some(true) || !defaults.default_affinity {
        return affinity;
    }
    let spread = WeightedPodAffinityTerm {
        weight: 100,
        pod_affinity_term: PodAffinityTerm {
            topology_key: "kubernetes.io/hostname".to_owned(),
            label_selector: Some(LabelSelector {
                match_labels: Some(pod_labels.clone()),
                match_expressions: None,
            }),
            ..PodAffinityTerm::default()
        },
    };
    affinity
        .get_or_insert_with(Affinity::default)
        .pod_anti_affinity
        .get_or_insert_with(PodAntiAffinity::default)
        .preferred_during_scheduling_ignored_during_execution
        .get_or_insert_with(Vec::new)
        .push(spread);
    affinity
}

fn pull_secrets(policy: &PodPolicy, defaults: &PodDefaults) -> Vec<LocalObjectReference> {
    let mut secrets = policy.image_pull_secrets.clone().unwrap_or_default();
    for secret in &defaults.image_pull_secrets {
        if !secrets.contains(secret) {
            secrets.push(secret.clone());
        }
    }
    secrets
}

/// The Secret with a registry's credentials, for a component that comes from a registry.
pub(super) fn registry_secret(spec: &WorkloadSpec, policy: &PodPolicy) -> Option<String> {
    let location = spec.code()?.1?;
    if !location.starts_with("oci://") {
        return None;
    }
    policy.image_pull_secrets.as_ref()?.first().map(|secret| secret.name.clone())
}

pub(super) fn environment(references: &References, policy: &PodPolicy) -> Vec<EnvVar> {
    let plain = |(name, value): (&String, &String)| EnvVar {
        name: name.clone(),
        value: Some(value.clone()),
        ..EnvVar::default()
    };
    let mut variables: Vec<EnvVar> = references.env.iter().map(plain).collect();
    variables.push(EnvVar {
        name: "POD_NAME".to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: "metadata.name".to_owned(),
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    });
    // Of two with the same name the later wins, as in a pod; a list of ours has each once.
    for variable in policy.env.iter().flatten() {
        variables.retain(|earlier| earlier.name != variable.name);
        variables.push(variable.clone());
    }
    variables
}

/// A probe of the runner's HTTP port.
pub(super) fn http_probe(path: &str, period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(METRICS_PORT.1),
            scheme: Some("HTTP".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        failure_threshold: Some(failure_threshold),
        timeout_seconds: Some(period_seconds.min(5)),
        success_threshold: Some(1),
        ..Probe::default()
    }
}

/// Ports of the container with the logic.
pub(super) fn ports() -> [(&'static str, i32); 2] {
    [CONTROL_PORT, METRICS_PORT]
}

/// The container's own name, for logs.
pub(super) fn container_name(component: crate::workload::Component) -> String {
    format!("pulsar-{}", component.as_str())
}
