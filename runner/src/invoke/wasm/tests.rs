//! Guests that behave and guests that do not, through the invoker's front door.
//!
//! Components are written in WebAssembly text: what they do is in view, and no toolchain is needed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use function_mesh_proto::{
    instance::Limits,
    plan::{FunctionId, Guarantee},
};
use serde_json::json;
use tokio::{sync::mpsc, time::Instant};

use super::{Engine, HostContext, WasmInvoker};
use crate::{
    fault::{Fault, Origin},
    invoke::{Call, Invoker, Outcome},
    metrics::InstanceMetrics,
    record::{MessageId, Record},
    secrets::ClearTextSecrets,
    state::{MemoryStore, StateStore},
    telemetry::{GuestLine, GuestLog},
};

mod effects;
mod isolation;
mod limits;
mod loading;
mod plain;

/// The packed world; see its header for what each message makes it do.
const BEHAVIOURS: &str = include_str!("tests/behaviours.wat");

/// A running function and everything it touches.
struct Function {
    invoker: WasmInvoker,
    metrics: Arc<InstanceMetrics>,
    state: Arc<MemoryStore>,
    lines: mpsc::Receiver<GuestLine>,
}

/// How a test's function differs from the usual one.
struct Setting {
    limits: Limits,
    guarantee: Guarantee,
    state: Option<Arc<dyn StateStore>>,
}

impl Default for Setting {
    fn default() -> Self {
        // Time enough for a slow machine, but no test waits for all of it.
        let limits = Limits { message_millis: 300, ..Limits::default() };
        Self { limits, guarantee: Guarantee::AtLeastOnce, state: None }
    }
}

impl Function {
    async fn start(wat: &str, setting: Setting) -> Result<Self, Fault> {
        let engine = Engine::new(&setting.limits, None).unwrap();
        let component = engine.load(wat::parse_str(wat).unwrap().into()).await?;
        let metrics = Arc::new(InstanceMetrics::default());
        let state = Arc::new(MemoryStore::default());
        let (topic, lines) = mpsc::channel(20_000);
        let context = HostContext {
            id: FunctionId {
                tenant: "t".into(),
                namespace: "ns".into(),
                name: "behaviours".into(),
            },
            function_id: String::new(),
            function_version: String::new(),
            instance_id: 0,
            num_instances: 1,
            cluster_name: "local".into(),
            input_topics: vec!["persistent://t/ns/in".into()],
            output_topic: None,
            output_schema_type: String::new(),
            user_config: json!({ "greeting": "hello" }).as_object().unwrap().clone(),
            guarantee: setting.guarantee,
            limits: setting.limits,
            secrets: Arc::new(ClearTextSecrets::new(BTreeMap::new())),
            state: setting.state.unwrap_or_else(|| state.clone()),
            log: GuestLog::new(Some(topic)),
            metrics: metrics.clone(),
        };
        let invoker = WasmInvoker::start(&component, context).await?;
        Ok(Self { invoker, metrics, state, lines })
    }

    async fn behaviours() -> Self {
        Self::start(BEHAVIOURS, Setting::default()).await.unwrap()
    }

    async fn with_limits(limits: Limits) -> Self {
        Self::start(BEHAVIOURS, Setting { limits, ..Setting::default() }).await.unwrap()
    }

    /// Runs one call; its outcomes in the order of its messages.
    async fn call(&self, messages: &[&str]) -> Vec<Outcome> {
        self.call_records(messages.iter().map(|message| record(message)).collect()).await
    }

    async fn call_records(&self, records: Vec<Record>) -> Vec<Outcome> {
        let count = records.len();
        let (outcomes, mut inbox) = mpsc::channel(8);
        self.invoker.submit(Call { id: 1, records: records.into(), outcomes }).unwrap();
        let mut all = Vec::new();
        while let Some(completed) = inbox.recv().await {
            assert_eq!(completed.call, 1);
            assert_eq!(completed.first, all.len(), "outcomes come in order");
            all.extend(completed.outcomes);
        }
        assert_eq!(all.len(), count, "every message has an outcome");
        all
    }

    /// Runs a batch that the guest takes in one call: its first message told how fast it is.
    async fn batch(&self, messages: &[&str]) -> Vec<Outcome> {
        self.call(&["e"]).await;
        self.call(messages).await
    }

    fn counter(&self) -> Option<i64> {
        let stored = self.state.get("count").unwrap()?;
        Some(i64::from_be_bytes(stored.try_into().unwrap()))
    }

    fn traps(&self) -> u64 {
        self.metrics.figures().traps()
    }
}

fn record(message: &str) -> Record {
    Record {
        topic: "persistent://t/ns/in".into(),
        id: MessageId { ledger: 3, entry: 7, partition: -1, batch_index: -1, batch_size: 0 },
        payload: Bytes::copy_from_slice(message.as_bytes()),
        ..Record::default()
    }
}

/// Outcomes in short: the output, `-` for none, `error: …` for a fault.
fn shown(outcomes: &[Outcome]) -> Vec<String> {
    outcomes
        .iter()
        .map(|outcome| match &outcome.result {
            Ok(Some(output)) => String::from_utf8_lossy(output).into_owned(),
            Ok(None) => "-".to_owned(),
            Err(fault) => format!("error: {fault}"),
        })
        .collect()
}
