//! The controller is killed after any write, loses any event, and sees what is old.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::{
    ground::{Ground, PATIENCE},
    state,
};
use crate::{api_proxy::ApiProxy, eventually::eventually_true, platform::Platform};

/// Killed after each write of a function's creation, and started again.
pub fn killed_after_every_write(platform: &Platform) -> Result<String> {
    let undisturbed = Ground::new(platform, "killed-never")?;
    let counting = ApiProxy::start(&platform.kubernetes)?;
    let running = undisturbed.controller(Some(&counting), &[])?;
    undisturbed.apply(&undisturbed.function("f"))?;
    undisturbed.settled("f")?;
    let (expected, writes) = (state::of_namespace(&undisturbed)?, counting.writes());
    drop(running);
    ensure!(expected.len() == 4 && writes >= 4, "{writes} writes, {expected:?}");
    let mut slowest = Duration::ZERO;
    for k in 1..=writes {
        let ground = Ground::new(platform, &format!("killed-{k}"))?;
        let proxy = ApiProxy::start(&platform.kubernetes)?;
        proxy.hold_after_writes(k);
        let victim = ground.controller(Some(&proxy), &[])?;
        ground.apply(&ground.function("f"))?;
        // Writes that go together may be fewer in another run; then it ends undisturbed.
        let held = eventually_true(PATIENCE, "the write", || {
            Ok(proxy.holds() || ground.is_settled("f").unwrap_or(false))
        });
        held.with_context(|| victim.log())?;
        victim.kill()?;
        proxy.release();
        let started = Instant::now();
        let _successor = ground.controller(None, &[])?;
        ground.settled("f")?;
        slowest = slowest.max(started.elapsed());
        if let Some(difference) = state::difference(&expected, &state::of_namespace(&ground)?) {
            return Err(anyhow!("killed after write {k}: {difference}"));
        }
    }
    Ok(format!("killed {writes} times, 0 differences, at most {slowest:.1?} to the same state"))
}

/// One of the first `events` watch events is lost, a different one each time.
pub fn lost_events(platform: &Platform, events: u64, resync: Duration) -> Result<String> {
    let undisturbed = Ground::new(platform, "lost-none")?;
    let period = format!("{}s", resync.as_secs());
    let flags = [("--resync-period", period.as_str())];
    let running = undisturbed.controller(None, &flags)?;
    undisturbed.apply(&undisturbed.function("f"))?;
    undisturbed.settled("f")?;
    let expected = state::of_namespace(&undisturbed)?;
    drop(running);
    let one = |k: u64| -> Result<Option<Duration>> {
        let ground = Ground::new(platform, &format!("lost-{k}"))?;
        let proxy = ApiProxy::start(&platform.kubernetes)?;
        let running = ground.controller(Some(&proxy), &flags)?;
        // From its first write on, what it hears of is this function.
        ground.apply(&ground.function("first"))?;
        ground.settled("first")?;
        proxy.lose_event_after(k);
        let started = Instant::now();
        ground.apply(&ground.function("f"))?;
        ground.settled("f").with_context(|| format!("event {k} lost\n{}", running.log()))?;
        let took = started.elapsed();
        let mut state = state::of_namespace(&ground)?;
        state.retain(|name, _| !name.contains("/first"));
        if let Some(difference) = state::difference(&expected, &state) {
            return Err(anyhow!("event {k} lost: {difference}"));
        }
        Ok((proxy.events_to_lose() == 0).then_some(took))
    };
    // Each waits for its resync, most of the time.
    let taken = thread::scope(|scope| {
        let threads: Vec<_> = (0..events).map(|k| scope.spawn(move || one(k))).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?);
        joined.collect::<Result<Vec<_>>>()
    })?;
    let lost: Vec<Duration> = taken.into_iter().flatten().collect();
    ensure!(!lost.is_empty(), "no event was lost");
    let slowest = lost.iter().max().copied().unwrap_or_default();
    ensure!(slowest < resync + PATIENCE, "{slowest:?}");
    Ok(format!(
        "{} events lost, one each time: the same state after at most {slowest:.1?}",
        lost.len()
    ))
}

/// Events come late: what the controller sees is old.
pub fn stale_reads(platform: &Platform) -> Result<String> {
    let ground = Ground::new(platform, "stale")?;
    let proxy = ApiProxy::start(&platform.kubernetes)?;
    let _controller = ground.controller(Some(&proxy), &[])?;
    ground.apply(&ground.function("f"))?;
    ground.settled("f")?;
    let uid = || {
        Ok::<_, anyhow::Error>(
            ground.get("StatefulSet", "f-function")?.pointer("/metadata/uid").cloned(),
        )
    };
    let before = uid()?;
    proxy.freeze_watches(true);
    platform.kubernetes.delete("Service", &ground.namespace, "f-function-headless")?;
    ground.patch("Function", "f", &json!({ "metadata": { "labels": { "a": "b" } } }))?;
    ground.apply(&ground.function("late"))?;
    proxy.freeze_watches(false);
    let started = Instant::now();
    eventually_true(PATIENCE, "the service", || {
        Ok(ground.find("Service", "f-function-headless")?.is_some())
    })?;
    ground.settled("late")?;
    let took = started.elapsed();
    ensure!(uid()? == before && before != Some(Value::Null), "the StatefulSet is another");
    let deletions = proxy.journal().count("DELETE");
    ensure!(deletions == 0, "{deletions} deletions");
    Ok(format!(
        "0 deletions, the StatefulSet is the same; caught up {took:.1?} after the events came"
    ))
}
