//! What came of a mesh: each member's state, the graph, and whether all of it runs.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use super::{children::Outcome, graph::Graph, members::Member};
use crate::{
    crd::{
        FunctionMesh,
        status::{MeshStatus, ResourceCondition, WorkloadStatus},
    },
    reconcile::status::{DEGRADED, Finding, PROGRESSING, READY, condition, conditions},
    workload::Component,
};

/// Whether every topic between members is written, read, and of one schema.
pub(super) const GRAPH: &str = "GraphComplete";

pub(super) fn of(
    mesh: &FunctionMesh,
    members: &[Member],
    graph: &Graph,
    outcome: &Outcome,
    now: Timestamp,
) -> MeshStatus {
    let mut status = MeshStatus {
        observed_generation: mesh.metadata.generation,
        edges: graph.edges.clone(),
        ..MeshStatus::default()
    };
    let mut ready = 0;
    let mut waiting = Vec::new();
    let mut culprits = Vec::new();
    for member in members {
        let component = member.object.component();
        let key = (component, member.name.clone());
        let state = outcome.members.get(&key);
        let is_ready = state.is_some_and(|(status, current)| *current && is_ready(status.as_ref()));
        let action = match (is_ready, state) {
            (true, _) => "NoAction",
            (false, Some(_)) => "Wait",
            (false, None) => "Create",
        };
        of_kind(&mut status, component)
            .insert(member.name.clone(), condition(ready_name(component), is_ready, action));
        if is_ready {
            ready += 1;
            continue;
        }
        let refused = outcome.refused.get(&key).map(|why| vec![why.clone()]);
        let mistakes = refused.unwrap_or_else(|| member.mistakes.clone());
        let degraded = state.and_then(|(status, _)| trouble(status.as_ref()));
        match (mistakes.is_empty(), degraded) {
            (false, _) => culprits.push(format!("{}: {}", member.name, mistakes.join("; "))),
            (true, Some(why)) => culprits.push(format!("{}: {why}", member.name)),
            (true, None) => waiting.push(member.name.as_str()),
        }
    }
    for (component, name) in &outcome.orphans {
        let gone = ResourceCondition {
            condition: "Orphaned".to_owned(),
            status: "True".to_owned(),
            action: "Delete".to_owned(),
        };
        of_kind(&mut status, *component).entry(name.clone()).or_insert(gone);
    }
    let all = ready == members.len() && outcome.orphans.is_empty();
    status.condition = Some(condition("MeshReady", all, if all { "NoAction" } else { "Wait" }));
    status.ready = Some(format!("{ready}/{}", members.len()));
    let suspended = mesh.spec.suspend == Some(true);
    let findings =
        findings(all, suspended, (ready, members.len()), &waiting, &culprits, outcome, graph);
    status.reason = findings.first().map(|(_, finding)| finding.reason.clone());
    let previous = mesh.status.as_ref().map(|status| status.standard_conditions.as_slice());
    status.standard_conditions =
        conditions(previous.unwrap_or_default(), mesh.metadata.generation, now, findings);
    status
}

fn findings(
    all: bool,
    suspended: bool,
    (ready, members): (usize, usize),
    waiting: &[&str],
    culprits: &[String],
    outcome: &Outcome,
    graph: &Graph,
) -> [(&'static str, Finding); 4] {
    let counted = format!("{ready} of {members} members are ready");
    let ready = if all && suspended {
        Finding::new(true, "Suspended", "all members are stopped, as spec.suspend asks")
    } else if all {
        Finding::new(true, "AllMembersReady", counted.clone())
    } else if !culprits.is_empty() {
        Finding::new(false, "MemberFailed", culprits.join(" | "))
    } else if !waiting.is_empty() {
        Finding::new(
            false,
            "MembersNotReady",
            format!("{counted}; not yet: {}", waiting.join(", ")),
        )
    } else {
        let names: Vec<&str> = outcome.orphans.iter().map(|(_, name)| name.as_str()).collect();
        let message = format!("former members are being deleted: {}", names.join(", "));
        Finding::new(false, "RemovingMembers", message)
    };
    let progressing = match all {
        true => Finding::new(false, "Settled", counted),
        false => Finding::new(true, "Reconciling", counted),
    };
    let degraded = match culprits.is_empty() {
        true => Finding::new(false, "AsExpected", "no member is in trouble"),
        false => Finding::new(true, "MemberFailed", culprits.join(" | ")),
    };
    [(READY, ready), (PROGRESSING, progressing), (DEGRADED, degraded), (GRAPH, complete(graph))]
}

/// A mesh's own entry and exit are open too, so this decides nothing about readiness.
fn complete(graph: &Graph) -> Finding {
    if !graph.mismatches.is_empty() {
        return Finding::new(false, "SchemaMismatch", graph.mismatches.join("; "));
    }
    let mut open = Vec::new();
    if !graph.unwritten.is_empty() {
        open.push(format!("no member writes {}", graph.unwritten.join(", ")));
    }
    if !graph.unread.is_empty() {
        open.push(format!("no member reads {}", graph.unread.join(", ")));
    }
    match open.is_empty() {
        true => Finding::new(true, "Closed", "every topic is written and read by members"),
        false => Finding::new(false, "OpenTopics", open.join("; ")),
    }
}

fn of_kind(
    status: &mut MeshStatus,
    component: Component,
) -> &mut BTreeMap<String, ResourceCondition> {
    match component {
        Component::Function => &mut status.function_conditions,
        Component::Source => &mut status.source_conditions,
        Component::Sink => &mut status.sink_conditions,
    }
}

fn ready_name(component: Component) -> &'static str {
    match component {
        Component::Function => "FunctionReady",
        Component::Source => "SourceReady",
        Component::Sink => "SinkReady",
    }
}

fn is_ready(status: Option<&WorkloadStatus>) -> bool {
    let conditions = status.map(|status| status.standard_conditions.as_slice());
    let mut conditions = conditions.unwrap_or_default().iter();
    conditions.any(|condition| condition.type_ == READY && condition.status == "True")
}

/// Why a member does not get ready by itself.
fn trouble(status: Option<&WorkloadStatus>) -> Option<String> {
    let conditions = &status?.standard_conditions;
    let degraded = conditions.iter().find(|c| c.type_ == DEGRADED && c.status == "True")?;
    Some(format!("{} ({})", degraded.message, degraded.reason))
}
