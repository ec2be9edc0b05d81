//! A mesh with a member that cannot run, and one that is removed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    eventually::eventually_true,
    stage::{STARTED, Stage, standard},
};

/// A former member is gone this soon.
const BOUND: Duration = Duration::from_secs(10);

/// A chain of functions over new topics, the last of them without its code.
pub fn one_is_bad(stage: &Stage<'_>, members: usize) -> Result<String> {
    let mut functions = Vec::new();
    let mut input = stage.topics.create("0")?;
    for i in 0..members {
        let output = stage.topics.create(&format!("{}", i + 1))?;
        let mut spec = stage.function("", "exclamation", &input, &output);
        let mut spec = spec.get_mut("spec").map(Value::take).context("no spec")?;
        let bad = i + 1 == members;
        let fields = spec.as_object_mut().context("no spec")?;
        let name = if bad { "bad".to_owned() } else { format!("good-{i}") };
        fields.insert("name".to_owned(), json!(name));
        if bad {
            fields.insert("wasm".to_owned(), json!({ "module": "/functions/none.wasm" }));
        }
        functions.push(spec);
        input = output;
    }
    let mesh = |functions: &[Value]| {
        json!({
            "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "FunctionMesh",
            "metadata": { "name": "m" }, "spec": { "functions": functions },
        })
    };
    let started = Instant::now();
    stage.apply(&mesh(&functions))?;
    let others = members - 1;
    let state = || stage.get("FunctionMesh", "m");
    eventually_true(STARTED * 2, format!("{others} ready members"), || {
        let mesh = state()?;
        Ok(mesh.pointer("/status/ready") == Some(&json!(format!("{others}/{members}"))))
    })
    .with_context(|| state().map(|mesh| mesh.to_string()).unwrap_or_default())?;
    let ready = started.elapsed();
    let message = stage.reason("FunctionMesh", "m", "MemberFailed")?;
    ensure!(message.starts_with("bad: ") && message.contains("none.wasm"), "{message}");
    let mesh_now = state()?;
    ensure!(standard(&mesh_now, "Ready")?.get("status") == Some(&json!("False")), "{mesh_now}");
    let kept: Vec<_> =
        (1..others).map(|i| stage.pods(&format!("m-good-{i}"))).collect::<Result<_>>()?;

    functions.remove(0);
    let removed = Instant::now();
    stage.apply(&mesh(&functions))?;
    for (kind, name) in [("Function", "m-good-0"), ("StatefulSet", "m-good-0-function")] {
        stage.platform.kubernetes.gone(kind, &stage.namespace, name, STARTED)?;
    }
    let gone = removed.elapsed();
    ensure!(gone < BOUND, "the removed member was gone after {gone:?}");
    let now: Vec<_> =
        (1..others).map(|i| stage.pods(&format!("m-good-{i}"))).collect::<Result<_>>()?;
    ensure!(now == kept, "a healthy member was disturbed");
    Ok(format!(
        "{others} of {members} ready after {ready:.1?}, not ready as a whole, the bad one named; a \
         removed member gone after {gone:.1?}"
    ))
}
