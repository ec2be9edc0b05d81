//! The StatefulSet: one pod for each instance of the function.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy},
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};

use super::{labels, pod, service};
use crate::{config::PodDefaults, reconcile::dereference::References, workload::Workload};

pub(super) fn stateful_set<W: Workload>(
    workload: &W,
    references: &References,
    defaults: &PodDefaults,
    replicas: i32,
    pod_annotations: BTreeMap<String, String>,
) -> StatefulSet {
    let (claims, retention) = workload.claims();
    StatefulSet {
        metadata: labels::owned(workload, workload.object_name()),
        spec: Some(StatefulSetSpec {
            replicas: Some(replicas),
            service_name: Some(service::name(workload)),
            // Instances share a subscription; none waits for another.
            pod_management_policy: Some("Parallel".to_owned()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: None,
            }),
            selector: LabelSelector {
                match_labels: Some(labels::selector(workload)),
                match_expressions: None,
            },
            template: pod::template(workload, references, defaults, pod_annotations),
            volume_claim_templates: Some(claims.to_vec()).filter(|claims| !claims.is_empty()),
            persistent_volume_claim_retention_policy: retention.cloned(),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}
