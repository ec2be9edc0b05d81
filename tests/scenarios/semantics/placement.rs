//! Several instances, partitions, clusters, and packages from elsewhere.

use std::{collections::BTreeSet, fs, time::Duration};

use anyhow::{Context as _, Result};
use function_mesh_tests::{
    checks::Verify,
    cluster::{Cluster, Load},
    guests,
    runner::Runner,
};
use serde_json::{Value, json};

use crate::stage::{SUBSCRIPTION, Stage, cluster, own_broker_turn, peer, stop};

#[test]
fn instances_of_one_process_share_the_work() -> Result<()> {
    let stage = Stage::set("parallel")?;
    let running = stage
        .probe()?
        .flag("--parallelism", "3")
        .start_consuming(|| Ok(stage.topics.consumers(&stage.input, SUBSCRIPTION)?.len() == 3))?;
    stage.send(&["whoami"; 60])?;
    let instances = stage
        .outputs(&running, 60)?
        .iter()
        .map(|text| {
            let seen: Value = serde_json::from_str(text)?;
            assert_eq!(seen["instances"], 3);
            seen["instance"].as_u64().context("no instance id")
        })
        .collect::<Result<BTreeSet<_>>>()?;
    assert_eq!(instances, BTreeSet::from([0, 1, 2]));
    stop(running)
}

#[test]
fn partitioned_topics_are_read_and_written_in_the_order_of_their_keys() -> Result<()> {
    let topics = cluster()?.namespace("partitions")?;
    let input = topics.create_partitioned("in", 4)?;
    let output = topics.create_partitioned("out", 3)?;
    topics.subscribe(&input, "parts")?;
    let load = Load::new(10_000, 10);
    topics.load(&input, &load)?;
    let running = Runner::on(&topics.cluster, &guests::component("exclamation")?, &input)?
        .flag("--output", &output)
        .flag("--subs-name", "parts")
        .start()?;
    topics.verify(&Verify::with_suffix(&output, &load, "!"))?.exactly_once_in_order()?;
    stop(running)
}

#[test]
fn input_and_output_may_be_on_two_clusters() -> Result<()> {
    let _turn = own_broker_turn();
    let dir = tempfile::tempdir()?;
    let (_broker, second) = Cluster::start(dir.path(), peer()?)?;
    let (here, there) = (cluster()?.namespace("here")?, second.namespace("there")?);
    let (input, output) = (here.create("in")?, there.create("out")?);
    here.send(&input, &["echo across"])?;
    let clusters = json!({
        "clusters": {
            "default": { "serviceUrl": there.cluster.ports.service_url() },
            "here": { "serviceUrl": here.cluster.ports.service_url() },
            "there": { "serviceUrl": there.cluster.ports.service_url() },
        },
        "inputClusters": { &input: "here" },
        "outputCluster": "there",
    });
    let file = dir.path().join("clusters.yaml");
    fs::write(&file, clusters.to_string())?;
    let running = Runner::new(["localrun"])?
        .flag("--wasm", guests::component("probe")?)
        .flag("--inputs", &input)
        .flag("--output", &output)
        .flag("--subs-position", "Earliest")
        .flag("--clusters-file", &file)
        .start()?;
    assert_eq!(there.texts(&output, 1).with_context(|| running.log())?, ["across"]);
    stop(running)
}

#[test]
fn a_component_comes_from_pulsars_package_service() -> Result<()> {
    let stage = Stage::set("package")?;
    let package = format!("function://{}/probe@v1", stage.topics.name);
    let arguments = json!({ "package": package, "file": guests::component("probe")? });
    stage.topics.cluster.call("upload", arguments)?;
    stage.send(&["echo fetched"])?;
    let cache = tempfile::tempdir()?;
    let running = stage
        .component(package.clone().into())?
        .flag("--name", "probe")
        .flag("--cache-dir", cache.path())
        .start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["fetched"]);
    stop(running)?;

    let mut missing = stage.component(package.replace("@v1", "@v9").into())?.start()?;
    let ended = missing.wait(Duration::from_secs(90))?;
    assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
    assert!(missing.log().contains("probe@v9"), "{}", missing.log());
    Ok(())
}

#[test]
fn a_component_with_another_digest_is_refused() -> Result<()> {
    let stage = Stage::set("digest")?;
    let wrong = format!("sha256:{}", "0".repeat(64));
    let mut running = stage.probe()?.flag("--wasm-digest", &wrong).start()?;
    let ended = running.wait(Duration::from_secs(20))?;
    assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
    assert!(running.log().contains(&wrong), "{}", running.log());
    Ok(())
}
