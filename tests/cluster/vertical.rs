//! VerticalPodAutoscalers, on clusters that have them and on one that has not. Nobody acts on them:
//! there are no pods either.

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::{
    api_proxy::ApiProxy, autoscalers, eventually::eventually_true, faults::ground::Ground,
    platform::Platform,
};
use kubernetes_standalone::programs::Options;
use serde_json::{Value, json};

use crate::stage::{SOON, own_cluster_turn};

const KIND: &str = "VerticalPodAutoscaler";

fn cluster() -> Result<Platform> {
    let platform = Platform::start(&Options::api_server())?;
    platform.install_kinds()?;
    Ok(platform)
}

/// What `vpa` of the pod policy says at first.
fn given() -> Value {
    json!({
        "updatePolicy": { "updateMode": "Initial", "minReplicas": 2 },
        "resourcePolicy": { "containerPolicies": [{
            "containerName": "*", "mode": "Auto",
            "minAllowed": { "cpu": "100m" }, "maxAllowed": { "cpu": "1", "memory": "1Gi" },
            "controlledResources": ["cpu", "memory"],
        }] },
    })
}

fn applied(ground: &Ground) -> Result<()> {
    let fields = json!({ "replicas": 0, "pod": { "vpa": given() } });
    ground.apply(&ground.function_of("f", &fields)).map(drop)
}

fn spec(ground: &Ground) -> Result<Option<Value>> {
    let found = ground.find(KIND, "f-function")?;
    Ok(found.and_then(|mut found| found.get_mut("spec").map(Value::take)))
}

/// Waits until the autoscaler says exactly this of itself.
fn becomes(ground: &Ground, policies: &Value) -> Result<()> {
    let mut expected = policies.clone();
    let fields = expected.as_object_mut().context("no object")?;
    fields.insert(
        "targetRef".to_owned(),
        json!({
            "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "Function", "name": "f",
        }),
    );
    let mut last = None;
    let waited = eventually_true(SOON, "the autoscaler", || {
        last = spec(ground)?;
        Ok(last.as_ref() == Some(&expected))
    });
    waited.with_context(|| format!("{last:?} instead of {expected}"))
}

/// Waits until the status says this of it.
fn told(ground: &Ground, expected: Option<&Value>) -> Result<()> {
    let mut last = Value::Null;
    let waited = eventually_true(SOON, format!("a status with {expected:?}"), || {
        last = ground.get("Function", "f")?;
        Ok(last.pointer("/status/conditions/VerticalPodAutoscaler") == expected)
    });
    waited.with_context(|| last.to_string())
}

#[test]
fn a_vertical_autoscaler_follows_its_function() -> Result<()> {
    let _turn = own_cluster_turn();
    let platform = cluster()?;
    platform.kubernetes.establish(&autoscalers::vertical())?;
    let ground = Ground::new(&platform, "vertical")?;
    let mut controller = ground.controller(None, &[])?;
    let there = json!({ "condition": "VPAReady", "status": "True", "action": "NoAction" });

    applied(&ground)?;
    becomes(&ground, &given())?;
    told(&ground, Some(&there))?;
    let function = ground.get("Function", "f")?;
    let made = ground.get(KIND, "f-function")?;
    let owner = made.pointer("/metadata/ownerReferences/0/uid");
    assert_eq!(owner, function.pointer("/metadata/uid"), "nobody would collect it: {made}");

    // A change, of which one field goes.
    let change = json!({ "spec": { "pod": { "vpa": {
        "updatePolicy": { "updateMode": "Off", "minReplicas": null },
    } } } });
    ground.patch("Function", "f", &change)?;
    let mut changed = given();
    changed["updatePolicy"] = json!({ "updateMode": "Off" });
    becomes(&ground, &changed)?;

    // Somebody else's hand, then its deletion.
    let meddled = json!({ "spec": { "targetRef": { "name": "g" } } });
    ground.patch(KIND, "f-function", &meddled)?;
    becomes(&ground, &changed)?;
    platform.kubernetes.delete(KIND, &ground.namespace, "f-function")?;
    becomes(&ground, &changed)?;

    ground.patch("Function", "f", &json!({ "spec": { "pod": { "vpa": null } } }))?;
    platform.kubernetes.gone(KIND, &ground.namespace, "f-function", SOON)?;
    told(&ground, None)?;
    ensure!(controller.is_running()?, "the controller ended: {}", controller.log());
    Ok(())
}

#[test]
fn a_cluster_without_vertical_autoscalers_is_told_and_gets_the_rest() -> Result<()> {
    let _turn = own_cluster_turn();
    let platform = cluster()?;
    let ground = Ground::new(&platform, "flat")?;
    let mut controller = ground.controller(None, &[])?;
    let missing = json!({ "condition": "VPAReady", "status": "False", "action": "Create" });

    applied(&ground)?;
    told(&ground, Some(&missing))?;
    for kind in ["StatefulSet", "Service", "ConfigMap"] {
        let name = if kind == "Service" { "f-function-headless" } else { "f-function" };
        ensure!(ground.find(kind, name)?.is_some(), "no {kind}: {}", controller.log());
    }
    ensure!(!controller.log().contains(" ERROR "), "{}", controller.log());

    // The next controller finds them.
    platform.kubernetes.establish(&autoscalers::vertical())?;
    controller.stop(SOON)?;
    let mut controller = ground.controller(None, &[])?;
    becomes(&ground, &given())?;

    // The kind goes, with all its objects: whatever else is asked for is still done.
    let definition = "verticalpodautoscalers.autoscaling.k8s.io";
    platform.kubernetes.delete("CustomResourceDefinition", "", definition)?;
    platform.kubernetes.gone("CustomResourceDefinition", "", definition, SOON)?;
    ground.patch("Function", "f", &json!({ "spec": { "pod": { "labels": { "a": "b" } } } }))?;
    eventually_true(SOON, "the new label", || {
        let set = ground.get("StatefulSet", "f-function")?;
        Ok(set.pointer("/spec/template/metadata/labels/a") == Some(&json!("b")))
    })?;
    told(&ground, Some(&missing)).with_context(|| controller.log())?;
    ground.patch("Function", "f", &json!({ "spec": { "pod": { "vpa": null } } }))?;
    told(&ground, None).with_context(|| controller.log())?;
    ensure!(controller.is_running()?, "the controller ended: {}", controller.log());
    Ok(())
}

#[test]
fn a_controller_that_starts_before_the_api_server_answers_finds_them() -> Result<()> {
    let _turn = own_cluster_turn();
    let platform = cluster()?;
    platform.kubernetes.establish(&autoscalers::vertical())?;
    let ground = Ground::new(&platform, "early")?;
    let proxy = ApiProxy::start(&platform.kubernetes)?;
    proxy.refuse(100, &[500]);
    let controller = ground.controller(Some(&proxy), &[])?;
    controller.logged(SOON, &[KIND])?;
    proxy.refuse_none();
    applied(&ground)?;
    becomes(&ground, &given())
}
