//! What the controller made, without what differs by nature: so two states can be compared.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::ground::Ground;

/// Objects by kind and name.
pub type State = BTreeMap<String, Value>;

const KINDS: [&str; 5] =
    ["Function", "StatefulSet", "Service", "ConfigMap", "HorizontalPodAutoscaler"];

/// Everything of a namespace that the controller makes.
///
/// # Errors
/// The API server's.
pub fn of_namespace(ground: &Ground<'_>) -> Result<State> {
    let mut state = State::new();
    let functions = ground.platform.kubernetes.list("Function", &ground.namespace, "")?;
    let uid = |object: &Value| {
        object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let uids: Vec<String> = functions.iter().map(uid).collect();
    let mut names: Vec<(&str, &str)> = uids.iter().map(|uid| (uid.as_str(), "UID")).collect();
    names.push((&ground.namespace, "NAMESPACE"));
    for kind in KINDS {
        for object in ground.platform.kubernetes.list(kind, &ground.namespace, "")? {
            let name = name(&object)?;
            if matches!(name.as_str(), "kube-root-ca.crt" | "pulsar") {
                continue;
            }
            state.insert(format!("{kind}/{name}"), neutral(object, &names)?);
        }
    }
    Ok(state)
}

/// Everything of these kinds that one function owns, without their status and in words that do not
/// depend on the function's name.
///
/// # Errors
/// The API server's.
pub fn of_function(ground: &Ground<'_>, function: &str, kinds: &[&str]) -> Result<State> {
    let uid = ground.get("Function", function)?;
    let uid = uid.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
    let names = [(function, "FUNCTION"), (uid, "UID")];
    let selector = format!("compute.functionmesh.io/name={function}");
    let mut state = State::new();
    for kind in kinds {
        for mut object in ground.platform.kubernetes.list(kind, &ground.namespace, &selector)? {
            if let Some(fields) = object.as_object_mut() {
                fields.remove("status");
            }
            let key = format!("{kind}/{}", name(&object)?.replace(function, "FUNCTION"));
            state.insert(key, neutral(object, &names)?);
        }
    }
    Ok(state)
}

/// The first difference of two states, in words.
pub fn difference(a: &State, b: &State) -> Option<String> {
    let keys = a.keys().chain(b.keys());
    keys.into_iter().find_map(|key| {
        let of = |state: &State| state.get(key).cloned().unwrap_or_default();
        of_values(key, &of(a), &of(b))
    })
}

fn of_values(place: &str, a: &Value, b: &Value) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => a.keys().chain(b.keys()).find_map(|key| {
            let of = |fields: &serde_json::Map<String, Value>| {
                fields.get(key).cloned().unwrap_or_default()
            };
            of_values(&format!("{place}.{key}"), &of(a), &of(b))
        }),
        _ => (a != b).then(|| format!("{place}: {a} and {b}")),
    }
}

fn name(object: &Value) -> Result<String> {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    Ok(name.context("an object without a name")?.to_owned())
}

fn neutral(mut object: Value, names: &[(&str, &str)]) -> Result<Value> {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| {
            matches!(field.as_str(), "name" | "labels" | "finalizers" | "annotations")
        });
    }
    strip(&mut object);
    let mut text = object.to_string();
    for (name, neutral) in names {
        text = text.replace(name, neutral);
    }
    Ok(serde_json::from_str(&text)?)
}

/// Identities, addresses, times, and digests that they are in.
fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| {
                !matches!(
                    name.as_str(),
                    "uid"
                        | "lastTransitionTime"
                        | "clusterIP"
                        | "clusterIPs"
                        | "observedGeneration"
                        | "currentRevision"
                        | "updateRevision"
                        | "compute.functionmesh.io/configuration"
                        | "compute.functionmesh.io/template"
                        | "compute.functionmesh.io/applied"
                )
            });
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(value: Value) -> State {
        BTreeMap::from([("Service/f".to_owned(), value)])
    }

    #[test]
    fn a_difference_says_where_it_is() {
        let (a, b) = (state(json!({"spec": {"a": 1, "b": 2}})), state(json!({"spec": {"a": 1}})));
        assert_eq!(difference(&a, &a), None);
        assert_eq!(difference(&a, &b).as_deref(), Some("Service/f.spec.b: 2 and null"));
    }

    #[test]
    fn names_and_identities_are_no_difference() {
        let of = |name: &str, uid: &str| {
            let object = json!({
                "metadata": {"name": name, "uid": uid, "resourceVersion": uid},
                "data": {"instance.json": format!("{name} is {uid}")},
            });
            neutral(object, &[(name, "FUNCTION"), (uid, "UID")]).unwrap()
        };
        assert_eq!(of("f", "1"), of("g", "2"));
    }
}
