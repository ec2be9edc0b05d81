//! The page after known events. The expected lines are worked out by hand.

use std::time::Duration;

use function_mesh_proto::plan::FunctionId;

use super::*;
use crate::{metrics::InstanceLabels, source::Budget};

/// 2026-01-01T00:00:00Z.
const CREATED_AT: u64 = 1_767_225_600;

const LABELS: &str = concat!(
    r#"tenant="public",namespace="public/default",name="word-count",instance_id="3","#,
    r#"cluster="standalone",fqfn="public/default/word-count""#
);

fn instance(budget: Budget) -> Arc<InstanceMetrics> {
    let labels = InstanceLabels {
        function: FunctionId {
            tenant: "public".into(),
            namespace: "default".into(),
            name: "word-count".into(),
        },
        instance_id: 3,
        cluster: "standalone".into(),
    };
    let wall = || SystemTime::UNIX_EPOCH + Duration::from_secs(CREATED_AT);
    Arc::new(InstanceMetrics::with_clock(labels, budget, wall))
}

fn page(names: MetricNames) -> (Page, Arc<InstanceMetrics>) {
    let page = Page::new(names);
    let instance = instance(Budget::new(100, 1 << 20));
    page.add(instance.clone());
    (page, instance)
}

/// The samples of families whose name starts so, labels common to all left out.
fn samples(page: &Page, prefix: &str) -> Vec<String> {
    page.render()
        .unwrap()
        .lines()
        .filter(|line| line.starts_with(prefix))
        .map(|line| {
            assert!(line.contains(LABELS), "labels in Pulsar's order: {line}");
            line.replace(LABELS, "")
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn counters_show_what_was_counted() {
    let (page, instance) = page(MetricNames::Both);
    instance.received(10);
    instance.received(5);
    instance.processed(12);
    instance.failed(&Fault::user("boom"));
    instance.failed(&Fault::source("closed"));
    instance.failed(&Fault::sink("full"));
    assert_eq!(
        samples(&page, "pulsar_function_received"),
        [
            "pulsar_function_received_total{} 15",
            "pulsar_function_received_created{} 1767225600",
            "pulsar_function_received_1min_total{} 15",
            "pulsar_function_received_1min_created{} 1767225600",
            "pulsar_function_received_total_1min{} 15",
        ]
    );
    assert_eq!(
        samples(&page, "pulsar_function_processed_successfully_total{"),
        ["pulsar_function_processed_successfully_total{} 12"]
    );
    assert_eq!(
        samples(&page, "pulsar_function_user_exceptions_total{"),
        ["pulsar_function_user_exceptions_total{} 1"]
    );
    assert_eq!(
        samples(&page, "pulsar_function_system_exceptions_total{"),
        ["pulsar_function_system_exceptions_total{} 2"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_minute_starts_at_zero_every_sixty_seconds() {
    let (page, instance) = page(MetricNames::Current);
    instance.received(7);
    instance.invoked(1, Duration::from_millis(4));
    tokio::time::advance(Duration::from_secs(59)).await;
    instance.received(1);
    assert_eq!(
        samples(&page, "pulsar_function_received_1min"),
        [
            "pulsar_function_received_1min_total{} 8",
            "pulsar_function_received_1min_created{} 1767225600",
        ]
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    instance.received(2);
    assert_eq!(
        samples(&page, "pulsar_function_received"),
        [
            "pulsar_function_received_total{} 10",
            "pulsar_function_received_created{} 1767225600",
            "pulsar_function_received_1min_total{} 2",
            "pulsar_function_received_1min_created{} 1767225660",
        ]
    );
    assert_eq!(
        samples(&page, "pulsar_function_process_latency_ms_1min_count"),
        ["pulsar_function_process_latency_ms_1min_count{} 0"]
    );
    assert_eq!(
        samples(&page, "pulsar_function_process_latency_ms_count"),
        ["pulsar_function_process_latency_ms_count{} 1"]
    );
}

#[tokio::test(start_paused = true)]
async fn latency_is_a_summary_in_milliseconds() {
    let (page, instance) = page(MetricNames::Current);
    instance.invoked(100, Duration::from_millis(250));
    let sample = |name: &str, labels: &str, value: &str| {
        let comma = if labels.is_empty() { "" } else { "," };
        format!("pulsar_function_process_latency_ms{name}{{{comma}{labels}}} {value}")
    };
    assert_eq!(
        samples(&page, "pulsar_function_process_latency_ms")[..7],
        [
            sample("", r#"quantile="0.5""#, "2.5"),
            sample("", r#"quantile="0.9""#, "2.5"),
            sample("", r#"quantile="0.99""#, "2.5"),
            sample("", r#"quantile="0.999""#, "2.5"),
            sample("_sum", "", "250"),
            sample("_count", "", "100"),
            sample("_created", "", "1767225600"),
        ]
    );
    assert_eq!(
        samples(&page, "pulsar_function_last_invocation"),
        ["pulsar_function_last_invocation{} 1767225600000"]
    );
}

#[tokio::test(start_paused = true)]
async fn exceptions_are_gauges_with_their_text() {
    let (page, instance) = page(MetricNames::Current);
    assert_eq!(samples(&page, "pulsar_function_user_exception{"), Vec::<String>::new());
    let before = page.render().unwrap();
    assert!(before.contains("\n# TYPE pulsar_function_user_exception gauge\n"), "{before}");
    instance.failed(&Fault::user("no \"x\" in\nline 1"));
    instance.failed(&Fault::sink("topic gone"));
    assert_eq!(
        samples(&page, "pulsar_function_user_exception{"),
        [r#"pulsar_function_user_exception{,error="no \"x\" in line 1"} 1"#]
    );
    assert_eq!(
        samples(&page, "pulsar_function_sink_exception{"),
        [r#"pulsar_function_sink_exception{,error="topic gone"} 1"#]
    );
    assert_eq!(
        samples(&page, "pulsar_function_system_exception{"),
        [r#"pulsar_function_system_exception{,error="topic gone"} 1"#]
    );
}

#[tokio::test(start_paused = true)]
async fn user_metrics_have_pulsars_double_underscore() {
    let (page, instance) = page(MetricNames::Current);
    for value in [1.0, 2.0, 3.0, 4.0] {
        instance.user_metric("letters", value);
    }
    assert_eq!(
        samples(&page, "pulsar_function_user_metric_"),
        [
            r#"pulsar_function_user_metric_{,metric="letters",quantile="0.5"} 2"#,
            r#"pulsar_function_user_metric_{,metric="letters",quantile="0.9"} 4"#,
            r#"pulsar_function_user_metric_{,metric="letters",quantile="0.99"} 4"#,
            r#"pulsar_function_user_metric_{,metric="letters",quantile="0.999"} 4"#,
            r#"pulsar_function_user_metric__sum{,metric="letters"} 10"#,
            r#"pulsar_function_user_metric__count{,metric="letters"} 4"#,
            r#"pulsar_function_user_metric__created{,metric="letters"} 1767225600"#,
        ]
    );
    let values: std::collections::BTreeMap<_, _> =
        instance.figures().user_metric_values().collect();
    assert_eq!(values.get("user_metric_letters_0.999"), Some(&4.0));
    assert_eq!(values.get("user_metric_letters_sum"), Some(&10.0));
    assert_eq!(values.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_reset_clears_the_minute_and_the_user_metrics_only() {
    let (page, instance) = page(MetricNames::Current);
    instance.received(3);
    instance.invoked(3, Duration::from_millis(3));
    instance.failed(&Fault::user("boom"));
    instance.user_metric("letters", 1.0);
    instance.reset();
    let figures = instance.figures();
    assert_eq!((figures.received, figures.last_minute.received), (3, 0));
    assert_eq!((figures.user_exceptions, figures.last_minute.user_exceptions), (1, 0));
    assert_eq!((figures.average_latency, figures.last_minute.average_latency), (1.0, 0.0));
    assert_eq!(figures.latest_user_failures.len(), 1);
    assert_eq!(samples(&page, "pulsar_function_user_metric_"), Vec::<String>::new());
    assert_eq!(samples(&page, "pulsar_function_user_exception{").len(), 1);
}

#[tokio::test]
async fn what_is_in_flight_is_read_when_the_page_is_written() {
    let budget = Budget::new(100, 1 << 20);
    let page = Page::new(MetricNames::Current);
    page.add(instance(budget.clone()));
    let permit = budget.acquire(4, 3_000).await;
    let in_flight = |page: &Page| samples(page, "function_mesh_in_flight");
    assert_eq!(
        in_flight(&page),
        ["function_mesh_in_flight_messages{} 4", "function_mesh_in_flight_bytes{} 3000"]
    );
    drop(permit);
    assert_eq!(
        in_flight(&page),
        ["function_mesh_in_flight_messages{} 0", "function_mesh_in_flight_bytes{} 0"]
    );
}

#[test]
fn what_pulsar_has_no_name_for_is_counted_too() {
    let (page, instance) = page(MetricNames::Current);
    instance.trapped();
    instance.retried();
    instance.retried();
    instance.dead_lettered();
    instance.reconnected();
    instance.guest_memory(1 << 20);
    instance.log_lines_dropped(9);
    assert_eq!(
        samples(&page, "function_mesh_")[2..],
        [
            "function_mesh_guest_memory_bytes{} 1048576",
            "function_mesh_traps_total{} 1",
            "function_mesh_retries_total{} 2",
            "function_mesh_dead_letters_total{} 1",
            "function_mesh_reconnects_total{} 1",
            "function_mesh_log_lines_dropped_total{} 9",
            "function_mesh_user_metrics_refused_total{} 0",
        ]
    );
}

#[test]
fn names_made_from_input_do_not_fill_memory() {
    let (page, instance) = page(MetricNames::Current);
    for i in 0..1_000 {
        instance.user_metric(&format!("user-{i}"), 1.0);
    }
    assert_eq!(samples(&page, "pulsar_function_user_metric__count").len(), 256);
    assert_eq!(
        samples(&page, "function_mesh_user_metrics_refused"),
        ["function_mesh_user_metrics_refused_total{} 744"]
    );
}

#[test]
fn several_instances_share_each_family() {
    let (page, _first) = page(MetricNames::Current);
    page.add(Arc::new(InstanceMetrics::default()));
    let text = page.render().unwrap();
    let types = text.lines().filter(|line| line.starts_with("# TYPE ")).collect::<Vec<_>>();
    let mut distinct = types.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(types.len(), distinct.len());
    assert_eq!(text.matches("\npulsar_function_received_total{").count(), 2);
}

#[test]
fn a_page_without_instances_has_no_samples() {
    let page = Page::default().render().unwrap();
    assert_eq!(page.lines().find(|line| !line.starts_with("# ")), None);
}

/// Whatever is asked for in a query or named in a text.
#[test]
fn dashboards_and_alerts_ask_for_what_is_served() {
    let (page, _instance) = page(MetricNames::Both);
    let page = page.render().unwrap();
    let served: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let name = regex::Regex::new(r"\b(?:function_mesh|pulsar_function)_[a-z0-9_]+").unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    for file in ["dashboards/functions.json", "alerts/functions.yaml"] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let asked: std::collections::BTreeSet<&str> =
            name.find_iter(&text).map(|found| found.as_str()).collect();
        assert!(asked.len() > 5, "{file} asks for {asked:?} only");
        for metric in asked {
            assert!(served.contains(&metric), "{file} asks for {metric}; there is\n{served:#?}");
        }
    }
}
