//! A spec that cannot run is rolled out, and taken back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    eventually::eventually_true,
    stage::{STARTED, Stage, standard},
};

/// What is wrong, where, and the condition that shows it.
fn mistakes() -> [(&'static str, &'static str, Value, [&'static str; 2]); 3] {
    let trouble = ["Degraded", "True"];
    [
        ("memory", "/spec/resources", json!({ "requests": { "memory": "900Ti" } }), trouble),
        ("image", "/spec/image", json!("localhost/nowhere:1"), trouble),
        // Pulsar has no such tenant, yet: the pod waits for it.
        (
            "topic",
            "/spec/input/topics",
            json!(["persistent://nobody/nowhere/in"]),
            ["Ready", "False"],
        ),
    ]
}

/// Each mistake is applied, seen in the status, and reverted; nobody deletes a pod by hand.
pub fn reverted(stage: &Stage<'_>, replicas: u32) -> Result<String> {
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    let mut good = stage.function("f", "exclamation", &input, &output);
    set(&mut good, "/spec/replicas", json!(replicas))?;
    stage.apply(&good)?;
    stage.ready("Function", "f")?;
    let mut taken = Vec::new();
    for (what, place, value, [kind, status]) in mistakes() {
        let mut bad = good.clone();
        set(&mut bad, place, value)?;
        stage.apply(&bad)?;
        eventually_true(STARTED, format!("the wrong {what} to show"), || {
            let function = stage.get("Function", "f")?;
            let shown = standard(&function, kind)?;
            let current =
                shown.get("observedGeneration") == function.pointer("/metadata/generation");
            Ok(current && shown.get("status") == Some(&json!(status)))
        })
        .with_context(|| stage.get("Function", "f").map(|f| f.to_string()).unwrap_or_default())?;
        let started = Instant::now();
        stage.apply(&good)?;
        stage.ready("Function", "f").with_context(|| format!("after a wrong {what}"))?;
        taken.push(format!("{what} {:.1?}", started.elapsed()));
        ensure!(started.elapsed() < Duration::from_secs(60), "{taken:?}");
    }
    stage.answers(&input, "a", &output, "a!")?;
    Ok(format!("{replicas} pods, ready again after: {}", taken.join(", ")))
}

fn set(object: &mut Value, place: &str, value: Value) -> Result<()> {
    let (parent, field) = place.rsplit_once('/').context("no place")?;
    let parent = object.pointer_mut(parent).and_then(Value::as_object_mut);
    parent.with_context(|| place.to_owned())?.insert(field.to_owned(), value);
    Ok(())
}
