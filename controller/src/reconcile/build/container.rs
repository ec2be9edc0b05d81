//! The container with the logic, and the one that brings the runner.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, Probe, ResourceRequirements, SecurityContext,
    VolumeMount,
};

use super::{BINARY_DIR, CONFIG_DIR, mounts, pod};
use crate::{
    config::PodDefaults, crd::pod::Liveness, reconcile::dereference::References, resources,
    workload::Workload,
};

/// The runner's place in its own image.
const RUNNER: &str = "/usr/local/bin/function-runner";

/// How long a pod may take to start its runner: a component may have to be fetched and compiled.
const STARTUP_SECONDS: i32 = 300;

pub(super) fn logic<W: Workload>(
    workload: &W,
    references: &References,
    defaults: &PodDefaults,
    installed: bool,
) -> Container {
    let (spec, policy) = (workload.spec(), &references.pod);
    let program =
        if installed { format!("{BINARY_DIR}/function-runner") } else { RUNNER.to_owned() };
    let image = match spec.image.as_deref() {
        Some(image) if !image.is_empty() => image.to_owned(),
        _ if installed => defaults.image_of(spec.language()).to_owned(),
        _ => references.runner_image.clone(),
    };
    let mut volume_mounts = spec.volume_mounts.clone().unwrap_or_default();
    volume_mounts.extend(pod::own_mounts(installed));
    volume_mounts.extend(mounts::crypto_mounts(workload));
    Container {
        name: pod::container_name(W::COMPONENT),
        image: Some(image),
        image_pull_policy: spec
            .image_pull_policy
            .clone()
            .or_else(|| defaults.image_pull_policy.clone())
            .or_else(|| Some("IfNotPresent".to_owned())),
        command: Some(vec![
            program,
            "run".to_owned(),
            "--config".to_owned(),
            CONFIG_DIR.to_owned(),
        ]),
        env: Some(pod::environment(references, policy)),
        ports: Some(pod::ports().map(port).into()),
        resources: Some(resources::effective(spec.resources.as_ref())),
        volume_mounts: Some(volume_mounts),
        security_context: Some(restricted()),
        startup_probe: Some(
            policy
                .startup_probe
                .clone()
                .unwrap_or_else(|| pod::http_probe("/livez", 1, STARTUP_SECONDS)),
        ),
        readiness_probe: Some(
            policy.readiness_probe.clone().unwrap_or_else(|| pod::http_probe("/readyz", 2, 2)),
        ),
        liveness_probe: Some(liveness(policy.liveness.as_ref())),
        // What the runner says when it gives up, the controller shows in the status.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

/// Copies the runner to where the user's image finds it.
pub(super) fn installer(defaults: &PodDefaults) -> Container {
    Container {
        name: "install-runner".to_owned(),
        image: Some(defaults.runner_image.clone()),
        image_pull_policy: defaults
            .image_pull_policy
            .clone()
            .or_else(|| Some("IfNotPresent".to_owned())),
        command: Some(vec![RUNNER.to_owned(), "install".to_owned(), BINARY_DIR.to_owned()]),
        volume_mounts: Some(vec![VolumeMount {
            name: "function-mesh-runner".to_owned(),
            mount_path: BINARY_DIR.to_owned(),
            ..VolumeMount::default()
        }]),
        resources: Some(ResourceRequirements::default()),
        security_context: Some(restricted()),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

fn port((name, number): (&str, i32)) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        ..SecurityContext::default()
    }
}

/// The original probes only where it is told to, and then any path; this one always probes.
fn liveness(given: Option<&Liveness>) -> Probe {
    let period = given.and_then(|liveness| liveness.period_seconds).filter(|seconds| *seconds > 0);
    let mut probe = pod::http_probe("/livez", period.unwrap_or(10), 3);
    let Some(given) = given else { return probe };
    if let Some(period) = period {
        probe.timeout_seconds = Some(period);
    }
    probe.initial_delay_seconds = given.initial_delay_seconds.filter(|seconds| *seconds > 0);
    let positive = |value: Option<i32>| value.filter(|value| *value > 0);
    probe.success_threshold = positive(given.success_threshold).or(probe.success_threshold);
    probe.failure_threshold = positive(given.failure_threshold).or(probe.failure_threshold);
    probe
}
