//! A control plane without nodes: no pods, nothing else that takes the machine's time.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use function_mesh_tests::{audit::Request, platform::Platform, runner::Running};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams},
    runtime::watcher,
};
use kubernetes_standalone::programs::Options as Machine;
use serde_json::json;

use crate::{Table, spread};

/// For everything that is not a figure.
const PATIENCE: Duration = Duration::from_secs(180);

struct Stage {
    platform: Platform,
    controller: Running,
}

pub(crate) fn measure(
    table: &mut Table,
    single: usize,
    functions: usize,
    rest: Duration,
) -> Result<()> {
    let platform =
        Platform::start(&Machine { node: false, scheduler: false, ..Machine::control_plane() })?;
    platform.install_kinds()?;
    platform.kubernetes.pulsar_nowhere("default")?;
    let controller = platform.controller("default")?.start()?;
    let stage = Stage { platform, controller };
    stage.one_by_one(table, single)?;
    stage.at_once(table, functions)?;
    stage.at_rest(table, functions, rest)
}

fn function(name: &str) -> DynamicObject {
    let mut object = DynamicObject::new(name, &kind());
    object.data = json!({ "spec": {
        "input": { "topics": ["in"] }, "output": { "topic": "out" },
        "pulsar": { "pulsarConfig": "pulsar" },
        "wasm": { "module": "f.wasm", "moduleLocation": "https://example.org/f.wasm" },
    } });
    object
}

fn kind() -> ApiResource {
    let kind = GroupVersionKind::gvk("compute.functionmesh.io", "v1alpha1", "Function");
    ApiResource::from_gvk(&kind)
}

impl Stage {
    fn functions(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.platform.kubernetes.client(), "default", &kind())
    }

    fn sets(&self) -> Api<StatefulSet> {
        Api::namespaced(self.platform.kubernetes.client(), "default")
    }

    /// From the answer to the creation of a function to the watch event of its StatefulSet.
    fn one_by_one(&self, table: &mut Table, count: usize) -> Result<()> {
        let (functions, sets) = (self.functions(), self.sets());
        let taken = self.platform.kubernetes.block_on(async {
            let mut seen = watcher::watcher(sets, watcher::Config::default()).boxed();
            let mut taken = Vec::new();
            for i in 0..=count {
                let name = format!("single-{i}");
                let started = Instant::now();
                functions.create(&PostParams::default(), &function(&name)).await?;
                while let Some(event) = seen.try_next().await? {
                    let (watcher::Event::Apply(set) | watcher::Event::InitApply(set)) = event
                    else {
                        continue;
                    };
                    if set.metadata.name.as_deref() == Some(&format!("{name}-function")) {
                        break;
                    }
                }
                // The first one waits for the controller's caches.
                if i > 0 {
                    taken.push(started.elapsed());
                }
            }
            anyhow::Ok(taken)
        })?;
        let (median, slowest) = spread(taken);
        let what = format!("one function applied to its StatefulSet, median of {count}");
        let figure = format!("{} ms (slowest {} ms)", median.as_millis(), slowest.as_millis());
        table.row(&what, &figure, "70 to 80 ms");
        Ok(())
    }

    fn at_once(&self, table: &mut Table, count: usize) -> Result<()> {
        let (functions, sets) = (self.functions(), self.sets());
        let (created, all) = self.platform.kubernetes.block_on(async {
            let started = Instant::now();
            let creating = stream::iter(0..count).map(|i| {
                let functions = functions.clone();
                async move {
                    let object = function(&format!("many-{i}"));
                    functions.create(&PostParams::default(), &object).await.map(drop)
                }
            });
            creating.buffer_unordered(16).try_collect::<Vec<()>>().await?;
            let created = started.elapsed();
            let metadata = ListParams::default();
            loop {
                let known = sets.list_metadata(&metadata).await?.items;
                let many = known.iter().filter(|set| {
                    set.metadata.name.as_deref().is_some_and(|name| name.starts_with("many-"))
                });
                if many.count() == count {
                    return anyhow::Ok((created, started.elapsed()));
                }
                ensure!(started.elapsed() < PATIENCE, "not all StatefulSets exist after 180 s");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })?;
        let figure = format!(
            "{:.1} s, of which creating them took {:.1} s",
            all.as_secs_f64(),
            created.as_secs_f64()
        );
        table.row(&format!("{count} functions at once to the last StatefulSet"), &figure, "57 s");
        Ok(())
    }

    fn at_rest(&self, table: &mut Table, count: usize, rest: Duration) -> Result<()> {
        let writes = || Ok::<_, anyhow::Error>(self.platform.writes()?.len());
        // At rest once nothing was written for a while.
        let mut before = writes()?;
        for _ in 0..60 {
            thread::sleep(Duration::from_secs(5));
            let later = writes()?;
            if later == before {
                break;
            }
            before = later;
        }
        // The controller runs as the administrator, who does nothing else meanwhile.
        let own = |log: &[Request]| log.iter().filter(|write| write.user == "admin").count();
        let (usage, log) = (self.controller.usage()?, own(&self.platform.writes()?));
        ensure!(log > count, "the audit log has {log} writes for {count} functions");
        thread::sleep(rest);
        let (after, more) = (self.controller.usage()?, own(&self.platform.writes()?));
        let cpu = (after.cpu - usage.cpu).as_secs_f64() / rest.as_secs_f64() * 100.0;
        let figure = format!(
            "{} writes, {cpu:.2} % of a core, {:.1} MiB ({:.1} at most)",
            more - log,
            after.rss as f64 / 1024.0,
            after.peak_rss as f64 / 1024.0
        );
        let what = format!("{count} functions at rest for {} s", rest.as_secs());
        table.row(&what, &figure, "86 MiB");
        Ok(())
    }
}
