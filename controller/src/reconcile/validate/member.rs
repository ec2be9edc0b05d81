//! Members of a mesh, whose objects are still to be made.
//!
//! Their replicas have to fit the bounds beside them. In an object that exists it is the
//! autoscaler's business: when bounds change, replicas are outside for the moment.

use std::collections::BTreeSet;

use function_mesh_proto::mistake::Mistakes;

use super::{Report, scaling};
use crate::crd::{
    function::FunctionSpec,
    mesh::FunctionMeshSpec,
    rules::{self, Rule},
    sink::SinkSpec,
    source::SourceSpec,
    workload::WorkloadSpec,
};

/// What is wrong with the members' names: each has one, and in its list no other has it.
pub fn names(spec: &FunctionMeshSpec) -> Mistakes {
    let mut report = Report::default();
    let functions = spec.functions.iter().flatten().map(|member| &member.workload);
    differ(&mut report, &rules::FUNCTION_NAMES, "spec.functions", functions);
    let sources = spec.sources.iter().flatten().map(|member| &member.workload);
    differ(&mut report, &rules::SOURCE_NAMES, "spec.sources", sources);
    let sinks = spec.sinks.iter().flatten().map(|member| &member.workload);
    differ(&mut report, &rules::SINK_NAMES, "spec.sinks", sinks);
    report.0
}

fn differ<'a>(
    report: &mut Report,
    rule: &Rule,
    list: &str,
    members: impl Iterator<Item = &'a WorkloadSpec>,
) {
    let mut taken = BTreeSet::new();
    for (index, member) in members.enumerate() {
        let name = member.name.as_deref().unwrap_or_default();
        let free = !name.is_empty() && taken.insert(name);
        report.expect(free, rule, &format!("{list}[{index}].name"), name);
    }
}

/// Everything that is wrong with a Function that is to be made with this name.
pub fn function(name: &str, spec: &FunctionSpec) -> Mistakes {
    with_replicas(super::function(name, spec), &spec.workload)
}

/// Everything that is wrong with a Source that is to be made with this name.
pub fn source(name: &str, spec: &SourceSpec) -> Mistakes {
    with_replicas(super::source(name, spec), &spec.workload)
}

/// Everything that is wrong with a Sink that is to be made with this name.
pub fn sink(name: &str, spec: &SinkSpec) -> Mistakes {
    with_replicas(super::sink(name, spec), &spec.workload)
}

fn with_replicas(mistakes: Mistakes, spec: &WorkloadSpec) -> Mistakes {
    let mut report = Report(mistakes);
    scaling::replicas(&mut report, spec);
    report.0
}
