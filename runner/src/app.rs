//! From a checked configuration to running instances: the one place where concrete rooms meet.

use std::{net::SocketAddr, ops::Range, sync::Arc};

use function_mesh_proto::{
    instance::{InstanceConfig, Limits, PackageConfig},
    plan::FunctionPlan,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::{
    assembly::{Assembly, Shared},
    observed::Observed,
};
use crate::{
    admin::{Admin, Readiness},
    cluster::Clusters,
    config::RunnerConfig,
    control::Control,
    fault::Fault,
    instance::Instance,
    invoke::wasm::{CompiledComponent, Engine},
    metrics::{MetricNames, Page},
    packages::{self, PackageContext},
    pipeline::Summary,
    secrets::SecretsProvider,
};

mod assembly;
mod observed;
mod transport;

pub use transport::{LinesIo, Transport};

/// What the process contributes besides the configuration.
pub struct Surroundings {
    pub transport: Transport,
    /// The instances that this process runs: a pod has one, `localrun` all of them.
    pub instances: Range<u32>,
    /// Finds the values of granted secrets.
    pub secrets: Arc<dyn SecretsProvider>,
    pub metric_names: MetricNames,
}

/// The instances of one process, and what is seen of them from outside.
pub struct App {
    instances: Vec<Instance>,
    admin: Option<Admin>,
    controls: Vec<Control>,
}

impl App {
    /// Opens the ports, fetches and compiles the function, and prepares its instances. Nothing is
    /// consumed yet.
    ///
    /// # Errors
    /// The package cannot be had or run, a port or the state cannot be opened, or a cluster's
    /// configuration cannot be honoured.
    pub async fn build(config: RunnerConfig, surroundings: Surroundings) -> Result<Self, Fault> {
        let RunnerConfig { plan, details: _, instance: config } = config;
        let Surroundings { transport, instances, secrets, metric_names } = surroundings;
        let page = Page::new(metric_names);
        let readiness = Readiness::new();
        let code = readiness.latch("code");
        code.not_ready("the function is being fetched and compiled");
        let observed: Vec<_> = instances
            .map(|id| Observed::new(id, &plan, &config, &readiness))
            .inspect(|observed| page.add(observed.metrics.clone()))
            .collect();
        let admin = match config.ports.metrics {
            Some(port) => Some(Admin::start(port, page, readiness.clone()).await?),
            None => None,
        };
        let mut controls = Vec::new();
        if let Some(port) = config.ports.control {
            for (position, observed) in (0..).zip(&observed) {
                let control = Control::start(port, position, observed.controlled());
                controls.push(control.instrument(observed.span.clone()).await?);
            }
        }

        let limits = limits(&plan, &config);
        let shared = Arc::new(Shared {
            component: load(&plan, &config, &limits).await?,
            clusters: Clusters::new(&config.clusters)?,
            plan: Arc::new(plan),
            limits,
            config,
            secrets,
        });
        code.done();
        let transports = transport.for_instances(observed.len())?;
        let mut built = Vec::with_capacity(observed.len());
        for (observed, transport) in observed.into_iter().zip(transports) {
            built.push(Instance {
                plan: shared.plan.clone(),
                limits: shared.limits.clone(),
                metrics: observed.metrics.clone(),
                span: observed.span.clone(),
                assembly: Box::new(Assembly::new(shared.clone(), observed, transport)?),
            });
        }
        Ok(Self { instances: built, admin, controls })
    }

    /// Runs until every instance ended: by itself, because `stop` fired, or with a fault, which
    /// stops the others. Dropping the future gives what is in flight back for redelivery.
    ///
    /// # Errors
    /// An instance ended with a fault.
    pub async fn run(self, stop: CancellationToken) -> Result<Summary, Fault> {
        let Self { instances, admin, controls } = self;
        let mut running = JoinSet::new();
        for instance in instances {
            running.spawn(instance.run(stop.clone()));
        }
        let mut outcome = Ok(Summary::default());
        while let Some(ended) = running.join_next().await {
            let ended = ended.map_err(Fault::system).flatten();
            outcome = match (outcome, ended) {
                (Ok(total), Ok(summary)) => Ok(total + summary),
                (Ok(_), Err(fault)) => {
                    stop.cancel();
                    Err(fault)
                }
                (Err(first), _) => Err(first),
            };
        }
        for control in controls {
            control.stop().await;
        }
        if let Some(admin) = admin {
            admin.stop().await;
        }
        outcome
    }

    /// Where metrics and probes are served.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }
}

/// The sandbox's limits, and the function's own on top: a message that takes longer than
/// `timeoutMs` has failed, and a guest's memory stays within the instance's `ram`.
fn limits(plan: &FunctionPlan, config: &InstanceConfig) -> Limits {
    let mut limits = config.limits.clone();
    if let Some(timeout) = plan.timeout {
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        limits.message_millis = limits.message_millis.min(millis);
    }
    if let Some(ram) = plan.resources.ram {
        limits.memory_bytes = limits.memory_bytes.min(ram);
    }
    limits
}

async fn load(
    plan: &FunctionPlan,
    config: &InstanceConfig,
    limits: &Limits,
) -> Result<CompiledComponent, Fault> {
    let package = match (&config.package, &plan.package) {
        (Some(package), _) => package.clone(),
        (None, Some(url)) => PackageConfig {
            url: url.clone(),
            digest: None,
            cluster: None,
            registry_credentials: None,
        },
        (None, None) => {
            let missing = "package.url of the instance, or packageUrl of the function: expected \
                           where the function's component is";
            return Err(Fault::system(missing).permanent());
        }
    };
    let context = PackageContext {
        cache_dir: config.cache_dir.clone(),
        clusters: config.clusters.clone(),
        ..PackageContext::default()
    };
    let package = packages::fetch(&package, &context).await?;
    let engine = Engine::new(limits, config.cache_dir.clone())?;
    engine.load(package.bytes).await
}
