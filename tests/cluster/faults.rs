//! The controller is killed, refused and misled; the API server and etcd go away. Whatever happens,
//! the state at the end is the same, and nobody's pods are touched.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::{
    api_proxy::ApiProxy,
    eventually::{eventually, eventually_true},
    platform::Platform,
};
use kubernetes_standalone::programs::{Component, Options};
use serde_json::{Value, json};

use crate::{
    operator::STARTED,
    podless::{controller, function, is_settled, namespace, settled},
    stage::{SOON, own_cluster_turn, platform},
};

/// Everything of a namespace that the controller makes, without what differs by nature.
fn state(platform: &Platform, namespace: &str) -> Result<BTreeMap<String, Value>> {
    let mut state = BTreeMap::new();
    for kind in ["Function", "StatefulSet", "Service", "ConfigMap"] {
        for mut object in platform.kubernetes.list(kind, namespace, "")? {
            let name =
                object.pointer("/metadata/name").and_then(Value::as_str).context("no name")?;
            if matches!(name, "kube-root-ca.crt" | "pulsar") {
                continue;
            }
            let key = format!("{kind}/{name}");
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.retain(|field, _| {
                    matches!(field.as_str(), "name" | "labels" | "finalizers" | "annotations")
                });
            }
            strip(&mut object);
            let text = object.to_string().replace(namespace, "NAMESPACE");
            state.insert(key, serde_json::from_str(&text)?);
        }
    }
    Ok(state)
}

/// Identities, addresses and times.
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
                        | "instance.json"
                        | "compute.functionmesh.io/configuration"
                        | "compute.functionmesh.io/template"
                )
            });
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

#[test]
fn a_controller_killed_after_any_write_leaves_the_same_state_behind() -> Result<()> {
    let platform = platform()?;
    let undisturbed = namespace(platform, "killed-never")?;
    let counting = ApiProxy::start(&platform.kubernetes)?;
    let running = controller(platform, &undisturbed, Some(&counting), &[])?;
    platform.kubernetes.apply_object(&function(&undisturbed, "f"))?;
    settled(platform, &undisturbed, "f")?;
    let (expected, writes) = (state(platform, &undisturbed)?, counting.writes());
    drop(running);
    ensure!(expected.len() == 4 && writes >= 4, "{writes} writes, {expected:?}");
    for k in 1..=writes {
        let namespace = namespace(platform, &format!("killed-{k}"))?;
        let proxy = ApiProxy::start(&platform.kubernetes)?;
        proxy.hold_after_writes(k);
        let victim = controller(platform, &namespace, Some(&proxy), &[])?;
        platform.kubernetes.apply_object(&function(&namespace, "f"))?;
        // Writes that go together may be fewer in another run; then it ends undisturbed.
        let held = eventually_true(SOON, "the write", || {
            Ok(proxy.holds() || is_settled(platform, &namespace, "f").unwrap_or(false))
        });
        held.with_context(|| victim.log())?;
        victim.kill()?;
        proxy.release();
        let _successor = controller(platform, &namespace, None, &[])?;
        settled(platform, &namespace, "f")?;
        assert_eq!(state(platform, &namespace)?, expected, "killed after write {k}");
    }
    Ok(())
}

#[test]
fn refusals_of_the_api_server_delay_and_change_nothing() -> Result<()> {
    let platform = platform()?;
    let namespace = namespace(platform, "refusals")?;
    let proxy = ApiProxy::start(&platform.kubernetes)?;
    proxy.refuse(30, &[409, 429, 500]);
    let _controller = controller(platform, &namespace, Some(&proxy), &[])?;
    for i in 0..10 {
        platform.kubernetes.apply_object(&function(&namespace, &format!("f-{i}")))?;
    }
    for i in 0..10 {
        settled(platform, &namespace, &format!("f-{i}"))?;
    }
    let (refused, requests) = proxy.refusals();
    ensure!(refused >= 10, "only {refused} of {requests} requests were refused");
    Ok(())
}

#[test]
fn lost_and_late_events_are_caught_up_with() -> Result<()> {
    let platform = platform()?;
    let namespace = namespace(platform, "stale")?;
    let proxy = ApiProxy::start(&platform.kubernetes)?;
    let _controller = controller(platform, &namespace, Some(&proxy), &[])?;
    platform.kubernetes.apply_object(&function(&namespace, "f"))?;
    settled(platform, &namespace, "f")?;
    let set = || platform.kubernetes.get("StatefulSet", &namespace, "f-function");
    let uid = set()?.pointer("/metadata/uid").cloned();
    // What the controller sees is old; nothing may be made anew or deleted because of it.
    proxy.freeze_watches(true);
    platform.kubernetes.delete("Service", &namespace, "f-function-headless")?;
    let labels = json!({ "metadata": { "labels": { "a": "b" } } });
    platform.kubernetes.patch("Function", &namespace, "f", &labels)?;
    proxy.freeze_watches(false);
    eventually_true(SOON, "the service", || {
        Ok(platform.kubernetes.find("Service", &namespace, "f-function-headless")?.is_some())
    })?;
    assert_eq!(set()?.pointer("/metadata/uid").cloned(), uid);
    Ok(())
}

#[test]
fn an_api_server_and_an_etcd_that_were_away_are_caught_up_with() -> Result<()> {
    let _turn = own_cluster_turn();
    let mut platform = Platform::start(&Options { scheduler: false, ..Options::control_plane() })?;
    platform.install_kinds()?;
    let place = platform.kubernetes.namespace("outage")?;
    platform.kubernetes.pulsar_nowhere(&place)?;
    let mut running = controller(&platform, &place, None, &[])?;
    platform.kubernetes.apply_object(&function(&place, "before"))?;
    settled(&platform, &place, "before")?;

    platform.machine.kill(Component::ApiServer)?;
    std::thread::sleep(Duration::from_secs(10));
    ensure!(running.is_running()?, "the controller ended with the API server: {}", running.log());
    platform.machine.restart(Component::ApiServer)?;
    platform.kubernetes.apply_object(&function(&place, "after-api-server"))?;
    settled(&platform, &place, "after-api-server").with_context(|| running.log())?;

    platform.machine.freeze(Component::Etcd)?;
    std::thread::sleep(Duration::from_secs(10));
    platform.machine.thaw(Component::Etcd)?;
    eventually(STARTED, "etcd to answer", || {
        platform.kubernetes.apply_object(&function(&place, "after-etcd")).map(Some).or(Ok(None))
    })?;
    settled(&platform, &place, "after-etcd").with_context(|| running.log())?;
    ensure!(running.is_running()?, "the controller ended: {}", running.log());
    Ok(())
}

#[test]
fn functions_at_rest_cause_no_writes() -> Result<()> {
    let platform = platform()?;
    let namespace = namespace(platform, "rest")?;
    let proxy = ApiProxy::start(&platform.kubernetes)?;
    let running = controller(platform, &namespace, Some(&proxy), &[])?;
    for i in 0..5 {
        platform.kubernetes.apply_object(&function(&namespace, &format!("f-{i}")))?;
    }
    for i in 0..5 {
        settled(platform, &namespace, &format!("f-{i}"))?;
    }
    drop(running);
    // Another controller looks at everything anew, and finds it right.
    let before = proxy.writes();
    let running = controller(platform, &namespace, Some(&proxy), &[("--log-level", "debug")])?;
    platform.kubernetes.apply_object(&function(&namespace, "last"))?;
    settled(platform, &namespace, "last")?;
    let (_, requests) = proxy.refusals();
    let writes = proxy.writes() - before;
    ensure!(
        writes <= 6,
        "{writes} writes for one function, {requests} requests: {}",
        running.log()
    );
    Ok(())
}
