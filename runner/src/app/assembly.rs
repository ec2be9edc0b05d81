//! Makes one instance's pipeline parts, at its start and again after a fault.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use function_mesh_proto::{
    instance::{InstanceConfig, Limits, StateConfig},
    plan::{FunctionPlan, InputPlan, SchemaPlan, TopicSelector},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Duration, timeout},
};
use tracing::Instrument;

use super::{
    observed::Observed,
    transport::{LinesIo, Transport},
};
use crate::{
    admin::Latch,
    cluster::Clusters,
    fault::Fault,
    instance::Assemble,
    invoke::wasm::{CompiledComponent, HostContext, WasmInvoker},
    metrics::InstanceMetrics,
    pipeline::Parts,
    secrets::SecretsProvider,
    sink::{
        self, Sink,
        pulsar::{PulsarSink, SinkSettings},
    },
    source::{
        self, Budget, Source,
        pulsar::{MissingTopics, PulsarSource, SourceSettings},
    },
    state::{DiskStore, MemoryStore, StateStore},
    telemetry::{GuestLog, LogTopic},
};

/// Log lines that may wait to be published; more are dropped and counted.
const LOG_LINES: usize = 1024;
/// How long a stop waits for the last log lines.
const LOG_FLUSH: Duration = Duration::from_secs(1);

/// What all instances of a process have in common.
pub(super) struct Shared {
    pub(super) plan: Arc<FunctionPlan>,
    pub(super) config: InstanceConfig,
    pub(super) limits: Limits,
    pub(super) clusters: Clusters,
    pub(super) component: CompiledComponent,
    pub(super) secrets: Arc<dyn SecretsProvider>,
}

/// One instance's own things, which outlive its pipelines.
pub(super) struct Assembly {
    shared: Arc<Shared>,
    id: u32,
    transport: Ends,
    metrics: Arc<InstanceMetrics>,
    budget: Budget,
    state: Arc<dyn StateStore>,
    log: GuestLog,
    latch: Arc<Latch>,
    /// Publishes to the log topic.
    log_tasks: JoinSet<()>,
    /// Follows the source's subscriptions.
    readiness_tasks: JoinSet<()>,
}

enum Ends {
    Pulsar {
        unsubscribe: bool,
    },
    /// Taken by the first pipeline: a stream cannot be read from its start again.
    Lines(Option<LinesIo>),
}

impl Assembly {
    /// # Errors
    /// The state cannot be opened, or a cluster's configuration cannot be honoured.
    pub(super) fn new(
        shared: Arc<Shared>,
        observed: Observed,
        transport: Transport,
    ) -> Result<Self, Fault> {
        let Observed { id, metrics, budget, latch, span } = observed;
        let mut log_tasks = JoinSet::new();
        let in_pulsar = matches!(transport, Transport::Pulsar { .. });
        let topic = match &shared.plan.log_topic {
            Some(topic) if in_pulsar => {
                let (lines, queue) = mpsc::channel(LOG_LINES);
                let cluster = shared.clusters.get(None)?;
                let whose = (&shared.plan.id, id);
                let log_topic = LogTopic::on_pulsar(topic, cluster, whose, metrics.clone());
                log_tasks.spawn(log_topic.run(queue).instrument(span.clone()));
                Some(lines)
            }
            // Without a broker, log lines are on standard error already.
            _ => None,
        };
        let state = open_state(&shared.config.state, id)?;
        Ok(Self {
            log: GuestLog::new(topic).for_instance(span, metrics.clone()),
            transport: match transport {
                Transport::Pulsar { unsubscribe } => Ends::Pulsar { unsubscribe },
                Transport::Lines(io) => Ends::Lines(Some(io)),
            },
            latch: Arc::new(latch),
            shared,
            id,
            metrics,
            budget,
            state,
            log_tasks,
            readiness_tasks: JoinSet::new(),
        })
    }

    fn host_context(&self) -> HostContext {
        let Shared { plan, config, limits, secrets, .. } = &*self.shared;
        HostContext {
            id: plan.id.clone(),
            function_id: config.function_id.clone(),
            function_version: config.function_version.clone(),
            instance_id: self.id,
            num_instances: plan.parallelism,
            cluster_name: config.cluster_name.clone(),
            input_topics: plan.inputs.iter().map(|input| selected(&input.topic)).collect(),
            output_topic: plan.output.as_ref().map(|output| output.topic.clone()),
            output_schema_type: plan
                .output
                .as_ref()
                .map_or("", |output| name(&output.schema))
                .into(),
            user_config: plan.user_config.clone(),
            guarantee: plan.guarantee,
            limits: limits.clone(),
            secrets: secrets.clone(),
            state: self.state.clone(),
            log: self.log.clone(),
            metrics: self.metrics.clone(),
        }
    }

    fn pulsar(&mut self, unsubscribe: bool) -> Result<Transported, Fault> {
        let Shared { plan, config, clusters, .. } = &*self.shared;
        let on_cluster = |input: &InputPlan| {
            let cluster = config.input_clusters.get(&selected(&input.topic));
            Ok((clusters.get(cluster.map(String::as_str))?, input.clone()))
        };
        let source = PulsarSource::start(SourceSettings {
            function: plan.id.clone(),
            instance_id: self.id,
            inputs: plan.inputs.iter().map(on_cluster).collect::<Result<_, Fault>>()?,
            subscription: plan.subscription.clone(),
            unsubscribe_on_close: unsubscribe,
            budget: self.budget.clone(),
            metrics: self.metrics.clone(),
        })?;
        let output = match &plan.output {
            Some(output) => Some((clusters.get(config.output_cluster.as_deref())?, output.clone())),
            None => None,
        };
        let sink = PulsarSink::new(&SinkSettings {
            function: plan.id.clone(),
            instance_id: self.id,
            cluster: clusters.get(None)?,
            output,
            metrics: self.metrics.clone(),
        });
        self.readiness_tasks.spawn(follow(source.missing_topics(), self.latch.clone()));
        Ok((Box::new(source), Box::new(sink)))
    }

    fn lines(&self, io: LinesIo) -> Result<Transported, Fault> {
        let topics: Vec<_> =
            self.shared.plan.inputs.iter().map(|input| input.topic.clone()).collect();
        let source =
            source::lines::Lines::new(io.input, io.input_format, &topics, self.budget.clone())
                .map_err(|error| Fault::source(error).permanent())?;
        let sink = sink::lines::Lines::new(io.output, io.output_format, io.unread);
        self.latch.ready();
        Ok((Box::new(source), Box::new(sink)))
    }
}

type Transported = (Box<dyn Source>, Box<dyn Sink>);

#[async_trait]
impl Assemble for Assembly {
    async fn parts(&mut self) -> Result<Parts, Fault> {
        let context = self.host_context();
        let invoker = WasmInvoker::start(&self.shared.component, context).await?;
        let (source, sink) = match &mut self.transport {
            Ends::Pulsar { unsubscribe } => {
                let unsubscribe = *unsubscribe;
                self.pulsar(unsubscribe)?
            }
            Ends::Lines(io) => match io.take() {
                Some(io) => self.lines(io)?,
                None => return Err(Fault::source("the input was lost with its reader").permanent()),
            },
        };
        Ok(Parts { source, invoker: Box::new(invoker), sink, metrics: self.metrics.clone() })
    }

    async fn close(self: Box<Self>) {
        let Self { log, mut log_tasks, .. } = *self;
        drop(log);
        // What cannot be published by then is lost, as log lines may be.
        _ = timeout(LOG_FLUSH, async { while log_tasks.join_next().await.is_some() {} }).await;
    }
}

/// Ready while every input topic is subscribed to.
async fn follow(mut missing: watch::Receiver<MissingTopics>, latch: Arc<Latch>) {
    loop {
        match &*missing.borrow_and_update() {
            missing if missing.none() => latch.ready(),
            missing => latch.not_ready(missing.to_string()),
        }
        if missing.changed().await.is_err() {
            return latch.not_ready("not consuming");
        }
    }
}

fn open_state(config: &StateConfig, instance: u32) -> Result<Arc<dyn StateStore>, Fault> {
    Ok(match config {
        StateConfig::Memory => Arc::new(MemoryStore::default()),
        StateConfig::Disk { dir } => Arc::new(DiskStore::open(&state_file(dir, instance))?),
    })
}

/// Instances keep their state apart, as they would in pods of their own.
fn state_file(dir: &std::path::Path, instance: u32) -> PathBuf {
    dir.join(format!("state-{instance}.redb"))
}

/// An input as the function's description names it.
fn selected(topic: &TopicSelector) -> String {
    match topic {
        TopicSelector::Name(name) => name.clone(),
        TopicSelector::Pattern { regex, .. } => regex.clone(),
    }
}

fn name(schema: &SchemaPlan) -> &'static str {
    match schema {
        SchemaPlan::Bytes => "",
        SchemaPlan::String => "STRING",
        SchemaPlan::Json(_) => "JSON",
        SchemaPlan::Avro(_) => "AVRO",
    }
}
