//! Runs an app to its end: logs, the async runtime, signals, and the exit code.

use std::{ffi::OsString, io::IsTerminal, ops::Range, time::Duration};

use function_mesh_proto::instance::SecretsConfig;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, LinesIo, Surroundings, Transport},
    cli::{Exit, Failure, Prepared},
    config::RunnerConfig,
    drain::{self, Ended, Signals},
    fault::Fault,
    metrics::MetricNames,
    pipeline::Summary,
    secrets,
    telemetry,
};

/// More threads than this do not help one pipeline: it is a chain of a few tasks.
const MAX_WORKERS: usize = 4;

/// How long what cannot be cancelled may hold up the end of the process.
const LAST_TASKS: Duration = Duration::from_millis(200);

/// Reads the environment.
pub type Environment = fn(&str) -> Option<OsString>;

/// A function on a laptop: all its instances, on a broker or on lines.
///
/// # Errors
/// What could not be done, with an exit code.
pub fn localrun(prepared: Prepared, environment: Environment) -> Result<Exit, Failure> {
    let Prepared { config, lines, secrets: _kept } = prepared;
    let unread = CancellationToken::new();
    let transport = match lines {
        None => Transport::Pulsar { unsubscribe: true },
        Some((input_format, output_format)) => Transport::Lines(LinesIo {
            input: Box::new(tokio::io::stdin()),
            input_format,
            output: Box::new(tokio::io::stdout()),
            output_format,
            unread: unread.clone(),
        }),
    };
    let first = config.instance.instance_id.unwrap_or_default();
    let instances = first..first + config.plan.parallelism;
    launch(config, transport, instances, environment, unread)
}

/// One instance in a pod.
///
/// # Errors
/// What could not be done, with an exit code.
pub fn pod(config: RunnerConfig, environment: Environment) -> Result<Exit, Failure> {
    let id = config.instance.instance_id.unwrap_or_default();
    let transport = Transport::Pulsar { unsubscribe: false };
    launch(config, transport, id..id + 1, environment, CancellationToken::new())
}

fn launch(
    config: RunnerConfig,
    transport: Transport,
    instances: Range<u32>,
    environment: Environment,
    stop: CancellationToken,
) -> Result<Exit, Failure> {
    let colour = std::io::stderr().is_terminal() && environment("NO_COLOR").is_none();
    let flush = telemetry::init(&config.instance.logging, colour)
        .map_err(|fault| Failure::new(Exit::BadConfiguration, "logging").why(fault))?;
    let secrets = secrets::provider(&config.instance.secrets, &config.plan.secrets, environment);
    let surroundings =
        Surroundings { transport, instances, secrets, metric_names: MetricNames::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .thread_name("runner")
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "no async runtime").why(error))?;
    let ended = runtime.block_on(async {
        let signals = Signals::listen().map_err(Fault::system)?;
        let grace = Duration::from_secs(config.instance.drain_seconds);
        let work = work(config, surroundings, stop.clone());
        Ok(drain::until_drained(work, stop, signals, grace).await)
    });
    // Standard input is read by a thread that nothing can interrupt.
    runtime.shutdown_timeout(LAST_TASKS);
    drop(flush);
    match ended {
        Ok(Ended::Drained(Ok(_summary))) => Ok(Exit::Done),
        Ok(Ended::Drained(Err(fault))) | Err(fault) => {
            Err(Failure::new(Exit::Failed, "the function does not run").why(fault))
        }
        Ok(Ended::SignalledAgain | Ended::OutOfTime) => Ok(Exit::Interrupted),
    }
}

async fn work(
    config: RunnerConfig,
    surroundings: Surroundings,
    stop: CancellationToken,
) -> Result<Summary, Fault> {
    let app = stop.run_until_cancelled(App::build(config, surroundings)).await;
    match app {
        Some(app) => app?.run(stop).await,
        None => Ok(Summary::default()),
    }
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).clamp(1, MAX_WORKERS)
}
