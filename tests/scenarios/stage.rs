//! What the scenarios share: one Java client, one broker, and the probe function on it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use function_mesh_tests::{
    cluster::{Cluster, Namespace},
    guests,
    peer::Peer,
    runner::{Runner, Running},
};
use pulsar_standalone::standalone::{Ports, Standalone};

/// For what happens at once, on two slow cores.
pub(crate) const SOON: Duration = Duration::from_secs(30);

type Shared<T> = OnceLock<Result<T, String>>;

/// Pulsar's Java client, started with the first scenario.
pub(crate) fn peer() -> Result<Arc<Peer>> {
    static PEER: Shared<Arc<Peer>> = OnceLock::new();
    let peer =
        PEER.get_or_init(|| Peer::start().map(Arc::new).map_err(|error| format!("{error:#}")));
    peer.clone().map_err(|error| anyhow!(error))
}

/// The broker that no scenario may disturb. It ends with this process. `FUNCTION_MESH_PULSAR`,
/// as `BROKER_PORT,WEB_PORT`, names a running one to use instead.
pub(crate) fn cluster() -> Result<Cluster> {
    static BROKER: Shared<(Option<Standalone>, Cluster)> = OnceLock::new();
    let broker = BROKER.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    match broker {
        Ok((_, cluster)) => Ok(cluster.clone()),
        Err(error) => Err(anyhow!(error.clone())),
    }
}

fn start() -> Result<(Option<Standalone>, Cluster)> {
    if let Some(ports) = std::env::var_os("FUNCTION_MESH_PULSAR") {
        let ports = ports.to_string_lossy().into_owned();
        let (broker, web) =
            ports.split_once(',').context("FUNCTION_MESH_PULSAR is no pair of ports")?;
        let ports = Ports { broker: broker.parse()?, web: web.parse()?, bookie: 0 };
        return Ok((None, Cluster::new(ports, peer()?)));
    }
    // Kept: a value in a static is never dropped. The broker's keeper removes what is in it.
    let dir = tempfile::tempdir()?.keep();
    let (broker, cluster) = Cluster::start(&dir, peer()?)?;
    Ok((Some(broker), cluster))
}

/// Taken by a scenario that starts a broker of its own: two beside the shared one would be more
/// than a small machine has room for.
pub(crate) fn own_broker_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A scenario's own topics, with the probe function (`tests/fixtures/probe`) to run on them.
pub(crate) struct Stage {
    pub(crate) topics: Namespace,
    pub(crate) input: String,
    pub(crate) output: String,
}

pub(crate) const SUBSCRIPTION: &str = "public/default/probe";

impl Stage {
    pub(crate) fn set(name: &str) -> Result<Self> {
        let topics = cluster()?.namespace(name)?;
        let (input, output) = (topics.create("in")?, topics.create("out")?);
        topics.subscribe(&input, SUBSCRIPTION)?;
        Ok(Self { topics, input, output })
    }

    /// The probe from `in` to `out`.
    pub(crate) fn probe(&self) -> Result<Runner> {
        Ok(self.component(guests::component("probe")?)?.flag("--name", "probe"))
    }

    pub(crate) fn component(&self, component: PathBuf) -> Result<Runner> {
        // What is left after a run is looked at.
        Ok(Runner::on(&self.topics.cluster, &component, &self.input)?
            .flag("--output", &self.output))
    }

    pub(crate) fn send(&self, texts: &[&str]) -> Result<()> {
        self.topics.send(&self.input, texts)
    }

    /// The texts that came out, of `count` messages.
    pub(crate) fn outputs(&self, running: &Running, count: usize) -> Result<Vec<String>> {
        self.topics.texts(&self.output, count).with_context(|| running.log())
    }

    /// Entries that the probe has not settled.
    pub(crate) fn backlog(&self) -> Result<u64> {
        self.topics.backlog(&self.input, SUBSCRIPTION)
    }
}

/// Asks a runner to end, which it must do at once and in good order.
pub(crate) fn stop(mut running: Running) -> Result<()> {
    let ended = running.stop(Duration::from_secs(10))?;
    anyhow::ensure!(ended.code == Some(0), "{ended:?}\n{}", running.log());
    Ok(())
}
