//! What faults of the control plane do, at full size: `cargo xtask figures --faults` writes
//! `RESULTS.md`. The faults themselves are `function_mesh_tests::faults`, which CI runs small.
//!
//! Three clusters at once: rows of one cluster mostly wait, and so do not slow each other down much.
#![expect(clippy::print_stdout, reason = "rows are shown as they are measured")]
#![expect(clippy::disallowed_types, reason = "rows are timed by the wall clock")]

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Result, anyhow};
use clap::Parser;
use function_mesh_tests::provenance::{now, versions};

mod objects;
mod pods;

#[derive(Clone, Debug, Parser)]
struct Options {
    /// Only rows whose name begins with one of these, such as C9.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Functions at rest.
    #[arg(long, default_value_t = 100)]
    functions: usize,
    /// Seconds at rest, and of manifests applied again and again.
    #[arg(long, default_value_t = 600)]
    rest: u64,
    /// Random changes of a spec.
    #[arg(long, default_value_t = 500)]
    steps: usize,
    /// What they are drawn from. Default: the time.
    #[arg(long)]
    seed: Option<u64>,
    /// Seconds without an API server.
    #[arg(long, default_value_t = 120)]
    outage: u64,
    /// Seconds without an answer of etcd.
    #[arg(long, default_value_t = 60)]
    frozen: u64,
    /// Where the table is written.
    #[arg(long)]
    results: Option<PathBuf>,
}

/// A row: what is done, what has to come of it.
#[derive(Clone, Copy, Debug)]
struct Fault {
    id: &'static str,
    injected: &'static str,
    expected: &'static str,
}

/// Rows as they were measured.
#[derive(Debug)]
struct Table {
    options: Options,
    rows: Mutex<Vec<(Fault, Result<String, String>)>>,
}

impl Table {
    fn wants(&self, id: &str) -> bool {
        let only = &self.options.only;
        only.is_empty() || only.iter().any(|wanted| wanted == id)
    }

    /// Measures a row if it is asked for. A row that fails does not stop the others.
    fn row(&self, fault: Fault, measure: impl FnOnce() -> Result<String>) {
        if !self.wants(fault.id) {
            return;
        }
        let started = Instant::now();
        let measured = measure().map_err(|error| format!("{error:#}"));
        let took = started.elapsed();
        match &measured {
            Ok(figure) => println!("{} {}: {figure} [{took:.0?}]", fault.id, fault.injected),
            Err(error) => println!("{} {}: FAILED [{took:.0?}]\n{error}", fault.id, fault.injected),
        }
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).push((fault, measured));
    }

    fn markdown(&self) -> String {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).clone();
        rows.sort_by_key(|(fault, _)| number(fault.id));
        let mut text = "| | injected | expected | measured |\n|---|---|---|---|\n".to_owned();
        for (Fault { id, injected, expected }, measured) in rows {
            let measured = match measured {
                Ok(figure) => figure,
                Err(error) => format!("**failed**: {}", error.lines().next().unwrap_or_default()),
            };
            text.push_str(&format!("| {id} | {injected} | {expected} | {measured} |\n"));
        }
        text
    }

    fn failed(&self) -> usize {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.iter().filter(|(_, measured)| measured.is_err()).count()
    }
}

/// `C10` comes after `C9`.
fn number(id: &str) -> (u32, String) {
    let digits: String = id.chars().filter(char::is_ascii_digit).collect();
    (digits.parse().unwrap_or_default(), id.to_owned())
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let table = Table { options: options.clone(), rows: Mutex::default() };
    std::thread::scope(|scope| {
        let groups = [
            scope.spawn(|| objects::shared(&table)),
            scope.spawn(|| objects::alone(&table)),
            scope.spawn(|| pods::measure(&table)),
        ];
        groups
            .into_iter()
            .try_for_each(|group| group.join().map_err(|_| anyhow!("a group of rows panicked"))?)
    })?;
    if let Some(path) = &options.results {
        let text = format!(
            "# What faults of the control plane do\n\nMeasured {} by `cargo xtask figures --faults`. \
             CI runs the same faults small, in `tests/cluster`.\n\n{}\n\n{}",
            now(),
            versions(),
            table.markdown()
        );
        std::fs::write(path, text)?;
    }
    Ok(if table.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
