//! Replicas belong to an autoscaler, and somebody applies a manifest without them all the time.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    eventually::eventually_true,
    stage::{STARTED, Stage},
};

const PAUSE: Duration = Duration::from_secs(2);

/// Scaled as an autoscaler does it, then applied again and again.
pub fn applied_again(stage: &Stage<'_>, lasting: Duration) -> Result<String> {
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    let mut function = stage.function("f", "exclamation", &input, &output);
    let spec = function.get_mut("spec").and_then(Value::as_object_mut).context("no spec")?;
    spec.insert("maxReplicas".to_owned(), json!(3));
    stage.apply(&function)?;
    stage.ready("Function", "f")?;
    let mut kubectl = stage.platform.machine.kubectl();
    kubectl.args(["scale", "functions.compute.functionmesh.io/f", "--replicas=2"]);
    let scaled = kubectl.args(["--namespace", &stage.namespace]).output()?;
    ensure!(scaled.status.success(), "{}", String::from_utf8_lossy(&scaled.stderr));
    eventually_true(STARTED, "two pods", || Ok(stage.pods("f")?.len() == 2))?;
    stage.ready("Function", "f")?;
    let set = || -> Result<[Option<Value>; 2]> {
        let set = stage.get("StatefulSet", "f-function")?;
        Ok(["/metadata/generation", "/spec/replicas"].map(|field| set.pointer(field).cloned()))
    };
    let (pods, before) = (stage.pods("f")?, set()?);
    ensure!(before.last() == Some(&Some(json!(2))), "{before:?}");
    let (started, mut times) = (Instant::now(), 0);
    while started.elapsed() < lasting {
        // Something that is no pod's business changes each time.
        let labels = json!({ "labels": { "revision": times.to_string() }, "name": "f" });
        *function.get_mut("metadata").context("no metadata")? = labels;
        stage.apply(&function)?;
        times += 1;
        thread::sleep(PAUSE);
        ensure!(set()? == before, "after {times} times: {before:?} became {:?}", set()?);
    }
    stage.ready("Function", "f")?;
    ensure!(stage.pods("f")? == pods, "a pod was replaced");
    let mut restarts = 0;
    for (pod, _) in &pods {
        restarts += stage.platform.kubernetes.restarts(&stage.namespace, pod)?;
    }
    ensure!(restarts == 0, "{restarts} restarts");
    Ok(format!(
        "applied {times} times in {} s: 0 changes of the StatefulSet, {restarts} restarts",
        lasting.as_secs()
    ))
}
