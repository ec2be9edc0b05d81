//! The options that say how the function runs here: the sandbox, state, secrets, ports, logs.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use function_mesh_proto::{
    instance::{
        InstanceConfig, Limits, LogFormat, Logging, PackageConfig, Ports, Runtime, SecretsConfig,
        StateConfig,
    },
    mistake::{Mistake, Mistakes},
};

use super::{cluster_flags::Clusters, values::Size};

const RUNNING: &str = "Running";
const SANDBOX: &str = "Sandbox and memory";
const LOGS: &str = "Logs (on standard error)";

/// Pulsar's package of the secrets providers.
const PROVIDERS: &str = "org.apache.pulsar.functions.secretsprovider.";

#[derive(Args, Clone, Debug)]
pub(super) struct InstanceFlags {
    /// Keep state in this directory (default: in memory, lost at the end)
    #[arg(long, value_name = "DIR", env = "FUNCTION_RUNNER_STATE_DIR", hide_env = true, help_heading = RUNNING)]
    state_dir: Option<PathBuf>,
    /// Read secrets from files of their names in this directory (default: environment variables)
    #[arg(long, value_name = "DIR", env = "FUNCTION_RUNNER_SECRETS_DIR", hide_env = true, help_heading = RUNNING)]
    secrets_dir: Option<PathBuf>,
    /// Pulsar's EnvironmentBasedSecretsProvider or ClearTextSecretsProvider, with or without package
    #[arg(long, alias = "secretsProviderClassname", value_name = "CLASS", conflicts_with = "secrets_dir", hide_short_help = true, help_heading = RUNNING)]
    secrets_provider_classname: Option<String>,
    #[arg(long, alias = "secretsProviderConfig", hide = true)]
    secrets_provider_config: Option<String>,
    /// Compiled components and downloads (default: function-mesh in the user's cache directory)
    #[arg(long, value_name = "DIR", env = "FUNCTION_RUNNER_CACHE_DIR", hide_env = true, help_heading = RUNNING)]
    cache_dir: Option<PathBuf>,
    /// sha256:<64 hex digits>: the component must have this digest
    #[arg(long, value_name = "DIGEST", help_heading = RUNNING)]
    wasm_digest: Option<String>,
    /// Serve metrics and health on this port (0: a free one)
    #[arg(long, alias = "metricsPortStart", value_name = "PORT", help_heading = RUNNING)]
    metrics_port_start: Option<u16>,
    /// Id of the first instance (default 0)
    #[arg(long, alias = "instanceIdOffset", value_name = "N", default_value_t = 0, hide_default_value = true, hide_short_help = true, help_heading = RUNNING)]
    instance_id_offset: u32,
    /// Seconds a stop may take before what is left is given back
    #[arg(long, value_name = "SECONDS", default_value_t = 8, help_heading = RUNNING)]
    drain_seconds: u64,
    /// THREAD is what runs a component; known because Pulsar's localrun has it
    #[arg(long, value_name = "RUNTIME", hide = true)]
    runtime: Option<String>,

    #[command(flatten)]
    limits: LimitFlags,

    /// A level, or directives such as info,function_mesh_runner=debug
    #[arg(long, value_name = "LEVEL", default_value = "info", env = "FUNCTION_RUNNER_LOG_LEVEL", hide_env = true, help_heading = LOGS)]
    log_level: String,
    /// How log lines look
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "FUNCTION_RUNNER_LOG_FORMAT", hide_env = true, help_heading = LOGS)]
    log_format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Args, Clone, Debug)]
struct LimitFlags {
    /// Memory of one guest
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().memory_bytes), help_heading = SANDBOX)]
    memory_limit: Size,
    /// Longest a guest may work on one message
    #[arg(long, value_name = "MS", default_value_t = Limits::default().message_millis, help_heading = SANDBOX)]
    message_timeout_ms: u64,
    /// Longest a guest may work on one batch
    #[arg(long, value_name = "MS", default_value_t = Limits::default().batch_millis, help_heading = SANDBOX, hide_short_help = true)]
    batch_timeout_ms: u64,
    /// Elements of all tables of one guest
    #[arg(long, value_name = "N", default_value_t = Limits::default().table_elements, help_heading = SANDBOX, hide_short_help = true)]
    table_limit: u64,
    /// Stack of one guest
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().stack_bytes), help_heading = SANDBOX, hide_short_help = true)]
    stack_limit: Size,
    /// Bytes one call may pass to the host: values, published messages, logs, state
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().host_call_bytes), help_heading = SANDBOX, hide_short_help = true)]
    host_call_limit: Size,
    /// Messages in one call of the guest
    #[arg(long, value_name = "N", default_value_t = Limits::default().call_messages, help_heading = SANDBOX, hide_short_help = true)]
    call_messages: u32,
    /// Payload in one call of the guest, unless a single message is larger
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().call_bytes), help_heading = SANDBOX, hide_short_help = true)]
    call_size: Size,
    /// Messages between reading and acknowledging
    #[arg(long, value_name = "N", default_value_t = Limits::default().in_flight_messages, help_heading = SANDBOX, hide_short_help = true)]
    in_flight_messages: u32,
    /// Memory of the messages between reading and acknowledging
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().in_flight_bytes), help_heading = SANDBOX, hide_short_help = true)]
    in_flight_size: Size,
}

/// The environment of this process, or of a test.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl InstanceFlags {
    /// The instance's half of the configuration, and every mistake in its options.
    pub(super) fn resolve(
        self,
        clusters: Clusters,
        environment: Environment<'_>,
        mistakes: &mut Mistakes,
    ) -> InstanceConfig {
        self.check_runtime(mistakes);
        let secrets = self.secrets(mistakes);
        let Clusters { clusters, input_clusters, output_cluster } = clusters;
        InstanceConfig {
            instance_id: None,
            function_id: String::new(),
            function_version: String::new(),
            // As Pulsar's LocalRunner names it.
            cluster_name: "local".to_owned(),
            runtime: Runtime::Wasm,
            package: None,
            clusters,
            input_clusters,
            output_cluster,
            limits: self.limits.limits(),
            logging: Logging {
                level: self.log_level,
                format: match self.log_format {
                    Format::Text => LogFormat::Text,
                    Format::Json => LogFormat::Json,
                },
            },
            state: match self.state_dir {
                Some(dir) => StateConfig::Disk { dir },
                None => StateConfig::Memory,
            },
            secrets,
            ports: Ports { metrics: self.metrics_port_start, control: None },
            cache_dir: self.cache_dir.or_else(|| default_cache_dir(environment)),
            drain_seconds: self.drain_seconds,
        }
    }

    /// Instances count from here.
    pub(super) fn first_instance(&self) -> u32 {
        self.instance_id_offset
    }

    /// The package, when its digest is given: the URL alone stays in the function's document.
    pub(super) fn package(
        &self,
        url: Option<&str>,
        mistakes: &mut Mistakes,
    ) -> Option<PackageConfig> {
        let digest = self.wasm_digest.clone()?;
        match url {
            Some(url) => Some(PackageConfig {
                url: url.to_owned(),
                digest: Some(digest),
                cluster: None,
                registry_credentials: None,
            }),
            None => {
                mistakes.add(Mistake::new("--wasm-digest", digest, "--wasm with it"));
                None
            }
        }
    }

    fn check_runtime(&self, mistakes: &mut Mistakes) {
        match self.runtime.as_deref() {
            None => {}
            Some(runtime) if runtime.eq_ignore_ascii_case("THREAD") => {}
            Some(runtime) => mistakes.add(Mistake::new(
                "--runtime",
                runtime,
                "THREAD: each instance of a component runs on a thread of its own in this process, \
                 in a sandbox",
            )),
        }
    }

    fn secrets(&self, mistakes: &mut Mistakes) -> SecretsConfig {
        if let Some(config) = self.secrets_provider_config.as_deref()
            && !matches!(config.trim(), "" | "{}" | "null")
        {
            mistakes.add(Mistake::new(
                "--secrets-provider-config",
                "",
                "nothing: the providers that can be used here need no configuration",
            ));
        }
        if let Some(dir) = &self.secrets_dir {
            return SecretsConfig::Files { dir: dir.clone() };
        }
        let Some(class) = self.secrets_provider_classname.as_deref() else {
            return SecretsConfig::Environment;
        };
        match class.strip_prefix(PROVIDERS).unwrap_or(class) {
            "EnvironmentBasedSecretsProvider" => SecretsConfig::Environment,
            "ClearTextSecretsProvider" => SecretsConfig::ClearText,
            _ => {
                mistakes.add(Mistake::new(
                    "--secrets-provider-classname",
                    class,
                    "EnvironmentBasedSecretsProvider or ClearTextSecretsProvider, or --secrets-dir \
                     instead; others are Java code",
                ));
                SecretsConfig::Environment
            }
        }
    }
}

impl LimitFlags {
    fn limits(&self) -> Limits {
        Limits {
            memory_bytes: self.memory_limit.0,
            message_millis: self.message_timeout_ms,
            batch_millis: self.batch_timeout_ms,
            table_elements: self.table_limit,
            stack_bytes: self.stack_limit.0,
            host_call_bytes: self.host_call_limit.0,
            call_messages: self.call_messages,
            call_bytes: self.call_size.0,
            in_flight_messages: self.in_flight_messages,
            in_flight_bytes: self.in_flight_size.0,
        }
    }
}

/// `function-mesh` in the user's cache directory, by the XDG base directory specification.
pub(super) fn default_cache_dir(environment: Environment<'_>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let cache = environment("XDG_CACHE_HOME")
        .and_then(absolute)
        .or_else(|| environment("HOME").and_then(absolute).map(|home| home.join(".cache")));
    cache.as_deref().map(|cache: &Path| cache.join("function-mesh"))
}
