//! `localrun` without a broker: from the start of the process to its first line.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

const RUNS: usize = 20;

/// Times in ascending order.
#[derive(Clone, Debug)]
pub(crate) struct FirstLine {
    /// The component was compiled first.
    pub(crate) compiling: Vec<Duration>,
    /// The compiled code was in the cache.
    pub(crate) cached: Vec<Duration>,
}

/// Runs the component with an empty cache, then again with what that run left there.
pub(crate) fn measure(runner: &Path, component: &Path) -> Result<FirstLine> {
    let mut times = FirstLine { compiling: Vec::new(), cached: Vec::new() };
    for _ in 0..RUNS {
        let cache = tempfile::tempdir()?;
        times.compiling.push(once(runner, component, cache.path())?);
        times.cached.push(once(runner, component, cache.path())?);
    }
    times.compiling.sort();
    times.cached.sort();
    Ok(times)
}

fn once(runner: &Path, component: &Path, cache: &Path) -> Result<Duration> {
    let started = Instant::now();
    let mut process = Command::new(runner)
        .arg("localrun")
        .arg("--wasm")
        .arg(component)
        .args(["--inputs", "in", "--output", "out", "--log-level", "error", "--cache-dir"])
        .arg(cache)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = process.stdin.take().context("no input")?;
    input.write_all(b"hello\n")?;
    input.flush()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
    let took = started.elapsed();
    drop(input);
    process.wait()?;
    ensure!(line == "hello!\n", "the function answered {line:?}");
    Ok(took)
}
