//! A client of the runner's `InstanceControl`, as Pulsar's function worker is one.

use anyhow::{Context as _, Result};
use function_mesh_proto::instance_communication::{
    FunctionStatus, HealthCheckResult, MetricsData, instance_control_client::InstanceControlClient,
};
use tonic::transport::{Channel, Endpoint};

/// Asks one instance, waiting for each answer.
#[derive(Debug)]
pub struct Control {
    runtime: tokio::runtime::Runtime,
    client: InstanceControlClient<Channel>,
}

impl Control {
    /// # Errors
    /// Nothing listens on the port.
    pub fn connect(port: u16) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let address = format!("http://127.0.0.1:{port}");
        let endpoint = Endpoint::from_shared(address.clone())?;
        let channel = runtime.block_on(endpoint.connect()).with_context(|| address)?;
        Ok(Self { runtime, client: InstanceControlClient::new(channel) })
    }

    pub fn status(&mut self) -> Result<FunctionStatus> {
        Ok(self.runtime.block_on(self.client.get_function_status(()))?.into_inner())
    }

    pub fn metrics(&mut self) -> Result<MetricsData> {
        Ok(self.runtime.block_on(self.client.get_metrics(()))?.into_inner())
    }

    pub fn metrics_and_reset(&mut self) -> Result<MetricsData> {
        Ok(self.runtime.block_on(self.client.get_and_reset_metrics(()))?.into_inner())
    }

    pub fn health(&mut self) -> Result<HealthCheckResult> {
        Ok(self.runtime.block_on(self.client.health_check(()))?.into_inner())
    }
}
