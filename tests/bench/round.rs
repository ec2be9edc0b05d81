//! One contender, one round: start to first output, then the whole input.

use std::{
    fmt,
    fs::File,
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use function_mesh_tests::{
    checks::Verify,
    cluster::{Load, Namespace},
    eventually::eventually_true,
    process::{Usage, usage},
};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use pulsar_standalone::http;
use serde_json::{Value, json};

use crate::contender::{Contender, Job, Setup};

const SAMPLE_EVERY: Duration = Duration::from_millis(100);
/// No contender may stand still for longer.
const STALLED: Duration = Duration::from_secs(60);

pub(crate) struct Bench<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) topics: Namespace,
    pub(crate) dir: PathBuf,
    pub(crate) messages: u32,
    pub(crate) batch: u32,
    pub(crate) size: u32,
}

/// What a run over the whole input came to. Rate and CPU are taken between 20 % and 95 % of the
/// output, where every contender is warm and none has run dry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) messages_per_second: f64,
    pub(crate) cpu_micros_per_message: f64,
    /// All of its CPU time by all messages: the start is in it.
    pub(crate) cpu_micros_overall: f64,
    pub(crate) peak_mib: f64,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>8.0} msg/s, {:>6.2} µs CPU per message, {:>6.1} MiB",
            self.messages_per_second, self.cpu_micros_per_message, self.peak_mib
        )
    }
}

#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    messages: u64,
    usage: Usage,
}

impl Bench<'_> {
    /// What a contender reads: the slow one a tenth, so that a round takes minutes, not an hour.
    fn load(&self, contender: Contender) -> (&'static str, Load) {
        let (topic, count) = match contender {
            Contender::Python => ("input-tenth", self.messages / 10),
            _ => ("input", self.messages),
        };
        (topic, self.texts(count))
    }

    fn texts(&self, count: u32) -> Load {
        Load { size: self.size, keys: 0, ..Load::new(count, self.batch) }
    }

    /// Fills the topic that all contenders read. It has a string schema, without which Pulsar's
    /// Java function would not subscribe to a topic that has data.
    pub(crate) fn preload(&self) -> Result<()> {
        let inputs = [("input", self.messages), ("input-tenth", self.messages / 10), ("single", 1)];
        for (name, count) in inputs {
            let topic = self.topics.create(name)?;
            self.topics
                .cluster
                .call("send", json!({ "topic": topic, "messages": [], "schema": "STRING" }))?;
            self.topics.load(&topic, &self.texts(count))?;
        }
        Ok(())
    }

    /// From the start of the process to its first output, with one message waiting.
    pub(crate) fn startup(&self, contender: Contender, round: u32) -> Result<Duration> {
        let name = format!("startup-{}-{round}", contender.name());
        let input = self.topics.topic("single");
        let output = self.topics.create(&name)?;
        self.topics.subscribe(&input, &name)?;
        thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let read = self.topics.read(&output, 1);
                read.map(|_| Instant::now())
            });
            eventually_true(Duration::from_secs(10), "a reader of the output", || {
                let stats = self.topics.stats(&output)?;
                let readers = stats.get("subscriptions").and_then(Value::as_object);
                Ok(readers.is_some_and(|readers| !readers.is_empty()))
            })?;
            let started = Instant::now();
            let process = self.start(contender, &input, &output, &name)?;
            let arrived = reading.join();
            let log = process.end()?;
            let Ok(arrived) = arrived else { bail!("the reader ended early") };
            let took = arrived.with_context(|| log)?.duration_since(started);
            self.topics.delete(&output)?;
            Ok(took)
        })
    }

    /// All of its input through one contender; the output is checked afterwards.
    pub(crate) fn run(&self, contender: Contender, round: u32) -> Result<Run> {
        let name = format!("{}-{round}", contender.name());
        let (input, load) = self.load(contender);
        let input = self.topics.topic(input);
        let output = self.topics.create(&name)?;
        self.topics.subscribe(&input, &name)?;
        let process = self.start(contender, &input, &output, &name)?;
        let samples = self.sample(&process, &output, load.count);
        let log = process.end()?;
        let samples = samples.with_context(|| log)?;
        let verify = Verify::with_suffix(&output, &load, "!");
        self.topics.verify(&verify)?.nothing_lost()?;
        self.topics.delete(&output)?;
        summarize(&samples, load.count)
    }

    fn start(
        &self,
        contender: Contender,
        input: &str,
        output: &str,
        name: &str,
    ) -> Result<Process> {
        let ports = self.topics.cluster.ports;
        let job = Job { ports, input, output, subscription: name, dir: &self.dir };
        let log = self.dir.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = self
            .setup
            .command(contender, &job)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("did not start")?;
        Ok(Process { child, log })
    }

    /// Watches the output grow until all is there.
    fn sample(&self, process: &Process, output: &str, all: u32) -> Result<Vec<Sample>> {
        let topic = output.trim_start_matches("persistent://");
        let path = format!("/admin/v2/persistent/{topic}/stats");
        let started = Instant::now();
        let mut progressed = started;
        let mut samples: Vec<Sample> = Vec::new();
        loop {
            let stats: Value =
                serde_json::from_str(&http::get(self.topics.cluster.ports.web, &path)?.body)?;
            let messages = stats.get("msgInCounter").and_then(Value::as_u64).unwrap_or(0);
            let usage = usage(process.child.id())?;
            if samples.last().is_none_or(|last| messages > last.messages) {
                progressed = Instant::now();
            }
            samples.push(Sample { at: started.elapsed(), messages, usage });
            if messages >= u64::from(all) {
                return Ok(samples);
            }
            ensure!(progressed.elapsed() < STALLED, "stands still at {messages} messages");
            thread::sleep(SAMPLE_EVERY);
        }
    }
}

struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Asks it to end and gives what it logged last.
    fn end(mut self) -> Result<String> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?);
        signal::kill(pid, Signal::SIGTERM)?;
        let ended = eventually_true(Duration::from_secs(15), "its end", || {
            Ok(self.child.try_wait()?.is_some())
        });
        if ended.is_err() {
            self.child.kill()?;
            self.child.wait()?;
        }
        let log = std::fs::read_to_string(&self.log)?;
        let lines: Vec<&str> = log.lines().collect();
        Ok(lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n"))
    }
}

fn summarize(samples: &[Sample], messages: u32) -> Result<Run> {
    let total = f64::from(messages);
    let (from, to) = (total * 0.2, total * 0.95);
    let (began, cpu_before) = at(samples, from).context("no sample before 20 %")?;
    let (ended, cpu_after) = at(samples, to).context("no sample after 95 %")?;
    let last = samples.last().context("no sample")?;
    ensure!(ended > began, "too few messages to measure: all came between two samples");
    Ok(Run {
        messages_per_second: (to - from) / (ended - began),
        cpu_micros_per_message: (cpu_after - cpu_before) * 1e6 / (to - from),
        cpu_micros_overall: last.usage.cpu.as_secs_f64() * 1e6 / total,
        peak_mib: last.usage.peak_rss as f64 / 1024.0,
    })
}

/// Time and CPU, in seconds, when `count` messages were out: between two samples, in proportion.
fn at(samples: &[Sample], count: f64) -> Option<(f64, f64)> {
    let after = samples.iter().position(|sample| sample.messages as f64 >= count)?;
    let (before, after) = (samples.get(after.checked_sub(1)?)?, samples.get(after)?);
    let span = (after.messages - before.messages) as f64;
    let share = (count - before.messages as f64) / span;
    let between =
        |a: Duration, b: Duration| a.as_secs_f64() + share * (b.as_secs_f64() - a.as_secs_f64());
    Some((between(before.at, after.at), between(before.usage.cpu, after.usage.cpu)))
}
