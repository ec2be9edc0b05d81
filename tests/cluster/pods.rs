//! Pods work on while what is around them fails: the faults of `function_mesh_tests::faults` with
//! pods, small.

use std::time::Duration;

use anyhow::Result;
use function_mesh_tests::{
    faults::{eviction, members, outages, ownership, rollouts},
    platform::Platform,
};
use kubernetes_standalone::programs::Options;

use crate::{
    operator::Stage,
    stage::{broker, own_cluster_turn},
};

#[test]
fn a_spec_that_cannot_run_is_taken_back() -> Result<()> {
    rollouts::reverted(&*Stage::new("reverted")?, 1).map(drop)
}

#[test]
fn a_manifest_without_replicas_leaves_them_to_the_autoscaler() -> Result<()> {
    ownership::applied_again(&*Stage::new("gitops")?, Duration::from_secs(10)).map(drop)
}

#[test]
fn an_evicted_pod_loses_and_repeats_nothing() -> Result<()> {
    eviction::evicted(&*Stage::new("evicted")?, 2).map(drop)
}

#[test]
fn a_mesh_names_its_bad_member_and_the_others_run() -> Result<()> {
    members::one_is_bad(&*Stage::new("members")?, 3).map(drop)
}

#[test]
fn a_function_works_on_without_an_api_server() -> Result<()> {
    let _turn = own_cluster_turn();
    // The broker of the shared cluster: pods of this one reach it too.
    let broker = broker()?;
    let mut platform = Platform::start(&Options::whole())?;
    platform.install_kinds()?;
    platform.load_runner()?;
    platform.load_functions()?;
    outages::api_server_away(&mut platform, broker, Duration::from_secs(20)).map(drop)
}
