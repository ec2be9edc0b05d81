//! What the proxy was asked, and what that says of whoever asked.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The status it was refused with by the proxy itself.
    pub refused: Option<u16>,
}

/// All requests, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Journal(pub Vec<Asked>);

impl Journal {
    pub fn count(&self, method: &str) -> usize {
        self.0.iter().filter(|asked| asked.method == method).count()
    }

    /// The most requests that change one object, and its subresources, in any `window`, per second.
    pub fn busiest(&self, window: Duration) -> (f64, String) {
        let mut of_object: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
        for asked in self.0.iter().filter(|asked| asked.method != "GET") {
            if let Some(object) = object(&asked.path) {
                of_object.entry(object).or_default().push(asked.at);
            }
        }
        let most = |times: &[Instant]| {
            let within = |start: &Instant| {
                times.iter().filter(|at| *at >= start && **at - *start < window).count()
            };
            times.iter().map(within).max().unwrap_or_default()
        };
        let counted = of_object.into_iter().map(|(object, times)| (most(&times), object));
        let (count, object) = counted.max().unwrap_or_default();
        (count as f64 / window.as_secs_f64(), object)
    }

    /// The shortest time from the refusal of a write with 429 to the next write of the same object,
    /// and how many such pairs there are.
    pub fn shortest_wait(&self) -> (Duration, usize) {
        let mut waits = Vec::new();
        for (i, refused) in self.0.iter().enumerate() {
            if refused.refused != Some(429) || refused.method == "GET" {
                continue;
            }
            // Many events have one address.
            if object(&refused.path).is_none() {
                continue;
            }
            let same =
                |later: &&Asked| later.path == refused.path && later.method == refused.method;
            if let Some(next) = self.0.iter().skip(i + 1).find(same) {
                waits.push(next.at - refused.at);
            }
        }
        (waits.iter().min().copied().unwrap_or_default(), waits.len())
    }
}

/// `services/f` of `/api/v1/namespaces/n/services/f/status`. None for lists, leases and events.
fn object(path: &str) -> Option<String> {
    let mut parts = path.split('/').skip_while(|part| *part != "namespaces").skip(2);
    let (kind, name) = (parts.next()?, parts.next()?);
    (kind != "leases" && kind != "events").then(|| format!("{kind}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(entries: &[(u64, &str, Option<u16>)]) -> Journal {
        let start = Instant::now();
        let asked = |(millis, path, refused): &(u64, &str, Option<u16>)| Asked {
            at: start + Duration::from_millis(*millis),
            method: "PATCH".to_owned(),
            path: (*path).to_owned(),
            refused: *refused,
        };
        Journal(entries.iter().map(asked).collect())
    }

    const F: &str = "/apis/compute.functionmesh.io/v1alpha1/namespaces/n/functions/f";
    const G: &str = "/apis/compute.functionmesh.io/v1alpha1/namespaces/n/functions/g";

    #[test]
    fn an_object_is_counted_with_its_status_and_by_itself() {
        let status = format!("{F}/status");
        let journal =
            journal(&[(0, F, None), (10, G, None), (900, &status, None), (5000, F, None)]);
        assert_eq!(journal.busiest(Duration::from_secs(2)), (1.0, "functions/f".to_owned()));
    }

    #[test]
    fn a_wait_is_from_a_refusal_to_the_same_request() {
        let journal = journal(&[(0, F, Some(429)), (10, G, None), (700, F, None), (800, F, None)]);
        assert_eq!(journal.shortest_wait(), (Duration::from_millis(700), 1));
    }
}
