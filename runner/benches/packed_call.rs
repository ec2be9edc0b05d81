//! What a message costs in a packed guest call: through the invoker, outcomes included.
//!
//! ```text
//! cargo bench -p function-mesh-runner --bench packed_call [-- COMPONENT.wasm]
//! ```
//!
//! Without a component it measures one that gives every message back, written below. Prints how
//! long a start takes, then nanoseconds per message: on average in the guest call as the invoker
//! counts it (packing, the call, taking the results apart), and in all, with handing calls and
//! outcomes from thread to thread. Shared machines are noisy: compare runs of one sitting only. The
//! figure to keep is 150 ns in the guest call for 100 messages of 100 bytes.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use function_mesh_proto::{
    instance::Limits,
    plan::{FunctionId, Guarantee},
};
use function_mesh_runner::{
    invoke::{
        Call, Invoker,
        wasm::{CompiledComponent, Engine, HostContext, WasmInvoker},
    },
    metrics::InstanceMetrics,
    record::Record,
    secrets::ClearTextSecrets,
    state::MemoryStore,
    telemetry::GuestLog,
};
use tokio::{sync::mpsc, time::Instant};

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(100);

/// The batch is the result: its payloads and ends are given back where they are.
const ECHO: &str = r#"
(component
  (core module $m
    (memory (export "memory") 32)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at))
    (func (export "start") (result i32) (i32.const 0))
    (func (export "process")
      (param $payloads i32) (param $bytes i32) (param $ends i32) (param $count i32) (result i32)
      (i32.store (i32.const 8) (local.get $payloads))
      (i32.store (i32.const 12) (local.get $bytes))
      (i32.store (i32.const 16) (local.get $ends))
      (i32.store (i32.const 20) (local.get $count))
      ;; statuses: zeroes beyond what was allocated
      (memory.fill (global.get $next) (i32.const 0) (local.get $count))
      (i32.store (i32.const 24) (global.get $next))
      (i32.store (i32.const 28) (local.get $count))
      (i32.const 8))
    (func (export "after") (param i32) (global.set $next (i32.const 1024))))
  (core instance $i (instantiate $m))
  (type $b (record (field "payloads" (list u8)) (field "ends" (list u32))))
  (type $r (record
    (field "payloads" (list u8)) (field "ends" (list u32)) (field "statuses" (list u8))))
  (func $start (result (result (error string)))
    (canon lift (core func $i "start") (memory (core memory $i "memory"))))
  (func $process (param "batch" $b) (result $r)
    (canon lift (core func $i "process") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc")) (post-return (core func $i "after"))))
  (component $packed
    (type $b (record (field "payloads" (list u8)) (field "ends" (list u32))))
    (type $r (record
      (field "payloads" (list u8)) (field "ends" (list u32)) (field "statuses" (list u8))))
    (import "batch" (type $batch (eq $b)))
    (import "results" (type $results (eq $r)))
    (import "start" (func $start (result (result (error string)))))
    (import "process" (func $process (param "batch" $batch) (result $results)))
    (export $named-batch "batch" (type $b))
    (export $named-results "results" (type $r))
    (export "start" (func $start))
    (export "process" (func $process)
      (func (param "batch" $named-batch) (result $named-results))))
  (instance $packed (instantiate $packed
    (with "batch" (type $b)) (with "results" (type $r))
    (with "start" (func $start)) (with "process" (func $process))))
  (export "function-mesh:function/packed@1.0.0" (instance $packed)))
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let component = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let wasm: Bytes = match &component {
        Some(path) => std::fs::read(path).unwrap().into(),
        None => wat::parse_str(ECHO).unwrap().into(),
    };
    let limits = Limits::default();
    let cache = tempfile::tempdir().unwrap();
    // The second time from the cache, as at every start but a function's first.
    for code in ["compiled", "cached"] {
        let began = Instant::now();
        let engine = Engine::new(&limits, Some(cache.path().to_owned())).unwrap();
        engine.load(wasm.clone()).await.unwrap();
        println!("engine and {code} component: {:?}", began.elapsed());
    }
    let engine = Engine::new(&limits, Some(cache.path().to_owned())).unwrap();
    let component = engine.load(wasm).await.unwrap();
    let began = Instant::now();
    start(&component, Arc::default()).await.close().await.unwrap();
    println!("guest started and closed: {:?}", began.elapsed());
    println!("messages  bytes  ns/message: guest call, with hand-over (median, fastest round)");
    for (messages, bytes) in [(1, 100), (10, 100), (100, 100), (1000, 100), (100, 1024)] {
        let metrics = Arc::new(InstanceMetrics::default());
        let invoker = start(&component, Arc::clone(&metrics)).await;
        let mut rounds = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            rounds.push(round(&invoker, messages, bytes).await);
        }
        rounds.sort_by(f64::total_cmp);
        // What the invoker itself counts, in milliseconds.
        let call = metrics.figures().average_latency * 1e6;
        let [fastest, median] = [0, ROUNDS / 2].map(|rank| rounds.get(rank).unwrap());
        println!("{messages:8}  {bytes:5}  {call:10.0}, {median:.0}, {fastest:.0}");
        invoker.close().await.unwrap();
    }
}

async fn start(component: &CompiledComponent, metrics: Arc<InstanceMetrics>) -> Box<WasmInvoker> {
    let context = HostContext {
        id: FunctionId { tenant: "t".into(), namespace: "ns".into(), name: "bench".into() },
        function_id: String::new(),
        function_version: String::new(),
        instance_id: 0,
        num_instances: 1,
        cluster_name: String::new(),
        input_topics: Vec::new(),
        output_topic: None,
        output_schema_type: String::new(),
        user_config: serde_json::Map::new(),
        guarantee: Guarantee::AtLeastOnce,
        limits: Limits::default(),
        secrets: Arc::new(ClearTextSecrets::new(BTreeMap::new())),
        state: Arc::new(MemoryStore::default()),
        log: GuestLog::new(None),
        metrics,
    };
    Box::new(WasmInvoker::start(component, context).await.unwrap())
}

/// Keeps the guest busy as the pipeline does, two calls at a time; nanoseconds per message.
async fn round(invoker: &WasmInvoker, messages: usize, bytes: usize) -> f64 {
    let payload = Bytes::from(vec![b'x'; bytes]);
    let record = Record { payload, ..Record::default() };
    let records: Arc<[Record]> = vec![record; messages].into();
    let (outcomes, mut inbox) = mpsc::channel(2);
    let submit = |id| {
        let call = Call { id, records: Arc::clone(&records), outcomes: outcomes.clone() };
        invoker.submit(call).unwrap();
    };
    let began = Instant::now();
    submit(0);
    let mut submitted = 1;
    let mut finished = 0;
    let mut open = messages;
    while finished < submitted {
        if submitted - finished < invoker.capacity() as u64 && began.elapsed() < ROUND {
            submit(submitted);
            submitted += 1;
        }
        open -= inbox.recv().await.unwrap().outcomes.len();
        if open == 0 {
            finished += 1;
            open = messages;
        }
    }
    began.elapsed().as_nanos() as f64 / (finished as f64 * messages as f64)
}
