//! Certificate authorities of a test's own.

use std::net::Ipv4Addr;

use anyhow::Result;
use pulsar_standalone::access::{Encryption, Ports};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Signs certificates. Nobody knows of it who is not told.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// # Errors
    /// No key could be made.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// What has to be trusted, in PEM.
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// A certificate for whoever is at `address`, and for this machine.
    ///
    /// # Errors
    /// No key could be made, or there are no free ports.
    pub fn encryption(&self, address: Ipv4Addr) -> Result<Encryption> {
        let names = [address.to_string(), Ipv4Addr::LOCALHOST.to_string()];
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(names)?.signed_by(&key, &self.0)?;
        Ok(Encryption {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            ports: Ports::free()?,
        })
    }
}
