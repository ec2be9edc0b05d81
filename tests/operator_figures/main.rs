//! What the operator takes, with the table in `OPERATOR_FIGURES.md`: `cargo xtask figures --operator`.
//!
//! `control_plane` has no node: time to a StatefulSet, many functions at once, many at rest.
//! `pods` has one, and a broker: time to a ready pod, and from zero when messages wait.
#![expect(clippy::print_stdout, reason = "the table goes to the terminal")]
#![expect(clippy::disallowed_types, reason = "rows are timed by the wall clock")]

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Parser;
use function_mesh_tests::provenance::{now, versions};

mod control_plane;
mod pods;

#[derive(Parser)]
struct Options {
    /// Functions at once, and at rest.
    #[arg(long, default_value_t = 500)]
    functions: usize,
    /// Functions one after the other.
    #[arg(long, default_value_t = 20)]
    single: usize,
    /// Seconds at rest.
    #[arg(long, default_value_t = 300)]
    rest: u64,
    /// Functions in pods, one after the other.
    #[arg(long, default_value_t = 10)]
    pods: usize,
    /// Messages that wait for a function at zero.
    #[arg(long, default_value_t = 100_000)]
    backlog: u32,
    /// Where the table is written.
    #[arg(long)]
    results: Option<PathBuf>,
}

/// Rows, shown as they are measured.
#[derive(Default)]
struct Table(String);

impl Table {
    fn line(&mut self, line: &str) {
        println!("{line}");
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// `other` is what the Go operator takes.
    fn row(&mut self, what: &str, figure: &str, other: &str) {
        self.line(&format!("| {what} | {figure} | {other} |"));
    }
}

/// Sorted times, as their median and their slowest.
fn spread(mut taken: Vec<Duration>) -> (Duration, Duration) {
    taken.sort();
    let median = taken.get(taken.len() / 2).copied().unwrap_or_default();
    (median, taken.last().copied().unwrap_or_default())
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let mut table = Table::default();
    table.line("| | figure | the Go operator's |");
    table.line("|---|---|---|");
    if options.functions > 0 {
        let rest = Duration::from_secs(options.rest);
        control_plane::measure(&mut table, options.single, options.functions, rest)?;
    }
    if options.pods > 0 {
        pods::measure(&mut table, options.pods, options.backlog)?;
    }
    if let Some(path) = options.results {
        let text = format!(
            "# What the operator takes\n\nMeasured {} by `cargo xtask figures --operator`.\n\n{}\n\n{}",
            now(),
            versions(),
            table.0
        );
        std::fs::write(path, text)?;
    }
    Ok(ExitCode::SUCCESS)
}
