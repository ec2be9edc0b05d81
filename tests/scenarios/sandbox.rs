//! A function that misbehaves harms its own message, and nothing else.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};
use function_mesh_tests::{cluster::Received, eventually::eventually_true};

use crate::stage::{SOON, SUBSCRIPTION, Stage, stop};

/// Sends a bad message between two good ones in one entry, and one after them on its own; gives
/// the dead letter and the log.
fn poison(name: &str, bad: &str) -> Result<(Received, String)> {
    let stage = Stage::set(name)?;
    let letters = stage.topics.create("letters")?;
    stage.topics.send_together(&stage.input, &["echo before", bad, "echo after"])?;
    stage.send(&["echo later"])?;
    let mut running = stage
        .probe()?
        .flag("--max-message-retries", "1")
        .flag("--timeout-ms", "500")
        .flag("--message-timeout-ms", "300")
        .flag("--dead-letter-topic", &letters)
        .start()?;

    let mut passed = stage.outputs(&running, 3)?;
    passed.sort();
    assert_eq!(passed, ["after", "before", "later"]);
    let letter = stage.topics.read(&letters, 1).with_context(|| running.log())?.remove(0);
    assert_eq!(letter.payload, bad);
    eventually_true(SOON, "a settled input", || Ok(stage.backlog()? == 0))?;
    assert!(running.is_running()?, "{}", running.log());

    let origin = letter.properties.get("REAL_TOPIC");
    assert_eq!(origin, Some(&stage.input), "{letter:?}");
    let id = letter.properties.get("ORIGIN_MESSAGE_ID").cloned().unwrap_or_default();
    assert!(running.log().lines().any(|line| line.contains(&id)), "the log does not name {id}");
    let log = running.log();
    stop(running)?;
    Ok((letter, log))
}

#[test]
fn a_poison_message_goes_to_the_dead_letter_topic() -> Result<()> {
    let (letter, log) = poison("poison", "fail with a reason")?;
    assert!(letter.properties.values().any(|value| value.contains("with a reason")), "{letter:?}");
    assert!(log.contains("with a reason"), "{log}");
    Ok(())
}

#[test]
fn a_panic_fails_only_its_own_message() -> Result<()> {
    poison("panic", "panic at the wrong time").map(drop)
}

#[test]
fn an_infinite_loop_is_ended() -> Result<()> {
    poison("loop", "loop").map(drop)
}

#[test]
fn a_memory_bomb_is_defused() -> Result<()> {
    poison("bomb", "bomb").map(drop)
}

#[test]
fn a_stack_overflow_is_contained() -> Result<()> {
    poison("overflow", "overflow").map(drop)
}

#[test]
fn a_memory_bomb_does_not_grow_the_runner_beyond_the_guests_limit() -> Result<()> {
    let stage = Stage::set("limit")?;
    stage.send(&["bomb", "echo after"])?;
    let running = stage
        .probe()?
        .flag("--memory-limit", "64MiB")
        .flag("--max-message-retries", "0")
        .start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["after"]);
    let peak = running.usage()?.peak_rss;
    assert!(peak < (64 + 64) << 10, "the runner grew to {peak} KiB");
    stop(running)
}

#[test]
fn a_message_is_retried_as_often_as_allowed() -> Result<()> {
    let stage = Stage::set("retries")?;
    stage.send(&["flaky 2 third time lucky"])?;
    let running =
        stage.probe()?.flag("--max-message-retries", "2").flag("--timeout-ms", "200").start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["third time lucky"]);
    stop(running)
}

#[test]
fn a_dead_letter_without_a_named_topic_has_a_legal_one() -> Result<()> {
    let stage = Stage::set("default-letters")?;
    stage.send(&["fail at once", "echo alive"])?;
    let running = stage.probe()?.flag("--max-message-retries", "0").start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["alive"]);
    let letters = format!("{}-{}-DLQ", stage.input, SUBSCRIPTION.replace('/', "-"));
    let letter = stage.topics.texts(&letters, 1).with_context(|| running.log())?;
    assert_eq!(letter, ["fail at once"]);
    stop(running)
}

/// What cannot run at all is said at once, and the input stays where it is.
fn unusable(name: &str, content: &[u8], reason: &str) -> Result<()> {
    let stage = Stage::set(name)?;
    stage.send(&["echo kept"])?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("unusable.wasm");
    fs::write(&file, content)?;
    let mut running = stage.component(file)?.flag("--name", "probe").start()?;
    let ended = running.wait(Duration::from_secs(20))?;
    let log = running.log();
    assert!(ended.code.is_some_and(|code| code != 0 && code != 70), "{ended:?}\n{log}");
    assert!(log.contains("unusable.wasm") && log.contains(reason), "{log}");
    assert_eq!(stage.backlog()?, 1);
    Ok(())
}

#[test]
fn a_garbage_file_is_refused_by_name() -> Result<()> {
    unusable("garbage", b"this is no component", "component")
}

#[test]
fn a_component_without_the_export_is_refused_by_name() -> Result<()> {
    // The smallest component there is: a magic number, a version, and nothing.
    unusable("no-export", b"\0asm\x0d\0\x01\0", "export")
}

#[test]
fn a_missing_file_is_refused_by_name() -> Result<()> {
    let stage = Stage::set("missing")?;
    let mut running = stage.component("/nowhere/at-all.wasm".into())?.start()?;
    let ended = running.wait(Duration::from_secs(20))?;
    assert!(ended.code.is_some_and(|code| code != 0 && code != 70), "{ended:?}");
    assert!(running.log().contains("/nowhere/at-all.wasm"), "{}", running.log());
    Ok(())
}
