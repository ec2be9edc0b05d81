//! CPU and memory of the container with the logic, with defaults for what is not said.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity,
};

use crate::crd::quantity::thousandths;

/// What a pod asks for that says nothing: a guest of 64 MiB and the runner fit in.
const REQUESTS: [(&str, &str); 2] = [("cpu", "100m"), ("memory", "128Mi")];
/// Without a bound on memory, one function could take a node's.
const MEMORY_LIMIT: &str = "256Mi";

/// The spec's, with a request and a limit for memory and a request for CPU in any case.
///
/// A missing request takes the limit's place, as Kubernetes does it; a missing limit is twice the
/// request. Without this, the original refuses the object.
pub(crate) fn effective(given: Option<&ResourceRequirements>) -> ResourceRequirements {
    let mut resources = given.cloned().unwrap_or_default();
    let mut requests = resources.requests.take().unwrap_or_default();
    let mut limits = resources.limits.take().unwrap_or_default();
    for (name, default) in REQUESTS {
        if !requests.contains_key(name) {
            let value = limits.get(name).cloned().unwrap_or(Quantity(default.to_owned()));
            requests.insert(name.to_owned(), value);
        }
    }
    if !limits.contains_key("memory") {
        limits.insert("memory".to_owned(), memory_limit(&requests));
    }
    resources.requests = Some(requests);
    resources.limits = Some(limits);
    resources
}

fn memory_limit(requests: &BTreeMap<String, Quantity>) -> Quantity {
    match requests.get("memory").filter(|request| request.0 != REQUESTS[1].1).and_then(thousandths)
    {
        Some(thousandths) => Quantity((thousandths / 1000).saturating_mul(2).to_string()),
        None => Quantity(MEMORY_LIMIT.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantities(pairs: &[(&str, &str)]) -> Option<BTreeMap<String, Quantity>> {
        let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), Quantity((*v).to_owned())));
        Some(pairs.collect())
    }

    #[test]
    fn nothing_said_gets_defaults() {
        let resources = effective(None);
        assert_eq!(resources.requests, quantities(&[("cpu", "100m"), ("memory", "128Mi")]));
        assert_eq!(resources.limits, quantities(&[("memory", "256Mi")]));
    }

    #[test]
    fn what_is_said_stays() {
        let given = ResourceRequirements {
            requests: quantities(&[("cpu", "0.1"), ("memory", "1G")]),
            limits: quantities(&[("cpu", "0.2"), ("memory", "1.1G")]),
            ..ResourceRequirements::default()
        };
        assert_eq!(effective(Some(&given)), given);
    }

    #[test]
    fn half_of_it_decides_the_other_half() {
        let limits_only = ResourceRequirements {
            limits: quantities(&[("memory", "1Gi")]),
            ..ResourceRequirements::default()
        };
        let requests = quantities(&[("cpu", "100m"), ("memory", "1Gi")]);
        assert_eq!(effective(Some(&limits_only)).requests, requests);
        let requests_only = ResourceRequirements {
            requests: quantities(&[("memory", "1Gi")]),
            ..ResourceRequirements::default()
        };
        let limits = quantities(&[("memory", "2147483648")]);
        assert_eq!(effective(Some(&requests_only)).limits, limits);
    }
}
