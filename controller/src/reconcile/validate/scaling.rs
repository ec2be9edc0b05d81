//! Replicas and autoscalers.

use super::Report;
use crate::crd::{
    autoscaling::BacklogScaling, function::FunctionSpec, pod::PodPolicy, rules,
    workload::WorkloadSpec,
};

pub(super) fn workload(report: &mut Report, spec: &WorkloadSpec) {
    report.at_least(0, spec.replicas, &rules::REPLICAS_NEGATIVE, "spec.replicas");
    report.at_least(0, spec.min_replicas, &rules::MIN_REPLICAS_NEGATIVE, "spec.minReplicas");
    report.at_least(1, spec.max_replicas, &rules::MAX_REPLICAS_ZERO, "spec.maxReplicas");
    if let (Some(min), Some(max)) = (spec.min_replicas, spec.max_replicas) {
        report.expect(min <= max, &rules::MIN_REPLICAS_ABOVE_MAX, "spec.minReplicas", min);
    }
    let none = PodPolicy::default();
    let pod = spec.pod.as_ref().unwrap_or(&none);
    vertical(report, spec, pod);
    backlog(report, spec, pod);
    for (index, rule) in pod.builtin_autoscaler.iter().flatten().enumerate() {
        let field = format!("spec.pod.builtinAutoscaler[{index}]");
        report.expect(is_builtin(rule), &rules::BUILTIN_UNKNOWN, &field, rule);
    }
}

/// What only a Function is refused for.
pub(super) fn function(report: &mut Report, spec: &FunctionSpec) {
    let to_zero = |scaling: &BacklogScaling| scaling.min.unwrap_or(0) == 0;
    let skips = spec.skip_to_latest == Some(true);
    let lossy = skips && spec.workload.autoscaling.as_ref().is_some_and(to_zero);
    report.expect(!lossy, &rules::BACKLOG_SKIPPED, "spec.skipToLatest", skips);
    let rules = spec.workload.pod.as_ref().and_then(|pod| pod.builtin_autoscaler.as_deref());
    let field = "spec.pod.builtinAutoscaler";
    for (prefix, rule) in [
        ("AverageUtilizationCPU", &rules::BUILTIN_CPU_TWICE),
        ("AverageUtilizationMemory", &rules::BUILTIN_MEMORY_TWICE),
    ] {
        let same: Vec<_> =
            rules.iter().copied().flatten().filter(|name| name.starts_with(prefix)).collect();
        let written = same.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        report.expect(same.len() <= 1, rule, field, written);
    }
}

/// Whether replicas fit the bounds beside them.
pub(super) fn replicas(report: &mut Report, spec: &WorkloadSpec) {
    let automatic = spec.max_replicas.is_some();
    let by_backlog = spec.autoscaling.is_some();
    if let Some(replicas) = spec.replicas {
        let fits = spec.max_replicas.is_none_or(|max| replicas <= max);
        report.expect(fits, &rules::REPLICAS_ABOVE_MAX, "spec.replicas", replicas);
        let starts = replicas != 0 || !automatic || by_backlog;
        report.expect(starts, &rules::STOPPED_WITH_AUTOSCALER, "spec.replicas", replicas);
    }
    if let Some(min) = spec.min_replicas {
        let possible = min != 0 || !automatic || by_backlog;
        report.expect(possible, &rules::MIN_REPLICAS_ZERO, "spec.minReplicas", min);
        let fits = spec.replicas.is_none_or(|replicas| replicas == 0 || min <= replicas);
        let rule = &rules::MIN_REPLICAS_ABOVE_REPLICAS;
        report.expect(fits || by_backlog, rule, "spec.minReplicas", min);
    }
}

fn vertical(report: &mut Report, spec: &WorkloadSpec, pod: &PodPolicy) {
    let Some(vpa) = &pod.vpa else { return };
    let alone = spec.max_replicas.is_none();
    report.expect(alone, &rules::VPA_WITH_MAX_REPLICAS, "spec.pod.vpa", "");
    let alone = spec.autoscaling.is_none();
    report.expect(alone, &rules::VPA_WITH_BACKLOG, "spec.pod.vpa", "");
    let policies = vpa.resource_policy.iter().flat_map(|policy| &policy.container_policies);
    for (index, policy) in policies.flatten().enumerate() {
        let field = format!("spec.pod.vpa.resourcePolicy.containerPolicies[{index}].containerName");
        let name = policy.container_name.as_deref();
        report.expect_text(name, &rules::VPA_CONTAINER_NAME, &field);
    }
}

fn backlog(report: &mut Report, spec: &WorkloadSpec, pod: &PodPolicy) {
    let Some(scaling) = &spec.autoscaling else { return };
    let bounded = spec.max_replicas.is_some();
    report.expect(bounded, &rules::BACKLOG_WITHOUT_MAX, "spec.maxReplicas", "");
    let alone = pod.builtin_autoscaler.is_none()
        && pod.auto_scaling_metrics.is_none()
        && pod.auto_scaling_behavior.is_none();
    report.expect(alone, &rules::BACKLOG_WITH_METRICS, "spec.autoscaling", "");
    let per_replica = Some(scaling.backlog_per_replica);
    let field = "spec.autoscaling.backlogPerReplica";
    report.at_least(1, per_replica, &rules::BACKLOG_PER_REPLICA, field);
    report.at_least(0, scaling.min, &rules::BACKLOG_MIN, "spec.autoscaling.min");
    let field = "spec.autoscaling.cooldownSeconds";
    report.at_least(0, scaling.cooldown_seconds, &rules::BACKLOG_COOLDOWN, field);
    if let (Some(min), Some(max)) = (scaling.min, spec.max_replicas) {
        report.expect(min <= max, &rules::BACKLOG_MIN_ABOVE_MAX, "spec.autoscaling.min", min);
    }
}

fn is_builtin(name: &str) -> bool {
    let target = name
        .strip_prefix("AverageUtilizationCPUPercent")
        .or_else(|| name.strip_prefix("AverageUtilizationMemoryPercent"));
    target.is_some_and(|percent| ["80", "50", "20"].contains(&percent))
}
