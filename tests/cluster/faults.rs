//! The controller is killed, refused and misled; the API server and etcd go away. Whatever happens,
//! the state at the end is the same, and nobody's pods are touched.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::{
    api_proxy::ApiProxy,
    eventually::{eventually, eventually_true},
    platform::Platform,
    runner::Running,
};
use kubernetes_standalone::programs::{Component, Options};
use serde_json::{Value, json};

use crate::{
    operator::{STARTED, kinds, standard},
    stage::{SOON, own_cluster_turn, platform},
};

/// A namespace with the ConfigMap that functions name; no pods are to run in it.
fn namespace(platform: &Platform, name: &str) -> Result<String> {
    kinds(platform)?;
    let namespace = platform.kubernetes.namespace(name)?;
    platform.kubernetes.pulsar_nowhere(&namespace)?;
    Ok(namespace)
}

/// A function that has everything a function can own, and no pods.
fn function(namespace: &str, name: &str) -> Value {
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

/// A controller of one namespace, through a kubeconfig of its own if there is one.
fn controller(
    platform: &Platform,
    namespace: &str,
    proxy: Option<&ApiProxy>,
    flags: &[(&str, &str)],
) -> Result<Running> {
    let run = match proxy {
        Some(proxy) => platform.controller_as(&proxy.kubeconfig(), namespace)?,
        None => platform.controller(namespace)?,
    };
    flags.iter().fold(run, |run, (name, value)| run.flag(name, value)).start()
}

fn settled(platform: &Platform, namespace: &str, name: &str) -> Result<()> {
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
fn a_leader_that_ends_is_followed_and_one_that_slept_writes_nothing() -> Result<()> {
    let platform = platform()?;
    let namespace = namespace(platform, "leaders")?;
    let flags =
        [("--enable-leader-election", "true"), ("--leader-election-namespace", namespace.as_str())];
    let start = || controller(platform, &namespace, None, &flags);
    let holder = || {
        let lease = platform.kubernetes.find("Lease", &namespace, "a3f45fce.functionmesh.io")?;
        let lease = lease.unwrap_or_default();
        let holder = lease.pointer("/spec/holderIdentity").and_then(Value::as_str);
        Ok::<_, anyhow::Error>(holder.unwrap_or_default().to_owned())
    };
    let mut first = start()?;
    eventually_true(SOON, "a leader", || Ok(!holder()?.is_empty()))?;
    let leader = holder()?;
    let second = start()?;
    platform.kubernetes.apply_object(&function(&namespace, "before"))?;
    settled(platform, &namespace, "before")?;

    // It steps down by itself.
    first.stop(Duration::from_secs(10))?;
    eventually_true(SOON, "another leader", || {
        let now = holder()?;
        Ok(!now.is_empty() && now != leader)
    })?;
    platform.kubernetes.apply_object(&function(&namespace, "after"))?;
    settled(platform, &namespace, "after")?;

    // Asleep past its lease, then awake: it ends instead of writing.
    let sleeper = holder()?;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(second.pid())?);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP)?;
    let _third = start()?;
    eventually_true(STARTED, "a third leader", || {
        let now = holder()?;
        Ok(!now.is_empty() && now != sleeper)
    })?;
    let mut second = second;
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT)?;
    let ended = second.wait(SOON)?;
    ensure!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
    platform.kubernetes.apply_object(&function(&namespace, "last"))?;
    settled(platform, &namespace, "last")
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
