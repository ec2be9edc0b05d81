//! One running copy of the function: a pipeline, made again when it breaks.

use std::sync::Arc;

use async_trait::async_trait;
use function_mesh_proto::{instance::Limits, plan::FunctionPlan};
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, error};

use crate::{
    fault::{Fault, Retry},
    metrics::InstanceMetrics,
    pipeline::{Parts, Pipeline, Summary},
};

/// Between restarts: doubled up to the second, and from the first again after a healthy while.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const HEALTHY: Duration = Duration::from_secs(60);

/// Makes the parts of a pipeline: at the start, and again after a fault.
#[async_trait]
pub trait Assemble: Send {
    /// # Errors
    /// A part cannot be made; permanent if trying again is no use.
    async fn parts(&mut self) -> Result<Parts, Fault>;

    /// Releases what outlives a pipeline, after the last one.
    async fn close(self: Box<Self>);
}

/// An instance, before it runs.
pub struct Instance {
    pub plan: Arc<FunctionPlan>,
    pub limits: Limits,
    pub metrics: Arc<InstanceMetrics>,
    /// Carries tenant, namespace, name and instance into its log lines.
    pub span: Span,
    pub assembly: Box<dyn Assemble>,
}

impl Instance {
    /// Runs until its source ends or `stop` fires. A broken pipeline gives everything unsettled
    /// back for redelivery and is made again.
    ///
    /// # Errors
    /// A permanent fault: what is wrong stays wrong until somebody changes it.
    pub async fn run(self, stop: CancellationToken) -> Result<Summary, Fault> {
        let span = self.span.clone();
        let ending = async {
            let mut instance = self;
            let ended = instance.restart(stop).await;
            instance.assembly.close().await;
            ended
        };
        ending.instrument(span).await
    }

    async fn restart(&mut self, stop: CancellationToken) -> Result<Summary, Fault> {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let fault = match self.once(&stop).await {
                Ok(summary) => return Ok(summary),
                Err(fault) => fault,
            };
            self.metrics.failed(&fault);
            if fault.retry == Retry::Never || stop.is_cancelled() {
                return Err(fault);
            }
            if started.elapsed() > HEALTHY {
                pause = FIRST_PAUSE;
            }
            error!(error = %fault, pause_ms = pause.as_millis(), "instance broke; starting it again");
            if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                return Err(fault);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn once(&mut self, stop: &CancellationToken) -> Result<Summary, Fault> {
        let Some(parts) = stop.run_until_cancelled(self.assembly.parts()).await else {
            return Ok(Summary::default());
        };
        Pipeline::new(&self.plan, &self.limits, parts?).run(stop.clone()).await
    }
}
