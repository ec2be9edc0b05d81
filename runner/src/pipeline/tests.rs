//! The pipeline between a scripted source, an ordinary function and a collected sink.

use std::{collections::BTreeMap, sync::Mutex};

use bytes::Bytes;
use function_mesh_proto::plan::{
    Compression, FunctionId, InputPlan, Ordering, OutputPlan, Position, RetryPlan, SchemaPlan,
    SubscriptionKind, SubscriptionPlan, TopicSelector,
};
use tokio::task::JoinHandle;

use super::*;
use crate::{
    dead_letter,
    invoke::{ManualSettlement, native::NativeInvoker},
    metrics::InstanceLabels,
    record::Key,
    sink::collected::{Collected, CollectedHandle},
    source::Budget,
    source::scripted::{AtEnd, Scripted, ScriptedHandle, Step},
};

const IN: &str = "persistent://public/default/in";
const OUT: &str = "persistent://public/default/out";
const DEAD: &str = "persistent://public/default/dead";

fn plan() -> FunctionPlan {
    FunctionPlan {
        id: FunctionId {
            tenant: "public".into(),
            namespace: "default".into(),
            name: "tested".into(),
        },
        class_name: String::new(),
        guarantee: Guarantee::AtLeastOnce,
        inputs: vec![InputPlan {
            topic: TopicSelector::Name(IN.into()),
            schema: SchemaPlan::Bytes,
            receiver_queue_size: None,
            consumer_properties: BTreeMap::new(),
        }],
        subscription: SubscriptionPlan {
            name: "public/default/tested".into(),
            kind: SubscriptionKind::Shared,
            position: Position::Latest,
            skip_to_latest: false,
            cleanup: false,
        },
        ordering: Ordering::None,
        output: Some(OutputPlan {
            topic: OUT.into(),
            schema: SchemaPlan::Bytes,
            compression: Compression::None,
            batch_by_key: false,
            max_pending_messages: None,
            max_pending_messages_across_partitions: None,
            forward_properties: true,
        }),
        retry: RetryPlan {
            max_retries: Some(2),
            delay: Duration::from_secs(10),
            dead_letter_topic: Some(DEAD.into()),
        },
        timeout: None,
        log_topic: None,
        user_config: serde_json::Map::new(),
        secrets: BTreeMap::new(),
        parallelism: 1,
        package: None,
        resources: Default::default(),
    }
}

fn labels(plan: &FunctionPlan) -> InstanceLabels {
    InstanceLabels { function: plan.id.clone(), instance_id: 0, cluster: "local".into() }
}

struct Running {
    source: ScriptedHandle,
    sink: CollectedHandle,
    stop: CancellationToken,
    task: JoinHandle<Result<Summary, Fault>>,
}

impl Running {
    fn start(
        plan: &FunctionPlan,
        source: Scripted,
        function: impl FnMut(&Record) -> Outcome + Send + 'static,
    ) -> Self {
        let sink = Collected::new();
        let (source_handle, sink_handle) = (source.handle(), sink.handle());
        let parts = Parts {
            source: Box::new(source),
            invoker: Box::new(NativeInvoker::new(function)),
            sink: Box::new(sink),
            metrics: Arc::new(InstanceMetrics::new(labels(plan), Budget::new(1, 1))),
        };
        let stop = CancellationToken::new();
        let pipeline = Pipeline::new(plan, &Limits::default(), parts);
        let task = tokio::spawn(pipeline.run(stop.clone()));
        Self { source: source_handle, sink: sink_handle, stop, task }
    }

    async fn ended(self) -> Summary {
        self.task.await.unwrap().unwrap()
    }
}

fn text(record: &Record) -> String {
    String::from_utf8(record.payload.to_vec()).unwrap()
}

fn exclaim(record: &Record) -> Outcome {
    Outcome::output(Some(Bytes::from(text(record) + "!")))
}

/// Fails on records that start with "bad", as often as told; counts the runs of each.
#[derive(Clone, Default)]
struct Flaky {
    runs: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Flaky {
    fn function(&self, failing_runs: u32) -> impl FnMut(&Record) -> Outcome + Send + 'static {
        let runs = self.runs.clone();
        move |record| {
            let payload = text(record);
            let mut runs = runs.lock().unwrap();
            let run = runs.entry(payload.clone()).or_default();
            *run += 1;
            if payload.starts_with("bad") && *run <= failing_runs {
                return Outcome::failed(Fault::user("it is bad"));
            }
            exclaim(record)
        }
    }

    fn runs(&self, payload: &str) -> u32 {
        self.runs.lock().unwrap().get(payload).copied().unwrap_or_default()
    }
}

fn keyed(records: &[(&str, &'static str)]) -> Step {
    let record = |(key, payload): &(&str, &'static str)| Record {
        topic: IN.into(),
        key: Some(Key::from(*key)),
        payload: Bytes::from(*payload),
        ..Record::default()
    };
    Step::Entry(records.iter().map(record).collect())
}

fn scripted(steps: impl IntoIterator<Item = Step>) -> Scripted {
    Scripted::new(steps)
}

#[tokio::test(start_paused = true)]
async fn results_leave_in_order_with_their_origin() {
    let entries = [Step::entry(IN, ["a", "b"]), Step::entry(IN, ["c"])];
    let running = Running::start(&plan(), scripted(entries), exclaim);
    let (source, sink) = (running.source.clone(), running.sink.clone());
    let summary = running.ended().await;
    assert_eq!(sink.payloads(OUT), ["a!", "b!", "c!"]);
    assert_eq!(source.acked(), [0, 1]);
    assert_eq!((summary.received, summary.processed), (3, 3));
    let properties = &sink.published()[2].message.properties;
    // MessageIdData{ledgerId: 1, entryId: 1}: fields 1 and 2 as varints, 08 01 10 01.
    let expected = [(crate::route::INPUT_TOPIC, IN), (crate::route::INPUT_MESSAGE_ID, "CAEQAQ==")];
    assert_eq!(*properties, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn an_input_is_acknowledged_only_after_its_outputs_are_confirmed() {
    let source = scripted([Step::entry(IN, ["a", "b"])]);
    let running = Running::start(&plan(), source, exclaim);
    running.sink.hold_confirmations();
    running.sink.wait_for(2).await;
    assert_eq!(running.source.unsettled(), [0]);
    running.sink.release();
    running.source.settled(1).await;
    assert_eq!(running.source.acked(), [0]);
}

#[tokio::test(start_paused = true)]
async fn only_the_failed_record_of_a_batch_is_tried_again() {
    let flaky = Flaky::default();
    let source = scripted([Step::entry(IN, ["a", "bad", "c"])]);
    let running = Running::start(&plan(), source, flaky.function(1));
    running.sink.wait_for(2).await;
    assert_eq!(running.source.unsettled(), [0], "one of its records is not settled");
    running.sink.wait_for(3).await;
    running.source.settled(1).await;
    assert_eq!(running.sink.payloads(OUT), ["a!", "c!", "bad!"]);
    assert_eq!(running.source.settlements().len(), 1);
    assert_eq!((flaky.runs("a"), flaky.runs("bad"), flaky.runs("c")), (1, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_poison_message_goes_to_the_dead_letter_topic_after_its_retries() {
    let flaky = Flaky::default();
    let source = scripted([Step::entry(IN, ["a", "bad"])]);
    let running = Running::start(&plan(), source, flaky.function(u32::MAX));
    let begun = Instant::now();
    running.sink.wait_for(2).await;
    running.source.settled(1).await;
    assert_eq!(flaky.runs("bad"), 3, "once, and twice again");
    assert_eq!(begun.elapsed().as_secs(), 20, "with the delay between attempts");
    assert_eq!(running.sink.payloads(DEAD), ["bad"]);
    assert_eq!(running.source.acked(), [0]);
    let letter = &running.sink.published()[1].message;
    let property = |name| letter.properties.iter().find(|(known, _)| known == name).unwrap();
    assert_eq!(property(dead_letter::REAL_TOPIC).1, IN);
    assert_eq!(property(dead_letter::ORIGIN_MESSAGE_ID).1, "1:0:-1:1");
    assert_eq!(property(dead_letter::FUNCTION).1, "public/default/tested");
    assert_eq!(property(dead_letter::ERROR).1, "it is bad");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_cannot_pass_is_not_repeated() {
    let source = scripted([Step::entry(IN, ["a"])]);
    let never = |_: &Record| Outcome::failed(Fault::user("never").permanent());
    let running = Running::start(&plan(), source, never);
    let begun = Instant::now();
    running.source.settled(1).await;
    assert_eq!(begun.elapsed().as_secs(), 0);
    assert_eq!(running.sink.payloads(DEAD), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn the_default_dead_letter_topic_has_a_legal_name() {
    let mut plan = plan();
    plan.retry.dead_letter_topic = None;
    plan.retry.max_retries = Some(0);
    let source = scripted([Step::entry(IN, ["bad"])]);
    let running = Running::start(&plan, source, Flaky::default().function(u32::MAX));
    let sink = running.sink.clone();
    running.ended().await;
    assert_eq!(&*sink.published()[0].topic, format!("{IN}-public-default-tested-DLQ"));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_cannot_be_published_is_never_dropped() {
    let mut plan = plan();
    plan.retry.max_retries = Some(0);
    let source = scripted([Step::entry(IN, ["bad"])]).at_end(AtEnd::StayOpen);
    let running = Running::start(&plan, source, Flaky::default().function(u32::MAX));
    running.sink.fail_next("forbidden");
    running.sink.wait_for(1).await;
    running.source.settled(1).await;
    assert_eq!(running.sink.payloads(DEAD), ["bad"]);
    assert_eq!(running.source.acked(), [0]);
}

#[tokio::test(start_paused = true)]
async fn outputs_that_were_not_confirmed_are_made_again() {
    let source = scripted([Step::entry(IN, ["a"])]);
    let running = Running::start(&plan(), source, exclaim);
    running.sink.fail_next("gone");
    let (source, sink) = (running.source.clone(), running.sink.clone());
    running.ended().await;
    assert_eq!(sink.payloads(OUT), ["a!"]);
    assert_eq!(source.acked(), [0]);
}

#[tokio::test(start_paused = true)]
async fn without_ordering_others_overtake_a_failing_message() {
    let source = scripted([keyed(&[("k", "bad"), ("k", "1")]), keyed(&[("k", "2")])]);
    let running = Running::start(&plan(), source, Flaky::default().function(1));
    running.sink.wait_for(3).await;
    assert_eq!(running.sink.payloads(OUT), ["1!", "2!", "bad!"]);
}

#[tokio::test(start_paused = true)]
async fn key_order_holds_while_a_message_is_tried_again() {
    let mut plan = plan();
    plan.ordering = Ordering::Key;
    let entries = [
        keyed(&[("k", "bad"), ("other", "x"), ("k", "1")]),
        keyed(&[("k", "2"), ("other", "y")]),
        keyed(&[("k", "3")]),
    ];
    let flaky = Flaky::default();
    let running = Running::start(&plan, scripted(entries), flaky.function(2));
    let (source, sink) = (running.source.clone(), running.sink.clone());
    running.ended().await;
    let (k, other): (Vec<_>, Vec<_>) =
        sink.published().into_iter().partition(|p| p.message.key == Some(Key::from("k")));
    let payloads = |of: Vec<crate::sink::collected::Published>| {
        of.into_iter().map(|p| p.message.payload).collect::<Vec<_>>()
    };
    assert_eq!(payloads(k), ["bad!", "1!", "2!", "3!"]);
    assert_eq!(payloads(other), ["x!", "y!"]);
    assert_eq!((flaky.runs("1"), flaky.runs("3")), (1, 1), "successors ran once");
    assert_eq!(source.acked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn topic_order_holds_past_a_dead_letter() {
    let mut plan = plan();
    plan.ordering = Ordering::Topic;
    let entries = [Step::entry(IN, ["0", "bad", "1"]), Step::entry(IN, ["2"])];
    let running = Running::start(&plan, scripted(entries), Flaky::default().function(u32::MAX));
    let sink = running.sink.clone();
    running.ended().await;
    let all: Vec<_> = sink.published().into_iter().map(|p| p.message.payload).collect();
    assert_eq!(all, ["0!", "bad", "1!", "2!"]);
}

#[tokio::test(start_paused = true)]
async fn at_most_once_acknowledges_first_and_never_tries_again() {
    let mut plan = plan();
    plan.guarantee = Guarantee::AtMostOnce;
    let flaky = Flaky::default();
    let source = scripted([Step::entry(IN, ["bad", "a"])]);
    let running = Running::start(&plan, source, flaky.function(u32::MAX));
    running.sink.hold_confirmations();
    running.source.settled(1).await;
    assert_eq!(running.source.acked(), [0]);
    running.sink.wait_for(1).await;
    running.sink.release();
    let sink = running.sink.clone();
    running.ended().await;
    assert_eq!(sink.payloads(OUT), ["a!"]);
    assert_eq!(flaky.runs("bad"), 1);
}

#[tokio::test(start_paused = true)]
async fn under_manual_the_function_decides() {
    let mut plan = plan();
    plan.guarantee = Guarantee::Manual;
    let mut first = None;
    let function = move |record: &Record| {
        let this =
            ManualSettlement { topic: record.topic.clone(), id: record.id, acknowledged: true };
        let settled = match text(record).as_str() {
            "later" => {
                first = Some(this);
                vec![]
            }
            "now" => first.take().into_iter().chain([this]).collect(),
            _ => vec![],
        };
        Outcome { settled, ..Outcome::output(None) }
    };
    let entries =
        [Step::entry(IN, ["later"]), Step::entry(IN, ["never"]), Step::entry(IN, ["now"])];
    let source = scripted(entries).at_end(AtEnd::StayOpen);
    let running = Running::start(&plan, source, function);
    running.source.settled(2).await;
    assert_eq!(running.source.acked(), [0, 2]);
    assert_eq!(running.source.unsettled(), [1]);
    running.stop.cancel();
    let source = running.source.clone();
    running.ended().await;
    assert_eq!(source.nacked(), [1], "given back at the end");
}

#[tokio::test(start_paused = true)]
async fn a_graceful_stop_finishes_what_is_in_flight() {
    let source = scripted([Step::entry(IN, ["a", "b"])]).at_end(AtEnd::StayOpen);
    let running = Running::start(&plan(), source, exclaim);
    running.sink.hold_confirmations();
    running.sink.wait_for(2).await;
    running.stop.cancel();
    let (source, sink) = (running.source.clone(), running.sink.clone());
    let ended = tokio::spawn(running.ended());
    source.push(Step::entry(IN, ["too late"]));
    tokio::task::yield_now().await;
    assert!(!ended.is_finished(), "it waits for the broker");
    sink.release();
    ended.await.unwrap();
    assert_eq!(sink.payloads(OUT), ["a!", "b!"]);
    assert_eq!(source.acked(), [0]);
    assert!(source.nacked().is_empty());
    assert!(sink.is_closed() && source.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_out_retries_that_never_end() {
    let mut plan = plan();
    plan.retry.max_retries = None;
    let source = scripted([Step::entry(IN, ["bad"]), Step::entry(IN, ["a"])]);
    let running =
        Running::start(&plan, source.at_end(AtEnd::StayOpen), Flaky::default().function(u32::MAX));
    running.source.settled(1).await;
    let begun = Instant::now();
    running.stop.cancel();
    let source = running.source.clone();
    let summary = running.ended().await;
    assert_eq!(begun.elapsed().as_secs(), 0);
    assert_eq!(summary.given_back, 1);
    assert_eq!((source.acked(), source.nacked()), (vec![1], vec![0]));
}

#[tokio::test(start_paused = true)]
async fn a_slow_output_stops_consumption() {
    let entries = (0..10_000).map(|n| Step::entry(IN, [n.to_string()]));
    let source = scripted(entries).at_end(AtEnd::StayOpen);
    let running = Running::start(&plan(), source, exclaim);
    running.sink.hold_confirmations();
    running.sink.limit_unconfirmed(1);
    running.sink.wait_for(1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let read = running.source.unsettled().len();
    assert!(read < 10_000, "{read} entries read while nothing was confirmed");
    running.sink.release();
    running.sink.wait_for(10_000).await;
    assert_eq!(running.sink.payloads(OUT).len(), 10_000);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_pipeline_gives_everything_back() {
    let source = scripted([Step::entry(IN, ["a"])]).at_end(AtEnd::StayOpen);
    let running = Running::start(&plan(), source, exclaim);
    running.sink.hold_confirmations();
    running.sink.wait_for(1).await;
    running.task.abort();
    assert!(running.task.await.unwrap_err().is_cancelled());
    assert!(running.source.acked().is_empty());
}
