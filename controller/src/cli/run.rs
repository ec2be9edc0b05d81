//! `run`: its flags, and what they amount to.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Args, ValueEnum, builder::BoolishValueParser};
use tracing::error;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::unsupported::Unsupported;
use crate::{
    admin::address::Listen,
    config::OperatorFile,
    leader,
    operator::{self, Election, MetricsPort, Options},
    reconcile::dereference::BackendSelection,
    resync::Resync,
    run::Settings,
};

/// The client warns at every connection that the cluster's certificate is not verified; that the
/// configuration says so is told once, at the start. What it logs of failed answers, callers
/// judge better.
const QUIET: [&str; 2] = ["kube_client::client::tls=error", "kube_client::client::builder=off"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Args, Clone, Debug)]
pub(super) struct Run {
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
        long, env = "ADD_DEFAULT_AFFINITY", value_name = "BOOL", num_args = 0..=1,
        default_value = "true", default_missing_value = "true",
        value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set
    )]
    add_default_affinity: bool,
    /// Hold back every change of pods until its object changes
    #[arg(
        long, env = "PAUSE_ROLLOUT", value_name = "BOOL", num_args = 0..=1,
        default_value = "false", default_missing_value = "true",
        value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set
    )]
    pause_rollout: bool,
    /// Look at everything anew this often, in case that an event was lost: 90s, 5m, 1h
    #[arg(
        long, value_name = "DURATION", env = "RESYNC_PERIOD", default_value = "1h",
        value_parser = duration
    )]
    resync_period: Duration,
    /// Look after FunctionMeshes
    #[arg(
        long, env = "ENABLE_FUNCTION_MESH_CONTROLLER", value_name = "BOOL", num_args = 0..=1,
        default_value = "true", default_missing_value = "true",
        value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set
    )]
    enable_function_mesh_controller: bool,
    /// Work only while holding a Lease, so that several replicas can stand by (default: true in a
    /// cluster, false outside)
    #[arg(
        long, env = "ENABLE_LEADER_ELECTION", value_name = "BOOL", num_args = 0..=1,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set
    )]
    enable_leader_election: Option<bool>,
    /// Name of the Lease
    #[arg(
        long,
        value_name = "NAME",
        env = "LEADER_ELECTION_ID",
        default_value = leader::DEFAULT_LEASE
    )]
    leader_election_id: String,
    /// Namespace of the Lease (default: the operator's own)
    #[arg(long, value_name = "NAMESPACE", env = "LEADER_ELECTION_NAMESPACE")]
    leader_election_namespace: Option<String>,
    /// Where /healthz, /livez and /readyz are served; 0 for nowhere
    #[arg(long, value_name = "ADDRESS", env = "HEALTH_PROBE_ADDR", default_value = ":8000")]
    health_probe_addr: Listen,
    /// Where /metrics is served; 0 for nowhere
    #[arg(long, value_name = "ADDRESS", env = "METRICS_ADDR", default_value = ":8443")]
    metrics_addr: Listen,
    /// Serve metrics over HTTPS, to those whom the API server lets get /metrics
    #[arg(
        long, env = "METRICS_SECURE", value_name = "BOOL", num_args = 0..=1,
        default_value = "true", default_missing_value = "true",
        value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set
    )]
    metrics_secure: bool,
    /// Directory with tls.crt and tls.key of the metrics port (default: a certificate of our own
    /// making)
    #[arg(long, value_name = "DIRECTORY", env = "METRICS_CERT_DIR")]
    metrics_cert_dir: Option<PathBuf>,
    /// What is logged: a level, or directives per module
    #[arg(long, value_name = "DIRECTIVES", env = "LOG_LEVEL", default_value = "info")]
    log_level: String,
    /// How it is logged
    #[arg(long, value_name = "FORMAT", env = "LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
    /// Kubernetes sets it in every pod.
    #[arg(long, env = "KUBERNETES_SERVICE_HOST", hide = true)]
    kubernetes_service_host: Option<String>,
    #[command(flatten)]
    unsupported: Unsupported,
}

impl Run {
    pub(super) fn run(self) -> ExitCode {
        let filter = match self.filter() {
            Ok(filter) => filter,
            Err(why) => {
                self.log(EnvFilter::new("info"));
                error!("{why:#}");
                return ExitCode::FAILURE;
            }
        };
        self.log(filter);
        // The first provider stays; that one is there already is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        // It waits most of the time: one thread is fast enough, and its memory stays in one piece.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = match (self.options(), runtime) {
            (Ok(options), Ok(runtime)) => runtime.block_on(operator::operate(options)),
            (Err(error), _) => Err(error),
            (_, Err(error)) => Err(anyhow::Error::new(error).context("cannot start the runtime")),
        };
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                error!("{error:#}");
                ExitCode::FAILURE
            }
        }
    }

    fn log(&self, filter: EnvFilter) {
        let logs = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => logs.init(),
            LogFormat::Json => logs.json().flatten_event(true).init(),
        }
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let what = panic.payload_as_str().unwrap_or("no message");
            error!(place, "a mistake in this program: {what}");
        }));
    }

    /// What is asked for comes after our own directives, and wins.
    pub(super) fn filter(&self) -> anyhow::Result<EnvFilter> {
        let mut filter = EnvFilter::new("off");
        for directive in QUIET.into_iter().chain(self.log_level.split(',')) {
            let directive = directive.trim();
            // A misspelt level would be taken for a module.
            let sound = directive.contains('=') || directive.parse::<LevelFilter>().is_ok();
            let parsed = directive.parse().ok().filter(|_| sound);
            let parsed = parsed.with_context(|| {
                format!("--log-level: {directive} is neither a level nor module=level")
            })?;
            filter = filter.add_directive(parsed);
        }
        Ok(filter)
    }

    pub(super) fn options(&self) -> anyhow::Result<Options> {
        self.unsupported.check().map_err(anyhow::Error::msg)?;
        let elect =
            self.enable_leader_election.unwrap_or_else(|| self.kubernetes_service_host.is_some());
        Ok(Options {
            settings: self.settings()?,
            election: elect.then(|| Election {
                lease: self.leader_election_id.clone(),
                namespace: self.leader_election_namespace.clone().filter(|name| !name.is_empty()),
            }),
            probes: self.health_probe_addr.0,
            metrics: self.metrics_addr.0.map(|address| MetricsPort {
                address,
                secure: self.metrics_secure,
                certificate: self.metrics_cert_dir.clone(),
            }),
        })
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
            resync: Resync::every(self.resync_period),
            meshes: self.enable_function_mesh_controller,
            instance: None,
            vertical: false,
        })
    }
}

/// A whole number with its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3600)];
    let found = units.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*seconds).filter(|seconds| *seconds > 0)
    });
    let expected = "expected a whole number of seconds, minutes or hours: 90s, 5m, 1h";
    found.map(Duration::from_secs).ok_or_else(|| expected.to_owned())
}
