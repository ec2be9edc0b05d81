//! Commands. The flags of `run` are the Go operator's where it has them.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::{
    config, crd,
    manifest::{self, Installation},
};

mod run;
mod unsupported;

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
    Run(Box<run::Run>),
    /// Prints the CRDs as YAML
    Crd,
    /// Prints all that installs the operator, CRDs included, as YAML
    Manifest(Manifest),
    /// Prints the version
    Version,
}

#[derive(Args, Clone, Debug)]
struct Manifest {
    /// Namespace to install into
    #[arg(long, value_name = "NAMESPACE", default_value = "function-mesh-system")]
    namespace: String,
    /// The operator's image
    #[arg(long, value_name = "IMAGE", default_value = manifest::DEFAULT_IMAGE)]
    image: String,
    /// Image of the runner
    #[arg(long, value_name = "IMAGE", default_value = config::DEFAULT_RUNNER_IMAGE)]
    runner_image: String,
    /// Watch this namespace only, without rights in others (default: all)
    #[arg(long, value_name = "NAMESPACE")]
    watched_namespace: Option<String>,
}

impl Cli {
    /// Runs the command, to the exit code of the program.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Run(run) => run.run(),
            Command::Crd => print(crd::schema::to_yaml()),
            Command::Manifest(manifest) => print(manifest::to_yaml(&Installation {
                namespace: manifest.namespace,
                image: manifest.image,
                runner_image: manifest.runner_image,
                watched: manifest.watched_namespace,
            })),
            Command::Version => {
                let version = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n");
                print::<std::convert::Infallible>(Ok(version.to_owned()))
            }
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

#[cfg(test)]
mod tests;
