//! `cargo xtask bench` and `cargo xtask figures`: build the programs that measure, and run them.

use std::{fs::File, io::Write as _, process::Stdio};

use anyhow::{Result, ensure};

use crate::{broker, cluster, examples, images, programs, step, workspace};

#[derive(clap::Args)]
pub(crate) struct BenchOptions {
    /// Rounds of every contender, interleaved; medians are reported.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Messages per round.
    #[arg(long, default_value_t = 300_000)]
    messages: u32,
    /// Messages per entry of the input; one table for each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 1000])]
    batches: Vec<u32>,
    /// Only these contenders (runner, java, python, loop).
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

#[derive(clap::Args)]
pub(crate) struct FigureOptions {
    /// Only rows whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Messages per row.
    #[arg(long, default_value_t = 300_000)]
    messages: u32,
    /// How often the runner is killed, and stopped.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// How long the broker is frozen, in seconds.
    #[arg(long, default_value_t = 60)]
    freeze: u32,
    /// The operator's figures instead: how soon functions run, and what many of them take.
    #[arg(long)]
    operator: bool,
    /// What faults of the control plane do instead (half an hour).
    #[arg(long, conflicts_with = "operator")]
    faults: bool,
}

pub(crate) fn bench(options: &BenchOptions) -> Result<()> {
    broker::distribution()?;
    examples::build()?;
    programs::build()?;
    let mut bench = programs::program("bench")?;
    bench.args(["--rounds", &options.rounds.to_string()]);
    bench.args(["--messages", &options.messages.to_string()]);
    let batches: Vec<String> = options.batches.iter().map(u32::to_string).collect();
    bench.args(["--batches", &batches.join(",")]);
    if !options.only.is_empty() {
        bench.args(["--only", &options.only.join(",")]);
    }
    let results = workspace::root().join("tests/bench/RESULTS.md");
    bench.arg("--results").arg(&results);
    step::run("measure the contenders", &mut bench)?;
    let calls = packed_calls()?;
    let mut file = File::options().append(true).open(&results)?;
    write!(file, "\n## A packed guest call\n\n```text\n{}\n```\n", calls.trim_end())?;
    println!("\nAll of it is in {}.", results.display());
    Ok(())
}

/// What a call of the exclamation component costs, without a broker.
fn packed_calls() -> Result<String> {
    let component = examples::build_one("exclamation")?;
    let mut bench = step::cargo(["bench", "--workspace", "--bench", "packed_call", "--"])?;
    println!("\n==> measure a packed guest call");
    let output = bench.arg(component).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "packed_call ended with {}", output.status);
    let calls = String::from_utf8(output.stdout)?;
    println!("{calls}");
    Ok(calls)
}

pub(crate) fn figures(options: &FigureOptions) -> Result<()> {
    if options.operator {
        return on_kubernetes("operator_figures", "tests/OPERATOR_FIGURES.md", options);
    }
    if options.faults {
        return on_kubernetes("fault_figures", "tests/faults/RESULTS.md", options);
    }
    broker::distribution()?;
    examples::build()?;
    programs::build()?;
    let mut figures = programs::program("figures")?;
    figures.args(["--messages", &options.messages.to_string()]);
    figures.args(["--faults", &options.kills.to_string()]);
    figures.args(["--freeze", &options.freeze.to_string()]);
    if let Some(only) = &options.only {
        figures.args(["--only", only]);
    } else {
        figures.arg("--results").arg(workspace::root().join("tests/FIGURES.md"));
    }
    step::run("take the figures", &mut figures)
}

/// Takes figures of the operator with a program of its own.
fn on_kubernetes(program: &str, results: &str, options: &FigureOptions) -> Result<()> {
    broker::distribution()?;
    cluster::programs()?;
    examples::build()?;
    programs::build()?;
    images::for_tests()?;
    let mut figures = programs::program(program)?;
    figures.env("FUNCTION_MESH_GUESTS", workspace::guests_dir()?);
    figures.env("FUNCTION_MESH_IMAGES", images::dir()?);
    match (&options.only, options.faults) {
        (Some(only), true) => figures.args(["--only", only]),
        _ => figures.arg("--results").arg(workspace::root().join(results)),
    };
    step::run("take the operator's figures", &mut figures)
}
