use super::{objects::Figures, *};

fn figures(name: &str) -> Figures {
    Figures {
        name: name.to_owned(),
        namespace: "default".to_owned(),
        wanted: Some(3),
        ready: Some(2),
        condition: Some((false, "PodsNotReady".to_owned())),
    }
}

#[test]
fn an_objects_state_is_on_the_page() {
    let metrics = Metrics::new().unwrap();
    metrics.show(Objects::new("function", || Some(vec![figures("a")])));
    metrics.backlog("function", "a", "default", Some(7));
    let page = metrics.page().unwrap();
    let labels = r#"type="function",name="a",namespace="default""#;
    for line in [
        format!("function_mesh_replicas{{{labels}}} 3"),
        format!("function_mesh_ready_replicas{{{labels}}} 2"),
        format!("function_mesh_ready{{{labels},reason=\"PodsNotReady\"}} 0"),
        r#"function_mesh_backlog{name="a",namespace="default",type="function"} 7"#.to_owned(),
    ] {
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
    metrics.backlog("function", "a", "default", None);
    assert!(!metrics.page().unwrap().contains("function_mesh_backlog{"));
}

#[test]
fn what_is_gone_vanishes_also_if_nobody_said_so() {
    let metrics = Metrics::new().unwrap();
    metrics.show(Objects::new("function", || Some(vec![figures("there")])));
    for name in ["there", "gone"] {
        metrics.reconciled("function", name, "default", Duration::from_millis(20));
        metrics.backlog("function", name, "default", Some(1));
    }
    // Of this kind nothing is known yet: nothing of it is forgotten.
    metrics.show(Objects::new("sink", || None));
    metrics.reconciled("sink", "early", "default", Duration::from_millis(20));
    let page = metrics.page().unwrap();
    assert!(page.contains(r#"name="there""#) && page.contains(r#"name="early""#), "{page}");
    assert!(!page.contains(r#"name="gone""#), "{page}");
}

#[test]
fn latency_has_the_go_operators_unit_and_buckets() {
    let metrics = Metrics::new().unwrap();
    metrics.reconciled("function", "a", "default", Duration::from_millis(20));
    let page = metrics.page().unwrap();
    let bucket = |limit: &str, count: u32| {
        let labels = r#"name="a",namespace="default",type="function""#;
        format!("function_mesh_reconcile_latency_bucket{{{labels},le=\"{limit}\"}} {count}")
    };
    for line in [bucket("10", 0), bucket("100", 1), bucket("60000", 1)] {
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
}

/// Whatever is asked for in a query or named in a text.
#[test]
fn dashboards_and_alerts_ask_for_what_is_served() {
    let page = Metrics::new().unwrap().page().unwrap();
    let served: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let name =
        regex::Regex::new(r"\b(?:function_mesh|pulsar_function|process)_[a-z0-9_]+").unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    for file in ["dashboards/operator.json", "alerts/operator.yaml"] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let asked: std::collections::BTreeSet<&str> =
            name.find_iter(&text).map(|found| found.as_str()).collect();
        assert!(asked.len() > 5, "{file} asks for {asked:?} only");
        for metric in asked {
            let family = metric.strip_suffix("_bucket").unwrap_or(metric);
            assert!(served.contains(&family), "{file} asks for {metric}; there is\n{served:#?}");
        }
    }
}

#[test]
fn the_processs_memory_is_measured() {
    let page = Metrics::new().unwrap().page().unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    let bytes: f64 = line.unwrap().parse().unwrap();
    assert!(bytes > 1e6 && bytes < 1e10, "{bytes}");
}
