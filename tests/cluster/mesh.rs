//! A FunctionMesh is applied, stopped, changed and deleted as one.

use anyhow::{Result, ensure};
use function_mesh_tests::eventually::eventually_true;
use serde_json::{Value, json};

use crate::operator::{STARTED, Stage, standard};

/// A mesh of functions in a chain over these topics.
fn chain(stage: &Stage, topics: &[String]) -> Value {
    let functions: Vec<Value> = topics
        .windows(2)
        .enumerate()
        .filter_map(|(i, pair)| {
            let [input, output] = pair else { return None };
            let name = format!("stage-{i}");
            let mut spec = stage.function("", "exclamation", input, output).get("spec").cloned()?;
            spec.as_object_mut()?.insert("name".to_owned(), json!(name));
            Some(spec)
        })
        .collect();
    json!({
        "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "FunctionMesh",
        "metadata": { "name": "m" },
        "spec": { "functions": functions },
    })
}

fn topics(stage: &Stage) -> Result<Vec<String>> {
    ["a", "b", "c", "d"].iter().map(|name| stage.topics.create(name)).collect()
}

#[test]
fn a_three_stage_mesh_answers_and_is_deleted_as_one() -> Result<()> {
    let stage = Stage::new("mesh")?;
    let topics = topics(&stage)?;
    stage.apply(&chain(&stage, &topics))?;
    let mesh = stage.ready("FunctionMesh", "m")?;
    let [first, .., last] = topics.as_slice() else { return Ok(()) };
    stage.answers(first, "test-message", last, "test-message!!!")?;

    assert_eq!(mesh.pointer("/status/ready"), Some(&json!("3/3")), "{mesh}");
    let condition = json!({ "condition": "MeshReady", "status": "True", "action": "NoAction" });
    assert_eq!(mesh.pointer("/status/condition"), Some(&condition), "{mesh}");
    let edge = json!({ "from": "stage-0", "to": "stage-1", "topic": topics.get(1) });
    let edges = mesh.pointer("/status/edges").and_then(Value::as_array);
    ensure!(edges.is_some_and(|edges| edges.contains(&edge)), "{mesh}");
    let open = standard(&mesh, "GraphComplete")?.get("message").and_then(Value::as_str);
    ensure!(open.is_some_and(|open| open.contains(first) && open.contains(last)), "{mesh}");

    stage.platform.kubernetes.delete("FunctionMesh", &stage.namespace, "m")?;
    for name in ["m-stage-0", "m-stage-1", "m-stage-2"] {
        stage.platform.kubernetes.gone("Function", &stage.namespace, name, STARTED)?;
        let set = format!("{name}-function");
        stage.platform.kubernetes.gone("StatefulSet", &stage.namespace, &set, STARTED)?;
    }
    Ok(())
}

#[test]
fn a_mesh_is_stopped_and_started_as_one() -> Result<()> {
    let stage = Stage::new("suspend")?;
    let topics = topics(&stage)?;
    stage.apply(&chain(&stage, &topics))?;
    stage.ready("FunctionMesh", "m")?;
    let pods =
        || Ok::<_, anyhow::Error>(stage.pods("m-stage-0")?.len() + stage.pods("m-stage-2")?.len());
    stage.patch("FunctionMesh", "m", &json!({ "spec": { "suspend": true } }))?;
    eventually_true(STARTED, "no pods", || Ok(pods()? == 0))?;
    stage.reason("FunctionMesh", "m", "Suspended")?;
    stage.patch("FunctionMesh", "m", &json!({ "spec": { "suspend": false } }))?;
    stage.reason("FunctionMesh", "m", "AllMembersReady")?;
    let [first, .., last] = topics.as_slice() else { return Ok(()) };
    stage.answers(first, "x", last, "x!!!")
}
