//! BackendConfigs: what functions of a namespace, or all of them, have in common.

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::{
    eventually::eventually_true, faults::ground::Ground, platform::Platform,
};
use kubernetes_standalone::programs::Options;
use serde_json::{Value, json};

use crate::{
    operator::Stage,
    stage::{SOON, own_cluster_turn},
};

/// Name of the global one; a namespace's own has the name that is the default.
const GLOBAL: &str = "for-all";
const NAMESPACED: &str = "backend-config";

fn config(name: &str, namespace: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "BackendConfig",
        "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    })
}

/// A variable of the container with the logic.
fn variable(set: &Value, name: &str) -> Option<String> {
    let containers = set.pointer("/spec/template/spec/containers")?.as_array()?;
    let variables = containers.iter().filter_map(|container| container.get("env")?.as_array());
    let found = variables.flatten().find(|variable| variable.get("name") == Some(&json!(name)))?;
    found.get("value")?.as_str().map(str::to_owned)
}

/// Waits until a function's pods would have these variables.
fn becomes(ground: &Ground, name: &str, variables: &[(&str, Option<&str>)]) -> Result<()> {
    let mut last = Value::Null;
    let waited = eventually_true(SOON, format!("{variables:?} in {name}"), || {
        last = ground.get("StatefulSet", &format!("{name}-function"))?;
        Ok(variables.iter().all(|(name, value)| variable(&last, name).as_deref() == *value))
    });
    waited.with_context(|| last.to_string())
}

#[test]
fn a_namespaces_backend_config_beats_the_global_one() -> Result<()> {
    let _turn = own_cluster_turn();
    let platform = Platform::start(&Options::api_server())?;
    platform.install_kinds()?;
    let kubernetes = &platform.kubernetes;
    let home = kubernetes.namespace("home")?;
    let (team, other) = (Ground::new(&platform, "team")?, Ground::new(&platform, "other")?);
    kubernetes.apply_object(&config(
        GLOBAL,
        &home,
        &json!({
            "env": { "BOTH": "global", "GLOBAL": "global" },
            "pod": {
                "labels": { "level": "global", "from": "global" },
                "terminationGracePeriodSeconds": 7, "nodeSelector": { "zone": "a" },
            },
        }),
    ))?;
    kubernetes.apply_object(&config(
        NAMESPACED,
        &team.namespace,
        &json!({
            "env": { "BOTH": "namespaced", "NAMESPACED": "namespaced" },
            "pod": { "labels": { "level": "namespaced" }, "terminationGracePeriodSeconds": 8 },
            "autoUpdate": true,
        }),
    ))?;
    // A global name elsewhere, and another name here, mean nothing.
    for (name, namespace) in [(GLOBAL, &team.namespace), ("another", &team.namespace)] {
        let nothing = json!({ "env": { "BOTH": "wrong", "WRONG": "wrong" } });
        kubernetes.apply_object(&config(name, namespace, &nothing))?;
    }
    let everywhere = Ground { platform: &platform, namespace: String::new() };
    let flags = [("--global-backend-config", GLOBAL), ("--global-backend-config-namespace", &home)];
    let mut controller = everywhere.controller(None, &flags)?;

    let own = json!({ "replicas": 0, "pod": { "labels": { "level": "own" } } });
    team.apply(&team.function_of("f", &json!({ "replicas": 0 })))?;
    team.apply(&team.function_of("own", &own))?;
    other.apply(&other.function_of("f", &json!({ "replicas": 0 })))?;
    let (global, namespaced) = (Some("global"), Some("namespaced"));
    let near =
        [("BOTH", namespaced), ("GLOBAL", global), ("NAMESPACED", namespaced), ("WRONG", None)];
    let far = [("BOTH", global), ("GLOBAL", global), ("NAMESPACED", None), ("WRONG", None)];
    becomes(&team, "f", &near)?;
    becomes(&team, "own", &near)?;
    becomes(&other, "f", &far)?;
    for (ground, name, level, grace) in
        [(&team, "f", "namespaced", 8), (&team, "own", "own", 8), (&other, "f", "global", 7)]
    {
        let set = ground.get("StatefulSet", &format!("{name}-function"))?;
        let template = set.pointer("/spec/template").context("no template")?;
        let found = |pointer: &str| template.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(found("/metadata/labels/level"), level, "{name}");
        assert_eq!(found("/metadata/labels/from"), "global", "{name}");
        assert_eq!(found("/spec/terminationGracePeriodSeconds"), grace, "{name}");
        assert_eq!(found("/spec/nodeSelector"), json!({ "zone": "a" }), "{name}");
    }

    // The namespace's own rolls by itself, there and nowhere else.
    let untouched = other.get("StatefulSet", "f-function")?;
    let change = json!({ "spec": { "env": { "BOTH": "changed" } } });
    team.patch("BackendConfig", NAMESPACED, &change)?;
    becomes(&team, "f", &[("BOTH", Some("changed"))])?;
    becomes(&team, "own", &[("BOTH", Some("changed"))])?;

    // The global one does not: it comes with a function's next change, or with a new function.
    let change = json!({ "spec": { "env": { "GLOBAL": "changed" } } });
    kubernetes.patch("BackendConfig", &home, GLOBAL, &change)?;
    other.apply(&other.function_of("new", &json!({ "replicas": 0 })))?;
    becomes(&other, "new", &[("GLOBAL", Some("changed"))])?;
    assert_eq!(other.get("StatefulSet", "f-function")?, untouched);
    let changed = json!({ "spec": { "pod": { "labels": { "next": "change" } } } });
    other.patch("Function", "f", &changed)?;
    becomes(&other, "f", &[("GLOBAL", Some("changed"))])?;

    // Told to, it rolls everybody.
    let change = json!({ "spec": { "env": { "GLOBAL": "again" }, "autoUpdate": true } });
    kubernetes.patch("BackendConfig", &home, GLOBAL, &change)?;
    for (ground, name) in [(&team, "f"), (&team, "own"), (&other, "f"), (&other, "new")] {
        becomes(ground, name, &[("GLOBAL", Some("again"))])?;
    }

    // What it said goes with it.
    kubernetes.delete("BackendConfig", &team.namespace, NAMESPACED)?;
    becomes(&team, "f", &[("BOTH", global), ("NAMESPACED", None)])?;
    ensure!(controller.is_running()?, "the controller ended: {}", controller.log());
    Ok(())
}

#[test]
fn a_changed_backend_config_replaces_pods_only_if_it_says_so() -> Result<()> {
    let stage = Stage::new("backend")?;
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    stage.apply(&config(NAMESPACED, &stage.namespace, &json!({ "env": { "LEVEL": "1" } })))?;
    stage.apply(&stage.function("f", "exclamation", &input, &output))?;
    stage.ready("Function", "f")?;
    let first = stage.pods("f")?;
    let level = || -> Result<Option<String>> {
        let pod = stage.get("Pod", "f-function-0")?;
        // A pod is a template without the rest.
        Ok(variable(&json!({ "spec": { "template": pod } }), "LEVEL"))
    };
    assert_eq!(level()?.as_deref(), Some("1"));

    // Seen by the controller as soon as a new function has it.
    let change = json!({ "spec": { "env": { "LEVEL": "2" } } });
    stage.patch("BackendConfig", NAMESPACED, &change)?;
    let mut new = stage.function("new", "exclamation", &input, &output);
    new["spec"]["replicas"] = json!(0);
    stage.apply(&new)?;
    eventually_true(SOON, "the change in a new function", || {
        let set = stage.get("StatefulSet", "new-function")?;
        Ok(variable(&set, "LEVEL").as_deref() == Some("2"))
    })?;
    assert_eq!(stage.pods("f")?, first, "the pod was replaced");

    let change = json!({ "spec": { "env": { "LEVEL": "3" }, "autoUpdate": true } });
    stage.patch("BackendConfig", NAMESPACED, &change)?;
    eventually_true(function_mesh_tests::stage::STARTED, "the pod with the change", || {
        Ok(level()?.as_deref() == Some("3"))
    })?;
    ensure!(stage.pods("f")? != first, "the pod is the same");
    stage.ready("Function", "f")?;
    stage.answers(&input, "a", &output, "a!")
}
