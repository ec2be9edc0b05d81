//! All that a function in a pod needs: a cluster, a broker that pods reach, the images under test.

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result};
use kubernetes_standalone::{cluster::Cluster as Machine, command, programs::Options};
use pulsar_standalone::{
    access::Access,
    standalone::{Ports, Standalone},
};

use crate::{audit, cluster::Cluster, guests, kubernetes::Kubernetes, peer::Peer};

/// The images under test, as `cargo xtask images` names them. Pods find them on the node.
pub const RUNNER_IMAGE: &str =
    concat!("docker.io/function-mesh/function-runner:", env!("CARGO_PKG_VERSION"));
pub const CONTROLLER_IMAGE: &str =
    concat!("docker.io/function-mesh/function-mesh-controller:", env!("CARGO_PKG_VERSION"));

/// A Kubernetes cluster, which ends with this value.
#[derive(Debug)]
pub struct Platform {
    pub kubernetes: Kubernetes,
    /// To kill, freeze and restart its programs.
    pub machine: Machine,
}

/// A broker that pods reach, which ends with this value.
#[derive(Debug)]
pub struct Broker {
    /// To kill, freeze and restart.
    pub process: Standalone,
    pub topics: Cluster,
    access: Access,
    address: Ipv4Addr,
}

impl Platform {
    /// # Errors
    /// As [`Machine::start`].
    pub fn start(options: &Options) -> Result<Self> {
        // Kept, since whoever keeps the cluster removes it, also when this process is killed.
        let machine = Machine::start(&tempfile::tempdir()?.keep(), options)?;
        let kubernetes = Kubernetes::connect(&machine.kubeconfig())?;
        Ok(Self { kubernetes, machine })
    }

    /// Starts a broker for this cluster's pods (about 20 s).
    ///
    /// # Errors
    /// The cluster has no node, or as [`Standalone::start`].
    pub fn start_broker(&self, peer: Arc<Peer>, access: Access) -> Result<Broker> {
        let (ports, address) = (Ports::free()?, self.gateway()?);
        // As above.
        let dir = tempfile::tempdir()?.keep();
        let process = Standalone::start_advertising(&dir, ports, address, access.clone())?;
        let topics = Cluster::new(ports, peer).with_access(access.clone());
        Ok(Broker { process, topics, access, address })
    }

    /// Puts the runner under test on the node, as [`RUNNER_IMAGE`].
    ///
    /// # Errors
    /// Its image is not built.
    pub fn load_runner(&self) -> Result<()> {
        self.machine.import_images(&guests::image("function-runner")?)
    }

    /// Puts the controller under test on the node, as [`CONTROLLER_IMAGE`].
    ///
    /// # Errors
    /// Its image is not built.
    pub fn load_controller(&self) -> Result<()> {
        self.machine.import_images(&guests::image("function-mesh-controller")?)
    }

    /// Kubernetes' own `kubectl`, to its end.
    ///
    /// # Errors
    /// It failed; the error holds the end of what it said.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        command::output(self.machine.kubectl().args(arguments))
    }

    /// A kubeconfig for a service account, with a token of an hour.
    pub fn kubeconfig_of(&self, namespace: &str, account: &str) -> Result<PathBuf> {
        let token = self.kubectl(&["create", "token", account, "--namespace", namespace])?;
        self.machine.kubeconfig_for(&format!("{namespace}-{account}"), token.trim())
    }

    /// Where pods reach what listens on this machine.
    ///
    /// # Errors
    /// The cluster has no node.
    pub fn gateway(&self) -> Result<Ipv4Addr> {
        self.machine.gateway().context("a cluster without a node has no pods")
    }

    /// Every write to the API server so far.
    pub fn writes(&self) -> Result<Vec<audit::Request>> {
        audit::writes(&self.machine.audit_log())
    }

    /// Every request so far of a service account (`NAMESPACE:NAME`).
    pub fn requests_of(&self, account: &str) -> Result<Vec<audit::Request>> {
        let user = format!("system:serviceaccount:{account}");
        let mut requests = audit::requests(&self.machine.audit_log())?;
        requests.retain(|request| request.user == user);
        Ok(requests)
    }
}

impl Broker {
    /// `pulsar://..`, here and in pods; `pulsar+ssl://..` of one that encrypts.
    pub fn service_url(&self) -> String {
        match &self.access {
            Access::Encrypted(encryption) => {
                format!("pulsar+ssl://{}:{}", self.address, encryption.ports.broker)
            }
            _ => format!("pulsar://{}:{}", self.address, self.topics.ports.broker),
        }
    }

    /// The admin API's `http://..`, here and in pods; `https://..` of one that encrypts.
    pub fn web_url(&self) -> String {
        match &self.access {
            Access::Encrypted(encryption) => {
                format!("https://{}:{}", self.address, encryption.ports.web)
            }
            _ => format!("http://{}:{}", self.address, self.topics.ports.web),
        }
    }
}
