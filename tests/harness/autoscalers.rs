//! The kind VerticalPodAutoscaler, for a cluster that has nobody to act on it.

use serde_json::{Value, json};

/// Its definition: every field of a spec under its own name and type, so that the API server drops
/// what is none.
pub fn vertical() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "verticalpodautoscalers.autoscaling.k8s.io",
            "annotations": { "api-approved.kubernetes.io": "unapproved, for a test" },
        },
        "spec": {
            "group": "autoscaling.k8s.io", "scope": "Namespaced",
            "names": {
                "kind": "VerticalPodAutoscaler", "plural": "verticalpodautoscalers",
                "singular": "verticalpodautoscaler", "shortNames": ["vpa"],
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": {
                    "type": "object", "required": ["spec"],
                    "properties": {
                        "spec": spec(),
                        "status": {
                            "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                        },
                    },
                } },
            }],
        },
    })
}

fn spec() -> Value {
    let container = object(&json!({
        "containerName": { "type": "string" },
        "mode": one_of(&["Auto", "Off"]),
        "minAllowed": quantities(),
        "maxAllowed": quantities(),
        "controlledResources": { "type": "array", "items": { "type": "string" } },
        "controlledValues": one_of(&["RequestsAndLimits", "RequestsOnly"]),
    }));
    let eviction = object(&json!({
        "resources": { "type": "array", "items": { "type": "string" } },
        "changeRequirement": one_of(&["TargetHigherThanRequests", "TargetLowerThanRequests"]),
    }));
    let mut spec = object(&json!({
        "targetRef": {
            "type": "object", "required": ["kind", "name"],
            "properties": {
                "apiVersion": { "type": "string" },
                "kind": { "type": "string" },
                "name": { "type": "string" },
            },
        },
        "updatePolicy": object(&json!({
            "updateMode": one_of(&["Off", "Initial", "Recreate", "InPlaceOrRecreate", "Auto"]),
            "minReplicas": { "type": "integer", "format": "int32" },
            "evictionRequirements": { "type": "array", "items": eviction },
        })),
        "resourcePolicy": object(&json!({
            "containerPolicies": { "type": "array", "items": container },
        })),
        "recommenders": {
            "type": "array", "items": object(&json!({ "name": { "type": "string" } })),
        },
    }));
    if let Some(spec) = spec.as_object_mut() {
        spec.insert("required".to_owned(), json!(["targetRef"]));
    }
    spec
}

fn object(properties: &Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

fn one_of(names: &[&str]) -> Value {
    json!({ "type": "string", "enum": names })
}

fn quantities() -> Value {
    json!({ "type": "object", "additionalProperties": { "x-kubernetes-int-or-string": true } })
}
