//! The life of the process: ports, election, work, stop.
//!
//! A process that loses its lease, or one of whose tasks dies, ends with an error: its successor
//! begins with a clean state.

use std::{convert::Infallible, future::pending, path::PathBuf};

use anyhow::{Context, anyhow};
use kube::{Client, Config};
use tokio::{
    net::TcpListener,
    task::{JoinError, JoinSet},
    time::{Duration, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{error, info, warn};

use crate::{
    admin::{self, Access, Address, Certificate, Readiness, Site, readiness::State},
    connection::{self, Fence, Pulse, fence},
    leader::{Candidate, Lost},
    metrics::Metrics,
    reconcile::unready::Runners,
    run::{self, Monitor, Settings},
};

/// What the operator is to do.
#[derive(Clone, Debug)]
pub struct Options {
    pub settings: Settings,
    /// `None` if this process is the only one.
    pub election: Option<Election>,
    pub probes: Option<Address>,
    pub metrics: Option<MetricsPort>,
}

/// The Lease that is competed for.
#[derive(Clone, Debug)]
pub struct Election {
    pub lease: String,
    /// `None` for the operator's own.
    pub namespace: Option<String>,
}

/// Where the figures are read.
#[derive(Clone, Debug)]
pub struct MetricsPort {
    pub address: Address,
    /// HTTPS, for those whom the API server lets.
    pub secure: bool,
    pub certificate: Option<PathBuf>,
}

/// Passes under way at a stop may take this long; a standby waits meanwhile.
const STOP_TIME: Duration = Duration::from_secs(1);

/// Runs until a signal.
///
/// # Errors
/// It cannot start; the lease is lost; a task died.
pub async fn operate(options: Options) -> anyhow::Result<()> {
    let Options { mut settings, election, probes, metrics: port } = options;
    let config = Config::infer().await.context("no cluster to work in")?;
    if config.accept_invalid_certs {
        warn!("the configuration says not to verify the API server's certificate");
    }
    let identity = identity()?;
    settings.instance = Some(identity.clone());
    let metrics = Metrics::new()?;
    let pulse = Pulse::default();
    // Not behind the fence: the lease itself, and questions of who may read the figures.
    let plain = connection::client(&config, &Fence::open(), &metrics, &pulse)?;
    let readiness = Readiness::new(pulse.clone());

    let closing = CancellationToken::new();
    let mut ports = JoinSet::new();
    if let Some(address) = probes {
        let listener = listen("--health-probe-addr", address).await?;
        ports.spawn(admin::serve(listener, Site::Probes(readiness.clone()), closing.clone()));
    }
    if let Some(port) = port {
        let listener = listen("--metrics-addr", port.address).await?;
        let site = figures(port, &metrics, &plain, &identity)?;
        ports.spawn(admin::serve(listener, site, closing.clone()));
    }
    let (asking, asked) = (plain.clone(), pulse.clone());
    let _asking = AbortOnDropHandle::new(tokio::spawn(async move { asked.keep(&asking).await }));

    let fence = if election.is_some() { Fence::shut(fence::since_boot) } else { Fence::open() };
    let work = Work {
        client: connection::client(&config, &fence, &metrics, &pulse)?,
        settings,
        monitor: Monitor { metrics, readiness },
        runners: Runners::new().context("cannot make an HTTP client")?,
        stop: CancellationToken::new(),
    };
    let candidate = election.map(|Election { lease, namespace }| {
        let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
        Candidate::new(plain, &namespace, &lease, &identity, fence)
    });
    let stop = work.stop.clone();
    let ended = tokio::select! {
        ended = work.lead(candidate) => ended,
        Some(port) = ports.join_next() => Err(died("a port", port.map(Ok))),
        never = stop_on_signal(stop) => match never {},
    };
    closing.cancel();
    // Each waits for answers under way, but not long.
    while let Some(port) = ports.join_next().await {
        if let Err(died) = port {
            warn!(error = %died, "a port ended badly");
        }
    }
    ended
}

async fn listen(flag: &str, address: Address) -> anyhow::Result<TcpListener> {
    let listener = admin::listen(address).await;
    let listener = listener.with_context(|| {
        format!("cannot listen on {address}; name another port with {flag}, or 0 for none")
    })?;
    info!("{flag}: listening on {}", listener.local_addr()?);
    Ok(listener)
}

fn figures(
    port: MetricsPort,
    metrics: &Metrics,
    client: &Client,
    host: &str,
) -> anyhow::Result<Site> {
    let metrics = metrics.clone();
    if !port.secure {
        return Ok(Site::Metrics { metrics, access: None, certificate: None });
    }
    let certificate = match port.certificate {
        Some(directory) => Certificate::from_directory(directory).context("--metrics-cert-dir")?,
        None => Certificate::self_signed(host)?,
    };
    let access = Access::new(client.clone());
    Ok(Site::Metrics { metrics, access: Some(access), certificate: Some(Box::new(certificate)) })
}

/// What is done while leading.
struct Work {
    client: Client,
    settings: Settings,
    monitor: Monitor,
    runners: Runners,
    stop: CancellationToken,
}

impl Work {
    /// Waits for the lease, works, and gives it up.
    async fn lead(self, candidate: Option<Candidate>) -> anyhow::Result<()> {
        let Self { client, settings, monitor: Monitor { metrics, readiness }, runners, stop } =
            self;
        let mut candidate = candidate;
        if let Some(candidate) = &mut candidate {
            readiness.set(State::StandingBy);
            if !candidate.acquire(&stop).await {
                return Ok(());
            }
        }
        metrics.leads(true);
        readiness.set(State::Working);
        info!("watching {}", settings.namespace.as_deref().unwrap_or("all namespaces"));
        let monitor = Monitor { metrics, readiness: readiness.clone() };
        let running = tokio::spawn(run::run(client, settings, monitor, runners, stop.clone()));
        let mut running = AbortOnDropHandle::new(running);
        let ended = tokio::select! {
            ended = &mut running => work_ended(ended, stop.is_cancelled()),
            lost = keep(candidate.as_mut()) => return Err(lost.into()),
            () = stop.cancelled() => {
                readiness.set(State::Stopping);
                match timeout(STOP_TIME, &mut running).await {
                    Ok(ended) => work_ended(ended, true),
                    // What is under way then is held back, and done by who leads next.
                    Err(_elapsed) => Ok(()),
                }
            }
        };
        if let Some(candidate) = candidate {
            candidate.release().await;
        }
        ended
    }
}

async fn keep(candidate: Option<&mut Candidate>) -> Lost {
    match candidate {
        Some(candidate) => candidate.keep().await,
        None => pending().await,
    }
}

/// What it means that the work is over. It may be seen to end before the stop that ended it.
fn work_ended(ended: Result<(), JoinError>, told_to: bool) -> anyhow::Result<()> {
    match ended {
        Ok(()) if told_to => Ok(()),
        ended => Err(died("the work", ended.map(Ok))),
    }
}

/// Why something that lasts has ended.
fn died(what: &str, ended: Result<anyhow::Result<()>, JoinError>) -> anyhow::Error {
    match ended {
        Ok(Ok(())) => anyhow!("{what} ended by itself"),
        Ok(Err(why)) => why.context(format!("{what} ended")),
        Err(why) => anyhow!("{what} died of a mistake in this program: {why}"),
    }
}

/// Host and process, as Events and the lease show it. Unique, so that a restarted process is not
/// taken for its predecessor.
fn identity() -> anyhow::Result<String> {
    let read = |path: &str| {
        std::fs::read_to_string(path).with_context(|| format!("cannot tell who this is: {path}"))
    };
    let host = read("/proc/sys/kernel/hostname")?;
    let unique = read("/proc/sys/kernel/random/uuid")?;
    Ok(format!("{}_{}", host.trim(), unique.trim()))
}

/// Kubernetes sends SIGTERM, a terminal SIGINT.
async fn stop_on_signal(stop: CancellationToken) -> Infallible {
    use tokio::signal::unix::{SignalKind, signal};
    if let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("stopping");
    } else {
        error!("cannot listen for signals; stopping");
    }
    stop.cancel();
    pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_was_told_to_end_has_not_failed() {
        let ended = || async { tokio::spawn(async {}).await };
        assert!(work_ended(ended().await, true).is_ok());
        let by_itself = work_ended(ended().await, false).unwrap_err();
        assert_eq!(by_itself.to_string(), "the work ended by itself");
    }

    #[tokio::test]
    async fn work_that_fails_has_failed_whatever_it_was_told() {
        for told_to in [true, false] {
            let died = tokio::spawn(async { panic!("in a test") }).await;
            let error = work_ended(died, told_to).unwrap_err();
            assert!(error.to_string().contains("a mistake in this program"), "{error:#}");
        }
    }
}
