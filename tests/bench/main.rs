//! The runner beside Pulsar's own Java and Python runtimes, and beside a plain loop over the stock
//! Rust client: same broker, same input, same guarantee, rounds interleaved, medians of ratios.
//!
//! `cargo xtask bench` builds and starts it.
#![expect(clippy::print_stdout, reason = "the table goes to the terminal")]
#![expect(clippy::disallowed_types, reason = "processes are timed by the wall clock")]

mod contender;
mod laptop;
mod python;
mod report;
mod round;

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use function_mesh_tests::{cluster::Cluster, peer::Peer};
use pulsar_standalone::{distribution::Distribution, standalone::Ports};

use contender::{Contender, Setup};
use report::Results;
use round::Bench;

#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    #[arg(long, default_value_t = 300_000)]
    messages: u32,
    /// Messages per entry of the input; one table for each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 1000])]
    batches: Vec<u32>,
    /// Bytes per message.
    #[arg(long, default_value_t = 100)]
    size: u32,
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Contender>,
    /// A running broker instead of one of our own.
    #[arg(long, value_names = ["BROKER", "WEB"], num_args = 2)]
    ports: Option<Vec<u16>>,
    /// Where the table is written.
    #[arg(long)]
    results: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(options.rounds > 0, "--rounds 0 measures nothing");
    let dir = tempfile::tempdir()?;
    let contenders =
        if options.only.is_empty() { Contender::ALL.to_vec() } else { options.only.clone() };
    let setup = Setup::prepare(&contenders, Distribution::fetch()?)?;

    println!("starting Pulsar's Java client and a broker");
    let peer = Arc::new(Peer::start()?);
    let (_broker, cluster) = match options.ports.as_deref() {
        Some(&[broker, web]) => (None, Cluster::new(Ports { broker, web, bookie: 0 }, peer)),
        _ => {
            let (broker, cluster) = Cluster::start(dir.path(), peer)?;
            (Some(broker), cluster)
        }
    };
    let mut text = report::heading(&options);
    for batch in options.batches.iter().copied() {
        let bench = Bench {
            setup: &setup,
            topics: cluster.namespace("bench")?,
            dir: dir.path().to_owned(),
            messages: options.messages,
            batch,
            size: options.size,
        };
        let results = rounds(&bench, options.rounds, &contenders)?;
        text.push_str(&results.table());
    }
    if contenders.contains(&Contender::Runner) {
        println!("starting the runner without a broker");
        let times = laptop::measure(&setup.runner, &setup.component)?;
        text.push_str(&report::first_line_out(&times));
    }
    println!("\n{text}");
    if let Some(path) = &options.results {
        std::fs::write(path, &text).with_context(|| path.display().to_string())?;
        println!("written to {}", path.display());
    }
    Ok(())
}

fn rounds(bench: &Bench<'_>, rounds: u32, contenders: &[Contender]) -> Result<Results> {
    let Bench { messages, size, batch, .. } = bench;
    println!("preloading {messages} messages of {size} bytes in batches of {batch}");
    bench.preload()?;
    let mut results = Results::new(*batch, contenders);
    for round in 0..rounds {
        // There and back again, so that what drifts over time hits all alike.
        let mut order = contenders.to_vec();
        if round % 2 == 1 {
            order.reverse();
        }
        for contender in order {
            let startup = bench.startup(contender, round).with_context(|| contender.name())?;
            let run = bench.run(contender, round).with_context(|| contender.name())?;
            println!(
                "round {}: {:<8} {run}, first output after {startup:.2?}",
                round + 1,
                contender.name()
            );
            results.add(contender, run, startup);
        }
    }
    Ok(results)
}
