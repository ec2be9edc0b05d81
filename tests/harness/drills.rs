//! The long scenarios, at whatever size: CI runs them small, `cargo xtask figures` in full.

use std::{
    fmt,
    path::PathBuf,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use pulsar_standalone::standalone::Standalone;
use serde_json::json;

use crate::{
    checks::{Report, Verify},
    cluster::{Load, Namespace},
    eventually::eventually,
    guests,
    runner::{Runner, Running},
};

const SUBSCRIPTION: &str = "drill";
/// How long a run may take to its first output.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A function of the examples, with messages whose fate can be foretold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Exclamation,
    WordCount,
    Router,
}

impl Function {
    pub const ALL: [Self; 3] = [Self::Exclamation, Self::WordCount, Self::Router];

    pub fn name(self) -> &'static str {
        match self {
            Self::Exclamation => "exclamation",
            Self::WordCount => "word-count",
            Self::Router => "content-router",
        }
    }

    fn component(self) -> Result<PathBuf> {
        guests::component(self.name())
    }

    fn payload(self) -> &'static str {
        match self {
            Self::Exclamation => "%id% %n% %pad%",
            // One word of its own and one that all messages of the key share.
            Self::WordCount => "%id% %key%",
            Self::Router => "%choice:eu|us|else%: %id% %pad%",
        }
    }
}

/// One run: a topic filled, a function over it, its output checked.
#[derive(Clone, Debug)]
pub struct Drill {
    pub function: Function,
    pub messages: u32,
    pub batch: u32,
    topics: Namespace,
    input: String,
    output: String,
}

/// What faults did, besides what the [`Report`] says.
#[derive(Clone, Debug)]
pub struct Faults {
    pub report: Report,
    /// Faults that struck between a run's first output and the end of its input.
    pub under_load: u32,
    /// The longest stop.
    pub slowest: Duration,
    /// What the moments were drawn from.
    pub seed: u64,
}

/// What an absent broker did.
#[derive(Clone, Debug)]
pub struct Outage {
    pub report: Report,
    /// From the broker's return to the next output.
    pub resumed_after: Duration,
    /// KiB that the runner's memory grew by, from before the outage to its end.
    pub grown: i64,
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} lost, {} duplicated, resumed after {:.1?}, memory {:+.1} MiB",
            self.report.lost,
            self.report.duplicated,
            self.resumed_after,
            self.grown as f64 / 1024.0
        )
    }
}

impl Drill {
    /// Fills a topic in a namespace of its own, and has the subscription wait at its start.
    pub fn prepare(
        topics: &Namespace,
        function: Function,
        messages: u32,
        batch: u32,
    ) -> Result<Self> {
        let name = format!("{}-{batch}-{:x}", function.name(), seed());
        let input = topics.create(&format!("{name}-in"))?;
        let output = topics.create(&format!("{name}-out"))?;
        topics.subscribe(&input, SUBSCRIPTION)?;
        let drill = Self { function, messages, batch, topics: topics.clone(), input, output };
        topics.load(&drill.input, &drill.load())?;
        Ok(drill)
    }

    fn load(&self) -> Load {
        let payload = self.function.payload().to_owned();
        Load { payload, ..Load::new(self.messages, self.batch) }
    }

    fn verify(&self, limit: Duration) -> Result<Report> {
        let load = self.load();
        let plain = Verify { limit, ..Verify::with_suffix(&self.output, &load, "!") };
        let verify = match self.function {
            Function::Exclamation => plain,
            Function::WordCount => Verify {
                expected: "%id%:1 %key%:%count%".to_owned(),
                find: r"^(\d+):".to_owned(),
                ..plain
            },
            Function::Router => Verify {
                topics: self.destinations().to_vec(),
                expected: load.payload.clone(),
                size: load.size,
                place: Some(format!("%choice:{}%", self.destinations().join("|"))),
                find: r"^\w+: (\d+) ".to_owned(),
                ..plain
            },
        };
        self.topics.verify(&verify)
    }

    /// Where the router sends `eu`, `us` and what has no route.
    fn destinations(&self) -> [String; 3] {
        [format!("{}-eu", self.output), format!("{}-us", self.output), self.output.clone()]
    }

    fn runner(&self) -> Result<Runner> {
        let [eu, us, _] = self.destinations();
        Ok(Runner::on(&self.topics.cluster, &self.function.component()?, &self.input)?
            .flag("--output", &self.output)
            .flag("--subs-name", SUBSCRIPTION)
            .flag("--cleanup-subscription", "false")
            .flag("--name", self.function.name())
            .flag("--user-config", json!({ "routes": { "eu": eu, "us": us } }).to_string()))
    }

    /// Entries of the input that are not settled.
    fn backlog(&self) -> Result<u64> {
        self.topics.backlog(&self.input, SUBSCRIPTION)
    }

    /// Makes sure that at least `least` messages wait.
    fn top_up(&mut self, least: u32) -> Result<()> {
        if self.backlog()? * u64::from(self.batch) < u64::from(least) {
            let more = Load { first: self.messages, count: least, ..self.load() };
            self.topics.load(&self.input, &more)?;
            self.messages += least;
        }
        Ok(())
    }

    /// Messages that the broker counted in the output since it loaded that topic.
    fn counted(&self) -> Result<u64> {
        let stats = self.topics.stats(&self.output)?;
        Ok(stats.get("msgInCounter").and_then(serde_json::Value::as_u64).unwrap_or(0))
    }

    /// Waits until the broker counted more than `count` messages in the output.
    fn produced(&self, limit: Duration, count: u64) -> Result<Instant> {
        eventually(limit, format!("more than {count} outputs"), || {
            Ok((self.counted()? > count).then(Instant::now))
        })
    }

    /// Undisturbed, to the end; the stop leaves nothing behind.
    pub fn run(&self, limit: Duration) -> Result<Report> {
        let mut running = self.runner()?.start()?;
        let report = self.verify(limit).with_context(|| running.log())?;
        let ended = running.stop(Duration::from_secs(10))?;
        ensure!(ended.code == Some(0), "{ended:?}\n{}", running.log());
        ensure!(self.backlog()? == 0, "the input is not settled: {report:?}");
        Ok(report)
    }

    /// `kill -9` at random moments of its work, started again each time, then to the end. The
    /// input is kept filled meanwhile.
    pub fn kills(&self, times: u32, limit: Duration) -> Result<Faults> {
        self.faults(times, limit, |running| running.kill().map(|()| Duration::ZERO))
    }

    /// The same with SIGTERM.
    pub fn stops(&self, times: u32, limit: Duration) -> Result<Faults> {
        self.faults(times, limit, |mut running| {
            let ended = running.stop(Duration::from_secs(15))?;
            ensure!(ended.code == Some(0), "{ended:?}\n{}", running.log());
            Ok(ended.took)
        })
    }

    fn faults(
        &self,
        times: u32,
        limit: Duration,
        strike: impl Fn(Running) -> Result<Duration>,
    ) -> Result<Faults> {
        let seed = seed();
        let mut moments = Moments(seed);
        let (mut under_load, mut slowest) = (0, Duration::ZERO);
        let mut drill = self.clone();
        for _ in 0..times {
            // More than a runner gets through before it is struck.
            drill.top_up(self.messages / 3)?;
            let before = drill.counted()?;
            let running = drill.runner()?.start()?;
            drill.produced(START_LIMIT, before).with_context(|| running.log())?;
            thread::sleep(moments.next());
            let took = strike(running).with_context(|| format!("seed {seed}"))?;
            slowest = slowest.max(took);
            under_load += u32::from(drill.backlog()? > 0);
        }
        let mut running = drill.runner()?.start()?;
        let report = drill.verify(limit).with_context(|| running.log())?;
        let ended = running.stop(Duration::from_secs(10))?;
        ensure!(ended.code == Some(0), "{ended:?}\n{}", running.log());
        Ok(Faults { report, under_load, slowest, seed })
    }

    /// The broker is killed in the middle and started again.
    pub fn broker_restart(&self, broker: &mut Standalone, limit: Duration) -> Result<Outage> {
        let outage = |broker: &mut Standalone| {
            broker.kill()?;
            broker.start_again()
        };
        // The broker counts from zero again.
        self.outage(broker, limit, outage, |_| 0)
    }

    /// The broker answers nothing for a while, though its connections stay open.
    pub fn broker_frozen(
        &self,
        broker: &mut Standalone,
        frozen: Duration,
        limit: Duration,
    ) -> Result<Outage> {
        let outage = |broker: &mut Standalone| {
            broker.freeze()?;
            thread::sleep(frozen);
            broker.thaw()
        };
        self.outage(broker, limit, outage, |before| before)
    }

    fn outage(
        &self,
        broker: &mut Standalone,
        limit: Duration,
        strike: impl FnOnce(&mut Standalone) -> Result<()>,
        counted_then: impl Fn(u64) -> u64,
    ) -> Result<Outage> {
        let mut running = self.runner()?.start()?;
        self.produced(START_LIMIT, 0).with_context(|| running.log())?;
        let before = running.usage()?.rss;
        strike(broker)?;
        let back = Instant::now();
        let counted = self.counted().unwrap_or(0);
        let resumed = self.produced(limit, counted_then(counted)).with_context(|| running.log())?;
        let grown = i64::try_from(running.usage()?.rss)? - i64::try_from(before)?;
        let report = self.verify(limit).with_context(|| running.log())?;
        let ended = running.stop(Duration::from_secs(15))?;
        ensure!(ended.code == Some(0), "{ended:?}\n{}", running.log());
        Ok(Outage { report, resumed_after: resumed.duration_since(back), grown })
    }
}

/// Times of up to half a second (xorshift).
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_millis(self.0 % 500)
    }
}

fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_nanos() as u64 | 1
}
