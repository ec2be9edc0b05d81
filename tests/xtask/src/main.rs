//! `cargo xtask`: demo, tests, figures and benchmarks, each in one command.
//!
//! What needs heavy dependencies is not here but in `function-mesh-tests`, which this program
//! builds and runs; so `cargo xtask` itself is ready within seconds of a fresh clone.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "talking to the person at the terminal is this program's work"
)]
#![expect(clippy::disallowed_types, reason = "steps are timed by the wall clock")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod broker;
mod chart;
mod cluster;
mod demo;
mod examples;
mod images;
mod measure;
mod programs;
mod step;
mod suite;
mod toolchain;
mod workspace;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Function Mesh's task runner",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the runner and an example, and send some lines through it.
    Demo(demo::Options),
    /// Everything that must pass: lints, unit tests, and the end-to-end suite on a real broker.
    Test(suite::Options),
    /// Licences, duplicate versions and sources of the dependencies (needs cargo-deny).
    Deny,
    /// Lint and render the Helm chart (needs Go the first time).
    Chart,
    /// Side by side with Pulsar's Java and Python runtimes; writes tests/bench/RESULTS.md.
    Bench(measure::BenchOptions),
    /// The long scenarios at full size: 300,000 messages, 20 kills, 20 stops, a frozen broker.
    Figures(measure::FigureOptions),
    /// A Pulsar broker for trying things out.
    Pulsar {
        #[command(subcommand)]
        action: broker::Action,
    },
    /// Container images of the runner and the controller, as archives (needs buildah, and root).
    Images(images::Options),
    /// A Kubernetes cluster for trying things out (needs root, and Go the first time).
    Cluster {
        #[command(subcommand)]
        action: cluster::Action,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => suite::run(&options),
        Task::Deny => suite::deny(),
        Task::Chart => chart::check(),
        Task::Bench(options) => measure::bench(&options),
        Task::Figures(options) => measure::figures(&options),
        Task::Pulsar { action } => broker::run(&action),
        Task::Images(options) => images::run(&options),
        Task::Cluster { action } => cluster::run(&action),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
