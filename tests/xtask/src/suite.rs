//! `cargo xtask test`: everything that must pass before a change lands, cheapest first.

use anyhow::{Result, bail};

use crate::{broker, examples, measure, step, toolchain};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out what needs a broker.
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    toolchain::linker()?;
    toolchain::guest_target()?;
    if !options.quick {
        // First, so that what is missing shows before minutes of building.
        broker::distribution()?;
    }
    lints()?;
    unit_tests()?;
    guests()?;
    if !options.quick {
        end_to_end()?;
    }
    println!("\nAll of it passed.");
    Ok(())
}

fn lints() -> Result<()> {
    step::run("formatting", &mut step::cargo(["fmt", "--all", "--check"])?)?;
    let mut clippy =
        step::cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    step::run("lints", &mut clippy)?;
    let mut doc = step::cargo(["doc", "--workspace", "--no-deps", "--quiet"])?;
    doc.env("RUSTDOCFLAGS", "-D warnings");
    step::run("documentation", &mut doc)?;
    if toolchain::has("cargo", &["deny", "--version"]) {
        deny()?;
    } else {
        println!("\n==> dependencies: left out, cargo-deny is not installed (`cargo xtask deny`)");
    }
    Ok(())
}

/// Everything but the scenarios. With the release profile, so that wasmtime is compiled once for
/// these tests and for the runner that the scenarios start.
fn unit_tests() -> Result<()> {
    let mut tests =
        step::cargo(["test", "--release", "--workspace", "--exclude", "function-mesh-tests"])?;
    step::run("unit tests", &mut tests)?;
    let mut tidy = step::cargo([
        "test",
        "--release",
        "--package",
        "function-mesh-tests",
        "--lib",
        "--test",
        "tidy",
    ])?;
    step::run("house rules and the harness's own tests", &mut tidy)
}

fn guests() -> Result<()> {
    examples::test()?;
    measure::build_everything()
}

fn end_to_end() -> Result<()> {
    let mut scenarios = step::cargo([
        "test",
        "--release",
        "--package",
        "function-mesh-tests",
        "--test",
        "scenarios",
    ])?;
    step::run("end-to-end scenarios on a real broker", &mut scenarios)
}

/// What the dependencies' licences, versions and sources must be.
pub(crate) fn deny() -> Result<()> {
    if !toolchain::has("cargo", &["deny", "--version"]) {
        bail!("cargo-deny is not installed: `cargo install --locked cargo-deny`");
    }
    let mut deny = step::cargo(["deny", "check", "bans", "licenses", "sources"])?;
    step::run("licences, duplicate versions and sources of the dependencies", &mut deny)
}
