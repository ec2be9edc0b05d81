//! Defaults and limits.
//!
//! A default in the schema is written into every object, also into those stored before, and then
//! shows up as a difference to what a user keeps in Git. So only the original webhook's constants
//! are here, and of those not `replicas`, which belongs to autoscalers, and none below `input` and
//! `output`; members of a mesh, where a difference in one item is one of the whole list, have the
//! original schema's only. The controller applies all defaults itself and relies on none of these.
//!
//! Limits on lengths are there where the API server has to know them to bound what a rule costs.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSON, JSONSchemaProps};
use serde_json::{Value, json};

use super::place::at;
use crate::crd::Kind;

/// The lists of a mesh's members.
const MEMBERS: [&str; 3] = ["spec.functions", "spec.sources", "spec.sinks"];
/// Members of a mesh per list: what it costs to find two of one name grows with the square.
const MOST_MEMBERS: i64 = 500;
/// A member's object is named after the mesh and the member, in at most 43 characters.
const LONGEST_MEMBER: i64 = 43;

const LONGEST_TOPIC: i64 = 1024;
const MOST_TOPICS: i64 = 1000;
const LONGEST_LOCATION: i64 = 4096;

/// Texts that a rule looks into, and their longest.
const TEXTS: [(&str, i64); 14] = [
    ("spec.input.topics[]", LONGEST_TOPIC),
    ("spec.input.topicPattern", LONGEST_TOPIC),
    ("spec.input.clusterRefs{}", 253),
    ("spec.output.topic", LONGEST_TOPIC),
    ("spec.output.clusterRef", 253),
    ("spec.deadLetterTopic", LONGEST_TOPIC),
    ("spec.logTopic", LONGEST_TOPIC),
    ("spec.windowConfig.lateDataTopic", LONGEST_TOPIC),
    ("spec.java.jarLocation", LONGEST_LOCATION),
    ("spec.python.pyLocation", LONGEST_LOCATION),
    ("spec.golang.goLocation", LONGEST_LOCATION),
    ("spec.genericRuntime.functionFileLocation", LONGEST_LOCATION),
    ("spec.wasm.moduleLocation", LONGEST_LOCATION),
    ("spec.pod.builtinAutoscaler[]", 64),
];

/// Maps and lists that a rule goes through, and their most.
const COLLECTIONS: [(&str, i64); 7] = [
    ("spec.input.topics", MOST_TOPICS),
    ("spec.input.customSerdeSources", MOST_TOPICS),
    ("spec.input.customSchemaSources", MOST_TOPICS),
    ("spec.input.sourceSpecs", MOST_TOPICS),
    ("spec.input.clusterRefs", MOST_TOPICS),
    ("spec.pulsarClusters", 100),
    ("spec.pod.builtinAutoscaler", 64),
];

/// Adds them to the schema of one kind.
pub(super) fn add(kind: Kind, schema: &mut JSONSchemaProps) {
    match kind {
        Kind::Function | Kind::Source | Kind::Sink => {
            if let Some(spec) = at(schema, "spec") {
                replicas(spec);
            }
            for (place, default) in defaults() {
                set(schema, place, |field| field.default = Some(JSON(default)));
            }
            for (place, longest) in TEXTS {
                set(schema, place, |field| field.max_length = Some(longest));
            }
            for (place, most) in COLLECTIONS {
                set(schema, place, |field| match field.type_.as_deref() {
                    Some("array") => field.max_items = Some(most),
                    _ => field.max_properties = Some(most),
                });
            }
        }
        Kind::FunctionMesh => {
            for list in MEMBERS {
                set(schema, list, |members| members.max_items = Some(MOST_MEMBERS));
                set(schema, &format!("{list}[]"), replicas);
                let name = format!("{list}[].name");
                set(schema, &name, |field| field.max_length = Some(LONGEST_MEMBER));
            }
        }
        Kind::BackendConfig => {}
    }
}

/// Sets something where the kind has that place.
fn set(schema: &mut JSONSchemaProps, place: &str, change: impl FnOnce(&mut JSONSchemaProps)) {
    if let Some(field) = at(schema, place) {
        change(field);
    }
}

fn replicas(spec: &mut JSONSchemaProps) {
    set(spec, "replicas", |field| field.minimum = Some(0.0));
    set(spec, "minReplicas", |field| {
        field.minimum = Some(0.0);
        field.default = Some(JSON(json!(1)));
    });
}

/// The original webhook's constants.
fn defaults() -> [(&'static str, Value); 7] {
    [
        ("spec.tenant", json!("public")),
        ("spec.namespace", json!("default")),
        ("spec.clusterName", json!("kubernetes")),
        ("spec.processingGuarantee", json!("atleast_once")),
        ("spec.autoAck", json!(true)),
        ("spec.forwardSourceMessageProperty", json!(true)),
        ("spec.maxPendingAsyncRequests", json!(1000)),
    ]
}
