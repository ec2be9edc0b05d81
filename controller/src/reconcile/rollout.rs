//! Whether pods may be replaced now. What does not change a pod must not restart it: not scaling,
//! not a newer operator, and not a change that somebody paused.

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::ResourceExt;

use super::{
    build::{INPUTS, Resources, TEMPLATE},
    drift,
};

/// On a workload: hold changes back until its next generation.
pub const PAUSE: &str = "compute.functionmesh.io/pause-rollout";

/// What is to be done about the pods.
#[derive(Clone, Debug, PartialEq)]
pub enum Rollout {
    /// As built.
    Apply,
    /// The pods stay as they are: the same was asked for, an older operator built it.
    Keep,
    /// The pods stay as they are until somebody changes the workload or its annotation. The patch
    /// is what waits.
    Paused { pending: Option<serde_json::Value> },
}

/// Decides, and makes `built` what is to be applied.
pub fn settle(
    built: &mut Resources,
    live: Option<&StatefulSet>,
    paused: bool,
) -> Result<Rollout, serde_json::Error> {
    let Some(live) = live else { return Ok(Rollout::Apply) };
    let known = |name: &str| live.annotations().get(name).cloned();
    let wanted = |name: &str| built.stateful_set.annotations().get(name).cloned();
    let same_inputs = known(INPUTS).is_some() && known(INPUTS) == wanted(INPUTS);
    let same_template = known(TEMPLATE).is_some() && known(TEMPLATE) == wanted(TEMPLATE);
    let rollout = if same_inputs && !same_template {
        Rollout::Keep
    } else if paused && !same_template {
        let from = serde_json::to_value(live.spec.as_ref().map(|spec| &spec.template))?;
        let to = serde_json::to_value(built.stateful_set.spec.as_ref().map(|s| &s.template))?;
        let patch = drift::merge_patch(&from, &to);
        let pending = patch.map(|patch| serde_json::json!({"spec": {"template": patch}}));
        Rollout::Paused { pending }
    } else {
        Rollout::Apply
    };
    if rollout != Rollout::Apply {
        keep_pods(&mut built.stateful_set, live);
    }
    keep_immutable(&mut built.stateful_set, live);
    Ok(rollout)
}

/// The pods of the live object, and the annotations that say what they were made from.
fn keep_pods(built: &mut StatefulSet, live: &StatefulSet) {
    for name in [INPUTS, TEMPLATE] {
        match live.annotations().get(name).cloned() {
            Some(value) => built.annotations_mut().insert(name.to_owned(), value),
            None => built.annotations_mut().remove(name),
        };
    }
    if let (Some(built), Some(live)) = (&mut built.spec, &live.spec) {
        built.template = live.template.clone();
    }
}

/// Kubernetes refuses a change of these. An object that another operator made may have others.
fn keep_immutable(built: &mut StatefulSet, live: &StatefulSet) {
    let (Some(built), Some(live)) = (&mut built.spec, &live.spec) else { return };
    built.selector = live.selector.clone();
    built.service_name = live.service_name.clone();
    built.pod_management_policy = live.pod_management_policy.clone();
    built.volume_claim_templates = live.volume_claim_templates.clone();
    if let (Some(selected), Some(metadata)) =
        (&live.selector.match_labels, &mut built.template.metadata)
    {
        metadata.labels.get_or_insert_default().extend(selected.clone());
    }
}
