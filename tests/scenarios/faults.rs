//! A broker that dies or freezes. These scenarios have one of their own, one at a time.

use std::time::Duration;

use anyhow::Result;
use function_mesh_tests::{
    cluster::Cluster,
    drills::{Drill, Function, Outage},
};
use pulsar_standalone::standalone::Standalone;

use crate::stage::{own_broker_turn, peer};

const MESSAGES: u32 = 100_000;
const LIMIT: Duration = Duration::from_secs(120);

fn outage(strike: impl FnOnce(&Drill, &mut Standalone) -> Result<Outage>) -> Result<()> {
    let _turn = own_broker_turn();
    let dir = tempfile::tempdir()?;
    let (mut broker, cluster) = Cluster::start(dir.path(), peer()?)?;
    let topics = cluster.namespace("outage")?;
    let drill = Drill::prepare(&topics, Function::Exclamation, MESSAGES, 10)?;
    let outage = strike(&drill, &mut broker)?;
    outage.report.nothing_lost()?;
    // How soon is one of the figures; here it is enough that it does, before the limit.
    assert!(outage.grown < 64 << 10, "{outage}");
    Ok(())
}

#[test]
fn a_killed_broker_costs_nothing_but_time() -> Result<()> {
    outage(|drill, broker| drill.broker_restart(broker, LIMIT))
}

#[test]
fn a_frozen_broker_costs_nothing_but_time() -> Result<()> {
    outage(|drill, broker| drill.broker_frozen(broker, Duration::from_secs(10), LIMIT))
}
