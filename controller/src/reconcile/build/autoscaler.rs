//! HorizontalPodAutoscaler and VerticalPodAutoscaler. Both scale the object itself, through its
//! scale subresource, so that `spec.replicas` stays the one place that says how many.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        autoscaling::v2::{
            CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec,
            MetricSpec, MetricTarget, ResourceMetricSource,
        },
        core::v1::ResourceRequirements,
    },
    apimachinery::pkg::api::resource::Quantity,
};
use kube::{
    ResourceExt,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::{Map, json};

use super::{BuildError, labels};
use crate::{
    crd::{GROUP, VERSION, pod::PodPolicy},
    details::amount,
    resources,
    workload::Workload,
};

/// What CPU utilisation is aimed at where nothing is said, in percent of the limit.
const DEFAULT_CPU_PERCENT: i128 = 80;
const CPU_RULE: &str = "AverageUtilizationCPUPercent";
const MEMORY_RULE: &str = "AverageUtilizationMemoryPercent";

/// Present if the spec has `maxReplicas`, and does not scale on the backlog instead.
pub(super) fn horizontal<W: Workload>(
    workload: &W,
    policy: &PodPolicy,
) -> Option<HorizontalPodAutoscaler> {
    let spec = workload.spec();
    let max_replicas = spec.max_replicas?;
    if spec.autoscaling.is_some() {
        return None;
    }
    let resources = resources::effective(spec.resources.as_ref());
    let rules = policy.builtin_autoscaler.as_deref().unwrap_or_default();
    let by_rule = from_rules(rules, &resources);
    let (metrics, behavior) = if by_rule.is_empty() {
        let given = policy.auto_scaling_metrics.clone().filter(|metrics| !metrics.is_empty());
        let default = || vec![utilization("cpu", DEFAULT_CPU_PERCENT, &resources)];
        (given.unwrap_or_else(default), policy.auto_scaling_behavior.clone())
    } else {
        (by_rule, policy.auto_scaling_behavior.clone())
    };
    Some(HorizontalPodAutoscaler {
        metadata: labels::owned(workload, workload.object_name()),
        spec: Some(HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some(format!("{GROUP}/{VERSION}")),
                kind: W::COMPONENT.kind().to_owned(),
                name: workload.name_any(),
            },
            min_replicas: Some(spec.min_replicas.unwrap_or(1).max(1)),
            max_replicas,
            metrics: Some(metrics),
            behavior,
        }),
        status: None,
    })
}

/// The first rule for CPU and the first for memory.
fn from_rules(rules: &[String], resources: &ResourceRequirements) -> Vec<MetricSpec> {
    let first = |prefix: &str, resource: &str| {
        let percents = rules.iter().filter_map(|rule| rule.strip_prefix(prefix));
        let percent = percents.filter_map(|percent| percent.parse().ok()).next();
        percent.map(|percent| utilization(resource, percent, resources))
    };
    [first(CPU_RULE, "cpu"), first(MEMORY_RULE, "memory")].into_iter().flatten().collect()
}

/// Utilisation counts against requests, the percentage is meant against limits.
fn utilization(resource: &str, percent: i128, resources: &ResourceRequirements) -> MetricSpec {
    let of = |quantities: &Option<BTreeMap<String, Quantity>>| {
        amount(quantities.as_ref().and_then(|all| all.get(resource))).filter(|amount| *amount > 0)
    };
    let percent = match (of(&resources.limits), of(&resources.requests)) {
        (Some(limit), Some(request)) => percent.saturating_mul(limit) / request,
        _ => percent,
    };
    MetricSpec {
        type_: "Resource".to_owned(),
        resource: Some(ResourceMetricSource {
            name: resource.to_owned(),
            target: MetricTarget {
                type_: "Utilization".to_owned(),
                average_utilization: Some(i32::try_from(percent).unwrap_or(i32::MAX)),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    }
}

/// The API of vertical autoscalers, which not every cluster has.
pub fn vertical_api() -> ApiResource {
    let kind = GroupVersionKind::gvk("autoscaling.k8s.io", "v1", "VerticalPodAutoscaler");
    ApiResource::from_gvk(&kind)
}

pub(super) fn vertical<W: Workload>(
    workload: &W,
    policy: &PodPolicy,
) -> Result<Option<DynamicObject>, BuildError> {
    let Some(vpa) = &policy.vpa else { return Ok(None) };
    let mut object = DynamicObject::new(&workload.object_name(), &vertical_api());
    object.metadata = labels::owned(workload, workload.object_name());
    let mut spec = Map::new();
    let target = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": W::COMPONENT.kind(),
        "name": workload.name_any(),
    });
    spec.insert("targetRef".to_owned(), target);
    if let Some(policy) = &vpa.update_policy {
        spec.insert("updatePolicy".to_owned(), serde_json::to_value(policy)?);
    }
    if let Some(policy) = &vpa.resource_policy {
        spec.insert("resourcePolicy".to_owned(), serde_json::to_value(policy)?);
    }
    object.data = json!({ "spec": spec });
    Ok(Some(object))
}
