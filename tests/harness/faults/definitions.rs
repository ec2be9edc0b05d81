//! Definitions of other versions, and objects that no version can read.

use anyhow::{Context as _, Result, ensure};
use kubernetes_standalone::programs::Options;
use serde_json::{Value, json};

use super::ground::{Ground, PATIENCE};
use crate::{
    eventually::{eventually, eventually_true},
    platform::Platform,
};

const FUNCTIONS: &str = "functions.compute.functionmesh.io";
const SPEC: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";

/// On a cluster of its own: others' definitions are not to change.
pub fn changed() -> Result<String> {
    let platform = Platform::start(&Options::api_server())?;
    platform.install_kinds()?;
    let ground = Ground::new(&platform, "definitions")?;
    let controller = ground.controller(None, &[])?;
    let present = definition(&ground)?;
    let fields = json!({ "replicas": 0, "logTopic": "log", "pod": { "labels": { "a": "b" } } });
    ground.apply(&ground.function_of("old", &fields))?;
    ground.observed("old")?;
    let before = spec(&ground, "old")?;

    let mut newer = present.clone();
    properties(&mut newer)?.insert("later".to_owned(), json!({ "type": "string" }));
    platform.kubernetes.establish(&newer)?;
    let mut with_later = fields.clone();
    if let Some(fields) = with_later.as_object_mut() {
        fields.insert("later".to_owned(), json!("kept"));
    }
    // A definition is served a moment after it is accepted.
    eventually_true(PATIENCE, "the new field", || {
        ground.apply(&ground.function_of("new", &with_later))?;
        Ok(spec(&ground, "new")?.get("later") == Some(&json!("kept")))
    })?;
    ground.observed("new").with_context(|| controller.log())?;
    ground.patch("Function", "new", &json!({ "spec": { "logTopic": "other" } }))?;
    ground.observed("new")?;
    ensure!(spec(&ground, "new")?.get("later") == Some(&json!("kept")), "the new field is gone");

    let mut older = present.clone();
    properties(&mut older)?.remove("clusterName").context("no field to leave out")?;
    platform.kubernetes.establish(&older)?;
    ground.apply(&ground.function_of("meanwhile", &fields))?;
    ground.observed("meanwhile").with_context(|| controller.log())?;

    platform.kubernetes.establish(&present)?;
    ground.apply(&ground.function_of("after", &fields))?;
    ground.observed("after").with_context(|| controller.log())?;
    ensure!(spec(&ground, "old")? == before, "{} became {}", before, spec(&ground, "old")?);
    ensure!(spec(&ground, "new")?.get("pod") == fields.get("pod"), "{}", spec(&ground, "new")?);
    Ok("a field more, a field fewer, and back: 4 functions reconciled, 0 known fields lost, a field \
        that the controller does not know kept"
        .to_owned())
}

/// An object that does not fit its definition, as one that is older than it may: stored while nobody
/// checked. On a cluster of its own.
///
/// # Errors
/// Another object waits for it, or nobody is told.
pub fn unreadable() -> Result<String> {
    let platform = Platform::start(&Options::api_server())?;
    platform.install_kinds()?;
    let ground = Ground::new(&platform, "unreadable")?;
    let present = definition(&ground)?;
    let mut lenient = present.clone();
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    *lenient.pointer_mut("/spec/versions/0/schema/openAPIV3Schema").context("no schema")? =
        anything;
    platform.kubernetes.establish(&lenient)?;
    let bad = ground.function_of("bad", &json!({ "timeout": "long" }));
    eventually_true(PATIENCE, "a schema without rules", || ground.apply(&bad).map(|_| true))?;
    platform.kubernetes.establish(&present)?;
    let mut controller = ground.controller(None, &[])?;
    for name in ["before", "after"] {
        ground.apply(&ground.function(name))?;
        ground.observed(name).with_context(|| controller.log())?;
    }
    let told = eventually(PATIENCE, "an Event about it", || {
        let events = platform.kubernetes.events(&ground.namespace, "bad")?;
        Ok((!events.is_empty()).then_some(events))
    });
    let told = told.with_context(|| controller.log())?;
    ensure!(told.len() == 1 && told.iter().all(|e| e.contains("spec.timeout")), "{told:?}");
    let stored = ground.get("Function", "bad")?;
    ensure!(stored.pointer("/spec/timeout") == Some(&json!("long")), "{stored}");
    ensure!(controller.is_running()?, "the controller ended: {}", controller.log());
    Ok(format!("2 functions beside an unreadable one reconciled, {} Event about it", told.len()))
}

fn definition(ground: &Ground<'_>) -> Result<Value> {
    let stored = ground.platform.kubernetes.get("CustomResourceDefinition", "", FUNCTIONS)?;
    Ok(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": FUNCTIONS }, "spec": stored.get("spec"),
    }))
}

fn properties(definition: &mut Value) -> Result<&mut serde_json::Map<String, Value>> {
    definition.pointer_mut(SPEC).and_then(Value::as_object_mut).context("no schema of the spec")
}

fn spec(ground: &Ground<'_>, name: &str) -> Result<Value> {
    Ok(ground.get("Function", name)?.get("spec").cloned().unwrap_or_default())
}
