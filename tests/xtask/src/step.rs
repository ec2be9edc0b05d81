//! Running a command as a step: what and why before, how long after.

use std::{ffi::OsStr, process::Command, time::Instant};

use anyhow::{Context as _, Result, bail};

use crate::{toolchain, workspace};

/// Runs a command in the repository's root, its output passed through.
pub(crate) fn run(title: &str, command: &mut Command) -> Result<()> {
    println!("\n==> {title}\n    {}", line(command));
    let started = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("{} did not start", command.get_program().to_string_lossy()))?;
    let took = started.elapsed().as_secs();
    if !status.success() {
        bail!("{title}: `{}` ended with {status} after {took} s", line(command));
    }
    println!("    done: {title} ({took} s)");
    Ok(())
}

/// A cargo command in the root, with a `protoc` to hand for the build scripts that want one.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Command> {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(workspace::root());
    if std::env::var_os("PROTOC").is_none() {
        command.env("PROTOC", toolchain::protoc()?);
    }
    Ok(command)
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
