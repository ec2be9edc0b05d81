//! Pulsar clusters, and who refers to them.

use super::{Report, topics};
use crate::crd::{
    io::{InputSpec, OutputSpec},
    messaging::PulsarMessaging,
    rules,
    workload::WorkloadSpec,
};

pub(super) fn workload(report: &mut Report, spec: &WorkloadSpec) {
    let config = |of: &PulsarMessaging| of.pulsar_config.clone().unwrap_or_default();
    let main = spec.pulsar.as_ref().map(config);
    report.expect_text(main.as_deref(), &rules::PULSAR_MISSING, "spec.pulsar.pulsarConfig");
    if let Some(service) = &spec.pulsar_package_service {
        let field = "spec.pulsarPackageService.pulsarConfig";
        report.expect_text(service.pulsar_config.as_deref(), &rules::PACKAGE_SERVICE, field);
    }
    for (name, cluster) in spec.pulsar_clusters.iter().flatten() {
        let field = format!("spec.pulsarClusters[{name}].pulsarConfig");
        report.expect_text(cluster.pulsar_config.as_deref(), &rules::FURTHER_CLUSTER, &field);
    }
}

pub(super) fn clusters(
    report: &mut Report,
    spec: &WorkloadSpec,
    input: Option<&InputSpec>,
    output: Option<&OutputSpec>,
) {
    let known = |name: &str| spec.pulsar_clusters.as_ref().is_some_and(|of| of.contains_key(name));
    let written = output.and_then(|output| output.cluster_ref.as_deref());
    if let Some(name) = written.filter(|name| !name.is_empty()) {
        report.expect(known(name), &rules::OUTPUT_CLUSTER, "spec.output.clusterRef", name);
    }
    for (topic, name) in input.and_then(|input| input.cluster_refs.as_ref()).into_iter().flatten() {
        let field = format!("spec.input.clusterRefs[{topic}]");
        report.expect(known(name), &rules::INPUT_CLUSTER, &field, name);
        let consumed = topics::topics(input).any(|input| input == topic);
        report.expect(consumed, &rules::INPUT_CLUSTER_TOPIC, &field, topic);
    }
}
