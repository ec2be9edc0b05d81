//! Functions and several Pulsar clusters, one of which does not let everybody in.

use anyhow::{Context as _, Result};
use function_mesh_tests::eventually::eventually_true;
use pulsar_standalone::access::TOKEN;
use serde_json::{Value, json};

use crate::{
    operator::Stage,
    stage::{SOON, guarded},
};

/// As users of the Go operator write it.
fn credentials() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "credentials" },
        "stringData": {
            "clientAuthenticationPlugin":
                "org.apache.pulsar.client.impl.auth.AuthenticationToken",
            "clientAuthenticationParameters": format!("token:{TOKEN}"),
        },
    })
}

/// Reads from the broker of all scenarios and writes to one that asks for a token, then the other
/// way round. In both, the operator asks that one too: for a backlog, and to clean up.
#[test]
fn a_function_reads_from_one_cluster_and_writes_to_another() -> Result<()> {
    let stage = Stage::new("clusters")?;
    let guarded = guarded()?;
    let there = guarded.topics.namespace("clusters")?;
    stage.platform.kubernetes.pulsar_config(
        &stage.namespace,
        "guarded",
        &guarded.service_url(),
        &guarded.web_url(),
    )?;
    stage.apply(&credentials())?;
    let messaging = json!({ "pulsarConfig": "guarded", "authSecret": "credentials" });
    let (input, output) = (stage.topics.create("in")?, there.create("out")?);
    let mut outbound = stage.function("outbound", "exclamation", &input, &output);
    let spec = outbound.get_mut("spec").and_then(Value::as_object_mut).context("no spec")?;
    spec.insert("pulsarClusters".to_owned(), json!({ "guarded": messaging }));
    spec.insert("output".to_owned(), json!({ "topic": output, "clusterRef": "guarded" }));
    stage.apply(&outbound)?;
    stage.ready("Function", "outbound")?;
    stage.topics.send(&input, &["a"])?;
    assert_eq!(there.texts(&output, 1)?, ["a!"]);

    let (input, output) = (there.create("in")?, stage.topics.create("out")?);
    let mut inbound = stage.function("inbound", "exclamation", &input, &output);
    let spec = inbound.get_mut("spec").and_then(Value::as_object_mut).context("no spec")?;
    spec.insert("pulsarClusters".to_owned(), json!({ "guarded": messaging }));
    spec.insert(
        "input".to_owned(),
        json!({ "topics": [input], "clusterRefs": { &input: "guarded" } }),
    );
    spec.insert("cleanupSubscription".to_owned(), json!(true));
    spec.insert("maxReplicas".to_owned(), json!(1));
    spec.insert("autoscaling".to_owned(), json!({ "backlogPerReplica": 1, "cooldownSeconds": 5 }));
    stage.apply(&inbound)?;
    stage.reason("Function", "inbound", "ScaledToZero")?;
    let subscription = "public/default/inbound";
    eventually_true(SOON, "the subscription", || Ok(there.backlog(&input, subscription)? == 0))?;
    there.send(&input, &["b"])?;
    assert_eq!(stage.topics.texts(&output, 1)?, ["b!"]);
    stage.taken_along("inbound", &there, &input, SOON)
}
