//! What is seen of one instance from outside, from before it runs until after it ended.

use std::sync::Arc;

use function_mesh_proto::{instance::InstanceConfig, plan::FunctionPlan};
use tracing::Span;

use crate::{
    admin::{Latch, Readiness},
    control::Controlled,
    metrics::{InstanceLabels, InstanceMetrics},
    source::Budget,
    telemetry,
};

/// The `cluster` label of a function whose configuration names none, as with Pulsar's localrun.
const UNNAMED_CLUSTER: &str = "local";

pub(super) struct Observed {
    pub(super) id: u32,
    pub(super) metrics: Arc<InstanceMetrics>,
    /// Credit for what the instance has in flight, which is among its figures.
    pub(super) budget: Budget,
    pub(super) latch: Latch,
    /// Carries tenant, namespace, name and instance into log lines.
    pub(super) span: Span,
}

impl Observed {
    pub(super) fn new(
        id: u32,
        plan: &FunctionPlan,
        config: &InstanceConfig,
        readiness: &Readiness,
    ) -> Self {
        let bytes = usize::try_from(config.limits.in_flight_bytes).unwrap_or(usize::MAX);
        let budget = Budget::new(config.limits.in_flight_messages, bytes);
        let cluster = match config.cluster_name.as_str() {
            "" => UNNAMED_CLUSTER,
            name => name,
        };
        let labels = InstanceLabels {
            function: plan.id.clone(),
            instance_id: id,
            cluster: cluster.to_owned(),
        };
        Self {
            id,
            metrics: Arc::new(InstanceMetrics::new(labels, budget.clone())),
            budget,
            latch: readiness.latch(format!("instance {id}")),
            span: telemetry::instance_span(&plan.id, id),
        }
    }

    pub(super) fn controlled(&self) -> Controlled {
        Controlled { metrics: self.metrics.clone(), latch: self.latch.watch() }
    }
}
