//! The controller is killed, refused and misled, and what it made is meddled with. Whatever happens,
//! the state at the end is the same. No pods: the faults are those of `function_mesh_tests::faults`,
//! small.

use std::time::Duration;

use anyhow::Result;
use function_mesh_tests::{
    faults::{definitions, deletion, drift, outages, refusals, rest, walk, writes},
    platform::Platform,
};
use kubernetes_standalone::programs::Options;

use crate::{
    operator::kinds,
    stage::{SOON, own_cluster_turn, platform},
};

/// The shared cluster, with the kinds.
fn ground() -> Result<&'static Platform> {
    let platform = platform()?;
    kinds(platform)?;
    Ok(platform)
}

#[test]
fn a_controller_killed_after_any_write_leaves_the_same_state_behind() -> Result<()> {
    writes::killed_after_every_write(ground()?).map(drop)
}

#[test]
fn an_event_that_is_lost_is_made_up_for() -> Result<()> {
    writes::lost_events(ground()?, 3, Duration::from_secs(5)).map(drop)
}

#[test]
fn late_events_are_caught_up_with() -> Result<()> {
    writes::stale_reads(ground()?).map(drop)
}

#[test]
fn refusals_of_the_api_server_delay_and_change_nothing() -> Result<()> {
    refusals::refused(ground()?, 5, 30).map(drop)
}

#[test]
fn functions_at_rest_cause_no_writes() -> Result<()> {
    rest::at_rest(ground()?, 5, Duration::from_secs(5)).map(drop)
}

#[test]
fn a_newer_operator_finds_everything_right() -> Result<()> {
    rest::upgraded(ground()?, 5).map(drop)
}

#[test]
fn what_others_change_is_restored_and_what_they_add_is_kept() -> Result<()> {
    drift::restored(ground()?, SOON).map(drop)
}

#[test]
fn a_deletion_while_pulsar_is_down_ends_and_is_reported() -> Result<()> {
    deletion::while_pulsar_is_down(ground()?).map(drop)
}

#[test]
fn a_changed_function_owns_what_a_new_one_would() -> Result<()> {
    let _turn = own_cluster_turn();
    // The same walk each time: `cargo xtask figures --faults` takes others.
    walk::walk(15, 1).map(drop)
}

#[test]
fn definitions_with_other_fields_lose_nothing() -> Result<()> {
    let _turn = own_cluster_turn();
    definitions::changed().map(drop)
}

#[test]
fn an_object_that_cannot_be_read_is_its_own_matter() -> Result<()> {
    let _turn = own_cluster_turn();
    definitions::unreadable().map(drop)
}

#[test]
fn an_etcd_that_was_away_and_one_that_forgot_are_caught_up_with() -> Result<()> {
    let _turn = own_cluster_turn();
    let mut platform = Platform::start(&Options { scheduler: false, ..Options::control_plane() })?;
    platform.install_kinds()?;
    outages::etcd_frozen(&platform, Duration::from_secs(10))?;
    outages::compacted(&mut platform).map(drop)
}
