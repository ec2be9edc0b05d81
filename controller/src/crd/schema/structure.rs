//! Brings a derived schema to the original's shape, field by field.
//!
//! Nothing may be null: the original's schema refuses that, and rules would have to ask for it.
//! The descriptions of Kubernetes's own types are cut to their first sentence, or the definition
//! of FunctionMesh, which has most of them three times, would not fit into etcd.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

use super::place::at;
use crate::crd::{Kind, quantity};

/// Our fields whose types are Kubernetes's own.
pub(super) const FOREIGN: [&str; 17] = [
    "affinity",
    "autoScalingBehavior",
    "autoScalingMetrics",
    "env",
    "imagePullSecrets",
    "initContainers",
    "persistentVolumeClaimRetentionPolicy",
    "readinessProbe",
    "resources",
    "securityContext",
    "sidecars",
    "standardConditions",
    "startupProbe",
    "tolerations",
    "volumeClaimTemplates",
    "volumeMounts",
    "volumes",
];

/// Objects that name another one, and may leave the name out.
const NAMING: [&str; 8] = [
    "configMap",
    "configMapKeyRef",
    "configMapRef",
    "imagePullSecrets",
    "nodePublishSecretRef",
    "secret",
    "secretKeyRef",
    "secretRef",
];

/// Objects of Kubernetes that are applied as a whole.
const ATOMIC: [&str; 16] = [
    "configMap",
    "configMapKeyRef",
    "configMapRef",
    "dataSource",
    "fieldRef",
    "fileKeyRef",
    "imagePullSecrets",
    "labelSelector",
    "namespaceSelector",
    "nodePublishSecretRef",
    "nodeSelectorTerms",
    "preference",
    "resourceFieldRef",
    "secretKeyRef",
    "secretRef",
    "selector",
];

/// The same of names that elsewhere are something else: the object they stand in, and their name.
const ATOMIC_IN: [(&str, &str); 2] =
    [("nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"), ("sources", "secret")];

/// Lists that are applied item by item: the object they stand in, their name, their keys.
const KEYED: [(&str, &str, &[&str]); 10] = [
    ("initContainers", "env", &["name"]),
    ("sidecars", "env", &["name"]),
    ("initContainers", "ports", &["containerPort", "protocol"]),
    ("sidecars", "ports", &["containerPort", "protocol"]),
    ("initContainers", "volumeDevices", &["devicePath"]),
    ("sidecars", "volumeDevices", &["devicePath"]),
    ("initContainers", "volumeMounts", &["mountPath"]),
    ("sidecars", "volumeMounts", &["mountPath"]),
    ("resources", "claims", &["name"]),
    ("status", "conditions", &["type"]),
];

/// What the metadata of a claim template may have.
const METADATA: [&str; 5] = ["annotations", "finalizers", "labels", "name", "namespace"];

/// As Kubernetes checks quantities.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// Longest description of a foreign field.
const BRIEF: usize = 120;

/// Completes the schema of one kind.
pub(super) fn complete(kind: Kind, schema: &mut JSONSchemaProps) {
    tidy(schema, &Position { name: "", parent: "", foreign: false });
    schema.required = None;
    schema.description = at(schema, "spec").and_then(|spec| spec.description.clone());
    // Without its name here no rule could blame it. All else of the metadata is always there.
    if let Some(fields) = schema.properties.as_mut().filter(|_| kind.is_workload()) {
        fields.insert("metadata".to_owned(), metadata());
    }
    if kind != Kind::FunctionMesh {
        schema.x_kubernetes_preserve_unknown_fields = Some(true);
    }
    if let Some(spec) = at(schema, "spec") {
        spec.description = Some("What is wanted.".to_owned());
        spec.default = Some(JSON(serde_json::json!({})));
    }
    let Some(status) = at(schema, "status") else { return };
    status.description = Some("What the controller found and did.".to_owned());
    if kind.is_workload() {
        let required = ["conditions", "replicas", "selector"];
        status.required = Some(required.map(str::to_owned).to_vec());
        for name in required {
            if let Some(field) = at(status, name) {
                field.default = None;
            }
        }
    }
    if let Some(conditions) = at(status, "standardConditions") {
        conditions.x_kubernetes_list_type = Some("map".to_owned());
        conditions.x_kubernetes_list_map_keys = Some(vec!["type".to_owned()]);
    }
}

fn metadata() -> JSONSchemaProps {
    let name = JSONSchemaProps { type_: Some("string".to_owned()), ..JSONSchemaProps::default() };
    JSONSchemaProps {
        type_: Some("object".to_owned()),
        properties: Some([("name".to_owned(), name)].into()),
        ..JSONSchemaProps::default()
    }
}

/// Where a schema stands.
struct Position<'a> {
    /// Of its field, or of the list or map it is an item of.
    name: &'a str,
    /// Of the object around it.
    parent: &'a str,
    /// Inside a type of Kubernetes's own.
    foreign: bool,
}

fn tidy(schema: &mut JSONSchemaProps, position: &Position<'_>) {
    let Position { name, parent, foreign } = *position;
    schema.nullable = None;
    schema.title = None;
    if let Some(values) = &mut schema.enum_ {
        values.retain(|value| !value.0.is_null());
    }
    if let Some(text) = &mut schema.description {
        *text = if foreign { first_sentence(text) } else { on_one_line(text) };
    }
    if quantity::is_single(parent, name) {
        make_quantity(schema);
    }
    let inner_foreign = |child: &str| foreign || FOREIGN.contains(&child);
    match &mut schema.additional_properties {
        Some(JSONSchemaPropsOrBool::Schema(value)) if quantity::is_map(name) => {
            value.description = None;
            make_quantity(value);
        }
        Some(JSONSchemaPropsOrBool::Schema(value)) => {
            tidy(value, &Position { foreign: inner_foreign(name), ..*position });
        }
        _ => {}
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &mut schema.items {
        tidy(item, &Position { foreign: inner_foreign(name), ..*position });
    }
    if foreign || FOREIGN.contains(&name) {
        follow_kubernetes(schema, name, parent);
    }
    for (child, field) in schema.properties.iter_mut().flatten() {
        let foreign = foreign || FOREIGN.contains(&name);
        tidy(field, &Position { name: child, parent: name, foreign });
    }
}

/// What Kubernetes's published schema says of its types, and the bindings do not.
fn follow_kubernetes(schema: &mut JSONSchemaProps, name: &str, parent: &str) {
    let object = schema.type_.as_deref() == Some("object");
    if object && (ATOMIC.contains(&name) || ATOMIC_IN.contains(&(parent, name))) {
        schema.x_kubernetes_map_type = Some("atomic".to_owned());
    }
    if object && NAMING.contains(&name) {
        leave_out(schema, "name");
    }
    if object && name == "volumeClaimTemplates" {
        leave_out(schema, "metadata");
    }
    if name == "metadata" && parent == "volumeClaimTemplates" {
        schema.properties.iter_mut().for_each(|of| of.retain(|key, _| METADATA.contains(&&**key)));
    }
    let keys = KEYED.iter().find(|(around, list, _)| *around == parent && *list == name);
    if let (Some("array"), Some((_, _, keys))) = (schema.type_.as_deref(), keys) {
        schema.x_kubernetes_list_type = Some("map".to_owned());
        schema.x_kubernetes_list_map_keys = Some(keys.iter().map(|&key| key.to_owned()).collect());
        // A key must be there, or have a default.
        if let Some(protocol) = super::place::item(schema).and_then(|port| at(port, "protocol")) {
            protocol.default = Some(JSON("TCP".into()));
        }
    }
}

/// Allows an object to be without a field.
fn leave_out(schema: &mut JSONSchemaProps, name: &str) {
    if let Some(required) = &mut schema.required {
        required.retain(|field| field != name);
    }
    if schema.required.as_ref().is_some_and(Vec::is_empty) {
        schema.required = None;
    }
}

fn make_quantity(schema: &mut JSONSchemaProps) {
    schema.type_ = None;
    schema.format = None;
    schema.pattern = Some(QUANTITY.to_owned());
    schema.x_kubernetes_int_or_string = Some(true);
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first sentence, cut at a word if it is long.
fn first_sentence(text: &str) -> String {
    let paragraph = on_one_line(text.split("\n\n").next().unwrap_or_default());
    let sentences = paragraph.match_indices(". ").filter_map(|(at, _)| paragraph.get(..=at));
    let sentence = sentences
        .into_iter()
        .find(|text| !["e.g.", "i.e.", "etc."].iter().any(|short| text.ends_with(short)))
        .unwrap_or(&paragraph);
    if sentence.chars().count() <= BRIEF {
        return sentence.to_owned();
    }
    let mut brief = String::new();
    for word in sentence.split(' ') {
        if brief.chars().count() + word.chars().count() >= BRIEF {
            break;
        }
        brief.push_str(word);
        brief.push(' ');
    }
    format!("{}…", brief.trim_end())
}
