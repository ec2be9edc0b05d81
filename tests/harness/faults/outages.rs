//! The API server and its store go away, and what they knew is forgotten.

use std::{
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use kubernetes_standalone::programs::Component;
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use pulsar_standalone::http;
use serde_json::json;

use super::ground::{Ground, PATIENCE};
use crate::{
    checks::Verify,
    cluster::Load,
    eventually::{eventually, eventually_true},
    platform::{Broker, Platform},
    runner::Running,
    stage::Stage,
};

/// All is as it should be this long after the return.
const BOUND: Duration = Duration::from_secs(30);
/// Messages of each second of an outage.
const RATE: u32 = 50;

/// The API server is killed and stays away, while a function works in a pod. The cluster has its
/// kinds and images.
pub fn api_server_away(platform: &mut Platform, broker: &Broker, away: Duration) -> Result<String> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut stage = Stage::open(platform, broker, "outage")?;
    if let Some(mut unprobed) = stage.controller.take() {
        unprobed.stop(Duration::from_secs(10))?;
    }
    let mut controller = platform.controller_probed(&stage.namespace, port)?.start()?;
    let (input, output) = (stage.topics.create("in")?, stage.topics.create("out")?);
    stage.apply(&stage.function("f", "exclamation", &input, &output))?;
    stage.ready("Function", "f").with_context(|| controller.log())?;
    let pods = stage.pods("f")?;
    let Stage { namespace, topics, .. } = stage;
    let ready = || http::get(port, "/readyz").is_ok_and(|page| page.status == 200);
    eventually_true(PATIENCE, "a ready controller", || Ok(ready()))?;

    platform.machine.kill(Component::ApiServer)?;
    let (gone, mut sent, mut unready) = (Instant::now(), 0, None);
    while gone.elapsed() < away {
        let load = Load { first: sent, ..Load::new(RATE, 1) };
        topics.load(&input, &load)?;
        sent += RATE;
        if unready.is_none() && !ready() {
            unready = Some(gone.elapsed());
        }
        thread::sleep(Duration::from_secs(1));
    }
    let unready = unready.context("/readyz stayed as it was")?;
    ensure!(!ready(), "ready without an API server");
    // Answered before anybody returns.
    let load = Load::new(sent, 1);
    let verify =
        Verify { limit: Duration::from_secs(10), ..Verify::with_suffix(&output, &load, "!") };
    let report = topics.verify(&verify)?;
    report.exactly_once_in_order()?;
    ensure!(controller.is_running()?, "the controller ended: {}", controller.log());

    platform.machine.restart(Component::ApiServer)?;
    let returned = Instant::now();
    let ground = Ground { platform, namespace };
    eventually_true(BOUND, "a ready controller", || Ok(ready()))?;
    eventually_true(BOUND, "the API server to take a function", || {
        Ok(ground.apply(&ground.function("after")).is_ok())
    })?;
    // Kubernetes's own controllers take longer to come back, and are not what this is about.
    ground.observed("after").with_context(|| controller.log())?;
    let took = returned.elapsed();
    ensure!(took < BOUND, "{took:?}");
    ensure!(controller.is_running()?, "the controller ended: {}", controller.log());
    let selector = "compute.functionmesh.io/name=f";
    let now = platform.kubernetes.pod_uids(&ground.namespace, selector)?;
    ensure!(now == pods, "{pods:?} became {now:?}");
    Ok(format!(
        "{} messages during {} s: {} lost, {} duplicated, pods and controller the same; not ready \
         after {unready:.0?}, all reconciled {took:.1?} after the return",
        report.received,
        away.as_secs(),
        report.lost,
        report.duplicated
    ))
}

/// etcd stops answering, its connections stay open.
pub fn etcd_frozen(platform: &Platform, frozen: Duration) -> Result<String> {
    let ground = Ground::new(platform, "frozen")?;
    let mut controller = ground.controller(None, &[])?;
    ground.apply(&ground.function("before"))?;
    ground.settled("before")?;
    platform.machine.freeze(Component::Etcd)?;
    thread::sleep(frozen);
    platform.machine.thaw(Component::Etcd)?;
    let back = Instant::now();
    eventually(BOUND, "etcd to answer", || {
        ground.apply(&ground.function("after")).map(Some).or(Ok(None))
    })?;
    converged(&ground, "after", back, &mut controller)
        .map(|took| format!("frozen for {} s: reconciled {took:.1?} after", frozen.as_secs()))
}

/// What the controller has seen last is older than anything that the API server knows: it slept,
/// etcd was compacted, and the API server is another.
pub fn compacted(platform: &mut Platform) -> Result<String> {
    let namespace = {
        let ground = Ground::new(platform, "compacted")?;
        ground.namespace
    };
    let mut ground = Ground { platform, namespace };
    let mut controller = ground.controller(None, &[])?;
    ground.functions(2)?;
    let pid = Pid::from_raw(i32::try_from(controller.pid())?);
    signal::kill(pid, Signal::SIGSTOP)?;
    let kubernetes = &ground.platform.kubernetes;
    kubernetes.delete("Service", &ground.namespace, "f-0-function-headless")?;
    kubernetes.delete("Function", &ground.namespace, "f-1")?;
    ground.apply(&ground.function("after"))?;
    let Ground { namespace, .. } = ground;
    platform.machine.compact()?;
    platform.machine.kill(Component::ApiServer)?;
    platform.machine.restart(Component::ApiServer)?;
    ground = Ground { platform, namespace };
    signal::kill(pid, Signal::SIGCONT)?;
    let back = Instant::now();
    eventually_true(BOUND, "the service", || {
        Ok(ground.find("Service", "f-0-function-headless")?.is_some())
    })
    .with_context(|| controller.log())?;
    eventually_true(BOUND, "the end of what was deleted", || {
        Ok(ground.find("Function", "f-1")?.is_none())
    })
    .with_context(|| controller.log())?;
    let took = converged(&ground, "after", back, &mut controller)?;
    let log = controller.log();
    let expired =
        log.lines().filter(|line| line.contains("410") || line.contains("too old")).count();
    ensure!(expired > 0, "no watch was told that its version has expired: {log}");
    Ok(format!("{expired} watches expired (410): reconciled {took:.1?} after"))
}

fn converged(
    ground: &Ground<'_>,
    function: &str,
    since: Instant,
    controller: &mut Running,
) -> Result<Duration> {
    ground.settled(function).with_context(|| controller.log())?;
    let took = since.elapsed();
    ensure!(took < BOUND, "{took:?}");
    ensure!(controller.is_running()?, "the controller ended: {}", controller.log());
    ensure!(!controller.log().contains("panicked"), "{}", controller.log());
    // What it does not write, it need not know; what somebody changes, it must.
    ground.patch("Function", function, &json!({ "spec": { "logTopic": "log" } }))?;
    ground.settled(function)?;
    Ok(took)
}
