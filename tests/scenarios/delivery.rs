//! Nothing is lost, and what may come twice is bounded: by function, batch, guarantee and fault.

use std::{thread, time::Duration};

use anyhow::Result;
use function_mesh_tests::{
    checks::Verify,
    cluster::Load,
    drills::{Drill, Function},
    eventually::{eventually, eventually_true},
    guests,
};

use crate::stage::{SOON, SUBSCRIPTION, Stage, cluster, stop};

const MESSAGES: u32 = 20_000;
const LIMIT: Duration = Duration::from_secs(90);

fn undisturbed(function: Function) -> Result<()> {
    let topics = cluster()?.namespace("undisturbed")?;
    for batch in [1, 10, 1_000] {
        let drill = Drill::prepare(&topics, function, MESSAGES, batch)?;
        drill.run(LIMIT)?.exactly_once_in_order()?;
    }
    Ok(())
}

#[test]
fn exclamation_loses_duplicates_and_reorders_nothing() -> Result<()> {
    undisturbed(Function::Exclamation)
}

#[test]
fn word_count_loses_duplicates_and_reorders_nothing() -> Result<()> {
    undisturbed(Function::WordCount)
}

#[test]
fn the_router_loses_duplicates_and_reorders_nothing() -> Result<()> {
    undisturbed(Function::Router)
}

#[test]
fn a_killed_runner_loses_nothing() -> Result<()> {
    let topics = cluster()?.namespace("kills")?;
    for batch in [1, 1_000] {
        let drill = Drill::prepare(&topics, Function::Exclamation, 3 * MESSAGES, batch)?;
        drill.kills(3, LIMIT)?.report.nothing_lost()?;
    }
    Ok(())
}

#[test]
fn a_stopped_runner_loses_and_duplicates_nothing() -> Result<()> {
    let topics = cluster()?.namespace("stops")?;
    for batch in [1, 1_000] {
        let drill = Drill::prepare(&topics, Function::Exclamation, 3 * MESSAGES, batch)?;
        let faults = drill.stops(3, LIMIT)?;
        faults.report.nothing_lost()?;
        assert_eq!(faults.report.duplicated, 0, "{faults:?}");
        assert!(faults.slowest < Duration::from_secs(10), "{faults:?}");
    }
    Ok(())
}

/// The stock client acknowledges the whole entry with its first message; the runner must not.
#[test]
fn an_entry_of_490_is_acknowledged_only_when_all_are_settled() -> Result<()> {
    let stage = Stage::set("entry")?;
    // 489 that pass at once, and one that holds the entry open.
    let mut texts: Vec<String> = (0..489).map(|id| format!("echo {id}")).collect();
    texts.insert(100, "fail for ever".to_owned());
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    stage.topics.send_together(&stage.input, &texts)?;

    let running = stage.probe()?.start()?;
    let passed = stage.outputs(&running, 489)?;
    assert_eq!(passed.first().map(String::as_str), Some("0"));
    assert_eq!(passed.last().map(String::as_str), Some("488"));
    running.kill()?;

    let owed = stage.topics.unsettled(&stage.input, SUBSCRIPTION, "Shared")?;
    assert_eq!(owed.len(), 490, "the broker gave the entry up while one message was unsettled");
    assert!(owed.iter().all(|message| message.id.batch_size == 490));
    Ok(())
}

#[test]
fn atmost_once_acknowledges_before_it_runs_the_function() -> Result<()> {
    let stage = Stage::set("atmost")?;
    stage.send(&["fail once and never again", "echo after"])?;
    let running = stage.probe()?.flag("--processing-guarantees", "ATMOST_ONCE").start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["after"]);
    eventually_true(SOON, "an empty backlog", || Ok(stage.backlog()? == 0))?;
    stop(running)?;
    let again = stage.topics.unsettled(&stage.input, SUBSCRIPTION, "Shared")?;
    assert_eq!(again, [], "a failed message came back");
    Ok(())
}

#[test]
fn atmost_once_duplicates_nothing_when_killed() -> Result<()> {
    let topics = cluster()?.namespace("atmost-kill")?;
    let (input, output) = (topics.create("in")?, topics.create("out")?);
    topics.subscribe(&input, "once")?;
    let load = Load::new(MESSAGES, 10);
    topics.load(&input, &load)?;
    let start = || {
        function_mesh_tests::runner::Runner::on(
            &topics.cluster,
            &guests::component("exclamation")?,
            &input,
        )?
        .flag("--output", &output)
        .flag("--subs-name", "once")
        .flag("--processing-guarantees", "ATMOST_ONCE")
        .start()
    };
    for _ in 0..2 {
        let running = start()?;
        thread::sleep(Duration::from_millis(300));
        running.kill()?;
    }
    let running = start()?;
    eventually_true(LIMIT, "an empty backlog", || Ok(topics.backlog(&input, "once")? == 0))?;
    stop(running)?;
    let verify =
        Verify { limit: Duration::from_secs(5), ..Verify::with_suffix(&output, &load, "!") };
    let report = topics.verify(&verify)?;
    assert_eq!((report.duplicated, report.corrupt, report.invented), (0, 0, 0), "{report:?}");
    assert!(report.received > 0, "{report:?}");
    Ok(())
}

#[test]
fn under_manual_only_what_the_function_acknowledges_is_settled() -> Result<()> {
    let stage = Stage::set("manual")?;
    stage.send(&["acknowledge one", "echo two", "acknowledge three"])?;
    let running = stage.probe()?.flag("--processing-guarantees", "MANUAL").start()?;
    assert_eq!(stage.outputs(&running, 3)?, ["one", "two", "three"]);
    eventually_true(SOON, "one unsettled message", || Ok(stage.backlog()? == 1))?;
    running.kill()?;
    let owed = stage.topics.unsettled(&stage.input, SUBSCRIPTION, "Shared")?;
    let owed: Vec<_> = owed.into_iter().map(|message| message.payload).collect();
    assert_eq!(owed, ["echo two"]);
    Ok(())
}

/// What has no output is settled all the same.
#[test]
fn a_message_without_output_is_acknowledged() -> Result<()> {
    let stage = Stage::set("dropped")?;
    stage.send(&["drop this", "drop that", "echo done"])?;
    let running = stage.probe()?.start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["done"]);
    eventually(SOON, "an empty backlog", || Ok((stage.backlog()? == 0).then_some(())))?;
    stop(running)
}

#[test]
fn an_unreachable_output_keeps_the_input() -> Result<()> {
    let stage = Stage::set("blocked")?;
    // A topic that exists with partitions cannot be had under a partition number it has not.
    stage.topics.create_partitioned("narrow", 1)?;
    stage.send(&["echo kept"])?;
    let mut running =
        stage.probe()?.flag("--output", stage.topics.topic("narrow-partition-7")).start()?;
    let refused = running.logged(SOON, &["narrow-partition-7"]);
    let lives = running.is_running()?;
    assert!(refused.is_ok() || !lives, "an output that cannot be had went unmentioned");
    running.kill()?;
    assert_eq!(stage.backlog()?, 1);
    Ok(())
}
