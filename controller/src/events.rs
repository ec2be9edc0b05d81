//! Kubernetes Events: what `kubectl describe` shows below an object.

use kube::{
    Client, Resource,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use tracing::debug;

use crate::reconcile::status::Finding;

/// Publishes events; repeated ones are counted together.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

impl Events {
    /// `instance` tells several controllers apart.
    pub fn new(client: Client, instance: Option<String>) -> Self {
        let reporter = Reporter { controller: "function-mesh-controller".to_owned(), instance };
        Self { recorder: Recorder::new(client, reporter) }
    }

    /// An event is a courtesy: that one cannot be published fails nothing.
    pub async fn publish<K: Resource<DynamicType = ()>>(&self, about: &K, finding: &Finding) {
        let event = Event {
            type_: if finding.holds { EventType::Normal } else { EventType::Warning },
            reason: finding.reason.clone(),
            // Longer ones are refused.
            note: Some(finding.message.chars().take(1000).collect()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &about.object_ref(&())).await {
            debug!(%error, "an event was not published");
        }
    }
}
