//! What has to be done in Pulsar before an object may go: its subscriptions are removed.
//!
//! ```text
//! delete the StatefulSet ─► wait for its pods ─► remove subscriptions ─► let the object go
//! ```
//!
//! Bounded in time, counted from the object's own deletion timestamp, so that a restart of the
//! controller in the middle changes nothing: an object is gone half a minute after its deletion
//! also if Pulsar is down, and what stays behind there is reported.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use function_mesh_proto::{
    function::FunctionDetails,
    instance::DEFAULT_CLUSTER,
    topic_name::{Domain, TopicName},
};
use futures::{StreamExt, stream};
use k8s_openapi::{
    api::{apps::v1::StatefulSet, core::v1::Pod},
    jiff::Timestamp,
};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
    runtime::controller::Action,
};
use serde_json::json;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::{Context, Error, api_error, apply, pods_of, status::Finding};
use crate::{
    backlog::{Key, follow::key},
    pulsar_admin::{Access, AdminError, Purpose, Sessions},
    subscriptions::{self, Topics, consumed},
    workload::{Component, Workload},
};

/// The original's, so that either operator can finish what the other began.
const FINALIZER: &str = "cleanup.subscription.finalizer";

/// On an object: "false" leaves its subscriptions alone.
const NEED_CLEANUP: &str = "compute.functionmesh.io/need-cleanup";
/// Labels of objects whose subscriptions Pulsar's function worker removes.
const WORKER_LABELS: [&str; 2] = ["compute.functionmesh.io/pulsar-cluster", "pulsar-cluster"];

/// How long pods may take to end, from when they were told to.
const PODS: Duration = Duration::from_secs(18);
/// An attempt at Pulsar that ends later than this, after the deletion, was the last: one more, and
/// the pause before it, would exceed half a minute.
const ENOUGH: Duration = Duration::from_secs(20);
/// What one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(6);
/// Between attempts, which leave other objects their turn.
const PAUSE: Duration = Duration::from_secs(2);
const CONCURRENCY: usize = 4;
/// Reason of the event about what stays behind.
const NOT_REMOVED: &str = "SubscriptionNotRemoved";

fn wanted<W: Workload>(workload: &W) -> bool {
    let refused = workload.annotations().get(NEED_CLEANUP).is_some_and(|v| v == "false");
    let worker = WORKER_LABELS.iter().any(|label| workload.labels().contains_key(*label));
    workload.cleans_up() && !refused && !worker
}

/// How clusters were reached, by object and by what is to be removed there. When a namespace is
/// deleted, what says it goes before the objects that need it.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<HashMap<Key, HashMap<String, Access>>>);

impl Remembered {
    fn put(&self, key: Key, rests: Vec<(Rest, Result<Access, String>)>) {
        let mut all = self.lock();
        let before = all.remove(&key).unwrap_or_default();
        let known = rests.into_iter().filter_map(|(rest, access)| {
            let name = rest.to_string();
            let access = access.ok().or_else(|| before.get(&name).cloned())?;
            Some((name, access))
        });
        all.insert(key, known.collect());
    }

    fn get(&self, key: &Key, rest: &Rest) -> Option<Access> {
        self.lock().get(key)?.get(&rest.to_string()).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, HashMap<String, Access>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds on to an object that will have something to clean up, and lets go of one that will not.
pub(super) async fn guard<W: Workload>(workload: &W, context: &Context) -> Result<(), Error> {
    let held = workload.finalizers().iter().any(|finalizer| finalizer == FINALIZER);
    if wanted(workload) {
        let rests = rests(workload, &workload.details(), context);
        context.remembered.put(key(workload), rests);
    }
    match (wanted(workload), held) {
        (true, false) => hold(workload, context).await,
        (false, true) => release(workload, context).await,
        (true, true) | (false, false) => Ok(()),
    }
}

async fn hold<W: Workload>(workload: &W, context: &Context) -> Result<(), Error> {
    let operations = if workload.finalizers().is_empty() {
        json!([
            {"op": "test", "path": "/metadata/finalizers", "value": null},
            {"op": "add", "path": "/metadata/finalizers", "value": [FINALIZER]},
        ])
    } else {
        json!([{"op": "add", "path": "/metadata/finalizers/-", "value": FINALIZER}])
    };
    patch(workload, context, operations).await
}

async fn release<W: Workload>(workload: &W, context: &Context) -> Result<(), Error> {
    let mut finalizers = workload.finalizers().iter();
    let Some(index) = finalizers.position(|finalizer| finalizer == FINALIZER) else {
        return Ok(());
    };
    context.remembered.lock().remove(&key(workload));
    let path = format!("/metadata/finalizers/{index}");
    let operations = json!([
        // Somebody else may have changed the list meanwhile.
        {"op": "test", "path": path, "value": FINALIZER},
        {"op": "remove", "path": path},
    ]);
    patch(workload, context, operations).await
}

async fn patch<W: Workload>(
    workload: &W,
    context: &Context,
    operations: serde_json::Value,
) -> Result<(), Error> {
    let namespace = workload.namespace().unwrap_or_default();
    let objects: Api<W> = Api::namespaced(context.client.clone(), &namespace);
    let patch = Patch::Json::<()>(serde_json::from_value(operations)?);
    let patched = objects.patch(&workload.name_any(), &PatchParams::default(), &patch).await;
    match patched {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        other => other.map(drop).map_err(api_error("cannot change the finalizers")),
    }
}

/// One pass over an object that is being deleted.
pub(super) async fn finalize<W: Workload>(
    workload: &W,
    context: &Context,
    now: Timestamp,
) -> Result<Action, Error> {
    let Some(deleted) = workload.meta().deletion_timestamp.as_ref().map(|time| time.0) else {
        return Ok(Action::await_change());
    };
    if !workload.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(Action::await_change());
    }
    if !wanted(workload) {
        release(workload, context).await?;
        return Ok(Action::await_change());
    }
    if stop(workload, context).await? {
        // Their deletion shows in the caches after this.
        return Ok(Action::requeue(Duration::from_secs(1)));
    }
    if pods_of(workload, &context.live.pods).iter().any(|pod| worth_waiting(pod, deleted, now)) {
        return Ok(Action::requeue(Duration::from_secs(1)));
    }
    let leftovers = clean(workload, context).await;
    if !leftovers.is_empty() && since(deleted, Timestamp::now()) < ENOUGH {
        debug!(name = workload.name_any(), left = leftovers.join("; "), "not clean yet");
        return Ok(Action::requeue(PAUSE));
    }
    report(workload, context, &leftovers).await;
    release(workload, context).await?;
    Ok(Action::await_change())
}

/// Deletes the StatefulSet, whose pods would make their subscription again. Asks the API server,
/// since the caches may not have it yet. False if there is none.
async fn stop<W: Workload>(workload: &W, context: &Context) -> Result<bool, Error> {
    let namespace = workload.namespace().unwrap_or_default();
    let sets: Api<StatefulSet> = Api::namespaced(context.client.clone(), &namespace);
    let found = sets.get_opt(&workload.object_name()).await.map_err(api_error("cannot read"))?;
    let ours = |set: &StatefulSet| {
        let mut owners = set.owner_references().iter();
        owners.any(|owner| Some(&owner.uid) == workload.meta().uid.as_ref())
    };
    let Some(set) = found.filter(ours) else { return Ok(false) };
    if set.metadata.deletion_timestamp.is_none() {
        apply::remove(&context.client, &set).await.map_err(api_error("cannot delete"))?;
    }
    Ok(true)
}

/// A pod that was told to end is given its time, from then; one that nobody told, from the
/// deletion of the object.
fn worth_waiting(pod: &Pod, deleted: Timestamp, now: Timestamp) -> bool {
    let told = pod.metadata.deletion_timestamp.as_ref().map(|by| {
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
        by.0.checked_sub(k8s_openapi::jiff::SignedDuration::from_secs(grace)).unwrap_or(by.0)
    });
    since(told.unwrap_or(deleted), now) < PODS
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// A subscription, or a topic with all its subscriptions.
enum Rest {
    Subscription { topics: Topics, name: String },
    Topic(TopicName),
}

impl std::fmt::Display for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subscription { topics, name } => write!(f, "subscription {name} of {topics}"),
            Self::Topic(topic) => write!(f, "topic {topic}"),
        }
    }
}

/// Removes what there is to remove; what could not be removed, with the reason.
async fn clean<W: Workload>(workload: &W, context: &Context) -> Vec<String> {
    let rests = rests(workload, &workload.details(), context);
    let key = &key(workload);
    let one = |(rest, access): (Rest, Result<Access, String>)| async move {
        let removed = match access.or_else(|why| context.remembered.get(key, &rest).ok_or(why)) {
            Ok(access) => match timeout(ATTEMPT, remove(&context.sessions, &rest, &access)).await {
                Ok(removed) => removed,
                Err(_) => Err(format!("no answer within {} s", ATTEMPT.as_secs())),
            },
            Err(why) => Err(why),
        };
        removed.err().map(|why| format!("{rest} ({why})"))
    };
    let results = stream::iter(rests).map(one).buffer_unordered(CONCURRENCY);
    results.filter_map(std::future::ready).collect().await
}

fn rests<W: Workload>(
    workload: &W,
    details: &FunctionDetails,
    context: &Context,
) -> Vec<(Rest, Result<Access, String>)> {
    if W::COMPONENT == Component::Source {
        // What a batch source's discoverer hands to its collectors.
        let topic = TopicName {
            domain: Domain::Persistent,
            tenant: details.tenant.clone(),
            namespace: details.namespace.clone(),
            local: format!("{}-intermediate", details.name),
        };
        let purpose = Purpose::Cleanup;
        let access = subscriptions::access(workload, DEFAULT_CLUSTER, &context.caches, purpose);
        let access = access.map_err(|error| error.to_string());
        let name = format!("BatchSourceExecutor-{}", subscriptions::full_name(details));
        let topics = Topics::One(topic.clone());
        return vec![
            (Rest::Subscription { topics, name }, access.clone()),
            (Rest::Topic(topic), access),
        ];
    }
    let consumed = consumed(workload, details, &context.caches, Purpose::Cleanup);
    let of = |input: subscriptions::Input| {
        let name = consumed.subscription.clone();
        let access = input.access.map_err(|error| error.to_string());
        (Rest::Subscription { topics: input.topics, name }, access)
    };
    consumed.inputs.into_iter().map(of).collect()
}

async fn remove(sessions: &Sessions, rest: &Rest, access: &Access) -> Result<(), String> {
    let removing = async {
        let pulsar = sessions.get(access).await?;
        match rest {
            Rest::Topic(topic) => pulsar.delete_topic(topic).await,
            Rest::Subscription { topics: Topics::One(topic), name } => {
                pulsar.delete_subscription(topic, name).await
            }
            Rest::Subscription { topics: Topics::Matching(pattern), name } => {
                for topic in pulsar.topics(pattern).await? {
                    pulsar.delete_subscription(&topic, name).await?;
                }
                Ok(())
            }
            // No consumer can have had it either.
            Rest::Subscription { topics: Topics::Unreadable(_), .. } => Ok(()),
        }
    };
    removing.await.map_err(|error: AdminError| {
        sessions.failed(access, &error);
        error.to_string()
    })
}

async fn report<W: Workload>(workload: &W, context: &Context, leftovers: &[String]) {
    let (kind, name) = (W::COMPONENT.as_str(), workload.name_any());
    let namespace = workload.namespace().unwrap_or_default();
    if leftovers.is_empty() {
        info!(kind, namespace, name, "subscriptions removed");
        return;
    }
    let left = leftovers.join("; ");
    warn!(kind, namespace, name, left, "left behind in Pulsar; remove it by hand");
    context.metrics.not_removed(kind, &namespace, leftovers.len());
    let message = format!("left behind in Pulsar, to be removed by hand: {left}");
    context.events.publish(workload, &Finding::new(false, NOT_REMOVED, message)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{Function, Source};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn function(metadata: serde_json::Value, cleanup: bool) -> Function {
        let spec = json!({"cleanupSubscription": cleanup});
        let object = json!({"metadata": metadata, "spec": spec});
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn objects_that_clean_up_are_held() {
        assert!(wanted(&function(json!({}), true)));
        assert!(!wanted(&function(json!({}), false)));
        assert!(!wanted(&function(json!({"annotations": {NEED_CLEANUP: "false"}}), true)));
        assert!(wanted(&function(json!({"annotations": {NEED_CLEANUP: "true"}}), true)));
        for label in WORKER_LABELS {
            assert!(!wanted(&function(json!({"labels": {label: "c"}}), true)), "{label}");
        }
        let batch = json!({"discoveryTriggererClassName": "T"});
        for (batch, expected) in [(Some(batch), true), (None, false)] {
            let spec = json!({"batchSourceConfig": batch});
            let object = json!({"metadata": {}, "spec": spec});
            assert_eq!(wanted(&serde_json::from_value::<Source>(object).unwrap()), expected);
        }
    }

    #[test]
    fn a_pod_has_its_time_from_when_it_was_told() {
        let running = Pod::default();
        assert!(worth_waiting(&running, at(0), at(17)));
        assert!(!worth_waiting(&running, at(0), at(18)));
        // Told 100 seconds after the object was deleted, while there was no controller.
        let terminating = json!({"metadata": {
            "deletionTimestamp": at(130).to_string(), "deletionGracePeriodSeconds": 30,
        }});
        let terminating: Pod = serde_json::from_value(terminating).unwrap();
        assert!(worth_waiting(&terminating, at(0), at(117)));
        assert!(!worth_waiting(&terminating, at(0), at(118)));
    }
}
