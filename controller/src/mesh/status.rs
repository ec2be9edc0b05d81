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
    let mut tally = Tally { members: members.len(), ..Tally::default() };
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
        let refused = outcome.refused.get(&key).map(|why| vec![why.clone()]);
        let mistakes = refused.unwrap_or_else(|| member.mistakes.clone()).join("; ");
        let degraded = state.and_then(|(status, _)| trouble(status.as_ref()));
        match (is_ready, mistakes.is_empty(), degraded) {
            (true, ..) => tally.ready += 1,
            (false, false, _) => tally.failed.push(format!("{}: {mistakes}", member.name)),
            (false, true, Some(why)) => tally.failed.push(format!("{}: {why}", member.name)),
            (false, true, None) => tally.waiting.push(member.name.clone()),
        }
    }
    for (component, name) in &outcome.orphans {
        let gone = ResourceCondition {
            condition: "Orphaned".to_owned(),
            status: "True".to_owned(),
            action: "Delete".to_owned(),
        };
        of_kind(&mut status, *component).entry(name.clone()).or_insert(gone);
        tally.orphans.push(name.clone());
    }
    let all = tally.complete();
    status.condition = Some(condition("MeshReady", all, if all { "NoAction" } else { "Wait" }));
    status.ready = Some(format!("{}/{}", tally.ready, tally.members));
    let findings = tally.findings(mesh.spec.suspend == Some(true));
    let [(_, ready), ..] = &findings;
    status.reason = Some(ready.reason.clone());
    let [ready, progressing, degraded] = findings;
    let findings = [ready, progressing, degraded, (GRAPH, complete(graph))];
    let previous = mesh.status.as_ref().map(|status| status.standard_conditions.as_slice());
    status.standard_conditions =
        conditions(previous.unwrap_or_default(), mesh.metadata.generation, now, findings);
    status
}

/// How many members are in which state.
#[derive(Debug, Default)]
struct Tally {
    members: usize,
    ready: usize,
    waiting: Vec<String>,
    /// Each with the reason.
    failed: Vec<String>,
    orphans: Vec<String>,
}

impl Tally {
    fn complete(&self) -> bool {
        self.ready == self.members && self.orphans.is_empty()
    }

    fn findings(&self, suspended: bool) -> [(&'static str, Finding); 3] {
        let counted = format!("{} of {} members are ready", self.ready, self.members);
        let failed = self.failed.join(" | ");
        let ready = if self.complete() && suspended {
            Finding::new(true, "Suspended", "all members are stopped, as spec.suspend asks")
        } else if self.complete() {
            Finding::new(true, "AllMembersReady", counted.clone())
        } else if !self.failed.is_empty() {
            Finding::new(false, "MemberFailed", failed.clone())
        } else if !self.waiting.is_empty() {
            let message = format!("{counted}; not yet: {}", self.waiting.join(", "));
            Finding::new(false, "MembersNotReady", message)
        } else {
            let message = format!("former members are being deleted: {}", self.orphans.join(", "));
            Finding::new(false, "RemovingMembers", message)
        };
        let progressing = match self.complete() {
            true => Finding::new(false, "Settled", counted),
            false => Finding::new(true, "Reconciling", counted),
        };
        let degraded = match self.failed.is_empty() {
            true => Finding::new(false, "AsExpected", "no member is in trouble"),
            false => Finding::new(true, "MemberFailed", failed),
        };
        [(READY, ready), (PROGRESSING, progressing), (DEGRADED, degraded)]
    }
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
