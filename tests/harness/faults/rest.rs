//! Functions at rest, and a new controller that finds everything right.

use std::{thread, time::Duration};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::ground::{Ground, PATIENCE};
use crate::{api_proxy::ApiProxy, eventually::eventually_true, platform::Platform};

/// Nothing changes for a while.
pub fn at_rest(platform: &Platform, functions: usize, rest: Duration) -> Result<String> {
    let ground = Ground::new(platform, "rest")?;
    let controller = ground.controller(None, &[])?;
    ground.functions(functions)?;
    // The scenario and the controller are the same user; the scenario only waits from here on.
    let writes = || -> Result<usize> {
        let all = platform.writes()?;
        let own = |write: &&crate::audit::Request| {
            write.namespace == ground.namespace && write.user == "admin"
        };
        Ok(all.iter().filter(own).count())
    };
    let mut last = 0;
    eventually_true(PATIENCE, "the last write", || {
        let before = std::mem::replace(&mut last, writes()?);
        thread::sleep(Duration::from_secs(1));
        Ok(before == last)
    })?;
    ensure!(last > functions, "the audit log has {last} writes for {functions} functions");
    let before = controller.usage()?;
    thread::sleep(rest);
    let (after, more) = (controller.usage()?, writes()? - last);
    let cpu = (after.cpu - before.cpu).as_secs_f64() / rest.as_secs_f64() * 100.0;
    ensure!(more == 0, "{more} writes at rest");
    ensure!(cpu < 1.0, "{cpu:.2} % of a core at rest");
    Ok(format!("{more} writes, {cpu:.2} % of a core, {:.1} MiB", after.rss as f64 / 1024.0))
}

/// A newer operator, which brings another runner, takes over.
pub fn upgraded(platform: &Platform, functions: usize) -> Result<String> {
    let ground = Ground::new(platform, "upgraded")?;
    let mut old = ground.controller(None, &[])?;
    ground.functions(functions)?;
    old.stop(Duration::from_secs(10))?;
    let sets = || -> Result<Vec<(Value, Value)>> {
        let sets = platform.kubernetes.list("StatefulSet", &ground.namespace, "")?;
        let of = |set: &Value, field: &str| set.pointer(field).cloned().unwrap_or_default();
        let named = sets.iter().filter(|set| of(set, "/metadata/name") != "last-function");
        Ok(named.map(|set| (of(set, "/metadata/generation"), of(set, "/spec/template"))).collect())
    };
    let before = sets()?;
    ensure!(before.len() == functions, "{} StatefulSets", before.len());
    let proxy = ApiProxy::start(&platform.kubernetes)?;
    let next = [("--runner-image", "docker.io/function-mesh/function-runner:next")];
    let _new = ground.controller(Some(&proxy), &next)?;
    // Whoever has come to this one has looked at the others before.
    ground.apply(&ground.function("last"))?;
    ground.settled("last")?;
    let after = sets()?;
    let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    ensure!(changed == 0, "{changed} of {functions} StatefulSets were changed");
    let asked = proxy.journal().0.into_iter().filter(|asked| asked.method == "PATCH");
    let mut written: Vec<String> = asked.map(|asked| asked.path).collect();
    written.retain(|path| !path.contains("/last"));
    let others = written.len();
    ensure!(others == 0, "{others} writes of functions that nobody changed: {written:?}");
    Ok(format!("{functions} functions: {changed} pod templates changed, {others} writes"))
}
