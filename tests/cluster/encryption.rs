//! A broker that is talked to by TLS, with a certificate of an authority of its own.

use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::{
    certificates::Authority, eventually::eventually_true, peer::Peer, platform::Broker,
};
use pulsar_standalone::access::Access;
use serde_json::{Value, json};

use crate::{
    operator::Stage,
    stage::{SOON, Shared, shared},
};

/// A broker, and who vouches for it.
struct Encrypted {
    broker: Broker,
    authority: Authority,
}

fn encrypted(stage: &Stage) -> Result<&'static Encrypted> {
    static ENCRYPTED: Shared<Encrypted> = OnceLock::new();
    shared(&ENCRYPTED, || {
        let authority = Authority::new("an authority of tests")?;
        let encryption = authority.encryption(stage.platform.gateway()?)?;
        let access = Access::Encrypted(Arc::new(encryption));
        let broker = stage.platform.start_broker(Arc::new(Peer::start()?), access)?;
        Ok(Encrypted { broker, authority })
    })
}

/// Has functions trust this authority.
fn trust(stage: &Stage, authority: &Authority) -> Result<()> {
    let secret = stage.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "authority" },
        "stringData": { "ca.crt": authority.certificate() },
    }));
    secret.map(drop)
}

/// A function on that broker alone.
fn function(stage: &Stage, name: &str, input: &str, output: &str) -> Result<Value> {
    let mut function = stage.function(name, "exclamation", input, output);
    let spec = function.get_mut("spec").and_then(Value::as_object_mut).context("no spec")?;
    let tls = json!({ "enabled": true, "certSecretName": "authority", "certSecretKey": "ca.crt" });
    let messaging = json!({ "pulsarConfig": "encrypted", "tlsConfig": tls });
    spec.insert("pulsar".to_owned(), messaging);
    spec.insert("cleanupSubscription".to_owned(), json!(true));
    Ok(function)
}

/// Makes a function's replicas follow its backlog.
fn scaled(mut function: Value) -> Result<Value> {
    let spec = function.get_mut("spec").and_then(Value::as_object_mut).context("no spec")?;
    spec.insert("maxReplicas".to_owned(), json!(1));
    spec.insert("autoscaling".to_owned(), json!({ "backlogPerReplica": 1, "cooldownSeconds": 5 }));
    Ok(function)
}

#[test]
fn a_function_is_served_by_tls_from_its_backlog_to_its_cleanup() -> Result<()> {
    let stage = Stage::new("encrypted")?;
    let Encrypted { broker, authority } = encrypted(&stage)?;
    let (service, web) = (broker.service_url(), broker.web_url());
    ensure!(service.starts_with("pulsar+ssl://") && web.starts_with("https://"), "{service} {web}");
    stage.platform.kubernetes.pulsar_config(&stage.namespace, "encrypted", &service, &web)?;
    trust(&stage, authority)?;
    let topics = broker.topics.namespace("encrypted")?;
    let (input, output) = (topics.create("in")?, topics.create("out")?);

    stage.apply(&scaled(function(&stage, "f", &input, &output)?)?)?;
    stage.reason("Function", "f", "ScaledToZero")?;
    let subscription = "public/default/f";
    eventually_true(SOON, "the subscription", || Ok(topics.backlog(&input, subscription)? == 0))?;
    topics.send(&input, &["a"])?;
    assert_eq!(topics.texts(&output, 1)?, ["a!"]);

    stage.taken_along("f", &topics, &input, SOON)
}

#[test]
fn a_broker_that_cannot_be_trusted_is_named_until_it_can() -> Result<()> {
    let mut stage = Stage::new("untrusted")?;
    let Encrypted { broker, authority } = encrypted(&stage)?;
    let (service, web) = (broker.service_url(), broker.web_url());
    stage.platform.kubernetes.pulsar_config(&stage.namespace, "encrypted", &service, &web)?;
    trust(&stage, &Authority::new("somebody else")?)?;
    let topics = broker.topics.namespace("untrusted")?;
    let (input, output) = (topics.create("in")?, topics.create("out")?);

    // The operator finds out for one that follows its backlog, the pod for one that runs.
    let waiting = topics.create("waiting")?;
    stage.apply(&scaled(function(&stage, "scaled", &waiting, &topics.topic("other"))?)?)?;
    stage.apply(&function(&stage, "f", &input, &output)?)?;
    let message = stage.scaling("scaled", "BacklogNotRead")?;
    ensure!(message.contains(&web) && message.contains("invalid peer certificate"), "{message}");
    ensure!(message.contains("certSecretName"), "{message}");
    let message = stage.reason("Function", "f", "RunnerNotReady")?;
    ensure!(message.contains(&service) && message.contains("tls"), "{message}");

    // Put right, both go on.
    trust(&stage, authority)?;
    stage.ready("Function", "f")?;
    topics.send(&input, &["a"])?;
    assert_eq!(topics.texts(&output, 1)?, ["a!"]);
    stage.scaling("scaled", "BacklogRead")?;
    let controller = stage.controller.as_mut().context("no controller")?;
    ensure!(controller.is_running()?, "the controller ended: {}", controller.log());
    Ok(())
}
