//! `function-mesh-controller`: see `cli` for its commands.

use std::process::ExitCode;

use clap::Parser;
use function_mesh_controller::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
