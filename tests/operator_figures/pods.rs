//! Functions in pods: how soon they run, and how soon those at zero do.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::{
    cluster::{Load, Namespace},
    eventually::eventually_true,
    operator::function,
    peer::Peer,
    platform::{Broker, Platform},
    runner::Running,
};
use kubernetes_standalone::programs::Options as Machine;
use pulsar_standalone::access::Access;
use serde_json::{Value, json};

use crate::{Table, spread};

/// For everything that is not a figure.
const PATIENCE: Duration = Duration::from_secs(180);

struct Stage {
    platform: Platform,
    _broker: Broker,
    topics: Namespace,
    _controller: Running,
}

pub(crate) fn measure(table: &mut Table, pods: usize, backlog: u32) -> Result<()> {
    let platform = Platform::start(&Machine::whole())?;
    platform.install_kinds()?;
    platform.load_runner()?;
    platform.load_functions()?;
    let broker = platform.start_broker(Arc::new(Peer::start()?), Access::Everybody)?;
    let (service_url, web_url) = (broker.service_url(), broker.web_url());
    platform.kubernetes.pulsar_config("default", "pulsar", &service_url, &web_url)?;
    let topics = broker.topics.namespace("figures")?;
    let controller = platform.controller("default")?.start()?;
    let stage = Stage { platform, _broker: broker, topics, _controller: controller };
    stage.one_by_one(table, pods)?;
    stage.awoken(table, backlog)
}

impl Stage {
    /// From before the apply to a ready pod, and from there to an answer.
    fn one_by_one(&self, table: &mut Table, count: usize) -> Result<()> {
        let (mut ready, mut answered) = (Vec::new(), Vec::new());
        for i in 0..=count {
            let name = format!("single-{i}");
            let input = self.topics.create(&format!("in-{i}"))?;
            let output = self.topics.create(&format!("out-{i}"))?;
            let started = Instant::now();
            self.platform.kubernetes.apply_object(&function(
                &name,
                "exclamation",
                &input,
                &output,
            ))?;
            self.ready(&name)?;
            let taken = started.elapsed();
            self.topics.send(&input, &["test-message"])?;
            let answers = self.topics.texts(&output, 1)?;
            ensure!(answers == ["test-message!"], "{answers:?}");
            // The first one waits for the node to unpack images.
            if i > 0 {
                ready.push(taken);
                answered.push(started.elapsed());
            }
            self.platform.kubernetes.delete("Function", "default", &name)?;
        }
        let what = |what: &str| format!("one Wasm function applied to {what}, median of {count}");
        let figure = |taken| {
            let (median, slowest) = spread(taken);
            format!("{:.1} s (slowest {:.1} s)", median.as_secs_f64(), slowest.as_secs_f64())
        };
        table.row(&what("its ready pod"), &figure(ready), "");
        table.row(&what("the answer to a message"), &figure(answered), "");
        Ok(())
    }

    fn ready(&self, name: &str) -> Result<()> {
        let pod = format!("{name}-function-0");
        eventually_true(PATIENCE, format!("the pod {pod}"), || {
            Ok(self.platform.kubernetes.find("Pod", "default", &pod)?.is_some())
        })?;
        self.platform.kubernetes.ready_pod("default", &pod, PATIENCE).map(drop)
    }

    /// Each message is an entry of its own: Pulsar counts entries.
    fn awoken(&self, table: &mut Table, backlog: u32) -> Result<()> {
        let (input, output) = (self.topics.create("in")?, self.topics.create("out")?);
        let mut sleeper = function("sleeper", "exclamation", &input, &output);
        let spec = sleeper.get_mut("spec").and_then(Value::as_object_mut).context("no spec")?;
        spec.insert("maxReplicas".to_owned(), json!(1));
        let scaling = json!({ "backlogPerReplica": 1000, "min": 0, "cooldownSeconds": 5 });
        spec.insert("autoscaling".to_owned(), scaling);
        self.platform.kubernetes.apply_object(&sleeper)?;
        let subscription = "public/default/sleeper";
        eventually_true(PATIENCE, "the subscription", || {
            Ok(self.topics.backlog(&input, subscription)? == 0)
        })?;
        let replicas = || {
            let set = self.platform.kubernetes.get("StatefulSet", "default", "sleeper-function")?;
            Ok::<_, anyhow::Error>(set.pointer("/spec/replicas").and_then(Value::as_i64))
        };
        ensure!(replicas()? == Some(0), "it does not sleep");
        let started = Instant::now();
        let loading = Load { size: 20, ..Load::new(backlog, 1) };
        let (loaded, woken) = std::thread::scope(|scope| {
            let load = scope.spawn(|| {
                self.topics.load(&input, &loading)?;
                anyhow::Ok(started.elapsed())
            });
            self.ready("sleeper")?;
            let woken = started.elapsed();
            let loaded = load.join().map_err(|_| anyhow::anyhow!("the producer panicked"))??;
            anyhow::Ok((loaded, woken))
        })?;
        eventually_true(PATIENCE, "an empty backlog", || {
            Ok(self.topics.backlog(&input, subscription)? == 0)
        })?;
        let drained = started.elapsed();
        eventually_true(PATIENCE, "no replicas", || Ok(replicas()? == Some(0)))?;
        let back = started.elapsed();
        let stats = self.topics.stats(&output)?;
        let answers = stats.get("msgInCounter").and_then(Value::as_u64);
        ensure!(answers == Some(u64::from(backlog)), "{answers:?} of {backlog} were answered");
        let figure = format!(
            "pod ready after {:.1} s, all {backlog} sent after {:.1} s, drained after {:.1} s, no \
             replicas after {:.1} s (cooldown 5 s)",
            woken.as_secs_f64(),
            loaded.as_secs_f64(),
            drained.as_secs_f64(),
            back.as_secs_f64()
        );
        let what = format!("a backlog of {backlog} begins on a function at zero");
        table.row(&what, &figure, "");
        Ok(())
    }
}
