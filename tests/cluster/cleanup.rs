//! What a deleted function leaves in Pulsar: nothing, if it was asked to, or what is reported.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::eventually::eventually_true;
use serde_json::{Value, json};

use crate::{operator::Stage, stage::SOON};

/// An object is gone this soon, whatever became of Pulsar.
const BOUND: Duration = Duration::from_secs(30);

/// A function that removes its subscriptions, of this name on the Pulsar side.
fn cleaning(stage: &Stage, name: &str, input: &str) -> Result<Value> {
    let output = stage.topics.topic("out");
    let mut function = stage.function(name, "exclamation", input, &output);
    let spec = function.get_mut("spec").and_then(Value::as_object_mut).context("no spec")?;
    spec.insert("cleanupSubscription".to_owned(), json!(true));
    Ok(function)
}

#[test]
fn a_deleted_function_takes_its_subscriptions_along() -> Result<()> {
    let stage = Stage::new("cleanup")?;
    let plain = stage.topics.create("in")?;
    let partitioned = stage.topics.create_partitioned("parts", 2)?;
    let matched = stage.topics.create("many-1")?;
    let mut function = cleaning(&stage, "f", &plain)?;
    let input = function.pointer_mut("/spec/input").context("no input")?;
    *input = json!({
        "topics": [plain, partitioned], "topicPattern": stage.topics.topic("many-.*"),
    });
    stage.apply(&function)?;
    stage.ready("Function", "f")?;
    let topics = [plain, format!("{partitioned}-partition-1"), matched];
    for topic in &topics {
        eventually_true(SOON, format!("the subscription of {topic}"), || {
            Ok(stage.topics.subscriptions(topic)? == ["public/default/f"])
        })?;
    }
    stage.platform.kubernetes.delete("Function", &stage.namespace, "f")?;
    stage.platform.kubernetes.gone("Function", &stage.namespace, "f", BOUND)?;
    for topic in &topics {
        ensure!(stage.topics.subscriptions(topic)?.is_empty(), "{topic} has one left");
    }
    ensure!(stage.pods("f")?.is_empty(), "a pod outlived its function");
    Ok(())
}

#[test]
fn an_annotation_keeps_subscriptions() -> Result<()> {
    let stage = Stage::new("kept")?;
    let input = stage.topics.create("in")?;
    let mut function = cleaning(&stage, "f", &input)?;
    let metadata = function.get_mut("metadata").context("no metadata")?;
    *metadata = json!({
        "name": "f", "annotations": { "compute.functionmesh.io/need-cleanup": "false" },
    });
    stage.apply(&function)?;
    let ready = stage.ready("Function", "f")?;
    ensure!(ready.pointer("/metadata/finalizers").is_none(), "{ready}");
    stage.platform.kubernetes.delete("Function", &stage.namespace, "f")?;
    stage.platform.kubernetes.gone("Function", &stage.namespace, "f", BOUND)?;
    assert_eq!(stage.topics.subscriptions(&input)?, ["public/default/f"]);
    Ok(())
}
