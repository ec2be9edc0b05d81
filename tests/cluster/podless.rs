//! Functions that own everything but pods: what the controller does for them is seen within
//! seconds, and needs neither node nor broker.

use anyhow::Result;
use function_mesh_tests::{eventually::eventually_true, platform::Platform};
use serde_json::{Value, json};

use crate::operator::{STARTED, kinds, standard};

/// A namespace with the ConfigMap that functions name; no pods are to run in it.
pub(crate) fn namespace(platform: &Platform, name: &str) -> Result<String> {
    kinds(platform)?;
    let namespace = platform.kubernetes.namespace(name)?;
    platform.kubernetes.pulsar_nowhere(&namespace)?;
    Ok(namespace)
}

/// A function that has everything a function can own, and no pods.
pub(crate) fn function(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "Function",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "replicas": 0,
            "cleanupSubscription": true,
            "input": { "topics": ["in"] }, "output": { "topic": "out" },
            "pulsar": { "pulsarConfig": "pulsar" },
            "wasm": { "module": "f.wasm", "moduleLocation": "https://example.org/f.wasm" },
        },
    })
}

pub(crate) fn settled(platform: &Platform, namespace: &str, name: &str) -> Result<()> {
    eventually_true(STARTED, format!("{name} to be reconciled"), || {
        is_settled(platform, namespace, name)
    })
}

fn is_settled(platform: &Platform, namespace: &str, name: &str) -> Result<bool> {
    let function = platform.kubernetes.get("Function", namespace, name)?;
    let ready = standard(&function, "Ready")?;
    let current = ready.get("observedGeneration") == function.pointer("/metadata/generation");
    Ok(current && ready.get("reason") == Some(&json!("ScaledToZero")))
}
