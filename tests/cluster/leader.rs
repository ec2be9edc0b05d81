//! Of several controllers one works. It is told to stop, killed, put to sleep; the other takes over,
//! and nobody writes who does not lead.
//!
//! Every controller has a service account of its own, so that the audit log tells them apart.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use function_mesh_tests::{
    audit::Request,
    eventually::{eventually, eventually_true},
    faults::ground::Ground,
    runner::Running,
};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use serde_json::Value;

use crate::{
    operator::kinds,
    stage::{SOON, platform},
};

/// Functions that are applied just before the leader is struck, so that it has work under way.
const UNDER_WAY: usize = 20;

/// A namespace that controllers compete for.
struct Stage(Ground<'static>);

impl Stage {
    fn new(name: &str) -> Result<Self> {
        let platform = platform()?;
        kinds(platform)?;
        Ground::new(platform, name).map(Self)
    }

    /// A controller with a service account of this name.
    fn controller(&self, name: &str) -> Result<Running> {
        let namespace = &self.0.namespace;
        self.0.platform.kubernetes.apply(&format!(
            "{{apiVersion: v1, kind: ServiceAccount, \
               metadata: {{name: {name}, namespace: {namespace}}}}}\n\
             ---\n\
             {{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, \
               metadata: {{name: {name}, namespace: {namespace}}}, \
               roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}, \
               subjects: [{{kind: ServiceAccount, name: {name}, namespace: {namespace}}}]}}"
        ))?;
        let kubeconfig = self.0.platform.kubeconfig_of(namespace, name)?;
        self.0
            .platform
            .controller_as(&kubeconfig, namespace)?
            .flag("--enable-leader-election", "true")
            .flag("--leader-election-namespace", namespace)
            .flag("--log-level", "info,function_mesh_controller::leader=debug")
            .start()
    }

    /// One that leads.
    fn leader(&self, name: &str) -> Result<Running> {
        let running = self.controller(name)?;
        running.logged(SOON, &["leading"])?;
        Ok(running)
    }

    /// One that knows that another leads.
    fn standby(&self, name: &str) -> Result<Running> {
        let running = self.controller(name)?;
        running.logged(SOON, &["standing by"])?;
        Ok(running)
    }

    fn holder(&self) -> Result<String> {
        let lease = self.0.platform.kubernetes.get(
            "Lease",
            &self.0.namespace,
            "a3f45fce.functionmesh.io",
        )?;
        let holder = lease.pointer("/spec/holderIdentity").and_then(Value::as_str);
        Ok(holder.unwrap_or_default().to_owned())
    }

    /// Waits until somebody else holds the lease, and says how long after `struck` that was.
    fn followed(&self, before: &str, struck: Instant) -> Result<Duration> {
        eventually(SOON, "another leader", || {
            let now = self.holder()?;
            Ok((!now.is_empty() && now != before).then(|| struck.elapsed()))
        })
    }

    fn apply(&self, names: &[String]) -> Result<()> {
        for name in names {
            self.0.apply(&self.0.function(name))?;
        }
        Ok(())
    }

    fn settled(&self, names: &[String]) -> Result<()> {
        names.iter().try_for_each(|name| self.0.settled(name))
    }

    /// What a controller asked, in order.
    fn requests(&self, name: &str) -> Result<Vec<Request>> {
        self.0.platform.requests_of(&format!("{}:{name}", self.0.namespace))
    }
}

fn names(of: &str) -> Vec<String> {
    (0..UNDER_WAY).map(|i| format!("{of}-{i}")).collect()
}

fn strike(running: &Running, signal: Signal) -> Result<Instant> {
    let struck = Instant::now();
    signal::kill(Pid::from_raw(i32::try_from(running.pid())?), signal)?;
    Ok(struck)
}

fn is_done(request: &Request) -> bool {
    request.is_write() && request.code < 300
}

#[test]
fn a_leader_that_is_told_to_stop_is_followed_at_once() -> Result<()> {
    let stage = Stage::new("leader-stopped")?;
    let mut leader = stage.leader("first")?;
    for successor in ["second", "third", "fourth"] {
        let standby = stage.standby(successor)?;
        let (before, work) = (stage.holder()?, names(successor));
        stage.apply(&work)?;
        let struck = strike(&leader, Signal::SIGTERM)?;
        let took = stage.followed(&before, struck)?;
        println!("SIGTERM: followed after {took:.2?}");
        // Had it kept its lease, that would have taken 15 s.
        ensure!(took < Duration::from_secs(8), "{took:?}: {}", leader.log());
        let ended = leader.wait(SOON)?;
        ensure!(ended.code == Some(0), "{ended:?}: {}", leader.log());
        stage.settled(&work)?;
        leader = standby;
    }
    Ok(())
}

#[test]
fn a_leader_that_is_killed_is_followed_when_its_lease_is_over() -> Result<()> {
    let stage = Stage::new("leader-killed")?;
    let leader = stage.leader("first")?;
    let standby = stage.standby("second")?;
    let (before, work) = (stage.holder()?, names("f"));
    stage.apply(&work)?;
    let struck = Instant::now();
    leader.kill()?;
    let took = stage.followed(&before, struck)?;
    println!("kill -9: followed after {took:.2?}");
    ensure!(took < Duration::from_secs(25), "{took:?}: {}", standby.log());
    stage.settled(&work)
}

#[test]
fn a_leader_that_slept_past_its_lease_ends_and_writes_nothing() -> Result<()> {
    let stage = Stage::new("leader-asleep")?;
    let mut sleeper = stage.leader("first")?;
    let _standby = stage.standby("second")?;
    let (before, work) = (stage.holder()?, names("f"));
    stage.apply(&work)?;
    let struck = strike(&sleeper, Signal::SIGSTOP)?;
    let took = stage.followed(&before, struck)?;
    println!("SIGSTOP: followed after {took:.2?}");
    stage.settled(&work)?;

    strike(&sleeper, Signal::SIGCONT)?;
    let ended = sleeper.wait(SOON)?;
    ensure!(ended.code.is_some_and(|code| code != 0), "{ended:?}: {}", sleeper.log());
    let successor = stage.requests("second")?;
    let taken = successor.iter().find(|request| is_done(request)).context("nothing was taken")?;
    let (early, late): (Vec<_>, Vec<_>) =
        stage.requests("first")?.into_iter().partition(|request| request.at < taken.at);
    ensure!(early.iter().any(is_done), "the sleeper never wrote anything");
    // It asked for its lease, which was refused, and for nothing else.
    let written: Vec<_> = late
        .iter()
        .filter(|request| request.is_write())
        .filter(|request| is_done(request) || request.resource != "leases")
        .collect();
    ensure!(written.is_empty(), "written after {}: {written:?}", taken.at);
    Ok(())
}

#[test]
fn who_stands_by_asks_for_nothing_but_the_lease() -> Result<()> {
    let stage = Stage::new("leader-standby")?;
    let _leader = stage.leader("first")?;
    let _standby = stage.standby("second")?;
    let work = names("f");
    stage.apply(&work)?;
    stage.settled(&work)?;
    // Long enough for whatever is done every few seconds.
    let looked = || {
        let asked = stage.requests("second")?;
        Ok(asked.iter().filter(|request| request.verb == "get").count() > 8)
    };
    eventually_true(SOON, "some looks at the lease", looked)?;
    let asked = stage.requests("second")?.into_iter().map(|request| {
        let what = if request.resource.is_empty() { request.uri } else { request.resource };
        format!("{} {what}", request.verb)
    });
    let asked: BTreeSet<String> = asked.collect();
    let expected = ["get /version", "get leases", "list leases", "watch leases"];
    assert_eq!(asked, BTreeSet::from(expected.map(str::to_owned)));
    Ok(())
}
