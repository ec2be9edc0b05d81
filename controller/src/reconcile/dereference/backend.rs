//! BackendConfigs: which apply, and what they add. A workload's own fields win over those of its
//! namespace's, these over the global one's.

use std::sync::Arc;

use kube::{
    ResourceExt,
    runtime::reflector::{ObjectRef, Store},
};
use serde_json::Value;

use super::{References, revision};
use crate::{
    crd::{BackendConfig, pod::PodPolicy},
    digest::digest,
};

/// Which BackendConfigs count: the operator's flags say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendSelection {
    /// Name and namespace of the global one, if there is one.
    pub global: Option<(String, String)>,
    /// The name that a namespace's own one has.
    pub namespaced: String,
}

pub(super) struct Selected {
    global: Option<Arc<BackendConfig>>,
    namespaced: Option<Arc<BackendConfig>>,
}

impl BackendSelection {
    pub(super) fn select(&self, store: &Store<BackendConfig>, namespace: &str) -> Selected {
        let of = |name: &str, namespace: &str| store.get(&ObjectRef::new(name).within(namespace));
        Selected {
            global: self.global.as_ref().and_then(|(name, namespace)| of(name, namespace)),
            namespaced: of(&self.namespaced, namespace),
        }
    }

    /// Whether this object is the global one.
    pub fn is_global(&self, config: &BackendConfig) -> bool {
        let place = (config.name_any(), config.namespace().unwrap_or_default());
        self.global.as_ref() == Some(&place)
    }

    /// Whether this object is the one of its namespace.
    pub fn is_namespaced(&self, config: &BackendConfig) -> bool {
        config.name_any() == self.namespaced
    }
}

pub(super) fn merge(
    configs: &Selected,
    own: Option<&PodPolicy>,
    references: &mut References,
) -> Result<(), serde_json::Error> {
    let mut policy = serde_json::to_value(own.cloned().unwrap_or_default())?;
    for config in [&configs.namespaced, &configs.global].into_iter().flatten() {
        if let Some(pod) = &config.spec.pod {
            add(&mut policy, serde_json::to_value(pod)?);
        }
        let mut env = config.spec.env.clone().unwrap_or_default();
        env.append(&mut references.env);
        references.env = env;
        if config.spec.auto_update == Some(true) {
            references.rolling_backend_configs.push(digest(&config.spec)?);
        }
    }
    references.pod = serde_json::from_value(policy)?;
    references.global_revision = configs.global.as_deref().and_then(revision);
    references.namespaced_revision = configs.namespaced.as_deref().and_then(revision);
    Ok(())
}

/// Adds fields that are not there, and entries of labels and the like that are not there. A list
/// is taken whole or not at all, except for environment variables, which have names.
fn add(policy: &mut Value, more: Value) {
    const MAPS: [&str; 3] = ["labels", "annotations", "nodeSelector"];
    let (Value::Object(fields), Value::Object(more)) = (policy, more) else { return };
    for (name, value) in more {
        match fields.get_mut(&name) {
            None => {
                fields.insert(name, value);
            }
            Some(Value::Object(entries)) if MAPS.contains(&name.as_str()) => {
                let Value::Object(value) = value else { continue };
                for (key, value) in value {
                    entries.entry(key).or_insert(value);
                }
            }
            Some(Value::Array(variables)) if name == "env" => {
                let Value::Array(value) = value else { continue };
                let known: Vec<Value> = variables.iter().map(name_of).collect();
                let mut all: Vec<Value> =
                    value.into_iter().filter(|new| !known.contains(&name_of(new))).collect();
                all.append(variables);
                *variables = all;
            }
            Some(_) => {}
        }
    }
}

fn name_of(variable: &Value) -> Value {
    variable.get("name").cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(value: Value) -> Option<Arc<BackendConfig>> {
        let spec = serde_json::from_value(value).unwrap();
        Some(Arc::new(BackendConfig::new("c", spec)))
    }

    #[test]
    fn the_nearer_config_wins() {
        let configs = Selected {
            global: config(json!({
                "env": {"a": "global", "b": "global", "c": "global"},
                "pod": {"labels": {"x": "global", "y": "global"}, "serviceAccountName": "global",
                        "terminationGracePeriodSeconds": 5},
            })),
            namespaced: config(json!({
                "env": {"a": "namespaced", "b": "namespaced"},
                "pod": {"labels": {"y": "namespaced"}, "serviceAccountName": "namespaced"},
            })),
        };
        let own: PodPolicy =
            serde_json::from_value(json!({"serviceAccountName": "own", "labels": {"z": "own"}}))
                .unwrap();
        let mut references = References::default();
        merge(&configs, Some(&own), &mut references).unwrap();
        let labels: Vec<_> = references.pod.labels.unwrap().into_iter().collect();
        let expected =
            [("x", "global"), ("y", "namespaced"), ("z", "own")].map(|(k, v)| (k.into(), v.into()));
        assert_eq!(labels, expected);
        assert_eq!(references.pod.service_account_name.unwrap(), "own");
        assert_eq!(references.pod.termination_grace_period_seconds, Some(5));
        let env: Vec<_> = references.env.into_iter().collect();
        let expected = [("a", "namespaced"), ("b", "namespaced"), ("c", "global")];
        assert_eq!(env, expected.map(|(k, v)| (k.into(), v.into())));
    }

    #[test]
    fn environment_variables_are_merged_by_name() {
        let mut own = json!({"env": [{"name": "a", "value": "own"}]});
        add(&mut own, json!({"env": [{"name": "a", "value": "b"}, {"name": "c", "value": "d"}]}));
        let expected = json!({"env": [{"name": "c", "value": "d"}, {"name": "a", "value": "own"}]});
        assert_eq!(own, expected);
    }

    #[test]
    fn only_a_config_that_says_so_rolls_pods() {
        let quiet = Selected { global: config(json!({"env": {"a": "b"}})), namespaced: None };
        let mut references = References::default();
        merge(&quiet, None, &mut references).unwrap();
        assert!(references.rolling_backend_configs.is_empty());
        let loud = json!({"env": {"a": "b"}, "autoUpdate": true});
        let loud = Selected { global: config(loud), namespaced: None };
        merge(&loud, None, &mut references).unwrap();
        assert_eq!(references.rolling_backend_configs.len(), 1);
    }
}
