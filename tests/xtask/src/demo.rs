//! `cargo xtask demo`: the first command after a clone.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use pulsar_standalone::standalone::Ports;

use crate::{broker, examples, programs, step, toolchain, workspace};

const LINES: [&str; 3] = ["hello", "functions on Pulsar", "no cluster needed"];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Through topics of a real broker, started if none answers (needs a JDK and Maven).
    #[arg(long)]
    pulsar: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    toolchain::linker()?;
    if options.pulsar {
        // First, so that what is missing shows before minutes of building.
        broker::up()?;
    }
    let component = examples::build_one("exclamation")?;
    if options.pulsar {
        programs::build()?;
        return on_pulsar(&component);
    }
    let mut build = step::cargo(["build", "--release", "--package", "function-mesh-runner"])?;
    step::run("build the runner (some minutes the first time)", &mut build)?;
    in_memory(&component)
}

fn in_memory(component: &Path) -> Result<()> {
    let runner = workspace::runner()?;
    let mut command = Command::new(&runner);
    command.arg("localrun").arg("--wasm").arg(component);
    println!(
        "\n==> run the function on lines, in memory\n    {} localrun --wasm {}",
        runner.display(),
        component.display()
    );
    let output = pipe(&mut command)?;
    show(&output);
    let expected: Vec<String> = LINES.iter().map(|line| format!("{line}!")).collect();
    if output.lines().ne(expected.iter().map(String::as_str)) {
        bail!("the function was to append an exclamation mark to each line");
    }
    println!(
        "\nEach line was a message on an in-memory topic; each message of the output topic is a \
         line again.\nNext:\n  \
         cargo xtask demo --pulsar     the same through a real broker\n  \
         {0} new my-function    a function of your own\n  \
         {0} localrun --help    all that a function can be given",
        runner.display(),
    );
    Ok(())
}

fn pipe(command: &mut Command) -> Result<String> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    {
        let mut input = child.stdin.take().context("the runner has no input")?;
        for line in LINES {
            writeln!(input, "{line}")?;
        }
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("the runner ended with {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn show(output: &str) {
    println!();
    for (line, answer) in LINES.iter().zip(output.lines()) {
        println!("    {line:<22} ->  {answer}");
    }
}

fn on_pulsar(component: &Path) -> Result<()> {
    let mut demo = programs::program("pulsar_demo")?;
    demo.args(["--broker-port", &Ports::STANDARD.broker.to_string()]);
    demo.args(["--web-port", &Ports::STANDARD.web.to_string()]);
    demo.arg("--wasm").arg(component);
    demo.args(LINES);
    step::run("run the function on topics of a real broker", &mut demo)
}
