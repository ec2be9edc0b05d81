//! What the outside sees of a running function.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};
use function_mesh_tests::{
    cluster::Cluster,
    control::Control,
    eventually::{eventually, eventually_true},
    exposition::Exposition,
    guests,
    runner::{Runner, Running},
};
use pulsar_standalone::{http, standalone::Ports};
use serde_json::json;

use crate::stage::{SOON, Stage, own_broker_turn, peer, stop};

/// Pulsar 4.0's Java runtime, by the reference: family, type.
const FAMILIES: [(&str, &str); 17] = [
    ("pulsar_function_received_total", "counter"),
    ("pulsar_function_processed_successfully_total", "counter"),
    ("pulsar_function_system_exceptions_total", "counter"),
    ("pulsar_function_user_exceptions_total", "counter"),
    ("pulsar_function_received_1min_total", "counter"),
    ("pulsar_function_processed_successfully_1min_total", "counter"),
    ("pulsar_function_system_exceptions_1min_total", "counter"),
    ("pulsar_function_user_exceptions_1min_total", "counter"),
    ("pulsar_function_received_created", "gauge"),
    ("pulsar_function_received_1min_created", "gauge"),
    ("pulsar_function_process_latency_ms", "summary"),
    ("pulsar_function_process_latency_ms_1min", "summary"),
    ("pulsar_function_process_latency_ms_created", "gauge"),
    ("pulsar_function_last_invocation", "gauge"),
    ("pulsar_function_user_exception", "gauge"),
    ("pulsar_function_user_metric_", "summary"),
    ("pulsar_function_user_metric__created", "gauge"),
];

const LABELS: [&str; 6] = ["tenant", "namespace", "name", "instance_id", "cluster", "fqfn"];

const QUANTILES: [&str; 4] = ["0.5", "0.9", "0.99", "0.999"];

/// What every runner of ours shows beside Pulsar's names.
const OURS: [&str; 7] = [
    "function_mesh_in_flight_messages",
    "function_mesh_in_flight_bytes",
    "function_mesh_guest_memory_bytes",
    "function_mesh_traps_total",
    "function_mesh_retries_total",
    "function_mesh_dead_letters_total",
    "function_mesh_reconnects_total",
];

fn free_port() -> Result<u16> {
    Ok(Ports::free()?.broker)
}

fn page(running: &Running, port: u16) -> Result<Exposition> {
    Exposition::parse(&running.page(port, "/metrics")?)
}

#[test]
fn the_metrics_page_has_every_name_type_and_label_of_pulsars() -> Result<()> {
    let stage = Stage::set("metrics")?;
    stage.send(&["echo a", "echo b", "fail c", "metric letters 4"])?;
    let port = free_port()?;
    let running = stage
        .probe()?
        .flag("--max-message-retries", "0")
        .flag("--metrics-port-start", port.to_string())
        .start()?;
    stage.outputs(&running, 3)?;
    let page = eventually(SOON, "a settled page", || {
        let page = page(&running, port)?;
        let processed = page.value("pulsar_function_processed_successfully_total", &[]);
        Ok((processed == Some(3.0)).then_some(page))
    })?;

    for (name, kind) in FAMILIES {
        let family = page.families.get(name).with_context(|| format!("no {name}"))?;
        assert_eq!(family.kind, kind, "{name}");
        for sample in &family.samples {
            for label in LABELS {
                assert!(sample.labels.contains_key(label), "{} without {label}", sample.name);
            }
        }
    }
    for name in OURS {
        assert!(page.families.contains_key(name), "no {name}");
    }
    for quantile in QUANTILES {
        let latency = page.value("pulsar_function_process_latency_ms", &[("quantile", quantile)]);
        assert!(latency.is_some(), "no quantile {quantile}");
    }
    let labels = [
        ("tenant", "public"),
        ("namespace", "public/default"),
        ("name", "probe"),
        ("instance_id", "0"),
        ("fqfn", "public/default/probe"),
    ];
    assert_eq!(page.value("pulsar_function_received_total", &labels), Some(4.0));
    assert_eq!(page.value("pulsar_function_user_exceptions_total", &labels), Some(1.0));
    assert_eq!(page.value("pulsar_function_process_latency_ms_count", &labels), Some(4.0));
    assert_eq!(page.value("function_mesh_dead_letters_total", &labels), Some(1.0));
    let metric = [("metric", "letters"), ("quantile", "0.5")];
    assert_eq!(page.value("pulsar_function_user_metric_", &metric), Some(4.0));
    assert_eq!(page.value("pulsar_function_user_metric__sum", &metric[..1]), Some(4.0));
    assert_eq!(page.value("pulsar_function_user_metric__count", &metric[..1]), Some(1.0));
    let error = &page.families["pulsar_function_user_exception"].samples[0];
    assert!(error.labels["error"].contains('c'), "{error:?}");
    stop(running)
}

/// The client's pauses between attempts grow to half a minute.
const RECOVERED: Duration = Duration::from_secs(120);

#[test]
fn it_is_ready_only_while_it_consumes_and_alive_without_a_broker() -> Result<()> {
    let _turn = own_broker_turn();
    let dir = tempfile::tempdir()?;
    let (mut broker, cluster) = Cluster::start(dir.path(), peer()?)?;
    let topics = cluster.namespace("probes")?;
    let input = topics.create("in")?;
    let port = free_port()?;
    let mut running = Runner::on(&cluster, &guests::component("probe")?, &input)?
        .flag("--output", topics.topic("out"))
        .flag("--metrics-port-start", port.to_string())
        .start()?;
    running.page(port, "/readyz")?;
    let answers = |path: &str, status: u16| Ok(http::get(port, path)?.status == status);
    broker.kill()?;
    eventually_true(SOON, "not ready without a broker", || answers("/readyz", 503))?;
    assert!(answers("/livez", 200)?, "dead for want of a broker");
    broker.start_again()?;
    eventually_true(RECOVERED, "ready again", || answers("/readyz", 200))?;
    running.stop(Duration::from_secs(15))?;
    Ok(())
}

#[test]
fn instance_control_tells_the_status() -> Result<()> {
    let stage = Stage::set("control")?;
    stage.send(&["echo a", "fail b"])?;
    let dir = tempfile::tempdir()?;
    let (metrics, control) = (free_port()?, free_port()?);
    let function = json!({
        "tenant": "public", "namespace": "default", "name": "probe", "parallelism": 1,
        "processingGuarantees": "ATLEAST_ONCE", "autoAck": true,
        "source": {
            "inputSpecs": { &stage.input: {} }, "subscriptionType": "SHARED",
            "subscriptionPosition": "EARLIEST",
        },
        "sink": { "topic": stage.output },
        "retryDetails": { "maxMessageRetries": 0 },
    });
    let instance = json!({
        "instanceId": 0, "functionId": "f-1", "functionVersion": "v-1", "clusterName": "here",
        "package": { "url": guests::component("probe")? },
        "clusters": { "default": { "serviceUrl": stage.topics.cluster.ports.service_url() } },
        "ports": { "metrics": metrics, "control": control },
    });
    fs::write(dir.path().join("function.json"), function.to_string())?;
    fs::write(dir.path().join("instance.yaml"), instance.to_string())?;
    let running = Runner::new(["run"])?.flag("--config", dir.path()).start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["a"]);

    let mut client = eventually(SOON, "InstanceControl", || Control::connect(control).map(Some))?;
    assert!(client.health()?.success);
    let status = eventually(SOON, "a counted failure", || {
        let status = client.status()?;
        Ok((status.num_user_exceptions == 1 && status.num_successfully_processed == 1)
            .then_some(status))
    })?;
    assert!(status.running);
    assert_eq!(status.num_received, 2);
    assert_eq!(status.instance_id, "0");
    let exception = &status.latest_user_exceptions[0];
    assert!(exception.exception_string.contains('b'), "{exception:?}");
    assert_eq!(client.metrics()?.received_total, 2);
    let before = client.metrics_and_reset()?;
    assert_eq!(before.received_total_1min, 2);
    assert_eq!(client.metrics()?.received_total_1min, 0);
    stop(running)
}

#[test]
fn logs_name_the_function_and_never_show_payloads() -> Result<()> {
    let stage = Stage::set("logs")?;
    stage.send(&["echo confidential-payload", "fail ordinary-reason confidential-free"])?;
    let running = stage
        .probe()?
        .flag("--max-message-retries", "0")
        .flag("--log-format", "json")
        .flag("--log-level", "trace")
        .start()?;
    stage.outputs(&running, 1)?;
    running.logged(SOON, &["ordinary-reason", "dead"])?;
    let log = running.log();
    for line in log.lines() {
        let event: serde_json::Value =
            serde_json::from_str(line).with_context(|| line.to_owned())?;
        let target = event["target"].as_str().with_context(|| line.to_owned())?;
        let of_the_function = ["instance", "pipeline", "source", "sink", "invoke::wasm::isolate"];
        if of_the_function.iter().any(|part| target.contains(&format!("runner::{part}"))) {
            for (field, value) in
                [("tenant", "public"), ("namespace", "default"), ("name", "probe")]
            {
                assert_eq!(event[field], value, "{line}");
            }
            assert_eq!(event["instance"], 0, "{line}");
        }
    }
    for message in ["ordinary-reason", "\"subscribed\"", "\"producer open\""] {
        assert!(log.contains(message), "no {message} in {log}");
    }
    assert!(!log.contains("confidential-payload"), "a payload is in the log");
    stop(running)
}
