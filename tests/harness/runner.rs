//! The runner under test, as users start it: the released binary.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use pulsar_standalone::http;
use tempfile::TempDir;

use crate::{
    cluster::Cluster,
    eventually::{eventually, eventually_true},
    guests,
    process::{Usage, usage},
};

const START_LIMIT: Duration = Duration::from_secs(30);

/// A runner's command line.
#[derive(Debug)]
pub struct Runner {
    command: Command,
    dir: TempDir,
}

impl Runner {
    /// `function-runner` with these arguments, and a cache of its own kind.
    pub fn new<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Self> {
        Self::of(guests::runner()?, arguments)
    }

    /// Another program of ours that is watched in the same way.
    pub fn of<S: AsRef<OsStr>>(
        program: PathBuf,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments);
        Ok(Self { command, dir: tempfile::tempdir()? })
    }

    /// `localrun` of a component against a broker.
    pub fn on(cluster: &Cluster, component: &Path, input: &str) -> Result<Self> {
        Ok(Self::new(["localrun"])?
            .flag("--wasm", component)
            .flag("--broker-service-url", cluster.ports.service_url())
            .flag("--web-service-url", cluster.ports.web_url())
            .flag("--inputs", input))
    }

    pub fn flag(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.arg(name).arg(value);
        self
    }

    /// The command, as one would type it.
    pub fn line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn current_dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs it with `input` on standard input, to its end.
    pub fn run(mut self, input: &str) -> Result<Output> {
        let given = self.dir.path().join("input");
        fs::write(&given, input)?;
        let output = self.command.stdin(File::open(given)?).output()?;
        Ok(output)
    }

    /// Starts it in the background.
    pub fn start(mut self) -> Result<Running> {
        let log = self.dir.path().join("stderr");
        let process = self
            .command
            .stdin(Stdio::null())
            .stdout(File::create(self.dir.path().join("stdout"))?)
            .stderr(File::create(&log)?)
            .spawn()
            .context("the runner did not start")?;
        Ok(Running { process, log, started: Instant::now(), _dir: self.dir })
    }

    /// Starts it and waits until its subscription has a consumer.
    pub fn start_consuming(self, ready: impl Fn() -> Result<bool>) -> Result<Running> {
        let mut running = self.start()?;
        let waited = eventually_true(START_LIMIT, "a consuming runner", || {
            if let Some(status) = running.process.try_wait()? {
                bail!("it ended with {status}");
            }
            ready()
        });
        waited.with_context(|| running.log())?;
        Ok(running)
    }
}

/// A runner's process. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    process: Child,
    log: PathBuf,
    pub started: Instant,
    _dir: TempDir,
}

/// How a runner ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The exit code, if no signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub took: Duration,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn usage(&self) -> Result<Usage> {
        usage(self.pid())
    }

    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_none())
    }

    /// `kill -9`.
    pub fn kill(mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// SIGTERM, then waits for the end, at most `limit`.
    pub fn stop(&mut self, limit: Duration) -> Result<Ended> {
        signal::kill(Pid::from_raw(i32::try_from(self.pid())?), Signal::SIGTERM)?;
        self.wait(limit)
    }

    /// Waits for the end.
    pub fn wait(&mut self, limit: Duration) -> Result<Ended> {
        let since = Instant::now();
        let status = eventually(limit, "the runner's end", || Ok(self.process.try_wait()?))
            .with_context(|| self.log())?;
        Ok(Ended { code: status.code(), signal: status.signal(), took: since.elapsed() })
    }

    /// Waits until a line of the log holds all of `words`, and gives it.
    pub fn logged(&self, limit: Duration, words: &[&str]) -> Result<String> {
        let line = eventually(limit, format!("a log line with {words:?}"), || {
            let log = self.log();
            let line = log.lines().find(|line| words.iter().all(|word| line.contains(word)));
            Ok(line.map(str::to_owned))
        });
        line.with_context(|| self.log())
    }

    /// Waits until the page at `path` of `port` answers 200.
    pub fn page(&self, port: u16, path: &str) -> Result<String> {
        let page = eventually(START_LIMIT, format!("{path} on port {port}"), || {
            let page = http::get(port, path)?;
            Ok((page.status == 200).then_some(page.body))
        });
        page.with_context(|| self.log())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
