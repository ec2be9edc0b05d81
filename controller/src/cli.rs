//! Commands and flags. The flags are the Go operator's where it has them.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use kube::{Client, Config};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use tracing_subscriber::EnvFilter;

use crate::{
    config::OperatorFile,
    crd,
    metrics::Metrics,
    reconcile::dereference::BackendSelection,
    run::{self, Settings},
};

/// Runs Functions, Sources, Sinks and meshes of them on Kubernetes.
#[derive(Parser, Clone, Debug)]
#[command(version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Clone, Debug)]
enum Command {
    /// Runs the operator: in a cluster, or from outside with KUBECONFIG
    Run(Box<Run>),
    /// Prints the CRDs as YAML
    Crd,
}

#[derive(Args, Clone, Debug)]
struct Run {
    /// Namespace to watch (default: all)
    #[arg(long, value_name = "NAMESPACE", env = "WATCHED_NAMESPACE")]
    watched_namespace: Option<String>,
    /// YAML file: runnerImage, runnerImages, runnerImagePullSecrets, runnerImagePullPolicy,
    /// resourceLabels, resourceAnnotations
    #[arg(long, value_name = "FILE", env = "CONFIG_FILE")]
    config_file: Option<PathBuf>,
    /// Image of the runner; wins over the file's
    #[arg(long, value_name = "IMAGE", env = "RUNNER_IMAGE")]
    runner_image: Option<String>,
    /// Name of the BackendConfig that holds for all namespaces
    #[arg(long, value_name = "NAME", env = "GLOBAL_BACKEND_CONFIG", default_value = "")]
    global_backend_config: String,
    /// Namespace of that BackendConfig
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "GLOBAL_BACKEND_CONFIG_NAMESPACE",
        default_value = "default"
    )]
    global_backend_config_namespace: String,
    /// Name of the BackendConfig that holds for its own namespace
    #[arg(
        long,
        value_name = "NAME",
        env = "NAMESPACED_BACKEND_CONFIG",
        default_value = "backend-config"
    )]
    namespaced_backend_config: String,
    /// Prefer nodes without pods of the same function
    #[arg(
        long,
        env = "ADD_DEFAULT_AFFINITY",
        default_value_t = true,
        action = clap::ArgAction::Set,
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    add_default_affinity: bool,
    /// Hold back every change of pods until its object changes
    #[arg(
        long,
        env = "PAUSE_ROLLOUT",
        default_value_t = false,
        action = clap::ArgAction::Set,
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pause_rollout: bool,
    /// What is logged: a level, or directives per module
    #[arg(long, value_name = "DIRECTIVES", env = "LOG_LEVEL", default_value = "info")]
    log_level: String,
}

impl Cli {
    /// Runs the command, to the exit code of the program.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Run(run) => run.run(),
            Command::Crd => print(crd::schema::to_yaml()),
        }
    }
}

/// A document on standard output. A reader that went away wanted no more.
fn print<E: std::fmt::Display>(document: Result<String, E>) -> ExitCode {
    use std::io::Write;
    let written = document
        .map_err(|error| error.to_string())
        .and_then(|text| std::io::stdout().write_all(text.as_bytes()).map_err(|e| e.to_string()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Standard error may be gone as well.
            drop(writeln!(std::io::stderr(), "error: {why}"));
            ExitCode::FAILURE
        }
    }
}

impl Run {
    fn run(self) -> ExitCode {
        let filter = EnvFilter::new(&self.log_level);
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
        // The first provider stays; that one is there already is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let result = match runtime {
            Ok(runtime) => runtime.block_on(self.operate()),
            Err(error) => Err(anyhow::Error::new(error).context("cannot start the runtime")),
        };
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                error!("{error:#}");
                ExitCode::FAILURE
            }
        }
    }

    async fn operate(self) -> anyhow::Result<()> {
        let settings = self.settings()?;
        let config = Config::infer().await?;
        let client = Client::try_from(config)?;
        let stop = CancellationToken::new();
        let signal = tokio::spawn(stop_on_signal(stop.clone()));
        info!("watching {}", settings.namespace.as_deref().unwrap_or("all namespaces"));
        run::run(client, settings, Metrics::new()?, stop).await?;
        signal.abort();
        Ok(())
    }

    fn settings(&self) -> anyhow::Result<Settings> {
        let file = match &self.config_file {
            Some(path) => OperatorFile::load(path)?,
            None => OperatorFile::default(),
        };
        let mut defaults = file.pod_defaults();
        if let Some(image) = &self.runner_image {
            defaults.runner_image.clone_from(image);
        }
        defaults.default_affinity = self.add_default_affinity;
        let global = &self.global_backend_config;
        let namespace = &self.global_backend_config_namespace;
        Ok(Settings {
            namespace: self.watched_namespace.clone().filter(|namespace| !namespace.is_empty()),
            defaults,
            backend: BackendSelection {
                global: (!global.is_empty()).then(|| (global.clone(), namespace.clone())),
                namespaced: self.namespaced_backend_config.clone(),
            },
            pause_rollout: self.pause_rollout,
            instance: None,
            vertical: false,
        })
    }
}

/// Kubernetes sends SIGTERM, a terminal SIGINT.
async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        error!("cannot listen for signals; stopping");
        return stop.cancel();
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!("stopping");
    stop.cancel();
}
