//! A broker that asks for tokens, which an issuer grants by OAuth 2.0.

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::{
    eventually::eventually_true,
    issuer::{Client, Issuer},
};
use pulsar_standalone::access::TOKEN;
use serde_json::{Value, json};

use crate::{
    operator::Stage,
    stage::{SOON, guarded},
};

const CLIENT: Client = Client {
    id: "functions",
    secret: "a-secret-that-nobody-shows",
    audience: "urn:pulsar",
    scope: "messages",
    token: TOKEN,
};

fn issuer(stage: &Stage) -> Result<Issuer> {
    Issuer::start(&stage.platform.kubernetes, stage.platform.gateway()?, CLIENT)
}

/// As Pulsar's clients read it.
fn credentials(stage: &Stage, secret: &str) -> Result<()> {
    let key =
        json!({ "type": "client_credentials", "client_id": CLIENT.id, "client_secret": secret });
    let applied = stage.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "key" },
        "stringData": { "key.json": key.to_string() },
    }));
    applied.map(drop)
}

/// A function on that broker alone, with these fields besides.
fn function(
    stage: &Stage,
    issuer: &Issuer,
    name: &str,
    (input, output): (&str, &str),
    fields: Value,
) -> Result<Value> {
    let mut function = stage.function(name, "exclamation", input, output);
    let spec = function.get_mut("spec").and_then(Value::as_object_mut).context("no spec")?;
    let oauth2 = json!({
        "issuerUrl": issuer.url(), "audience": CLIENT.audience, "scope": CLIENT.scope,
        "keySecretName": "key", "keySecretKey": "key.json",
    });
    let messaging = json!({ "pulsarConfig": "guarded", "authConfig": { "oauth2Config": oauth2 } });
    spec.insert("pulsar".to_owned(), messaging);
    spec.extend(fields.as_object().cloned().unwrap_or_default());
    Ok(function)
}

fn scaled() -> Value {
    json!({
        "cleanupSubscription": true, "maxReplicas": 1,
        "autoscaling": { "backlogPerReplica": 1, "cooldownSeconds": 5 },
    })
}

#[test]
fn a_granted_token_opens_broker_and_admin_api() -> Result<()> {
    let stage = Stage::new("granted")?;
    let broker = guarded()?;
    let issuer = issuer(&stage)?;
    let (service, web) = (broker.service_url(), broker.web_url());
    stage.platform.kubernetes.pulsar_config(&stage.namespace, "guarded", &service, &web)?;
    credentials(&stage, CLIENT.secret)?;
    let topics = broker.topics.namespace("granted")?;
    let (input, output) = (topics.create("in")?, topics.create("out")?);

    stage.apply(&function(&stage, &issuer, "f", (&input, &output), scaled())?)?;
    stage.reason("Function", "f", "ScaledToZero")?;
    let subscription = "public/default/f";
    eventually_true(SOON, "the subscription", || Ok(topics.backlog(&input, subscription)? == 0))?;
    let operator = |name: &str| name.starts_with("function-mesh-controller/");
    ensure!(issuer.granted().keys().all(|name| operator(name)), "{:?}", issuer.granted());
    topics.send(&input, &["a"])?;
    let texts = topics.texts(&output, 1);
    let story = || stage.platform.kubernetes.story(&stage.namespace, "f-function-0");
    assert_eq!(texts.with_context(story)?, ["a!"]);
    let granted = issuer.granted();
    ensure!(granted.keys().any(|name| operator(name)), "the operator did not ask: {granted:?}");
    ensure!(granted.keys().any(|name| !operator(name)), "the pod did not ask: {granted:?}");

    stage.taken_along("f", &topics, &input, SOON)
}

#[test]
fn a_client_that_the_issuer_does_not_know_is_told_until_it_does() -> Result<()> {
    const WRONG: &str = "another-secret-that-nobody-shows";
    let stage = Stage::new("refused-client")?;
    let broker = guarded()?;
    let issuer = issuer(&stage)?;
    let (service, web) = (broker.service_url(), broker.web_url());
    stage.platform.kubernetes.pulsar_config(&stage.namespace, "guarded", &service, &web)?;
    credentials(&stage, WRONG)?;
    let topics = broker.topics.namespace("refused-client")?;
    let (input, output) = (topics.create("in")?, topics.create("out")?);
    let waiting = topics.create("waiting")?;

    // The operator finds out for one that follows its backlog, the pod for one that runs.
    let other = topics.topic("other");
    stage.apply(&function(&stage, &issuer, "scaled", (&waiting, &other), scaled())?)?;
    stage.apply(&function(&stage, &issuer, "f", (&input, &output), json!({}))?)?;
    let message = stage.scaling("scaled", "BacklogNotRead")?;
    ensure!(message.contains(issuer.url()) && message.contains("invalid_client"), "{message}");
    let message = stage.reason("Function", "f", "RunnerNotReady")?;
    ensure!(message.contains(issuer.url()) && message.contains("invalid_client"), "{message}");
    let said = stage.says("f", &["authentication failed", issuer.url(), "invalid_client"])?;
    ensure!(!said.contains(WRONG), "the secret is logged: {said}");
    for name in ["scaled", "f"] {
        let shown = stage.get("Function", name)?.to_string();
        ensure!(!shown.contains(WRONG), "the secret is shown: {shown}");
    }
    let log = stage.controller.as_ref().map(|running| running.log()).unwrap_or_default();
    ensure!(!log.contains(WRONG), "the secret is logged: {log}");
    ensure!(issuer.granted().is_empty(), "{:?}", issuer.granted());

    // Put right, both go on.
    credentials(&stage, CLIENT.secret)?;
    stage.ready("Function", "f")?;
    topics.send(&input, &["a"])?;
    assert_eq!(topics.texts(&output, 1)?, ["a!"]);
    stage.scaling("scaled", "BacklogRead")?;
    Ok(())
}
