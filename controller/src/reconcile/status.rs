//! What came of a reconciliation, for users: the original's map of components, Kubernetes's own
//! conditions, and the columns that `kubectl get` shows.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::apps::v1::StatefulSet,
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use kube::Resource;

use super::{apply::Applied, build::labels, dereference::References, pods, rollout::Rollout};
use crate::{
    crd::status::{ResourceCondition, WorkloadStatus},
    workload::Workload,
};

pub const READY: &str = "Ready";
pub const PROGRESSING: &str = "Progressing";
pub const DEGRADED: &str = "Degraded";

/// Whether something holds, in a word and in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub holds: bool,
    pub reason: String,
    pub message: String,
}

impl Finding {
    pub fn new(holds: bool, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { holds, reason: reason.into(), message: message.into() }
    }
}

/// Longest message of a condition, in characters; Kubernetes allows 32768.
const LONGEST_MESSAGE: usize = 2000;

/// The status of a workload whose objects were applied.
pub fn of_applied<W: Workload>(
    workload: &W,
    applied: &Applied,
    references: &References,
    trouble: Option<pods::Trouble>,
    now: Timestamp,
) -> WorkloadStatus {
    let counts = Counts::of(&applied.stateful_set);
    let mut status = base(workload);
    status.replicas = counts.wanted;
    status.selector = selector(workload);
    status.ready = Some(format!("{}/{}", counts.ready, counts.wanted));
    status.global_backend_config_revision.clone_from(&references.global_revision);
    status.namespaced_backend_config_revision.clone_from(&references.namespaced_revision);
    status.pending_change = match &applied.rollout {
        Rollout::Paused { pending } => pending.as_ref().map(ToString::to_string),
        Rollout::Apply | Rollout::Keep => None,
    };
    let ready = readiness(&counts, references, &applied.rollout, trouble.as_ref());
    status.conditions = components(applied, &counts);
    status.reason = Some(ready.reason.clone());
    let progressing = match &applied.rollout {
        Rollout::Paused { .. } => {
            let message = "a change waits: remove the annotation pause-rollout to roll it out";
            Finding::new(false, "RolloutPaused", message)
        }
        _ if counts.settled() => Finding::new(false, "Settled", "all pods are as they should be"),
        _ => Finding::new(true, "RollingOut", counts.to_string()),
    };
    let degraded = match trouble {
        Some(trouble) => Finding::new(true, trouble.reason, trouble.message),
        None => Finding::new(false, "AsExpected", "no pod is in trouble"),
    };
    set(
        &mut status,
        workload,
        now,
        [(READY, ready), (PROGRESSING, progressing), (DEGRADED, degraded)],
    );
    status
}

/// The status of a workload that could not be built: the old one, with the reason.
pub fn of_refusal<W: Workload>(
    workload: &W,
    reason: &str,
    message: &str,
    live: Option<&StatefulSet>,
    now: Timestamp,
) -> WorkloadStatus {
    let mut status = base(workload);
    let counts = live.map(Counts::of);
    if let Some(counts) = &counts {
        status.replicas = counts.wanted;
        status.ready = Some(format!("{}/{}", counts.ready, counts.wanted));
    }
    status.selector = selector(workload);
    status.conditions = BTreeMap::from([(
        "StatefulSet".to_owned(),
        condition("StatefulSetReady", false, if live.is_some() { "Update" } else { "Create" }),
    )]);
    status.reason = Some(reason.to_owned());
    let finding = |holds| Finding::new(holds, reason, message);
    set(
        &mut status,
        workload,
        now,
        [(READY, finding(false)), (PROGRESSING, finding(false)), (DEGRADED, finding(true))],
    );
    status
}

fn base<W: Workload>(workload: &W) -> WorkloadStatus {
    let spec = workload.spec();
    let previous = workload.status();
    let topics = workload.input().map(|input| {
        let topics = input.topics.iter().flatten().chain(&input.topic_pattern);
        let topics = topics.chain(input.source_specs.iter().flat_map(|specs| specs.keys()));
        let mut topics: Vec<&str> = topics.map(|topic| short(topic)).collect();
        topics.dedup();
        topics.join(",")
    });
    let output = workload.output().and_then(|output| output.topic.as_deref());
    WorkloadStatus {
        observed_generation: workload.meta().generation,
        runtime: spec.language().map(|language| language.as_str().to_owned()),
        input: topics.filter(|topics| !topics.is_empty()),
        output: output.filter(|topic| !topic.is_empty()).map(|topic| short(topic).to_owned()),
        // Whoever reads the backlog writes it.
        backlog: previous.and_then(|previous| previous.backlog),
        ..WorkloadStatus::default()
    }
}

/// As short as it stays clear.
fn short(topic: &str) -> &str {
    topic.strip_prefix("persistent://").unwrap_or(topic)
}

fn selector<W: Workload>(workload: &W) -> String {
    let labels = labels::selector(workload);
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

/// Pods of a StatefulSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    wanted: i32,
    ready: i32,
    updated: i32,
    existing: i32,
    observed: bool,
}

impl Counts {
    fn of(stateful_set: &StatefulSet) -> Self {
        let wanted = stateful_set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let status = stateful_set.status.clone().unwrap_or_default();
        let observed =
            status.observed_generation.unwrap_or(0) >= stateful_set.meta().generation.unwrap_or(0);
        // While a rollout is under way, only its own pods count as updated.
        let rolled = status.update_revision == status.current_revision;
        Self {
            wanted,
            ready: status.ready_replicas.unwrap_or(0),
            updated: if rolled { status.replicas } else { status.updated_replicas.unwrap_or(0) },
            existing: status.replicas,
            observed,
        }
    }

    fn settled(&self) -> bool {
        let Self { wanted, ready, updated, existing, observed } = *self;
        observed && ready == wanted && updated >= wanted && existing == wanted
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { wanted, ready, updated, .. } = self;
        write!(f, "{ready} of {wanted} pods are ready, {updated} are up to date")
    }
}

fn readiness(
    counts: &Counts,
    references: &References,
    rollout: &Rollout,
    trouble: Option<&pods::Trouble>,
) -> Finding {
    if counts.settled() {
        return match (counts.wanted, rollout) {
            (0, _) => Finding::new(true, "ScaledToZero", "no pods are asked for"),
            (_, Rollout::Paused { .. }) => {
                Finding::new(true, "RolloutPaused", "pods run; a change to them is held back")
            }
            _ => Finding::new(true, "AllPodsReady", counts.to_string()),
        };
    }
    if let Some(trouble) = trouble {
        return Finding::new(false, trouble.reason.clone(), trouble.message.clone());
    }
    if !references.missing.is_empty() {
        let message =
            format!("pods wait for what does not exist: {}", references.missing.join(", "));
        return Finding::new(false, "ReferenceNotFound", message);
    }
    Finding::new(false, "PodsNotReady", counts.to_string())
}

/// The original's map. True means what it says: the pods are ready, not only the object there.
fn components(applied: &Applied, counts: &Counts) -> BTreeMap<String, ResourceCondition> {
    let action = match &applied.rollout {
        Rollout::Paused { .. } => "Update",
        _ if counts.settled() => "NoAction",
        _ => "Wait",
    };
    let mut conditions = BTreeMap::from([
        ("StatefulSet".to_owned(), condition("StatefulSetReady", counts.settled(), action)),
        ("Service".to_owned(), condition("ServiceReady", true, "NoAction")),
    ]);
    if applied.horizontal {
        let ready = condition("HPAReady", true, "NoAction");
        conditions.insert("HorizontalPodAutoscaler".to_owned(), ready);
    }
    if let Some(there) = applied.vertical {
        let action = if there { "NoAction" } else { "Create" };
        let ready = condition("VPAReady", there, action);
        conditions.insert("VerticalPodAutoscaler".to_owned(), ready);
    }
    conditions
}

pub fn condition(condition: &str, holds: bool, action: &str) -> ResourceCondition {
    ResourceCondition {
        condition: condition.to_owned(),
        status: truth(holds).to_owned(),
        action: action.to_owned(),
    }
}

fn truth(holds: bool) -> &'static str {
    if holds { "True" } else { "False" }
}

fn set<W: Workload, const N: usize>(
    status: &mut WorkloadStatus,
    workload: &W,
    now: Timestamp,
    findings: [(&str, Finding); N],
) {
    let previous = workload.status().map(|status| status.standard_conditions.as_slice());
    let generation = workload.meta().generation;
    status.standard_conditions =
        conditions(previous.unwrap_or_default(), generation, now, findings);
}

/// A condition keeps the time of its last transition while its status stays.
pub fn conditions<const N: usize>(
    previous: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
    findings: [(&str, Finding); N],
) -> Vec<Condition> {
    let one = |(name, finding): (&str, Finding)| {
        let status = truth(finding.holds);
        let before = previous.iter().find(|old| old.type_ == name && old.status == status);
        Condition {
            type_: name.to_owned(),
            status: status.to_owned(),
            reason: finding.reason,
            message: finding.message.chars().take(LONGEST_MESSAGE).collect(),
            observed_generation: generation,
            last_transition_time: before
                .map_or(Time(now), |before| before.last_transition_time.clone()),
        }
    };
    findings.map(one).into()
}
