//! Pods are evicted, as a drained node does it, while messages flow.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, anyhow, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::EvictParams};
use serde_json::{Value, json};

use crate::{
    checks::Verify,
    cluster::Load,
    eventually::eventually_true,
    stage::{STARTED, Stage},
};

/// Messages at once.
const PORTION: u32 = 200;

/// Evicts one pod after the other, as often as the budget allows it.
pub fn evicted(stage: &Stage<'_>, times: u32) -> Result<String> {
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    let mut function = stage.function("f", "exclamation", &input, &output);
    let spec = function.get_mut("spec").and_then(Value::as_object_mut).context("no spec")?;
    spec.insert("replicas".to_owned(), json!(2));
    stage.apply(&function)?;
    stage.apply(&json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "f" },
        "spec": { "minAvailable": 1, "selector": { "matchLabels": {
            "compute.functionmesh.io/name": "f",
        } } },
    }))?;
    stage.ready("Function", "f")?;
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let (evicting, sent) = thread::scope(|scope| {
        let to = input.as_str();
        let feeding = scope.spawn(move || feed(stage, to, &stopped));
        let evicting = (0..times).try_for_each(|i| evict(stage, i % 2));
        // The feeder ends with its channel.
        drop(stop);
        let sent = feeding.join().map_err(|_| anyhow!("the feeder panicked"))?;
        anyhow::Ok((evicting, sent?))
    })?;
    evicting?;
    let load = Load::new(sent, 1);
    let report = stage.topics.verify(&Verify::with_suffix(&output, &load, "!"))?;
    report.nothing_lost()?;
    ensure!(report.duplicated == 0, "{report:?}");
    Ok(format!(
        "{times} evictions under {} messages: {} lost, {} duplicated, never fewer than 1 of 2 pods",
        report.received, report.lost, report.duplicated
    ))
}

/// Publishes until the channel closes, and says how much.
fn feed(stage: &Stage<'_>, input: &str, stopped: &std::sync::mpsc::Receiver<()>) -> Result<u32> {
    let mut sent = 0;
    while stopped.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
        stage.topics.load(input, &Load { first: sent, ..Load::new(PORTION, 10) })?;
        sent += PORTION;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(sent)
}

fn evict(stage: &Stage<'_>, ordinal: u32) -> Result<()> {
    eventually_true(STARTED, "a budget that allows it", || {
        let budget = stage.get("PodDisruptionBudget", "f")?;
        Ok(budget.pointer("/status/disruptionsAllowed") == Some(&json!(1)))
    })?;
    let kubernetes = &stage.platform.kubernetes;
    let name = format!("f-function-{ordinal}");
    let uid = |pod: &Value| pod.pointer("/metadata/uid").cloned();
    let before = uid(&stage.get("Pod", &name)?);
    let pods: Api<Pod> = Api::namespaced(kubernetes.client(), &stage.namespace);
    kubernetes.block_on(pods.evict(&name, &EvictParams::default()))?;
    eventually_true(STARTED, format!("another {name}"), || {
        let available = stage.get("StatefulSet", "f-function")?;
        let available = available.pointer("/status/readyReplicas").and_then(Value::as_i64);
        ensure!(available.unwrap_or(0) >= 1, "no pod is ready");
        Ok(kubernetes.find("Pod", &stage.namespace, &name)?.is_some_and(|pod| uid(&pod) != before))
    })?;
    kubernetes.ready_pod(&stage.namespace, &name, STARTED).map(drop)
}
