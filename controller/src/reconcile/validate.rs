//! The rules of `crd::rules` for what no API server has checked: members of a mesh, and objects
//! that were stored before a rule existed. Pure.
//!
//! All mistakes are found at once, each with its field. Beyond the rules this knows what CEL
//! cannot say: whether a topic pattern is a regular expression, and quantities of any resource.

mod delivery;
mod logic;
pub mod member;
mod pulsar;
mod resources;
mod scaling;
mod topics;

use function_mesh_proto::mistake::{Mistake, Mistakes};

use crate::crd::{
    function::FunctionSpec,
    rules::{self, Rule},
    sink::SinkSpec,
    source::SourceSpec,
    workload::WorkloadSpec,
};

/// Everything that is wrong with a Function of this name.
pub fn function(name: &str, spec: &FunctionSpec) -> Mistakes {
    let mut report = Report::default();
    workload(&mut report, name, &spec.workload);
    logic::function(&mut report, spec);
    scaling::function(&mut report, spec);
    delivery::function(&mut report, spec);
    topics::function(&mut report, spec);
    pulsar::clusters(
        &mut report,
        &spec.workload,
        spec.consumption.input.as_ref(),
        spec.output.as_ref(),
    );
    report.0
}

/// Everything that is wrong with a Source of this name.
pub fn source(name: &str, spec: &SourceSpec) -> Mistakes {
    let mut report = Report::default();
    workload(&mut report, name, &spec.workload);
    logic::connector(&mut report, &spec.workload, &rules::SOURCE_RUNTIME);
    let configured = spec.source_config.is_some();
    report.expect(configured, &rules::SOURCE_CONFIG, "spec.sourceConfig", "");
    let scaled = spec.workload.autoscaling.is_some();
    report.expect(!scaled, &rules::BACKLOG_OF_SOURCE, "spec.autoscaling", "");
    topics::output(&mut report, spec.output.as_ref());
    pulsar::clusters(&mut report, &spec.workload, None, spec.output.as_ref());
    report.0
}

/// Everything that is wrong with a Sink of this name.
pub fn sink(name: &str, spec: &SinkSpec) -> Mistakes {
    let mut report = Report::default();
    workload(&mut report, name, &spec.workload);
    logic::connector(&mut report, &spec.workload, &rules::SINK_RUNTIME);
    let configured = spec.sink_config.is_some();
    report.expect(configured, &rules::SINK_CONFIG, "spec.sinkConfig", "");
    delivery::sink(&mut report, spec);
    topics::sink(&mut report, spec);
    pulsar::clusters(&mut report, &spec.workload, spec.consumption.input.as_ref(), None);
    report.0
}

/// What all three kinds keep to.
fn workload(report: &mut Report, name: &str, spec: &WorkloadSpec) {
    let short = name.chars().count() <= 43;
    report.expect(short, &rules::NAME_LENGTH, "metadata.name", name);
    logic::java(report, spec);
    scaling::workload(report, spec);
    resources::workload(report, spec.resources.as_ref());
    topics::optional(report, &rules::LOG_TOPIC, "spec.logTopic", spec.log_topic.as_deref());
    pulsar::workload(report, spec);
}

/// What was found so far.
#[derive(Default)]
struct Report(Mistakes);

impl Report {
    /// Notes the breach of a rule. `value` is what was written, empty if nothing was.
    fn expect(&mut self, holds: bool, rule: &Rule, field: &str, value: impl ToString) {
        if !holds {
            self.0.add(Mistake::new(field, value.to_string(), rule.expected));
        }
    }

    /// Notes that a field lacks what it must have.
    fn expect_text(&mut self, text: Option<&str>, rule: &Rule, field: &str) {
        self.expect(text.is_some_and(|text| !text.is_empty()), rule, field, "");
    }

    /// Notes a number below the least one.
    fn at_least<N: PartialOrd + ToString>(
        &mut self,
        least: N,
        number: Option<N>,
        rule: &Rule,
        field: &str,
    ) {
        if let Some(number) = number {
            self.expect(number >= least, rule, field, number);
        }
    }
}

#[cfg(test)]
mod tests;
