//! Pulsar clusters, and who refers to them. And the names of a mesh's members.

use super::{ALL_THREE, CONSUMERS, MESH, PRODUCERS, Reason, Rule, rules};

macro_rules! names_differ {
    () => {
        "self.all(one, !has(one.name) || self.exists_one(other, has(other.name) && other.name == one.name))"
    };
}

const PULSAR_CONFIG: &str = "the name of a ConfigMap with the keys brokerServiceURL and \
    webServiceURL, in the same namespace: it says where the Pulsar cluster is";
const CLUSTER: &str =
    "a name in pulsarClusters: it says where that Pulsar cluster is. Add it there";
const MEMBER: &str = "a name for each member that no other one of this list has: the member's \
    object is named after it. Rename one of them";

rules! {
    PULSAR_MISSING: ALL_THREE at "", Required ".spec.pulsar.pulsarConfig",
        holds "has(self.spec.pulsar) && has(self.spec.pulsar.pulsarConfig) && self.spec.pulsar.pulsarConfig != ''",
        expected PULSAR_CONFIG;

    PACKAGE_SERVICE: ALL_THREE at "spec.pulsarPackageService", Required ".pulsarConfig",
        holds "has(self.pulsarConfig) && self.pulsarConfig != ''",
        expected PULSAR_CONFIG;

    FURTHER_CLUSTER: ALL_THREE at "spec.pulsarClusters{}", Required ".pulsarConfig",
        holds "has(self.pulsarConfig) && self.pulsarConfig != ''",
        expected PULSAR_CONFIG;

    OUTPUT_CLUSTER: PRODUCERS at "spec", Invalid ".output.clusterRef",
        holds "!has(self.output) || !has(self.output.clusterRef) || self.output.clusterRef == ''
            || (has(self.pulsarClusters) && self.output.clusterRef in self.pulsarClusters)",
        expected CLUSTER;

    INPUT_CLUSTER: CONSUMERS at "spec", Invalid ".input.clusterRefs",
        holds "!has(self.input) || !has(self.input.clusterRefs)
            || self.input.clusterRefs.all(topic, has(self.pulsarClusters) && self.input.clusterRefs[topic] in self.pulsarClusters)",
        expected CLUSTER;

    INPUT_CLUSTER_TOPIC: CONSUMERS at "spec.input", Invalid ".clusterRefs",
        holds "!has(self.clusterRefs) || self.clusterRefs.all(topic,
            (has(self.topics) && topic in self.topics)
            || (has(self.topicPattern) && topic == self.topicPattern)
            || (has(self.customSerdeSources) && topic in self.customSerdeSources)
            || (has(self.customSchemaSources) && topic in self.customSchemaSources)
            || (has(self.sourceSpecs) && topic in self.sourceSpecs))",
        expected "clusters of topics that are consumed, each written as in topics, topicPattern, customSerdeSources, customSchemaSources or sourceSpecs";

    FUNCTION_NAMES: MESH at "spec.functions", Invalid "",
        holds names_differ!(),
        expected MEMBER;

    SOURCE_NAMES: MESH at "spec.sources", Invalid "",
        holds names_differ!(),
        expected MEMBER;

    SINK_NAMES: MESH at "spec.sinks", Invalid "",
        holds names_differ!(),
        expected MEMBER;
}
