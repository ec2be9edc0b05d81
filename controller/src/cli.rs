//! Commands. The flags of `run` are the Go operator's where it has them.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::crd;

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
    /// Prints the version
    Version,
}

impl Cli {
    /// Runs the command, to the exit code of the program.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Run(run) => run.run(),
            Command::Crd => print(&crd::schema::to_yaml()),
            Command::Version => {
                let version = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n");
                print::<std::convert::Infallible>(&Ok(version.to_owned()))
            }
        }
    }
}

fn print<E: std::fmt::Display>(text: &Result<String, E>) -> ExitCode {
    use std::io::Write;
    let written = match text {
        Ok(text) => std::io::stdout().write_all(text.as_bytes()).is_ok(),
        Err(why) => {
            // Nobody is left to tell if that cannot be written either.
            drop(writeln!(std::io::stderr(), "{why}"));
            false
        }
    };
    if written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests;
