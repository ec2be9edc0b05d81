//! `cargo xtask pulsar`: a broker that stays up between commands.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use clap::Subcommand;
use pulsar_standalone::{
    access::Access,
    distribution::Distribution,
    standalone::{self, Ports},
};

use crate::{toolchain, workspace};

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Start one on Pulsar's own ports (6650 and 8080), unless one answers there.
    Up,
    /// Stop it and remove its state.
    Down,
}

pub(crate) fn run(action: &Action) -> Result<()> {
    match action {
        Action::Up => up(),
        Action::Down => down(),
    }
}

/// Makes sure that a broker answers on the standard ports.
pub(crate) fn up() -> Result<()> {
    let ports = Ports::STANDARD;
    if standalone::answers(ports, &Access::Everybody) {
        println!("A broker answers at {} (admin {}).", ports.service_url(), ports.web_url());
        return Ok(());
    }
    let home = distribution()?;
    println!("==> start Pulsar standalone (about 20 s)");
    let state = state()?;
    if state.exists() {
        standalone::stop_detached(&state)?;
    }
    let pid = standalone::start_detached(&state, ports, Ipv4Addr::LOCALHOST)?;
    println!(
        "A broker answers at {} (admin {}): process {pid}, log {}.\nIts tools: {}/bin. \
         Stop it with `cargo xtask pulsar down`.",
        ports.service_url(),
        ports.web_url(),
        state.join("log/standalone.out").display(),
        home.display(),
    );
    Ok(())
}

/// The distribution's directory; fetches it the first time.
pub(crate) fn distribution() -> Result<PathBuf> {
    toolchain::java()?;
    if !Distribution::location()?.exists() {
        println!("==> fetch Pulsar's distribution with Maven (240 MB, once)");
    }
    Ok(Distribution::fetch()?.home)
}

fn down() -> Result<()> {
    let state = state()?;
    if !state.exists() {
        bail!("no broker that `cargo xtask pulsar up` started ({} is not there)", state.display());
    }
    standalone::stop_detached(&state)?;
    println!("Stopped; its state is removed.");
    Ok(())
}

fn state() -> Result<PathBuf> {
    Ok(Path::new(&workspace::target_dir()?).join("pulsar"))
}
