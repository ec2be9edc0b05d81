//! `cargo xtask test`: everything that must pass before a change lands, cheapest first.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    broker, chart, cluster, examples, images,
    programs::{self, PROFILE},
    step, toolchain, workspace,
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out what needs a broker or a Kubernetes cluster.
    #[arg(long)]
    quick: bool,
    /// Leave out what needs a Kubernetes cluster, which needs root.
    #[arg(long)]
    no_cluster: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    toolchain::linker()?;
    toolchain::guest_target()?;
    if !options.quick {
        // First, so that what is missing shows before minutes of building.
        broker::distribution()?;
        if !options.no_cluster {
            cluster::programs()?;
            chart::helm()?;
            toolchain::buildah()?;
        }
    }
    lints()?;
    if !options.quick && !options.no_cluster {
        chart::check()?;
    }
    unit_tests()?;
    examples::test()?;
    examples::build()?;
    if !options.quick {
        end_to_end()?;
        if !options.no_cluster {
            on_kubernetes()?;
        }
    }
    println!("\nAll of it passed.");
    Ok(())
}

fn lints() -> Result<()> {
    step::run("formatting", &mut step::cargo(["fmt", "--all", "--check"])?)?;
    let mut clippy =
        step::cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    step::run("lints", &mut clippy)?;
    // Tests that `cargo test` leaves out are no targets to it either.
    let mut clippy = step::cargo(["clippy", "--workspace", "--test", "scenarios"])?;
    clippy.args(["--test", "cluster", "--", "-D", "warnings"]);
    step::run("lints of the scenarios", &mut clippy)?;
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

/// Everything but the scenarios.
fn unit_tests() -> Result<()> {
    step::run("unit tests and house rules", &mut test(&["--workspace"])?)
}

fn end_to_end() -> Result<()> {
    programs::build()?;
    let mut scenarios = test(&["--workspace", "--test", "scenarios"])?;
    scenarios.env("FUNCTION_MESH_GUESTS", workspace::guests_dir()?);
    step::run("end-to-end scenarios on a real broker", &mut scenarios)
}

fn on_kubernetes() -> Result<()> {
    images::for_tests()?;
    let mut scenarios = test(&["--workspace", "--test", "cluster"])?;
    scenarios.env("FUNCTION_MESH_GUESTS", workspace::guests_dir()?);
    scenarios.env("FUNCTION_MESH_IMAGES", images::dir()?);
    step::run("scenarios on a real Kubernetes", &mut scenarios)
}

fn test(arguments: &[&str]) -> Result<Command> {
    let mut test = step::cargo(["test", "--profile", PROFILE, "--no-fail-fast"])?;
    // An error says what it is about; a hundred lines of frames would hide that.
    test.args(arguments).env("RUST_BACKTRACE", "0");
    Ok(test)
}

/// What the dependencies' licences, versions and sources must be.
pub(crate) fn deny() -> Result<()> {
    if !toolchain::has("cargo", &["deny", "--version"]) {
        bail!("cargo-deny is not installed: `cargo install --locked cargo-deny`");
    }
    let mut deny = step::cargo(["deny", "check", "bans", "licenses", "sources"])?;
    step::run("licences, duplicate versions and sources of the dependencies", &mut deny)
}
