//! Which messages a function gets, in which order.

use anyhow::{Context as _, Result};
use function_mesh_tests::{
    checks::Verify,
    cluster::{Load, Namespace},
    eventually::eventually_true,
    guests,
    runner::{Runner, Running},
};
use serde_json::json;

use crate::stage::{SOON, SUBSCRIPTION, Stage, cluster, stop};

fn subscription_kind(flags: &[(&str, &str)]) -> Result<(String, Vec<String>)> {
    let stage = Stage::set("kind")?;
    let mut probe = stage.probe()?;
    for (name, value) in flags {
        probe = probe.flag(name, value);
    }
    let running = probe
        .start_consuming(|| Ok(!stage.topics.consumers(&stage.input, SUBSCRIPTION)?.is_empty()))?;
    let stats = stage.topics.stats(&stage.input)?;
    let kind = stats["subscriptions"][SUBSCRIPTION]["type"].as_str().unwrap_or("none").to_owned();
    let consumers = stage.topics.consumers(&stage.input, SUBSCRIPTION)?;
    let metadata = consumers.iter().map(|consumer| consumer["metadata"].to_string()).collect();
    stop(running)?;
    Ok((kind, metadata))
}

#[test]
fn the_subscription_is_named_after_the_function_and_shared() -> Result<()> {
    let (kind, metadata) = subscription_kind(&[])?;
    assert_eq!(kind, "Shared");
    let properties: serde_json::Value = serde_json::from_str(&metadata[0])?;
    assert_eq!(properties["application"], "pulsar-function");
    assert_eq!(properties["id"], "public/default/probe");
    assert_eq!(properties["instance_id"], "0");
    Ok(())
}

#[test]
fn retained_order_makes_it_failover() -> Result<()> {
    assert_eq!(subscription_kind(&[("--retain-ordering", "true")])?.0, "Failover");
    Ok(())
}

#[test]
fn retained_key_order_makes_it_key_shared() -> Result<()> {
    assert_eq!(subscription_kind(&[("--retain-key-ordering", "true")])?.0, "Key_Shared");
    Ok(())
}

#[test]
fn a_new_subscription_starts_at_the_latest_message_unless_told_otherwise() -> Result<()> {
    let stage = Stage::set("latest")?;
    stage.send(&["echo before"])?;
    let running = stage
        .probe()?
        .flag("--subs-name", "late")
        .flag("--subs-position", "Latest")
        .start_consuming(|| Ok(!stage.topics.consumers(&stage.input, "late")?.is_empty()))?;
    stage.send(&["echo since"])?;
    assert_eq!(stage.outputs(&running, 1)?, ["since"]);
    stop(running)
}

#[test]
fn skip_to_latest_leaves_what_was_waiting() -> Result<()> {
    let stage = Stage::set("skip")?;
    stage.send(&["echo waiting"])?;
    let running = stage
        .probe()?
        .flag("--skip-to-latest", "true")
        .start_consuming(|| Ok(!stage.topics.consumers(&stage.input, SUBSCRIPTION)?.is_empty()))?;
    eventually_true(SOON, "a skipped backlog", || Ok(stage.backlog()? == 0))?;
    stage.send(&["echo new"])?;
    assert_eq!(stage.outputs(&running, 1)?, ["new"]);
    stop(running)
}

#[test]
fn several_inputs_are_read_at_once() -> Result<()> {
    let stage = Stage::set("several")?;
    let second = stage.topics.create("second")?;
    stage.send(&["echo from the first"])?;
    stage.topics.send(&second, &["echo from the second"])?;
    let running =
        stage.probe()?.flag("--inputs", &second).flag("--subs-position", "Earliest").start()?;
    let mut texts = stage.outputs(&running, 2)?;
    texts.sort();
    assert_eq!(texts, ["from the first", "from the second"]);
    stop(running)
}

#[test]
fn a_pattern_reads_every_topic_that_matches() -> Result<()> {
    let topics = cluster()?.namespace("pattern")?;
    let output = topics.create("out")?;
    for name in ["orders-eu", "orders-us", "other"] {
        let topic = topics.create(name)?;
        topics.send(&topic, &[&format!("echo {name}")])?;
    }
    let running = Runner::new(["localrun"])?
        .flag("--wasm", guests::component("probe")?)
        .flag("--broker-service-url", topics.cluster.ports.service_url())
        .flag("--topics-pattern", topics.topic("orders-.*"))
        .flag("--subs-position", "Earliest")
        .flag("--output", &output)
        .start()?;
    let mut texts = topics.texts(&output, 2)?;
    texts.sort();
    assert_eq!(texts, ["orders-eu", "orders-us"]);
    stop(running)
}

#[test]
fn the_function_sees_the_record_as_it_was_sent() -> Result<()> {
    let stage = Stage::set("record")?;
    let message = json!({
        "payload": "record", "key": "a key", "eventTime": 12_345,
        "properties": { "colour": "blue" },
    });
    stage.topics.send_message(&stage.input, message)?;
    let running = stage.probe()?.start()?;
    let seen: serde_json::Value = serde_json::from_str(&stage.outputs(&running, 1)?[0])?;
    let sent = stage.topics.read(&stage.input, 1)?.remove(0);
    assert_eq!(seen["topic"], stage.input);
    assert_eq!(seen["key"], "a key");
    assert_eq!(seen["eventTime"], 12_345);
    assert_eq!(seen["properties"], json!({ "colour": "blue" }));
    assert_eq!(seen["ledger"], sent.id.ledger);
    assert_eq!(seen["entry"], sent.id.entry);
    assert_eq!(seen["batchIndex"], -1);
    stop(running)
}

fn exclaim(topics: &Namespace, codec: &'static str) -> Result<(String, Load, Running)> {
    let (input, output) =
        (topics.create(&format!("{codec}-in"))?, topics.create(&format!("{codec}-out"))?);
    let load = Load { compression: codec, ..Load::new(100, 10) };
    topics.load(&input, &load)?;
    let running = Runner::on(&topics.cluster, &guests::component("exclamation")?, &input)?
        .flag("--output", &output)
        .flag("--subs-name", "codecs")
        .flag("--subs-position", "Earliest")
        .start()?;
    Ok((output, load, running))
}

#[test]
fn compressed_input_is_read() -> Result<()> {
    let topics = cluster()?.namespace("codecs")?;
    for codec in ["LZ4", "ZSTD"] {
        let (output, load, running) = exclaim(&topics, codec)?;
        let report = topics.verify(&Verify::with_suffix(&output, &load, "!"))?;
        report.exactly_once_in_order().with_context(|| format!("{codec}: {}", running.log()))?;
        stop(running)?;
    }
    Ok(())
}

/// The stock client cannot read what Java's producers write with these two (its zlib reader wants
/// an end of the stream, which Java leaves out; its snappy is framed, Java's is not). Until our
/// own session comes, such an entry must be named and kept, never dropped.
#[test]
fn input_that_cannot_be_decompressed_is_named_and_stays() -> Result<()> {
    let topics = cluster()?.namespace("unreadable")?;
    for codec in ["ZLIB", "SNAPPY"] {
        let (_, _, mut running) = exclaim(&topics, codec)?;
        let input = topics.topic(&format!("{codec}-in"));
        running.logged(SOON, &[&input, "cannot be read"])?;
        assert!(running.is_running()?, "{}", running.log());
        assert_eq!(topics.backlog(&input, "codecs")?, 10, "entries were given up");
        running.kill()?;
    }
    Ok(())
}

/// A failing message holds back those of its key, and only those.
#[test]
fn with_retained_key_order_a_retry_keeps_its_successors_waiting() -> Result<()> {
    let stage = Stage::set("key-order")?;
    let messages = [("k", "flaky 1 first"), ("k", "echo second"), ("other", "echo overtakes")];
    for (key, payload) in messages {
        stage.topics.send_message(&stage.input, json!({ "key": key, "payload": payload }))?;
    }
    let running = stage
        .probe()?
        .flag("--retain-key-ordering", "true")
        .flag("--timeout-ms", "1500")
        .start()?;
    assert_eq!(stage.outputs(&running, 3)?, ["overtakes", "first", "second"]);
    stop(running)
}

#[test]
fn with_retained_order_a_retry_keeps_the_whole_topic_waiting() -> Result<()> {
    let stage = Stage::set("topic-order")?;
    stage.send(&["flaky 1 first", "echo second", "echo third"])?;
    let running =
        stage.probe()?.flag("--retain-ordering", "true").flag("--timeout-ms", "1500").start()?;
    assert_eq!(stage.outputs(&running, 3)?, ["first", "second", "third"]);
    stop(running)
}

#[test]
fn cleaning_up_removes_the_subscription_at_the_end() -> Result<()> {
    let stage = Stage::set("cleanup")?;
    for (clean, left) in [("false", true), ("true", false)] {
        let running =
            stage.probe()?.flag("--cleanup-subscription", clean).start_consuming(|| {
                Ok(!stage.topics.consumers(&stage.input, SUBSCRIPTION)?.is_empty())
            })?;
        stop(running)?;
        let stats = stage.topics.stats(&stage.input)?;
        let there = stats["subscriptions"].get(SUBSCRIPTION).is_some();
        assert_eq!(there, left, "cleanup {clean}: {stats}");
    }
    Ok(())
}
