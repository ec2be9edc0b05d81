//! The packages that Pulsar's Python runtime imports, in an environment of their own.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};

/// The versions that Pulsar 4.0.8 generated its Python instance's protocol code for.
const PACKAGES: [&str; 6] = [
    "pulsar-client==3.13.0",
    "protobuf==6.31.1",
    "grpcio==1.73.1",
    "apache-bookkeeper-client==4.18.2",
    "prometheus_client==0.26.0",
    "ratelimit==2.2.1",
];

/// The interpreter of the environment, which is made the first time.
///
/// # Errors
/// No `python3` (with venv), or PyPI was not reached.
pub(crate) fn interpreter() -> Result<PathBuf> {
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    let dir = PathBuf::from(home).join(".cache/function-mesh/pulsar-python");
    let python = dir.join("bin/python");
    if dir.join("complete").exists() {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&dir)).context(
        "the Python contender needs python3 with venv (Debian: `apt-get install python3-venv`)",
    )?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    std::fs::write(dir.join("complete"), PACKAGES.join("\n"))?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
