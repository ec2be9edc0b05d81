//! The long scenarios at full size, one row of the table each. `cargo xtask figures` starts it.
#![expect(clippy::print_stdout, reason = "the table goes to the terminal")]
#![expect(clippy::disallowed_types, reason = "rows are timed by the wall clock")]

use std::{
    fmt::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use function_mesh_tests::{
    cluster::Cluster,
    drills::{Drill, Faults, Function},
    peer::Peer,
    provenance::{now, versions},
};
use pulsar_standalone::standalone::Standalone;

/// The figures to reach.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const RESUME_LIMIT: Duration = Duration::from_secs(10);
const MEMORY_LIMIT_KIB: i64 = 64 << 10;

#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 300_000)]
    messages: u32,
    #[arg(long, default_value_t = 20)]
    faults: u32,
    /// Seconds.
    #[arg(long, default_value_t = 60)]
    freeze: u64,
    #[arg(long)]
    only: Option<String>,
    /// Where the table is written.
    #[arg(long)]
    results: Option<PathBuf>,
}

struct Figures {
    options: Options,
    broker: Standalone,
    cluster: Cluster,
    table: String,
    failed: u32,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let dir = tempfile::tempdir()?;
    println!("starting Pulsar's Java client and a broker");
    let (broker, cluster) = Cluster::start(dir.path(), Arc::new(Peer::start()?))?;
    let head = "| | figure | took |\n|---|---|---|\n";
    print!("\n{head}");
    let mut figures = Figures { options, broker, cluster, table: head.to_owned(), failed: 0 };
    for function in Function::ALL {
        for batch in [1, 10, 1_000] {
            figures.undisturbed(function, batch);
        }
    }
    for batch in [1, 10, 1_000] {
        figures.killed(batch);
        figures.stopped(batch);
    }
    figures.broker_restarted();
    figures.broker_frozen();
    let failed = figures.failed;
    println!("\n{failed} rows missed their figure.");
    if let Some(path) = &figures.options.results {
        std::fs::write(path, figures.report()).with_context(|| path.display().to_string())?;
        println!("written to {}", path.display());
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Figures {
    /// Enough for every row on two slow cores.
    fn limit(&self) -> Duration {
        Duration::from_secs(60 + u64::from(self.options.messages) / 500)
    }

    fn drill(&self, function: Function, batch: u32) -> Result<Drill> {
        let topics = self.cluster.namespace("figures")?;
        Drill::prepare(&topics, function, self.options.messages, batch)
    }

    fn row(&mut self, name: &str, take: impl FnOnce(&mut Self) -> Result<String>) {
        if self.options.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            return;
        }
        let started = Instant::now();
        let outcome = take(self);
        let took = started.elapsed().as_secs();
        let figure = outcome.unwrap_or_else(|error| {
            self.failed += 1;
            format!("MISSED: {error:#}")
        });
        let row = format!("| {name} | {figure} | {took} s |");
        println!("{row}");
        _ = writeln!(self.table, "{row}");
    }

    fn report(&self) -> String {
        format!(
            "# Figures\n\nTaken {} by `cargo xtask figures`: {} messages of 100 bytes per row, {} \
             faults, all of them while messages came out and more waited. {} rows missed their \
             figure.\n\n{}\n\n{}",
            now(),
            self.options.messages,
            self.options.faults,
            self.failed,
            versions(),
            self.table,
        )
    }

    fn undisturbed(&mut self, function: Function, batch: u32) {
        self.row(&format!("{}, batches of {batch}", function.name()), |figures| {
            let report = figures.drill(function, batch)?.run(figures.limit())?;
            report.exactly_once_in_order()?;
            Ok(format!("{} came, 0 lost, 0 duplicated, order kept", report.received))
        });
    }

    fn killed(&mut self, batch: u32) {
        let times = self.options.faults;
        self.row(&format!("{times} × kill -9, batches of {batch}"), |figures| {
            let drill = figures.drill(Function::Exclamation, batch)?;
            let faults = drill.kills(times, figures.limit())?;
            faults.report.nothing_lost()?;
            let under_load = figures.under_load(&faults)?;
            Ok(format!("0 lost, {} duplicated, {under_load}", faults.report.duplicated))
        });
    }

    fn stopped(&mut self, batch: u32) {
        let times = self.options.faults;
        self.row(&format!("{times} × SIGTERM, batches of {batch}"), |figures| {
            let drill = figures.drill(Function::Exclamation, batch)?;
            let faults = drill.stops(times, figures.limit())?;
            faults.report.nothing_lost()?;
            ensure!(faults.report.duplicated == 0, "{:?}", faults.report);
            ensure!(faults.slowest <= STOP_LIMIT, "the slowest took {:?}", faults.slowest);
            let (slowest, under_load) = (faults.slowest, figures.under_load(&faults)?);
            Ok(format!("0 lost, 0 duplicated, slowest {slowest:.1?}, {under_load}"))
        });
    }

    /// A fault that strikes a runner at rest shows nothing.
    fn under_load(&self, faults: &Faults) -> Result<String> {
        let Faults { report, under_load, seed, .. } = faults;
        ensure!(*under_load == self.options.faults, "{under_load} under load (seed {seed})");
        Ok(format!("all under load, {} came (seed {seed})", report.received))
    }

    fn broker_restarted(&mut self) {
        self.row("broker killed and restarted", |figures| {
            let drill = figures.drill(Function::Exclamation, 10)?;
            let limit = figures.limit();
            let outage = drill.broker_restart(&mut figures.broker, limit)?;
            outage.report.nothing_lost()?;
            ensure!(
                outage.resumed_after <= RESUME_LIMIT && outage.grown <= MEMORY_LIMIT_KIB,
                "{outage}"
            );
            Ok(outage.to_string())
        });
    }

    fn broker_frozen(&mut self) {
        let frozen = Duration::from_secs(self.options.freeze);
        self.row(&format!("broker frozen {} s", frozen.as_secs()), |figures| {
            let drill = figures.drill(Function::Exclamation, 10)?;
            let limit = figures.limit();
            let outage = drill.broker_frozen(&mut figures.broker, frozen, limit)?;
            outage.report.nothing_lost()?;
            ensure!(
                outage.resumed_after <= RESUME_LIMIT && outage.grown <= MEMORY_LIMIT_KIB,
                "{outage}"
            );
            Ok(outage.to_string())
        });
    }
}
