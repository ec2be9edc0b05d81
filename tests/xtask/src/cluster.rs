//! `cargo xtask cluster`: a Kubernetes cluster that stays up between commands.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use clap::Subcommand;
use kubernetes_standalone::{binary::Binary, cluster, machine, programs::Options};
use pulsar_standalone::standalone::{self, Ports};

use crate::{broker, images, workspace};

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Start one, with the images that `cargo xtask images` built, and print what to export for
    /// kubectl and Pulsar's tools: eval "$(cargo xtask cluster up --broker)".
    Up {
        /// With a Pulsar broker that pods reach (needs a JDK and Maven).
        #[arg(long)]
        broker: bool,
    },
    /// Stop it, and its broker, and remove their state.
    Down,
}

pub(crate) fn run(action: &Action) -> Result<()> {
    match action {
        Action::Up { broker } => up(*broker),
        Action::Down => down(),
    }
}

fn up(with_broker: bool) -> Result<()> {
    let state = state()?;
    if state.exists() {
        bail!("{} is there already; `cargo xtask cluster down` removes it", state.display());
    }
    if with_broker {
        // First, so that what is missing shows before anything runs.
        broker::distribution()?;
    }
    programs()?;
    eprintln!("==> start Kubernetes");
    let kubeconfig = cluster::start_detached(&state, &Options::whole())?;
    let gateway = cluster::gateway(&state)?;
    eprintln!("A cluster runs; its logs are in {}.", state.join("log").display());
    eprintln!("Pods reach this machine at {gateway}. `cargo xtask cluster down` stops it.");
    for archive in images::archives()? {
        cluster::import_images(&state, &archive)?;
        eprintln!("It has the image {}.", archive.display());
    }
    let mut exports = format!("export KUBECONFIG={}", kubeconfig.display());
    let mut path = Binary::get()?.dir().display().to_string();
    if with_broker {
        let ports = start_broker(gateway)?;
        let (broker, web) = (ports.broker, ports.web);
        exports += &format!(" PULSAR=pulsar://{gateway}:{broker}");
        exports += &format!(" PULSAR_ADMIN=http://{gateway}:{web}");
        path = format!("{path}:{}", broker::distribution()?.join("bin").display());
    }
    println!("{exports} PATH={path}:$PATH");
    Ok(())
}

/// Kubernetes' programs and what they need of the machine; compiles them the first time.
pub(crate) fn programs() -> Result<()> {
    machine::prepare(true)?;
    if Binary::is_missing()? {
        eprintln!("==> compile Kubernetes (10 to 15 minutes, once)");
    }
    Binary::get().map(drop)
}

fn start_broker(gateway: Ipv4Addr) -> Result<Ports> {
    eprintln!("==> start Pulsar standalone (about 20 s)");
    let ports = Ports::free()?;
    let state = broker_state()?;
    standalone::start_detached(&state, ports, gateway)?;
    eprintln!(
        "A broker answers at pulsar://{gateway}:{} (admin http://{gateway}:{}), here and in pods.",
        ports.broker, ports.web
    );
    Ok(ports)
}

fn down() -> Result<()> {
    let (state, broker) = (state()?, broker_state()?);
    if !state.exists() {
        bail!(
            "no cluster that `cargo xtask cluster up` started ({} is not there)",
            state.display()
        );
    }
    if broker.exists() {
        standalone::stop_detached(&broker)?;
    }
    cluster::stop_detached(&state)?;
    eprintln!("Stopped; its state is removed.");
    Ok(())
}

fn state() -> Result<PathBuf> {
    Ok(Path::new(&workspace::target_dir()?).join("cluster"))
}

fn broker_state() -> Result<PathBuf> {
    Ok(Path::new(&workspace::target_dir()?).join("cluster-broker"))
}
