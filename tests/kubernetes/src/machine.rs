//! What must be on the machine besides the Kubernetes binary, and how it gets there.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::command;

/// A program and the Debian package it comes in.
type Needed = (&'static str, &'static str);

const CONTROL_PLANE: &[Needed] = &[("openssl", "openssl"), ("curl", "curl")];

const NODE: &[Needed] = &[
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("mount", "mount"),
    ("tar", "tar"),
    ("busybox", "busybox-static"),
    ("bridge", "containernetworking-plugins"),
];

/// Where container network plugins are: Debian's place, then upstream's.
const NETWORK_PLUGINS: [&str; 2] = ["/usr/lib/cni", "/opt/cni/bin"];

/// Makes sure of everything: installs what is missing where that is plain (Debian, as root),
/// otherwise says what to install.
///
/// # Errors
/// Something is missing and cannot be installed, or a node is wanted by someone who is not root.
pub fn prepare(node: bool) -> Result<()> {
    if node && !is_root() {
        bail!(
            "a node needs root, for its containers and its network; a control plane alone does not"
        );
    }
    let missing = missing(node);
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !is_root() || !Path::new("/etc/debian_version").exists() {
        bail!("Kubernetes needs programs that are not here (Debian: `apt-get install {packages}`)");
    }
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command::output(&mut apt)
    };
    apt(&["update", "-qq"]).context("the package lists could not be refreshed")?;
    let mut install = vec!["install", "-qq", "--yes", "--no-install-recommends"];
    install.extend(missing);
    apt(&install).with_context(|| format!("{packages} could not be installed"))?;
    Ok(())
}

/// Directory of the container network plugins.
pub fn network_plugins() -> Option<&'static Path> {
    NETWORK_PLUGINS.map(Path::new).into_iter().find(|dir| {
        ["bridge", "host-local", "loopback"].iter().all(|plugin| dir.join(plugin).exists())
    })
}

/// The full path of a program.
pub fn program(name: &str) -> Option<PathBuf> {
    // Where root's programs are, which is not on everybody's PATH.
    let extra = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain(extra).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Debian packages that are missing, each once.
fn missing(node: bool) -> Vec<&'static str> {
    let needed = CONTROL_PLANE.iter().chain(if node { NODE } else { &[] });
    let is_here = |name: &str| match name {
        "bridge" => network_plugins().is_some(),
        name => program(name).is_some(),
    };
    let mut missing: Vec<&str> =
        needed.filter(|(name, _)| !is_here(name)).map(|(_, package)| *package).collect();
    missing.dedup();
    missing
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_with_its_path() {
        assert!(program("sh").unwrap().is_absolute());
        assert_eq!(program("no-such-program"), None);
    }
}
