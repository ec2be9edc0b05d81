//! CPU, memory and other resources of the container with the logic.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity,
};

use super::Report;
use crate::crd::{
    quantity::thousandths,
    rules::{self, Rule},
};

pub(super) fn workload(report: &mut Report, resources: Option<&ResourceRequirements>) {
    let Some(ResourceRequirements { requests, limits, .. }) = resources else { return };
    let rules = (&rules::REQUESTED_MEMORY, &rules::REQUEST_NEGATIVE);
    amounts(report, "spec.resources.requests", requests.as_ref(), rules);
    let rules = (&rules::LIMITED_MEMORY, &rules::LIMIT_NEGATIVE);
    amounts(report, "spec.resources.limits", limits.as_ref(), rules);
    for (name, request) in requests.iter().flatten() {
        let limit = limits.as_ref().and_then(|limits| limits.get(name));
        if let (Some(wanted), Some(most)) = (thousandths(request), limit.and_then(thousandths)) {
            let field = format!("spec.resources.requests.{name}");
            report.expect(wanted <= most, &rules::REQUEST_ABOVE_LIMIT, &field, &request.0);
        }
    }
}

fn amounts(
    report: &mut Report,
    field: &str,
    of: Option<&BTreeMap<String, Quantity>>,
    (memory, others): (&Rule, &Rule),
) {
    for (name, quantity) in of.into_iter().flatten() {
        let field = format!("{field}.{name}");
        let Some(amount) = thousandths(quantity) else {
            report.expect(false, &rules::QUANTITY, &field, &quantity.0);
            continue;
        };
        let (holds, rule) =
            if name == "memory" { (amount > 0, memory) } else { (amount >= 0, others) };
        report.expect(holds, rule, &field, &quantity.0);
    }
}
