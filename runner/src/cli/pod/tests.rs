use std::fs;

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::*;

/// A function of three instances, and an instance document with these lines.
fn directory(instance: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let function = r#"{
        "tenant": "public", "namespace": "default", "name": "f", "parallelism": 3,
        "packageUrl": "file:///f.wasm",
        "source": {"inputSpecs": {"persistent://public/default/in": {}}},
        "sink": {"topic": "persistent://public/default/out"}
    }"#;
    fs::write(dir.path().join("function.json"), function).unwrap();
    let clusters = "clusters: {default: {serviceUrl: 'pulsar://b:6650'}}\n";
    fs::write(dir.path().join("instance.yaml"), format!("{clusters}{instance}")).unwrap();
    dir
}

fn id(instance: &str, option: Option<u32>, hostname: &str) -> Result<Option<u32>, String> {
    let dir = directory(instance);
    let run = Run { config: dir.path().to_owned(), instance_id: option };
    match run.prepare(Some(hostname)) {
        Ok(config) => Ok(config.instance.instance_id),
        Err(failure) => Err(failure.to_string()),
    }
}

fn refused(instance: &str, option: Option<u32>, hostname: &str, why: Expect) {
    why.assert_eq(&id(instance, option, hostname).unwrap_err());
}

#[test]
fn the_instance_is_the_options_the_files_or_the_pods() {
    assert_eq!(id("", None, "f-function-2"), Ok(Some(2)));
    assert_eq!(id("instanceId: 1", None, "f-function-2"), Ok(Some(1)));
    assert_eq!(id("instanceId: 1", Some(0), "f-function-2"), Ok(Some(0)));
}

#[test]
fn a_pod_that_scaling_added_is_an_instance() {
    assert_eq!(id("", None, "f-function-3"), Ok(Some(3)));
}

#[test]
fn a_function_in_another_language_is_named_before_anything_else() {
    refused(
        "runtime: java",
        None,
        "f-function-0",
        expect![[r#"
        error: the configuration has a mistake
          instance.yaml: runtime = "java" at line 2, column 10: expected wasm: this version of the runner runs WebAssembly components only
    "#]],
    );
}

#[test]
fn an_instance_without_an_id_or_beyond_the_parallelism_is_refused() {
    refused(
        "",
        None,
        "laptop",
        expect![[r#"
        error: the configuration has a mistake
          instanceId (--instance-id) = "laptop": expected a number, in instance.yaml, by --instance-id or FUNCTION_RUNNER_INSTANCE_ID, or at the end of the host name after a dash, as a StatefulSet's pods have it
    "#]],
    );
    refused(
        "",
        Some(7),
        "f-function-0",
        expect![[r#"
        error: the configuration has a mistake
          instanceId (--instance-id) = "7": expected less than the function's parallelism, 3
    "#]],
    );
}

#[test]
fn every_mistake_of_both_files_is_listed() {
    let dir = directory("limits: {memoryBytes: many}\nwhat: 1\n");
    fs::write(dir.path().join("function.json"), r#"{"tenant": 1, "colour": "red"}"#).unwrap();
    let run = Run { config: dir.path().to_owned(), instance_id: None };
    let failure = run.prepare(None).unwrap_err();
    assert_eq!(failure.exit, crate::cli::Exit::BadConfiguration);
    let text = failure.to_string();
    for field in ["function.json: tenant", "colour", "limits.memoryBytes", "what"] {
        assert!(text.contains(field), "{field} is not in {text}");
    }
}
