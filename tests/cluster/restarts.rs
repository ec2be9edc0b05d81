//! What restarts pods, and what does not.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::eventually::eventually_true;
use serde_json::{Value, json};

use crate::operator::{STARTED, Stage};

/// Runs one function, and gives the topics.
fn running(stage: &Stage) -> Result<(String, String)> {
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    stage.apply(&stage.function("f", "exclamation", &input, &output))?;
    stage.ready("Function", "f")?;
    Ok((input, output))
}

#[test]
fn scaling_labels_and_a_new_operator_restart_nothing() -> Result<()> {
    let mut stage = Stage::new("undisturbed")?;
    let (input, output) = running(&stage)?;
    let first = stage.pods("f")?;

    stage.patch("Function", "f", &json!({ "spec": { "replicas": 3 } }))?;
    stage.ready("Function", "f")?;
    stage.patch("Function", "f", &json!({ "metadata": { "labels": { "team": "a" } } }))?;
    // Another operator: it brings another runner.
    if let Some(mut old) = stage.controller.take() {
        old.stop(Duration::from_secs(10))?;
    }
    stage.controller =
        Some(stage.bringing("docker.io/function-mesh/function-runner:next")?.start()?);
    // It has looked at the function once it does what only it can do.
    stage.patch("Function", "f", &json!({ "spec": { "replicas": 2 } }))?;
    eventually_true(STARTED, "two pods", || Ok(stage.pods("f")?.len() == 2))?;
    stage.ready("Function", "f")?;

    let after = stage.pods("f")?;
    ensure!(after.starts_with(&first), "the first pod was replaced: {first:?}, then {after:?}");
    for (pod, _) in &after {
        assert_eq!(stage.platform.kubernetes.restarts(&stage.namespace, pod)?, 0, "{pod}");
    }
    stage.answers(&input, "a", &output, "a!")
}

#[test]
fn a_changed_secret_rolls_exactly_the_pods_that_use_it() -> Result<()> {
    let stage = Stage::new("rotation")?;
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    let secret = |value: &str, other: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" },
            "stringData": { "used": value, "unused": other },
        })
    };
    stage.apply(&secret("one", "one"))?;
    let mut user = stage.function("user", "exclamation", &input, &output);
    if let Some(spec) = user.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("secretsMap".to_owned(), json!({ "name": { "path": "s", "key": "used" } }));
    }
    stage.apply(&user)?;
    stage.apply(&stage.function("bystander", "exclamation", &input, &output))?;
    stage.ready("Function", "user")?;
    stage.ready("Function", "bystander")?;
    let (users, bystanders) = (stage.pods("user")?, stage.pods("bystander")?);

    // A key that nobody uses, then the one that is used: only the second counts.
    stage.apply(&secret("one", "two"))?;
    stage.apply(&secret("two", "two"))?;
    eventually_true(STARTED, "another pod of the function that uses the secret", || {
        let pods = stage.pods("user")?;
        Ok(!pods.is_empty() && pods != users)
    })?;
    stage.ready("Function", "user")?;
    assert_eq!(stage.pods("bystander")?, bystanders);
    let generation = stage.get("StatefulSet", "user-function")?;
    let generation = generation.pointer("/metadata/generation").and_then(Value::as_i64);
    assert_eq!(generation, Some(2), "rolled more than once");
    Ok(())
}

#[test]
fn a_changed_config_map_rolls_the_pods_that_use_it() -> Result<()> {
    let stage = Stage::new("reconfigured")?;
    let (input, output) = running(&stage)?;
    let pods = stage.pods("f")?;
    // Another spelling of the same broker.
    let url = format!("{}/", stage.broker.web_url());
    stage.patch("ConfigMap", "pulsar", &json!({ "data": { "webServiceURL": url } }))?;
    eventually_true(STARTED, "another pod", || {
        let now = stage.pods("f")?;
        Ok(!now.is_empty() && now != pods)
    })?;
    stage.ready("Function", "f")?;
    stage.answers(&input, "a", &output, "a!")
}

#[test]
fn a_paused_rollout_waits_and_says_for_what() -> Result<()> {
    let stage = Stage::new("paused")?;
    running(&stage)?;
    let pods = stage.pods("f")?;
    let pause = |value: Value| json!({ "metadata": { "annotations": { "compute.functionmesh.io/pause-rollout": value } } });
    stage.patch("Function", "f", &pause(json!("true")))?;
    let url = format!("{}/", stage.broker.web_url());
    stage.patch("ConfigMap", "pulsar", &json!({ "data": { "webServiceURL": url } }))?;
    eventually_true(STARTED, "a pending change", || {
        let function = stage.get("Function", "f")?;
        Ok(function.pointer("/status/pendingChange").is_some())
    })?;
    assert_eq!(stage.pods("f")?, pods);
    stage.patch("Function", "f", &pause(Value::Null))?;
    eventually_true(STARTED, "another pod", || {
        let now = stage.pods("f")?;
        Ok(!now.is_empty() && now != pods)
    })?;
    let function = stage.ready("Function", "f")?;
    assert_eq!(function.pointer("/status/pendingChange"), None, "{function}");
    Ok(())
}

#[test]
fn a_secret_is_found_in_the_pods_files_and_nowhere_else() -> Result<()> {
    const CANARY: &str = "canary-6d1f0c";
    let stage = Stage::new("canary")?;
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    stage.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" },
        "stringData": { "k": CANARY },
    }))?;
    let mut function = stage.function("f", "exclamation", &input, &output);
    if let Some(spec) = function.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("secretsMap".to_owned(), json!({ "name": { "path": "s", "key": "k" } }));
    }
    stage.apply(&function)?;
    stage.ready("Function", "f")?;
    stage.answers(&input, "a", &output, "a!")?;

    for kind in ["Function", "StatefulSet", "ConfigMap", "Service", "Pod", "Event"] {
        let objects = stage.platform.kubernetes.list(kind, &stage.namespace, "")?;
        ensure!(!objects.is_empty() || kind == "Event", "no {kind} to look at");
        for object in objects {
            ensure!(!object.to_string().contains(CANARY), "it is in a {kind}: {object}");
        }
    }
    let logs = &stage.platform.kubernetes;
    let log = logs.logs(&stage.namespace, "f-function-0", "pulsar-function")?;
    ensure!(!log.contains(CANARY), "it is in the pod's log");
    let controller = stage.controller.as_ref().context("no controller")?;
    ensure!(!controller.log().contains(CANARY), "it is in the controller's log");
    // Containers are processes of this machine: their arguments and environments can be read.
    for process in std::fs::read_dir("/proc")? {
        let path = process?.path();
        for file in ["cmdline", "environ"] {
            let content = std::fs::read(path.join(file)).unwrap_or_default();
            let text = String::from_utf8_lossy(&content);
            ensure!(!text.contains(CANARY), "it is in {}", path.join(file).display());
        }
    }
    Ok(())
}
