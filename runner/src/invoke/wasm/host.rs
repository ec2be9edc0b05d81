//! What a guest may reach: the six interfaces of `function-mesh:function`, and of WASI what a
//! standard library needs to start. Nothing else is linked: no sockets, no HTTP. One file per interface.

use std::{collections::HashMap, ops::Range, sync::Arc};

use function_mesh_proto::{
    instance::Limits,
    plan::{FunctionId, Guarantee},
};
use tokio::{runtime::Handle, time::Instant};
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::WasiCtx;

use super::{
    effects::Effects,
    limits::{LimitHit, Limiter},
};
use crate::{
    metrics::InstanceMetrics, record::Record, secrets::SecretsProvider, state::StateStore,
    telemetry::GuestLog,
};

mod instance;
mod records;
mod publisher;
mod state;
mod log;
mod metrics;
mod wasi;

pub(super) use self::{log::Lines, wasi::offers};

/// The worlds of `sdk/wit/world.wit`. Both import the same interfaces, so the plain world takes
/// them from the packed one's module.
pub(super) mod bindings {
    pub(crate) mod packed {
        wasmtime::component::bindgen!({
            path: "../sdk/wit",
            world: "packed-function",
            imports: { default: trappable },
        });
    }
    pub(crate) mod plain {
        wasmtime::component::bindgen!({
            path: "../sdk/wit",
            world: "plain-function",
            imports: { default: trappable },
            with: {
                "function-mesh:function/instance": super::packed::function_mesh::function::instance,
                "function-mesh:function/records": super::packed::function_mesh::function::records,
                "function-mesh:function/publisher":
                    super::packed::function_mesh::function::publisher,
                "function-mesh:function/state": super::packed::function_mesh::function::state,
                "function-mesh:function/log": super::packed::function_mesh::function::log,
                "function-mesh:function/metrics": super::packed::function_mesh::function::metrics,
            },
        });
    }
    pub(crate) use packed::function_mesh::function as imports;
}

/// Topics a guest publishes to whose names are kept, so that each message need not carry its own.
const INTERNED_TOPICS: usize = 1024;

/// Who a running function is and what it was granted; the same for all its guests.
pub struct HostContext {
    pub id: FunctionId,
    pub function_id: String,
    pub function_version: String,
    pub instance_id: u32,
    pub num_instances: u32,
    pub cluster_name: String,
    pub input_topics: Vec<String>,
    pub output_topic: Option<String>,
    /// Upper case, as Pulsar names it; empty without a schema.
    pub output_schema_type: String,
    pub user_config: serde_json::Map<String, serde_json::Value>,
    pub guarantee: Guarantee,
    pub limits: Limits,
    pub secrets: Arc<dyn SecretsProvider>,
    pub state: Arc<dyn StateStore>,
    pub log: GuestLog,
    pub metrics: Arc<InstanceMetrics>,
}

/// The host's side of one guest: what its calls read and what they leave behind.
pub(super) struct Host {
    context: Arc<HostContext>,
    runtime: Handle,
    wasi: WasiCtx,
    table: ResourceTable,
    pub(super) limiter: Limiter,
    pub(super) lines: Lines,
    pub(super) effects: Effects,
    /// Values of user metrics, counted when the guest call has succeeded.
    metrics: Vec<(String, f64)>,
    topics: HashMap<String, Arc<str>>,
    /// The records of the call under way, and which of them this guest call is about.
    records: Arc<[Record]>,
    window: Range<usize>,
    /// What this guest call may still pass through host functions.
    bytes_left: u64,
    /// When the guest call must be over, for waiting inside host functions.
    deadline: Instant,
}

impl Host {
    pub(super) fn new(context: &Arc<HostContext>, runtime: &Handle) -> Self {
        let lines = Lines::default();
        Self {
            context: Arc::clone(context),
            runtime: runtime.clone(),
            wasi: wasi::context(&lines),
            table: wasi::resources(),
            limiter: Limiter::new(&context.limits),
            lines,
            effects: Effects::default(),
            metrics: Vec::new(),
            topics: HashMap::new(),
            records: Arc::new([]),
            window: 0..0,
            bytes_left: context.limits.host_call_bytes,
            deadline: Instant::now(),
        }
    }

    /// Prepares for a guest call about some of a call's records.
    pub(super) fn begin(
        &mut self,
        records: &Arc<[Record]>,
        window: Range<usize>,
        deadline: Instant,
    ) {
        self.records = Arc::clone(records);
        self.window = window;
        self.bytes_left = self.context.limits.host_call_bytes;
        self.deadline = deadline;
    }

    /// Passes on what the guest call logged and counted.
    pub(super) fn finish(&mut self) {
        self.lines.flush(&self.context.log);
        for (name, value) in self.metrics.drain(..) {
            self.context.metrics.user_metric(&name, value);
        }
    }

    /// Forgets what the guest call logged and counted, since it will be made again.
    pub(super) fn forget(&mut self) {
        self.lines.forget();
        self.metrics.clear();
    }

    /// Passes on what the guest call logged; what it counted is forgotten, since it failed.
    pub(super) fn fail(&mut self) {
        self.lines.end();
        self.lines.flush(&self.context.log);
        self.metrics.clear();
    }

    /// Lets go of the call's records.
    pub(super) fn release(&mut self) {
        self.records = Arc::new([]);
        self.window = 0..0;
    }

    pub(super) fn context(&self) -> &HostContext {
        &self.context
    }

    /// A record of this guest call by the guest's index; its index in the call with it.
    fn record(&self, index: u32) -> wasmtime::Result<(usize, &Record)> {
        let position = self.position(index)?;
        match self.records.get(position) {
            Some(record) => Ok((position, record)),
            None => Err(self.no_such_record(index)),
        }
    }

    fn position(&self, index: u32) -> wasmtime::Result<usize> {
        let position = self.window.start.saturating_add(index as usize);
        if self.window.contains(&position) { Ok(position) } else { Err(self.no_such_record(index)) }
    }

    fn no_such_record(&self, index: u32) -> wasmtime::Error {
        wasmtime::Error::msg(format!(
            "asked the host for record {index} of a call with {}",
            self.window.len()
        ))
    }

    /// Counts bytes against the guest call's limit.
    fn spend(&mut self, bytes: usize) -> wasmtime::Result<()> {
        match self.bytes_left.checked_sub(bytes as u64) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => {
                Err(LimitHit::HostCallBytes { limit: self.context.limits.host_call_bytes }.into())
            }
        }
    }

    /// Bytes this guest call has passed through host functions.
    pub(super) fn spent(&self) -> u64 {
        self.context.limits.host_call_bytes.saturating_sub(self.bytes_left)
    }

    fn topic(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.topics.get(name) {
            return Arc::clone(known);
        }
        if self.topics.len() >= INTERNED_TOPICS {
            self.topics.clear();
        }
        let topic: Arc<str> = Arc::from(name);
        self.topics.insert(name.to_owned(), Arc::clone(&topic));
        topic
    }
}

/// Adds all interfaces of [`offers`] to a linker.
pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    use bindings::imports;
    imports::instance::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    imports::records::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    imports::publisher::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    imports::state::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    imports::log::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    imports::metrics::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    wasi::link(linker)
}
