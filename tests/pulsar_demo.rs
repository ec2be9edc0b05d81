//! Some lines through a function on a real broker, sent and read by Pulsar's own Java client.
//! `cargo xtask demo --pulsar` starts it.
#![expect(clippy::print_stdout, reason = "it shows what happens")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use function_mesh_tests::{cluster::Cluster, peer::Peer, runner::Runner};
use pulsar_standalone::standalone::Ports;

#[derive(Parser)]
struct Options {
    #[arg(long)]
    broker_port: u16,
    #[arg(long)]
    web_port: u16,
    #[arg(long)]
    wasm: PathBuf,
    lines: Vec<String>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let ports = Ports { broker: options.broker_port, web: options.web_port, bookie: 0 };
    println!("starting Pulsar's Java client, which sends and reads the messages");
    let topics = Cluster::new(ports, Arc::new(Peer::start()?)).namespace("demo")?;
    let (input, output) = (topics.create("in")?, topics.create("out")?);
    let runner = Runner::on(&topics.cluster, &options.wasm, &input)?
        .flag("--output", &output)
        .flag("--name", "demo")
        .flag("--subs-position", "Earliest");
    println!("\n    {}\n", runner.line());
    let mut running = runner.start()?;
    let lines: Vec<&str> = options.lines.iter().map(String::as_str).collect();
    topics.send(&input, &lines)?;
    let answers = topics.texts(&output, lines.len()).with_context(|| running.log())?;
    println!("    {input}\n    {output}\n");
    for (line, answer) in lines.iter().zip(&answers) {
        println!("    {line:<22} ->  {answer}");
    }
    let ended = running.stop(Duration::from_secs(10))?;
    ensure!(ended.code == Some(0), "the runner ended with {ended:?}:\n{}", running.log());
    println!(
        "\nThe function was stopped; the broker goes on (`cargo xtask pulsar down` ends it).\n\
         Next: run the command above, and send to the input with Pulsar's own tools."
    );
    Ok(())
}
