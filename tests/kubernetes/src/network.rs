//! The network of a node: a bridge that the pods hang on and this machine answers at.

use std::{net::Ipv4Addr, process::Command};

use anyhow::{Result, bail};

use crate::command;

/// One bridge with a subnet of pods. Several clusters on one machine have one each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    number: u8,
}

impl Network {
    /// Takes the first that is free: who creates the bridge has it.
    ///
    /// # Errors
    /// The system refuses to create a bridge, or there are 256 already.
    pub fn claim() -> Result<Self> {
        for number in 0..=u8::MAX {
            let network = Self { number };
            match network.create_bridge() {
                Ok(()) => return Ok(network),
                Err(error) if error.to_string().contains("File exists") => {}
                Err(error) => return Err(error),
            }
        }
        bail!("256 bridges called fmesh.. exist already; `ip link` lists them")
    }

    /// The network with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(Self { number: name.strip_prefix("fmesh")?.parse().ok()? })
    }

    /// The name of the bridge, of the pods' network and of their control group.
    pub fn name(&self) -> String {
        format!("fmesh{}", self.number)
    }

    /// Where pods reach services of this machine, such as a broker.
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 89, self.number, 1)
    }

    /// Addresses of the pods.
    pub fn pods(&self) -> String {
        format!("10.89.{}.0/24", self.number)
    }

    /// Addresses of services. Nothing forwards them to pods.
    pub fn services(&self) -> String {
        format!("10.90.{}.0/24", self.number)
    }

    /// The first service address, which Kubernetes tells every pod to reach the API server at. It is
    /// an address of this machine, so nothing has to forward it.
    pub fn api_server(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 90, self.number, 1)
    }

    fn create_bridge(&self) -> Result<()> {
        ip(&["link", "add", &self.name(), "type", "bridge"])
    }

    /// Gives the bridge its addresses.
    pub fn bring_up(&self) -> Result<()> {
        let name = self.name();
        ip(&["address", "add", &format!("{}/24", self.gateway()), "dev", &name])?;
        ip(&["address", "add", &format!("{}/32", self.api_server()), "dev", &name])?;
        ip(&["link", "set", &name, "up"])
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    command::output(Command::new("ip").args(arguments)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_share_no_address() {
        let (first, second) = (Network { number: 0 }, Network { number: 1 });
        assert_eq!(first.gateway().to_string(), "10.89.0.1");
        assert_eq!(first.pods(), "10.89.0.0/24");
        assert_ne!(first.name(), second.name());
        assert_ne!(first.pods(), second.pods());
        assert_ne!(first.services(), second.services());
        assert_ne!(first.api_server(), second.api_server());
    }
}
