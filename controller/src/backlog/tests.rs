use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use function_mesh_proto::plan::Position;
use tokio::{sync::mpsc::Receiver, task::JoinSet};

use super::*;

/// What waits; below zero, nobody can tell.
#[derive(Clone, Default)]
struct Broker {
    waits: Arc<AtomicI64>,
    asked: Arc<AtomicUsize>,
    precisely: Arc<AtomicUsize>,
}

impl Read for Broker {
    async fn read(&self, _: &Consumed, precise: bool) -> Result<i64, String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.precisely.fetch_add(usize::from(precise), Ordering::Relaxed);
        let waits = self.waits.load(Ordering::Relaxed);
        if waits < 0 { Err(format!("down, attempt {waits}")) } else { Ok(waits) }
    }
}

struct Rig {
    broker: Broker,
    backlogs: Backlogs,
    changes: Receiver<Key>,
    metrics: Metrics,
    gone: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

fn rig() -> Rig {
    let (broker, backlogs) = (Broker::default(), Backlogs::default());
    let (sender, changes) = mpsc::channel(CHANGES);
    let (metrics, gone) = (Metrics::new().unwrap(), Arc::new(AtomicUsize::new(0)));
    let deleted = Arc::clone(&gone);
    let poller = Poller {
        kind: "function",
        reader: broker.clone(),
        alive: move |_: &Key| deleted.load(Ordering::Relaxed) == 0,
        metrics: metrics.clone(),
        changes: sender,
        stop: CancellationToken::new(),
    };
    let mut tasks = JoinSet::new();
    let running = backlogs.clone();
    tasks.spawn(async move { running.run(poller).await });
    Rig { broker, backlogs, changes, metrics, gone, _tasks: tasks }
}

fn key() -> Key {
    Key { namespace: "ns".to_owned(), name: "f".to_owned() }
}

fn target(per_replica: i64) -> Target {
    let spec = serde_json::json!({
        "maxReplicas": 5,
        "autoscaling": {"backlogPerReplica": per_replica, "cooldownSeconds": 30},
    });
    let consumed = Consumed {
        subscription: "public/default/f".to_owned(),
        position: Position::Earliest,
        inputs: Vec::new(),
    };
    Target { consumed, scaling: Scaling::of(&serde_json::from_value(spec).unwrap()).unwrap() }
}

impl Rig {
    /// What a reconciliation is told when the next one is due.
    async fn next(&mut self) -> Known {
        assert_eq!(self.changes.recv().await, Some(key()));
        self.backlogs.watch(&key(), target(100), 0)
    }

    fn wait(&self, waits: i64) {
        self.broker.waits.store(waits, Ordering::Relaxed);
    }

    async fn asked_within(&self, time: Duration) -> usize {
        let before = self.broker.asked.load(Ordering::Relaxed);
        tokio::time::sleep(time).await;
        self.broker.asked.load(Ordering::Relaxed) - before
    }
}

#[tokio::test(start_paused = true)]
async fn a_sleeping_function_wakes_soon_and_sleeps_when_drained() {
    let mut rig = rig();
    let unknown = rig.backlogs.watch(&key(), target(100), 0);
    assert_eq!(unknown, Known::default());
    assert_eq!(rig.next().await.replicas, Some(0));
    rig.wait(100_000);
    let begin = Instant::now();
    assert_eq!(rig.next().await.replicas, Some(5));
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    rig.wait(0);
    let begin = Instant::now();
    while rig.next().await.replicas != Some(0) {}
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(30) && took < Duration::from_secs(40), "{took:?}");
    assert!(rig.broker.precisely.load(Ordering::Relaxed) > 0, "zero was not confirmed");
}

#[tokio::test(start_paused = true)]
async fn replicas_stay_as_they_are_while_the_broker_is_down() {
    let mut rig = rig();
    rig.backlogs.watch(&key(), target(100), 3);
    rig.wait(150);
    assert_eq!(rig.next().await.replicas, Some(3));
    rig.wait(-1);
    let known = rig.next().await;
    assert_eq!(known.replicas, Some(3));
    assert_eq!(known.trouble.as_deref(), Some("down, attempt -1"));
    // Another word for the same is no news.
    rig.wait(-2);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(rig.changes.try_recv().is_err());
    rig.wait(150);
    assert_eq!(rig.next().await.trouble, None);
}

#[tokio::test(start_paused = true)]
async fn while_nothing_changes_nothing_is_said_and_little_is_asked() {
    let mut rig = rig();
    rig.backlogs.watch(&key(), target(100), 1);
    rig.wait(50);
    assert_eq!(rig.next().await, Known { replicas: Some(1), shown: Some(50), trouble: None });
    tokio::time::sleep(Duration::from_secs(60)).await;
    let asked = rig.asked_within(Duration::from_secs(300)).await;
    assert!((18..=23).contains(&asked), "{asked} readings in 300 s");
    assert!(rig.changes.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_lively_figure_is_shown_every_ten_seconds() {
    let mut rig = rig();
    rig.backlogs.watch(&key(), target(100), 0);
    rig.wait(1000);
    let (begin, mut shown) = (Instant::now(), Vec::new());
    while begin.elapsed() < Duration::from_secs(60) {
        let known = rig.next().await;
        shown.push((begin.elapsed().as_secs(), known.shown.unwrap()));
        rig.wait(known.shown.unwrap() * 2);
    }
    assert!(shown.windows(2).all(|two| two[1].0 - two[0].0 >= 9), "{shown:?}");
    assert!(shown.len() >= 4, "{shown:?}");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_gone_is_not_asked_for() {
    let mut rig = rig();
    rig.backlogs.watch(&key(), target(100), 0);
    rig.wait(7);
    rig.next().await;
    assert!(rig.metrics.page().unwrap().contains("backlog"), "{}", rig.metrics.page().unwrap());
    rig.gone.store(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(rig.asked_within(Duration::from_secs(60)).await, 0);
    assert!(!rig.metrics.page().unwrap().contains("function_mesh_backlog_messages{"));
}

#[tokio::test(start_paused = true)]
async fn other_bounds_are_decided_on_at_once() {
    let mut rig = rig();
    rig.backlogs.watch(&key(), target(100), 0);
    rig.wait(200);
    assert_eq!(rig.next().await.replicas, Some(2));
    let begin = Instant::now();
    rig.backlogs.watch(&key(), target(50), 0);
    assert_eq!(rig.changes.recv().await, Some(key()));
    assert_eq!(rig.backlogs.watch(&key(), target(50), 0).replicas, Some(4));
    assert!(begin.elapsed() < Duration::from_secs(1));
}
