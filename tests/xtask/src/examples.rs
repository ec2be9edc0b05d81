//! The example functions: a workspace of their own, as a user's function is.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{step, toolchain, workspace};

/// Builds the components of all examples, and of the function that the scenarios drive.
pub(crate) fn build() -> Result<()> {
    step::run("build the components of all examples", &mut cargo_build()?)?;
    let mut probe = cargo_build()?;
    probe.current_dir(workspace::root().join("tests/fixtures/probe"));
    step::run("build the probe component", &mut probe)
}

/// Builds one example's component and says where it is.
pub(crate) fn build_one(name: &str) -> Result<PathBuf> {
    let mut build = cargo_build()?;
    build.args(["--package", name]);
    step::run(&format!("build the component of examples/{name}"), &mut build)?;
    let file = format!("{}.wasm", name.replace('-', "_"));
    Ok(workspace::guests_dir()?.join("wasm32-wasip2/release").join(file))
}

/// Runs the examples' own tests, natively, as their authors would.
pub(crate) fn test() -> Result<()> {
    let mut test = step::cargo(["test", "--workspace", "--target-dir"])?;
    test.arg(workspace::guests_dir()?).current_dir(dir());
    step::run("test the examples", &mut test)
}

fn cargo_build() -> Result<Command> {
    toolchain::guest_target()?;
    let mut build =
        step::cargo(["build", "--release", "--target", "wasm32-wasip2", "--target-dir"])?;
    build.arg(workspace::guests_dir()?).current_dir(dir());
    Ok(build)
}

fn dir() -> PathBuf {
    workspace::root().join("examples")
}
