//! What a line looks like, and what is refused.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::{Level, info, warn};

use super::*;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged while `run` runs.
fn logged(level: &str, format: LogFormat, run: impl FnOnce()) -> String {
    let captured = Captured::default();
    let writer = captured.clone();
    let logging = Logging { level: level.to_owned(), format };
    let subscriber = subscriber(&logging, false, move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, run);
    let bytes = captured.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn function() -> FunctionId {
    FunctionId { tenant: "public".into(), namespace: "default".into(), name: "echo".into() }
}

#[test]
fn a_json_line_names_the_instance_beside_its_own_fields() {
    let text = logged("info", LogFormat::Json, || {
        let cause = io::Error::other("connection reset");
        let error = Fault::source(cause);
        instance_span(&function(), 2).in_scope(|| {
            warn!(topic = "in", tries = 3, error = &error as &dyn std::error::Error, "lost");
        });
    });
    assert!(text.starts_with(r#"{"timestamp":""#), "what a person looks for comes first: {text}");
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    let timestamp = line["timestamp"].as_str().unwrap().to_owned();
    assert!(timestamp.parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
    assert_eq!(
        line,
        serde_json::json!({
            "timestamp": timestamp,
            "level": "WARN",
            "target": "function_mesh_runner::telemetry::tests",
            "message": "lost",
            "tenant": "public",
            "namespace": "default",
            "name": "echo",
            "instance": 2,
            "topic": "in",
            "tries": 3,
            "error": "connection reset",
        })
    );
}

#[test]
fn a_text_line_names_the_instance() {
    let text = logged("warn", LogFormat::Text, || {
        let _in_span = instance_span(&function(), 0).entered();
        info!("too quiet");
        warn!("loud enough");
    });
    assert!(!text.contains("too quiet"), "{text}");
    let names = r#"instance{tenant="public" namespace="default" name="echo" instance=0}"#;
    assert!(text.contains(names) && text.ends_with("loud enough\n"), "{text}");
    assert!(!text.contains('\x1b'), "no colours unless asked for");
}

#[test]
fn the_instance_is_named_whatever_the_directives() {
    let text = logged("function=debug", LogFormat::Json, || {
        let log = GuestLog::new(None).for_instance(instance_span(&function(), 1), Arc::default());
        log.line(Level::DEBUG, "hello\nworld".to_owned());
    });
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["target"], "function");
    assert_eq!(line["name"], "echo");
    assert_eq!(line["message"], r"hello\nworld");
}

#[test]
fn records_of_the_log_crate_keep_their_target() {
    let text = logged("info,pulsar=debug", LogFormat::Json, || {
        let record = tracing_log::log::Record::builder()
            .level(tracing_log::log::Level::Debug)
            .target("pulsar::connection")
            .args(format_args!("connected"))
            .build();
        tracing_log::format_trace(&record).unwrap();
    });
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["target"], "pulsar::connection");
    assert_eq!(line["message"], "connected");
    assert!(line.as_object().unwrap().keys().all(|key| !key.starts_with("log.")), "{line}");
}

#[test]
fn the_client_is_quiet_unless_it_is_asked() {
    let warned = |level: &str| {
        let text = logged(level, LogFormat::Text, || {
            warn!(target: "pulsar::connection", "retry");
        });
        !text.is_empty()
    };
    assert!(!warned("info"));
    assert!(!warned("warn,function=debug"));
    assert!(warned("debug"));
    assert!(warned("info,pulsar=warn"));
    assert!(!warned("debug,pulsar=error"));
}

#[test]
fn a_mistyped_level_is_refused_with_what_is_accepted() {
    for (level, wrong) in
        [("verbose", "verbose"), ("info,function=loud", "function=loud"), ("info,pulsar", "pulsar")]
    {
        let fault = filter(level).unwrap_err();
        assert_eq!(
            fault.to_string(),
            format!(
                "logging.level: \"{wrong}\" is neither a level (off, error, warn, info, debug, \
                 trace) nor a target with one, as in function=debug"
            )
        );
    }
    for level in ["info", "WARN", "off", "info,function_mesh_runner=debug", ""] {
        assert!(filter(level).is_ok(), "{level}");
    }
}
