//! The programs that the tests, benchmarks and the broker's demo consist of, built in one go.

use std::process::Command;

use anyhow::Result;

use crate::{step, workspace};

/// Of the workspace's Cargo.toml.
pub(crate) const PROFILE: &str = "release";

/// Builds the runner, the controller and everything that drives them.
///
/// Together with a test, they share the dependencies that the unit tests were built with: each on
/// its own would want them with fewer features, and all of them compiled again.
pub(crate) fn build() -> Result<()> {
    let mut build = step::cargo(["build", "--profile", PROFILE, "--workspace"])?;
    build.args(["--bin", "function-runner", "--bin", "function-mesh-controller"]);
    build.args(["--test", "scenarios", "--test", "cluster"]);
    for name in
        ["bench", "figures", "operator_figures", "fault_figures", "stock_loop", "pulsar_demo"]
    {
        build.args(["--bin", name]);
    }
    step::run("build the runner and what drives it (minutes, the first time)", &mut build)
}

/// One of them, ready for its arguments.
pub(crate) fn program(name: &str) -> Result<Command> {
    let mut program = Command::new(workspace::target_dir()?.join(PROFILE).join(name));
    program.current_dir(workspace::root());
    Ok(program)
}
