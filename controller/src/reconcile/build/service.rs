//! The headless Service: each pod gets a name, under which `InstanceControl` and metrics are reached.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{CONTROL_PORT, METRICS_PORT, labels};
use crate::workload::Workload;

pub(super) fn service<W: Workload>(workload: &W) -> Service {
    let port = |(name, number): (&str, i32)| ServicePort {
        name: Some(name.to_owned()),
        port: number,
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::Int(number)),
        ..ServicePort::default()
    };
    Service {
        metadata: labels::owned(workload, name(workload)),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            ports: Some([CONTROL_PORT, METRICS_PORT].map(port).into()),
            selector: Some(labels::selector(workload)),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

pub(super) fn name<W: Workload>(workload: &W) -> String {
    format!("{}-headless", workload.object_name())
}
