//! Replicas follow what waits in Pulsar, from and to zero.

use std::{net::TcpListener, time::Duration};

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::{cluster::Load, eventually::eventually_true};
use serde_json::{Value, json};

use crate::{operator::Stage, stage::SOON};

/// For a function to run whose messages have arrived.
const AWAKE: Duration = Duration::from_secs(10);

/// A function that scales on its backlog.
fn scaled(stage: &Stage, input: &str, per_replica: i64, most: i32) -> Result<Value> {
    let output = stage.topics.topic("out");
    let mut function = stage.function("f", "exclamation", input, &output);
    let spec = function.get_mut("spec").and_then(Value::as_object_mut).context("no spec")?;
    let autoscaling = json!({ "backlogPerReplica": per_replica, "cooldownSeconds": 5 });
    spec.insert("autoscaling".to_owned(), autoscaling);
    spec.insert("maxReplicas".to_owned(), json!(most));
    Ok(function)
}

fn replicas(stage: &Stage) -> Result<Option<i64>> {
    let set = stage.get("StatefulSet", "f-function")?;
    Ok(set.pointer("/spec/replicas").and_then(Value::as_i64))
}

#[test]
fn a_function_at_zero_wakes_for_its_backlog_and_sleeps_again() -> Result<()> {
    let stage = Stage::new("backlog")?;
    let (input, subscription) = (stage.topics.create("in")?, "public/default/f");
    stage.apply(&scaled(&stage, &input, 1_000_000, 1)?)?;
    stage.reason("Function", "f", "ScaledToZero")?;
    // Nothing waits for a function that never had a subscription.
    eventually_true(SOON, "the subscription", || {
        Ok(stage.topics.backlog(&input, subscription)? == 0)
    })?;

    stage.topics.load(&input, &Load::new(100_000, 100))?;
    stage.platform.kubernetes.ready_pod(&stage.namespace, "f-function-0", AWAKE)?;
    stage.reason("Function", "f", "ScaledToZero")?;
    assert_eq!(stage.topics.backlog(&input, subscription)?, 0);
    let function = stage.get("Function", "f")?;
    ensure!(function.pointer("/spec/replicas").is_none(), "the spec was changed: {function}");

    // One message is enough.
    stage.topics.send(&input, &["one"])?;
    stage.platform.kubernetes.ready_pod(&stage.namespace, "f-function-0", AWAKE)?;
    stage.reason("Function", "f", "ScaledToZero")?;
    Ok(())
}

#[test]
fn replicas_are_as_many_as_the_backlog_needs_and_no_more_than_allowed() -> Result<()> {
    let mut stage = Stage::new("waves")?;
    let input = stage.topics.create("in")?;
    let mut function = scaled(&stage, &input, 2, 5)?;
    // Nothing takes the messages: the image is nowhere.
    if let Some(image) = function.pointer_mut("/spec/image") {
        *image = json!("localhost/nowhere:1");
    }
    stage.apply(&function)?;
    stage.scaling("f", "BacklogRead")?;
    stage.topics.send(&input, &["1", "2", "3", "4", "5"])?;
    eventually_true(SOON, "three replicas", || Ok(replicas(&stage)? == Some(3)))?;
    stage.topics.send(&input, &["6", "7", "8", "9", "10", "11", "12"])?;
    eventually_true(SOON, "five replicas", || Ok(replicas(&stage)? == Some(5)))?;
    // An autoscaler of Kubernetes's own would work against it.
    let other = stage.platform.kubernetes.find(
        "HorizontalPodAutoscaler",
        &stage.namespace,
        "f-function",
    )?;
    ensure!(other.is_none(), "{other:?}");

    // A new controller begins with what is there.
    if let Some(mut old) = stage.controller.take() {
        old.stop(SOON)?;
    }
    stage.controller = Some(stage.run()?.start()?);
    stage.patch("Function", "f", &json!({ "spec": { "maxReplicas": 4 } }))?;
    let mut fewest = Some(5);
    eventually_true(SOON, "four replicas", || {
        let found = replicas(&stage)?;
        fewest = fewest.min(found);
        Ok(found == Some(4))
    })?;
    assert_eq!(fewest, Some(4), "in between there were fewer");
    Ok(())
}

#[test]
fn a_backlog_that_cannot_be_read_is_told_and_changes_nothing() -> Result<()> {
    let stage = Stage::new("unread")?;
    let input = stage.topics.create("in")?;
    let refusing = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    stage.pulsar("pulsar", &format!("http://{refusing}"))?;
    stage.apply(&scaled(&stage, &input, 1, 3)?)?;
    let message = stage.scaling("f", "BacklogNotRead")?;
    ensure!(message.contains(&input) && message.contains(&refusing.to_string()), "{message}");
    assert_eq!(replicas(&stage)?, Some(0));
    // The address comes right, and with it the replicas.
    stage.pulsar("pulsar", &stage.broker.web_url())?;
    stage.scaling("f", "BacklogRead")?;
    stage.topics.send(&input, &["one"])?;
    eventually_true(SOON, "one replica", || Ok(replicas(&stage)? == Some(1)))
}
