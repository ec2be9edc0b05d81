//! Objects are deleted while Pulsar is down.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::json;

use super::ground::{Ground, PATIENCE};
use crate::{eventually::eventually, platform::Platform};

/// An object is gone this soon, whatever became of Pulsar.
const BOUND: Duration = Duration::from_secs(30);

pub fn while_pulsar_is_down(platform: &Platform) -> Result<String> {
    let ground = Ground::new(platform, "down")?;
    let kubernetes = &platform.kubernetes;
    let _controller = ground.controller(None, &[])?;
    // One address refuses, the other takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let refusing = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let fields = |name: &str| json!({ "replicas": 0, "cleanupSubscription": true, "pulsar": { "pulsarConfig": name } });
    for (name, address) in [("refused", refusing), ("silent", silent.local_addr()?)] {
        let web = format!("http://{address}");
        kubernetes.pulsar_config(&ground.namespace, name, "pulsar://broker:6650", &web)?;
        ground.apply(&ground.function_of(name, &fields(name)))?;
    }
    let mut taken = Vec::new();
    for name in ["refused", "silent"] {
        ground.settled(name)?;
        let started = Instant::now();
        kubernetes.delete("Function", &ground.namespace, name)?;
        kubernetes.gone("Function", &ground.namespace, name, BOUND)?;
        taken.push(started.elapsed());
        let warning = eventually(PATIENCE, format!("a warning about {name}"), || {
            let events = kubernetes.events(&ground.namespace, name)?;
            Ok(events.into_iter().find(|e| e.starts_with("Warning SubscriptionNotRemoved")))
        })?;
        ensure!(warning.contains(&format!("public/default/{name} of ")), "{warning}");
    }
    let [refused, silent] = taken.as_slice() else { return Ok(String::new()) };
    Ok(format!(
        "gone after {refused:.1?} where Pulsar refuses and {silent:.1?} where it is silent; the \
         subscription that stays is named in an Event"
    ))
}
