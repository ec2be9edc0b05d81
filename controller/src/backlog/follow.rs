//! What a reconciliation has to do with the backlog: the replicas it asks for, and the status.

use function_mesh_proto::function::FunctionDetails;
use k8s_openapi::{
    api::apps::v1::StatefulSet, apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp,
};
use kube::ResourceExt;

use super::{Key, Known, Scaling, Target};
use crate::{
    crd::status::WorkloadStatus,
    pulsar_admin::Purpose,
    reconcile::{
        Context,
        status::{self, Finding},
    },
    subscriptions,
    workload::Workload,
};

/// Type of the condition that says whether replicas follow the backlog.
pub(crate) const SCALING_ACTIVE: &str = "ScalingActive";

/// How many replicas, and what is known of the backlog if they follow it.
pub(crate) fn replicas<W: Workload>(
    workload: &W,
    details: &FunctionDetails,
    live: Option<&StatefulSet>,
    context: &Context,
) -> (i32, Option<Known>) {
    let spec = workload.spec();
    let Some(scaling) = Scaling::of(spec).filter(|_| workload.input().is_some()) else {
        forget(workload, context);
        return (spec.replicas(), None);
    };
    let live = live.and_then(|live| live.spec.as_ref()?.replicas).unwrap_or(scaling.min);
    let consumed = subscriptions::consumed(workload, details, &context.caches, Purpose::Backlog);
    let known = context.backlogs.watch(&key(workload), Target { consumed, scaling }, live);
    (known.replicas.unwrap_or(live), Some(known))
}

/// Reads no more for an object that is going, or does not scale on its backlog.
pub(crate) fn forget<W: Workload>(workload: &W, context: &Context) {
    let key = key(workload);
    if context.backlogs.forget(&key) {
        let kind = W::COMPONENT.as_str();
        context.metrics.backlog(kind, &key.name, &key.namespace, None);
    }
}

pub(crate) fn key<W: Workload>(workload: &W) -> Key {
    Key { namespace: workload.namespace().unwrap_or_default(), name: workload.name_any() }
}

/// Adds what is known of the backlog.
pub(crate) fn describe<W: Workload>(
    status: &mut WorkloadStatus,
    workload: &W,
    known: Option<&Known>,
    now: Timestamp,
) {
    let Some(Known { replicas, shown, trouble }) = known else {
        status.backlog = None;
        return;
    };
    let previous = workload.status();
    let before = previous.map(|previous| previous.standard_conditions.as_slice());
    let before = before.unwrap_or_default();
    // Until it is read for the first time, what an earlier controller said stands.
    status.backlog = shown.or(previous.and_then(|previous| previous.backlog));
    let finding = match (trouble, replicas) {
        (Some(why), _) => {
            let message = format!("replicas stay as they are: the backlog cannot be read: {why}");
            Finding::new(false, "BacklogNotRead", message)
        }
        (None, Some(_)) => Finding::new(true, "BacklogRead", "replicas follow the backlog"),
        (None, None) => {
            status.standard_conditions.extend(earlier(before));
            return;
        }
    };
    let generation = workload.meta().generation;
    let found = [(SCALING_ACTIVE, finding)];
    status.standard_conditions.extend(status::conditions(before, generation, now, found));
}

fn earlier(before: &[Condition]) -> Option<Condition> {
    before.iter().find(|condition| condition.type_ == SCALING_ACTIVE).cloned()
}
