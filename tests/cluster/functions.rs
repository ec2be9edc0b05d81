//! A Function is applied, and runs.

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::eventually::{eventually, eventually_true};
use serde_json::{Value, json};

use crate::{
    operator::{STARTED, Stage, standard},
    stage::SOON,
};

#[test]
fn an_applied_function_answers() -> Result<()> {
    let stage = Stage::new("applied")?;
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    stage.apply(&stage.function("exclamation", "exclamation", &input, &output))?;
    let function = stage.ready("Function", "exclamation")?;
    stage.answers(&input, "test-message", &output, "test-message!")?;

    let status = function.get("status").context("no status")?;
    for (field, expected) in [
        ("ready", json!("1/1")),
        ("replicas", json!(1)),
        ("runtime", json!("wasm")),
        ("reason", json!("AllPodsReady")),
    ] {
        assert_eq!(status.get(field), Some(&expected), "{field} of {status}");
    }
    let set = json!({ "condition": "StatefulSetReady", "status": "True", "action": "NoAction" });
    assert_eq!(status.pointer("/conditions/StatefulSet"), Some(&set), "{status}");
    let events = stage.platform.kubernetes.events(&stage.namespace, "exclamation")?;
    ensure!(events.iter().any(|event| event.contains("AllPodsReady")), "{events:?}");

    stage.platform.kubernetes.delete("Function", &stage.namespace, "exclamation")?;
    for (kind, name) in [
        ("StatefulSet", "exclamation-function"),
        ("Service", "exclamation-function-headless"),
        ("ConfigMap", "exclamation-function"),
        ("Pod", "exclamation-function-0"),
    ] {
        stage.platform.kubernetes.gone(kind, &stage.namespace, name, STARTED)?;
    }
    Ok(())
}

#[test]
fn what_an_owned_object_lost_is_restored() -> Result<()> {
    let stage = Stage::new("drift")?;
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    stage.apply(&stage.function("f", "exclamation", &input, &output))?;
    stage.ready("Function", "f")?;
    let pods = stage.pods("f")?;

    stage.platform.kubernetes.delete("Service", &stage.namespace, "f-function-headless")?;
    stage.patch("StatefulSet", "f-function", &json!({ "spec": { "replicas": 3 } }))?;
    let foreign = json!({ "metadata": { "annotations": { "somebody": "else" } } });
    stage.patch("ConfigMap", "f-function", &foreign)?;
    let broken = json!({ "data": { "function.json": "{}" } });
    stage.patch("ConfigMap", "f-function", &broken)?;
    eventually_true(SOON, "everything to be as it was", || {
        let service = stage.get("Service", "f-function-headless").is_ok();
        let replicas = stage.get("StatefulSet", "f-function")?.pointer("/spec/replicas").cloned();
        let config = stage.get("ConfigMap", "f-function")?;
        let details = config.pointer("/data/function.json").and_then(Value::as_str);
        let restored = details.is_some_and(|details| details.contains("\"tenant\""));
        let kept = config.pointer("/metadata/annotations/somebody") == Some(&json!("else"));
        Ok(service && replicas == Some(json!(1)) && restored && kept)
    })?;
    stage.ready("Function", "f")?;
    assert_eq!(stage.pods("f")?, pods, "a pod was replaced");
    Ok(())
}

#[test]
fn a_manifest_without_any_optional_field_is_told_what_is_missing() -> Result<()> {
    let stage = Stage::new("bare")?;
    stage.apply(&json!({
        "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "FunctionMesh",
        "metadata": { "name": "empty" },
    }))?;
    stage.ready("FunctionMesh", "empty")?;
    let input = stage.topics.create("in")?;
    // Everything that has a default is left out.
    stage.apply(&json!({
        "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "Function",
        "metadata": { "name": "bare" },
        "spec": {
            "image": function_mesh_tests::operator::FUNCTIONS,
            "input": { "topics": [input] },
            "pulsar": { "pulsarConfig": "pulsar" },
            "wasm": { "module": "/functions/exclamation.wasm" },
        },
    }))?;
    stage.ready("Function", "bare")?;
    Ok(())
}

#[test]
fn a_reference_that_comes_late_is_waited_for() -> Result<()> {
    let stage = Stage::new("late")?;
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    let mut function = stage.function("f", "exclamation", &input, &output);
    if let Some(name) = function.pointer_mut("/spec/pulsar/pulsarConfig") {
        *name = json!("later");
    }
    stage.apply(&function)?;
    let message = stage.reason("Function", "f", "ConfigMapNotFound")?;
    ensure!(message.contains("spec.pulsar.pulsarConfig") && message.contains("later"), "{message}");
    let pulsar = stage.get("ConfigMap", "pulsar")?;
    stage.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "later" },
        "data": pulsar.get("data"),
    }))?;
    stage.ready("Function", "f")?;
    stage.answers(&input, "a", &output, "a!")
}

/// The pod stays as it is, and says through the status what it waits for.
#[test]
fn a_namespace_that_the_broker_lacks_is_named_and_waited_for() -> Result<()> {
    let stage = Stage::new("absent")?;
    let absent = format!("{}-later", stage.topics.name);
    let (input, output) = (format!("persistent://{absent}/in"), stage.topics.create("out")?);
    stage.apply(&stage.function("f", "exclamation", &input, &output))?;
    let message = stage.reason("Function", "f", "RunnerNotReady")?;
    ensure!(message.contains("f-function-0") && message.contains(&absent), "{message}");
    let pods = stage.pods("f")?;
    stage.broker.topics.call("namespace", json!({ "namespace": absent }))?;
    stage.ready("Function", "f")?;
    assert_eq!(stage.pods("f")?, pods);
    stage.answers(&input, "a", &output, "a!")
}

#[test]
fn a_function_in_another_language_says_in_its_status_what_is_missing() -> Result<()> {
    let stage = Stage::new("java")?;
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    let mut function = stage.function("j", "exclamation", &input, &output);
    if let Some(spec) = function.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("wasm");
        spec.insert("className".to_owned(), json!("org.example.Exclamation"));
        spec.insert("java".to_owned(), json!({ "jar": "/functions/exclamation.jar" }));
    }
    stage.apply(&function)?;
    eventually(STARTED, "the pod's own words in the status", || {
        let function = stage.get("Function", "j")?;
        let degraded = standard(&function, "Degraded")?;
        let message = degraded.get("message").and_then(Value::as_str).unwrap_or_default();
        Ok(message.contains("runs WebAssembly components only").then_some(()))
    })
}

#[test]
fn a_spec_that_cannot_work_is_refused_and_the_rest_goes_on() -> Result<()> {
    let stage = Stage::new("wrong")?;
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    let mut wrong = stage.function("wrong", "exclamation", &input, &output);
    if let Some(spec) = wrong.get_mut("spec").and_then(Value::as_object_mut) {
        // The schema takes it, since it means something in Java; a component has no classes.
        spec.insert("className".to_owned(), json!("org.example.Exclamation"));
    }
    stage.apply(&wrong)?;
    let message = stage.reason("Function", "wrong", "InvalidSpec")?;
    ensure!(message.contains("className"), "{message}");
    stage.apply(&stage.function("right", "exclamation", &input, &output))?;
    stage.ready("Function", "right")?;
    // Mended, it runs.
    stage.apply(&stage.function("wrong", "exclamation", &input, &output))?;
    stage.ready("Function", "wrong")?;
    Ok(())
}

/// As the Go operator leaves it: another command, variables and volumes that ours has not.
#[test]
fn a_stateful_set_of_another_operator_becomes_ours_whole() -> Result<()> {
    let stage = Stage::new("taken-over")?;
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    let labels = json!({
        "compute.functionmesh.io/component": "function", "compute.functionmesh.io/name": "f",
    });
    let set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "name": "f-function", "labels": labels, "annotations": { "kept": "yes" } },
        "spec": {
            "serviceName": "f-function-headless", "replicas": 0,
            "podManagementPolicy": "Parallel",
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "nodeSelector": { "other": "operator" },
                    "volumes": [{ "name": "other", "emptyDir": {} }],
                    "containers": [{
                        "name": "pulsar-function", "image": "localhost/other:1",
                        "command": ["bash", "-c", "exit 1"], "workingDir": "/pulsar",
                        "env": [{ "name": "OTHER", "value": "1" }],
                        "volumeMounts": [{ "name": "other", "mountPath": "/other" }],
                    }],
                },
            },
        },
    });
    stage.apply(&set)?;
    stage.apply(&stage.function("f", "exclamation", &input, &output))?;
    stage.ready("Function", "f")?;
    stage.answers(&input, "a", &output, "a!")?;
    let set = stage.get("StatefulSet", "f-function")?;
    assert_eq!(set.pointer("/metadata/annotations/kept"), Some(&json!("yes")));
    assert_eq!(set.pointer("/spec/selector/matchLabels"), Some(&labels));
    let template = set.pointer("/spec/template").context("no template")?.to_string();
    ensure!(!template.to_lowercase().contains("other"), "{template}");
    ensure!(!template.contains("workingDir"), "{template}");
    Ok(())
}

#[test]
fn an_object_of_the_same_name_that_is_somebody_elses_is_named() -> Result<()> {
    let stage = Stage::new("occupied")?;
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    stage.apply(&json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "f-function" },
        "spec": {
            "replicas": 0, "selector": { "matchLabels": { "a": "b" } },
            "template": {
                "metadata": { "labels": { "a": "b" } },
                "spec": { "containers": [{ "name": "c", "image": "localhost/other:1" }] },
            },
        },
    }))?;
    stage.apply(&stage.function("f", "exclamation", &input, &output))?;
    let message = stage.reason("Function", "f", "ApplyRefused")?;
    ensure!(message.contains("f-function"), "{message}");
    // Once it is gone, nobody has to say so.
    stage.platform.kubernetes.delete("StatefulSet", &stage.namespace, "f-function")?;
    stage.ready("Function", "f")?;
    Ok(())
}
