//! `deploy/FIELDS.md`: every field of the five kinds, and which of them are ours.
//!
//! Written from the schemas, so it cannot differ from them. What is ours is listed here, and
//! compared with the original's definitions where these are at hand.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    described::{fields, schema_of},
    original::folder,
    *,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// What only we have; all below is ours too.
const OURS: [&str; 17] = [
    "spec.autoscaling",
    "spec.genericRuntime.log",
    "spec.input.clusterRefs",
    "spec.output.clusterRef",
    "spec.pod.readinessProbe",
    "spec.pod.vpa.updatePolicy.evictionRequirements",
    "spec.pulsarClusters",
    "spec.suspend",
    "spec.wasm",
    "status.backlog",
    "status.edges",
    "status.input",
    "status.output",
    "status.ready",
    "status.reason",
    "status.runtime",
    "status.standardConditions",
];

const HEAD: &str = "\
# Every field

All fields of the Go operator's five kinds are here, with the same names, types and meaning; a
manifest that its definitions accept is accepted. What is **ours** alone is marked. Where a field is
accepted and not needed, its row says why.

`kubectl explain function.spec --recursive` shows the same. Fields whose type is one of Kubernetes's
own (`Affinity`, `Container`, ..) are as Kubernetes documents them, and not listed further.

A ✓ says that a kind has the field. Limits on lengths are far above what objects have; the API
server needs them to bound what a rule costs.

This file is written from the definitions, and a test compares the two. To renew it:
`UPDATE_EXPECT=1 cargo test -p function-mesh-controller --lib crd::`
";

const REFUSED: &str = "
## What is refused

The API server checks these on create and update, with no webhook running. Members of a mesh are
checked by the controller, which says what it found in the mesh's status. The Go operator's webhook
refuses most of this too, but only on create; the rest can never work. What it refuses besides is
right here: resources without memory, which get the default, and `minReplicas: 0` or `replicas: 0`.

| field | kinds | what is expected |
|---|---|---|
";

/// Types of Kubernetes's own, by the fields that have them.
const TYPES: [(&str, &str); 17] = [
    ("affinity", "Affinity"),
    ("autoScalingBehavior", "HorizontalPodAutoscalerBehavior"),
    ("autoScalingMetrics", "list of MetricSpec"),
    ("env", "list of EnvVar"),
    ("imagePullSecrets", "list of LocalObjectReference"),
    ("initContainers", "list of Container"),
    ("persistentVolumeClaimRetentionPolicy", "StatefulSetPersistentVolumeClaimRetentionPolicy"),
    ("readinessProbe", "Probe"),
    ("resources", "ResourceRequirements"),
    ("securityContext", "PodSecurityContext"),
    ("sidecars", "list of Container"),
    ("standardConditions", "list of Condition"),
    ("startupProbe", "Probe"),
    ("tolerations", "list of Toleration"),
    ("volumeClaimTemplates", "list of PersistentVolumeClaim"),
    ("volumeMounts", "list of VolumeMount"),
    ("volumes", "list of Volume"),
];

fn is_ours(path: &str) -> bool {
    OURS.iter().any(|ours| {
        path.strip_prefix(ours)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{']))
    })
}

/// The type of Kubernetes's own that a field has.
fn foreign(path: &str, schema: &JSONSchemaProps) -> Option<&'static str> {
    let name = path.rsplit('.').next().unwrap_or_default();
    let (_, foreign) = TYPES.into_iter().find(|(field, _)| *field == name)?;
    // A BackendConfig's env is a map of texts.
    let texts = name == "env" && schema.type_.as_deref() == Some("object");
    (!texts && !path.ends_with("Requirements[].resources")).then_some(foreign)
}

/// A field's type, limits and default.
fn kind(path: &str, schema: &JSONSchemaProps) -> String {
    let mut text = foreign(path, schema).map_or_else(|| plain(schema), str::to_owned);
    if let Some(least) = schema.minimum {
        write!(text, " ≥ {least}").unwrap();
    }
    let most = schema.max_length.map(|most| (most, "characters"));
    let most = most.or(schema.max_items.or(schema.max_properties).map(|most| (most, "items")));
    if let Some((most, what)) = most {
        write!(text, ", ≤ {most} {what}").unwrap();
    }
    if let Some(default) = &schema.default {
        write!(text, ", default `{}`", default.0.to_string().trim_matches('"')).unwrap();
    }
    text
}

fn plain(schema: &JSONSchemaProps) -> String {
    if let Some(values) = &schema.enum_ {
        let values = values.iter().map(|value| format!("`{}`", value.0.as_str().unwrap()));
        return values.collect::<Vec<_>>().join(" ");
    }
    if schema.x_kubernetes_int_or_string == Some(true) {
        return if schema.pattern.is_some() { "quantity" } else { "integer or string" }.to_owned();
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
        return format!("list of {}", plain(item));
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &schema.additional_properties {
        return format!("map of {}", plain(value));
    }
    if schema.x_kubernetes_preserve_unknown_fields == Some(true) {
        return "any object".to_owned();
    }
    schema.type_.clone().unwrap()
}

/// A line of a table.
#[derive(PartialEq)]
struct Row {
    path: String,
    kind: String,
    text: String,
}

/// The rows below `spec` or `status`, without what is listed elsewhere.
fn rows(of: Kind, part: &str, elsewhere: &[&str]) -> Vec<Row> {
    let definition = definition(of);
    let mut found = Vec::new();
    fields(schema_of(&definition), "", &mut found);
    let mut rows: Vec<Row> = Vec::new();
    // Below a type of Kubernetes's own, or what is listed elsewhere.
    let mut skipped: Option<String> = None;
    for (path, schema) in found {
        let path = path.trim_start_matches('.').to_owned();
        let below = |outer: &String| {
            path.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with(['.', '[', '{']))
        };
        let named = !path.ends_with(']') && !path.ends_with('}');
        if !path.starts_with(&format!("{part}.")) || skipped.as_ref().is_some_and(below) {
            continue;
        }
        if !named {
            continue;
        }
        if foreign(&path, schema).is_some() || elsewhere.contains(&path.as_str()) {
            skipped = Some(path.clone());
        }
        let text = schema.description.clone().unwrap_or_default();
        let text = text.strip_suffix(" Ours.").unwrap_or(&text).replace('|', "\\|");
        let text = if is_ours(&path) { format!("**Ours.** {text}") } else { text };
        rows.push(Row { kind: kind(&path, schema), text, path });
    }
    rows
}

fn table(out: &mut String, of: Kind, part: &str, elsewhere: &[&str]) {
    out.push_str("| field | type | what it does |\n|---|---|---|\n");
    for Row { path, kind, text } in rows(of, part, elsewhere) {
        writeln!(out, "| `{path}` | {kind} | {text} |").unwrap();
    }
}

fn to_markdown() -> String {
    let mut out = HEAD.to_owned();
    out.push_str("\n## Function, Source and Sink\n\n");
    out.push_str("| field | type | Function | Source | Sink | what it does |\n");
    out.push_str("|---|---|---|---|---|---|\n");
    let kinds = [Kind::Function, Kind::Source, Kind::Sink];
    let of_each = kinds.map(|kind| rows(kind, "spec", &[]));
    let mut all: Vec<&Row> = Vec::new();
    for row in of_each.iter().flatten() {
        if !all.contains(&row) {
            all.push(row);
        }
    }
    all.sort_by_key(|row| row.path.as_str());
    for row in all {
        write!(out, "| `{}` | {} |", row.path, row.kind).unwrap();
        for rows in &of_each {
            out.push_str(if rows.contains(row) { " ✓ |" } else { " |" });
        }
        writeln!(out, " {} |", row.text).unwrap();
    }
    out.push_str("\nTheir status:\n\n");
    table(&mut out, Kind::Function, "status", &[]);
    out.push_str("\n## FunctionMesh\n\nA member has all the fields of its kind's spec.\n\n");
    let members = ["spec.functions", "spec.sources", "spec.sinks"];
    table(&mut out, Kind::FunctionMesh, "spec", &members);
    out.push_str("\nIts status:\n\n");
    table(&mut out, Kind::FunctionMesh, "status", &[]);
    out.push_str("\n## BackendConfig\n\nFields of `spec.pod` are those above.\n\n");
    table(&mut out, Kind::BackendConfig, "spec", &["spec.pod"]);
    out.push_str(REFUSED);
    for rule in rules::all() {
        let place = [rule.at, rule.field.trim_start_matches('.')];
        let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
        let kinds = rule.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        let (place, expected) = (place.join("."), rule.expected);
        writeln!(out, "| `{place}` | {kinds} | {expected} |").unwrap();
    }
    out
}

#[test]
fn the_list_of_fields_is_current() {
    is_current("deploy/FIELDS.md", &to_markdown());
}

#[test]
fn every_type_of_kubernetes_is_named() {
    assert_eq!(TYPES.map(|(field, _)| field), structure::FOREIGN);
}

/// Whether a definition of the original has a field.
fn original_has(definition: &Value, path: &str) -> bool {
    let mut here = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    for step in path.split('.') {
        let name = step.trim_end_matches("[]").trim_end_matches("{}");
        here = &here["properties"][name];
        if step.ends_with("[]") {
            here = &here["items"];
        } else if step.ends_with("{}") {
            here = &here["additionalProperties"];
        }
    }
    !here.is_null()
}

#[test]
fn ours_is_what_the_original_has_not() {
    let Some(folder) = folder() else { return };
    let mut found = [false; OURS.len()];
    for kind in Kind::ALL {
        let plural = definition(kind).spec.names.plural;
        let file = folder.join(format!("crd/compute.functionmesh.io_{plural}.yaml"));
        let original: Value =
            serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let members = ["spec.functions", "spec.sources", "spec.sinks"];
        for part in ["spec", "status"] {
            for Row { path, .. } in rows(kind, part, &members) {
                assert_eq!(is_ours(&path), !original_has(&original, &path), "{plural} {path}");
                for (ours, found) in OURS.iter().zip(&mut found) {
                    *found |= path == *ours;
                }
            }
        }
    }
    assert_eq!(found, [true; OURS.len()], "{OURS:?}");
}
