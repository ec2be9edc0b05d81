//! The `function-runner` program: from arguments to an exit code.

use std::{
    io::{self, IsTerminal, Write},
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    thread::available_parallelism,
    time::Duration,
};

use function_mesh_runner::{
    app::{App, LinesIo, Surroundings, Transport},
    cli::{self, Answer, Cli, Command, Exit, Failure, Prepared},
    config::RunnerConfig,
    drain::{Ended, Signals, until_drained},
    metrics::MetricNames,
    pipeline::Summary,
    secrets, telemetry,
};
use tokio::runtime;
use tokio_util::sync::CancellationToken;
use tracing::info;

fn main() -> ExitCode {
    let cli = match Cli::parse_from_args(std::env::args_os()) {
        Ok(cli) => cli,
        Err(help_or_mistake) => {
            // A closed terminal cannot be told.
            _ = help_or_mistake.print();
            let usage = help_or_mistake.use_stderr();
            return if usage { Exit::Usage } else { Exit::Done }.into();
        }
    };
    match catch_unwind(AssertUnwindSafe(|| obey(cli.command))) {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => {
            _ = write!(io::stderr(), "{failure}");
            failure.exit.into()
        }
        // The panic has printed itself.
        Err(_panic) => Exit::Internal.into(),
    }
}

fn obey(command: Command) -> Result<Exit, Failure> {
    match command.answer()? {
        Answer::Text(text) => cli::print(&text),
        Answer::Pod(config) => {
            let id = config.instance.instance_id.unwrap_or(0);
            run(*config, id..id + 1, |_stop| Transport::Pulsar { unsubscribe: false })
        }
        Answer::Localrun(prepared) => {
            let Prepared { config, instances, unsubscribe, lines, secrets: _kept } = *prepared;
            run(config, instances, |stop| match lines {
                None => Transport::Pulsar { unsubscribe },
                Some((input_format, output_format)) => {
                    if io::stdin().is_terminal() {
                        info!("reading lines from the terminal, until Ctrl-D");
                    }
                    Transport::Lines(LinesIo {
                        input: Box::new(tokio::io::stdin()),
                        input_format,
                        output: Box::new(tokio::io::stdout()),
                        output_format,
                        unread: stop.clone(),
                    })
                }
            })
        }
    }
}

fn run(
    config: RunnerConfig,
    instances: Range<u32>,
    transport: impl FnOnce(&CancellationToken) -> Transport,
) -> Result<Exit, Failure> {
    let colour = io::stderr().is_terminal() && cli::environment("NO_COLOR").is_none();
    let _flush = telemetry::init(&config.instance.logging, colour)
        .map_err(|fault| Failure::new(Exit::BadConfiguration, fault.to_string()))?;
    let runtime = runtime::Builder::new_multi_thread()
        // Guests have threads of their own; what is left is moving messages.
        .worker_threads(available_parallelism().map_or(1, |cores| cores.get().min(4)))
        .enable_all()
        .build()
        .map_err(|error| Failure::io("cannot start threads", &error))?;
    let grace = Duration::from_secs(config.instance.drain_seconds);
    let stop = CancellationToken::new();
    let ended = runtime.block_on(async {
        let signals =
            Signals::listen().map_err(|error| Failure::io("cannot wait for signals", &error))?;
        let surroundings = Surroundings {
            transport: transport(&stop),
            instances,
            secrets: secrets::provider(
                &config.instance.secrets,
                &config.plan.secrets,
                cli::environment,
            ),
            metric_names: MetricNames::default(),
        };
        let work = async {
            match stop.run_until_cancelled(App::build(config, surroundings)).await {
                None => Ok(Summary::default()),
                Some(app) => app?.run(stop.clone()).await,
            }
        };
        Ok(until_drained(work, stop.clone(), signals, grace).await)
    });
    // Standard input may have a thread waiting for it, which nothing can wake.
    runtime.shutdown_background();
    let failed = |exit, fault| Err(Failure::new(exit, format!("{fault}")));
    match ended? {
        Ended::ByItself(Ok(summary)) | Ended::Stopped(Ok(summary)) => {
            info!(received = summary.received, processed = summary.processed, "done");
            Ok(Exit::Done)
        }
        Ended::ByItself(Err(fault)) => failed(Exit::Failed, fault),
        Ended::Stopped(Err(fault)) => failed(Exit::Interrupted, fault),
        Ended::SignalledAgain | Ended::OutOfTime => Ok(Exit::Interrupted),
    }
}
