//! The command line: what can be asked, and its translation into configuration.
//!
//! ```text
//! args ─► Cli ─► FunctionConfig + InstanceConfig ─► RunnerConfig
//! ```
//!
//! Nothing here connects, fetches or runs; nothing here prompts. This and `config` are the only
//! rooms that look at the environment.

use std::ffi::{OsStr, OsString};

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::config::RunnerConfig;

mod auth;
mod check;
mod cluster_flags;
mod exit;
mod function_flags;
mod install;
mod instance_flags;
mod localrun;
mod pod;
mod project;
mod summary;
mod values;

pub use check::Check;
pub use exit::{Exit, Failure, print};
pub use install::Install;
pub use localrun::{KeptSecrets, LocalRun, Prepared};
pub use pod::Run;
pub use project::{Build, New};

use pod::hostname;

const EXAMPLES: &str = "\
Examples:
  Start a function of your own:
    function-runner new shout && cd shout && function-runner build

  Try a function on lines of text, without a broker:
    echo hello | function-runner localrun --wasm exclamation.wasm

  The same against a broker:
    function-runner localrun --wasm exclamation.wasm --inputs in --output out \\
      --broker-service-url pulsar://localhost:6650

  Find every mistake of a configuration before it is deployed:
    function-runner check --function-config-file function.yaml";

/// Runs Apache Pulsar functions compiled to WebAssembly
///
/// Runs one Apache Pulsar function, a WebAssembly component: on a laptop, with lines of text or
/// against a broker, and in the pods of Function Mesh.
#[derive(Clone, Debug, Parser)]
#[command(name = "function-runner", version, max_term_width = 100, subcommand_required = true)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", exit::TABLE))]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// What the program is asked to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run a function here: on lines of text, or against a broker
    ///
    /// The options are those of `pulsar-admin functions localrun`, with --wasm for the component.
    ///
    /// Without --broker-service-url and --clusters-file topics are in memory: each line of standard
    /// input is a message, each message the function sends a line of standard output, and the end
    /// of the input ends the run when everything is done. All else goes to standard error.
    #[command(after_help = LOCALRUN_EXAMPLES, after_long_help = format!("{LOCALRUN_MORE}\n\n{LOCALRUN_EXAMPLES}\n\n{}", exit::TABLE))]
    Localrun(Box<LocalRun>),
    /// Run an instance in a pod, from a directory of configuration
    #[command(after_long_help = exit::TABLE)]
    Run(Run),
    /// Copy this program into a directory, for another container to run
    ///
    /// What the init container of a function's pod runs: DIR is a volume that the function's own
    /// container mounts too, so that the runner gets into an image that knows nothing of it. Writes
    /// DIR/function-runner, readable and executable by everybody, as a whole or not at all; one that
    /// is there is replaced.
    #[command(after_long_help = exit::TABLE)]
    Install(Install),
    /// List every mistake of a configuration, or say what would run
    ///
    /// Reads files only: nothing is connected to or fetched. Exits 0 with a summary of what would
    /// run, or 64 with every mistake: field, value, and what is accepted.
    Check(Check),
    /// Create a function's project: code, a test, a manifest
    New(New),
    /// Build a function's component, and print its path, size, digest and imports
    ///
    /// Runs cargo, whose messages go to standard error, for wasm32-wasip2 in release mode.
    Build(Build),
    /// Print a completion script for a shell
    ///
    /// For bash: function-runner completions bash > ~/.local/share/bash-completion/completions/function-runner
    Completions { shell: Shell },
    /// Print the version
    Version {
        /// How it is printed
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}

/// What a command comes to.
#[derive(Debug)]
pub enum Answer {
    /// Nothing runs; this is for standard output.
    Text(Vec<u8>),
    Localrun(Box<Prepared>),
    /// One instance in a pod; its id is in the configuration.
    Pod(Box<RunnerConfig>),
}

impl Command {
    /// # Errors
    /// The configuration cannot be honoured, or what was asked for failed.
    pub fn answer(self) -> Result<Answer, Failure> {
        Ok(match self {
            Self::Localrun(options) => Answer::Localrun(options.prepare(&environment)?.into()),
            Self::Run(options) => Answer::Pod(options.prepare(hostname().as_deref())?.into()),
            Self::Install(options) => Answer::Text(options.run()?.into()),
            Self::Check(options) => Answer::Text(options.run()?.into()),
            Self::New(options) => Answer::Text(options.run()?.into()),
            Self::Build(options) => Answer::Text(options.run()?.into()),
            Self::Completions { shell } => Answer::Text(Cli::completions(shell)),
            Self::Version { output } => Answer::Text(version(output).into()),
        })
    }
}

const LOCALRUN_EXAMPLES: &str = "\
Examples:
  Lines in, lines out:
    echo hello | function-runner localrun --wasm exclamation.wasm

  Keys and properties, with a configuration file:
    echo '{\"key\": \"k\", \"value\": {\"amount\": 3}}' | function-runner localrun \\
      --function-config-file function.yaml --input-format jsonl --output-format jsonl

  A broker with a token:
    function-runner localrun --wasm f.wasm --inputs orders --output checked \\
      --broker-service-url pulsar+ssl://broker.example.com:6651 \\
      --client-auth-plugin AuthenticationToken --client-auth-params file:///run/secrets/token";

const LOCALRUN_MORE: &str = "\
Every option of pulsar-admin is known, also by its old camelCase name. Those for Java, Python and
Go (--jar, --py, --go, --classname, windows, SerDe classes, ..) are refused with the reason: they
come with the bridge to those languages.

Environment: FUNCTION_RUNNER_BROKER_SERVICE_URL, FUNCTION_RUNNER_WEB_SERVICE_URL,
FUNCTION_RUNNER_CLIENT_AUTH_PLUGIN, FUNCTION_RUNNER_CLIENT_AUTH_PARAMS,
FUNCTION_RUNNER_CLUSTERS_FILE, FUNCTION_RUNNER_STATE_DIR, FUNCTION_RUNNER_SECRETS_DIR,
FUNCTION_RUNNER_CACHE_DIR, FUNCTION_RUNNER_LOG_LEVEL and FUNCTION_RUNNER_LOG_FORMAT stand for the
options of their names; an option on the command line wins.";

impl Cli {
    /// # Errors
    /// What clap makes of a command line it does not understand; also `--help` and `--version`.
    pub fn parse_from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        // Pulsar's two-letter short option, which clap would read as -s -t.
        let schema_type = |arg: OsString| match arg == OsStr::new("-st") {
            true => OsString::from("--schema-type"),
            false => arg,
        };
        Self::try_parse_from(args.into_iter().map(schema_type))
    }

    fn completions(shell: Shell) -> Vec<u8> {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Self::command(), "function-runner", &mut script);
        script
    }
}

/// The program's version, on one line.
fn version(output: Output) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match output {
        Output::Text => format!("function-runner {version}\n"),
        Output::Json => {
            let json = serde_json::json!({"name": "function-runner", "version": version});
            format!("{json}\n")
        }
    }
}

/// The process's environment.
pub fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[cfg(test)]
mod tests;
