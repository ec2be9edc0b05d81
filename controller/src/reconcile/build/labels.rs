//! Names and labels, as the Go operator gives them: selectors of running StatefulSets depend on them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};

use crate::workload::{Component, Workload};

/// The object's name on everything that belongs to it.
pub const NAME: &str = "compute.functionmesh.io/name";
/// function, source or sink.
pub const COMPONENT: &str = "compute.functionmesh.io/component";
const NAMESPACE: &str = "compute.functionmesh.io/namespace";
const APP: &str = "compute.functionmesh.io/app";
const FUNCTION_MESH: &str = "function-mesh";

/// Labels that select an object's pods, and the objects that belong to it.
pub fn selector<W: Workload>(workload: &W) -> BTreeMap<String, String> {
    let component = W::COMPONENT.as_str();
    let (name, namespace) = (workload.name_any(), workload.namespace().unwrap_or_default());
    let instance = workload.object_name();
    let mut labels = vec![
        ("app.kubernetes.io/name", instance.clone()),
        ("app.kubernetes.io/instance", instance),
        (COMPONENT, component.to_owned()),
        (NAME, name.clone()),
        (NAMESPACE, namespace.clone()),
        // Of the time before labels had prefixes.
        ("component", component.to_owned()),
        ("name", name),
        ("namespace", namespace),
    ];
    // The original has these two on functions only.
    if W::COMPONENT == Component::Function {
        labels.push((APP, FUNCTION_MESH.to_owned()));
        labels.push(("app", FUNCTION_MESH.to_owned()));
    }
    labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Metadata of an object that belongs to a workload and goes with it.
pub(super) fn owned<W: Workload>(workload: &W, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: workload.namespace(),
        labels: Some(selector(workload)),
        owner_references: Some(owner(workload).into_iter().collect()),
        ..ObjectMeta::default()
    }
}

/// `None` for an object that the API server does not know yet.
pub(crate) fn owner<K: Resource<DynamicType = ()>>(object: &K) -> Option<OwnerReference> {
    object.controller_owner_ref(&())
}

/// A name for a volume: lower case, only letters, digits and dashes, at most 63 of them.
pub(super) fn volume_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        let plain = c.is_ascii_lowercase() || c.is_ascii_digit();
        if plain {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    let name: String = name.chars().take(63).collect();
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_name_is_a_dns_label() {
        assert_eq!(volume_name("My_Secret.key"), "my-secret-key");
        assert_eq!(volume_name("--a  b--"), "a-b");
        assert_eq!(volume_name(&"x".repeat(80)).len(), 63);
    }
}
