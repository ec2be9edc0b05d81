use std::fs;

use super::*;

const FUNCTION: &str = r#"{
  "tenant": "shop", "namespace": "eu", "name": "count", "parallelism": 2,
  "packageUrl": "count.wasm",
  "source": {"inputSpecs": {"in": {}}, "timeoutMs": "500"},
  "sink": {"topic": "out"}
}"#;

const INSTANCE: &str = "clusters:\n  default:\n    serviceUrl: pulsar://localhost:6650\n";

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn refused(files: &[(&str, &str)]) -> String {
    RunnerConfig::load(directory(files).path()).unwrap_err().to_string()
}

#[test]
fn the_two_documents_make_a_configuration() {
    let yaml = "
tenant: shop
namespace: eu
name: count
parallelism: 2
packageUrl: count.wasm
source: {inputSpecs: {in: {}}, timeoutMs: 500}
sink: {topic: out}
";
    let json = r#"{"clusters": {"default": {"serviceUrl": "pulsar://localhost:6650"}}}"#;
    let first = directory(&[("function.json", FUNCTION), ("instance.yaml", INSTANCE)]);
    let first = RunnerConfig::load(first.path()).unwrap();
    assert_eq!(first.plan.id.to_string(), "shop/eu/count");
    assert_eq!(first.details.source.as_ref().unwrap().timeout_ms, 500);
    assert_eq!(first.instance.clusters["default"].service_url, "pulsar://localhost:6650");
    let second = directory(&[("function.yaml", yaml), ("instance.json", json)]);
    let second = RunnerConfig::load(second.path()).unwrap();
    assert_eq!((second.plan, second.instance), (first.plan, first.instance));
}

#[test]
fn every_mistake_of_both_is_told_with_its_file_and_place() {
    let function = r#"{
  "tenant": "shop", "namespace": "eu", "name": "count",
  "processingGuarantees": "EFFECTIVELY_ONCE",
  "parallelism": 0,
  "source": {"inputSpecs": {"a/b": {}}}
}"#;
    let instance = "\
clusters:
  default:
    serviceUrl: localhost
limits:
  memoryBytes: 0
";
    let found = refused(&[("function.json", function), ("instance.yaml", instance)]);
    let places: Vec<&str> =
        found.lines().map(|line| line.split(": expected").next().unwrap()).collect();
    let expected = [
        r#"field "function.json: parallelism" = "0" (line 4, column 18)"#,
        r#"field "function.json: processingGuarantees" = "EFFECTIVELY_ONCE" (line 3, column 27)"#,
        r#"field "function.json: source.inputSpecs["a/b"]" = "a/b" (line 5, column 36)"#,
        r#"field "instance.yaml: clusters.default.serviceUrl" = "localhost" (line 3, column 17)"#,
        r#"field "instance.yaml: limits.memoryBytes" = "0" (line 5, column 16)"#,
    ];
    assert_eq!(places, expected, "{found}");
}

#[test]
fn mistakes_of_form_are_told_for_both() {
    let function = r#"{"tenant": 5, "parallelism": "many", "inputs": ["in"]}"#;
    let found = refused(&[("function.json", function), ("instance.yaml", "cluster: {}\n")]);
    let expected = r#"field "function.json: inputs" = ".." (line 1, column 38): expected a known field
field "function.json: parallelism" = "many" (line 1, column 30): expected a number
field "function.json: tenant" = "5" (line 1, column 12): expected a text: put it in quotes
field "instance.yaml: cluster" = ".." (line 1, column 1): expected a known field: did you mean clusters?"#;
    assert_eq!(found, expected);
}

#[test]
fn a_document_that_is_not_there_or_twice_is_told() {
    let found = refused(&[]);
    assert!(
        found
            .contains(r#"field "function.json" = "": expected function.json or function.yaml in "#),
        "{found}"
    );
    assert!(
        found
            .contains(r#"field "instance.yaml" = "": expected instance.yaml or instance.json in "#),
        "{found}"
    );
    let found = refused(&[
        ("function.json", FUNCTION),
        ("function.yaml", "{}"),
        ("instance.yaml", INSTANCE),
    ]);
    assert!(found.starts_with(r#"field "function.json" = "both": expected"#), "{found}");
    let found = refused(&[("function.json", "{"), ("instance.yaml", INSTANCE)]);
    assert!(found.starts_with(r#"field "function.json" = "" (line "#), "{found}");
}

#[test]
fn a_pod_has_a_cluster() {
    let found = refused(&[("function.json", FUNCTION), ("instance.yaml", "{}")]);
    assert_eq!(
        found,
        r#"field "instance.yaml: clusters" = "": expected at least one Pulsar cluster"#
    );
}

#[test]
fn a_laptop_needs_none() {
    let function = FunctionConfig::from_yaml("{wasm: count.wasm, inputs: [in]}").unwrap();
    let instance = InstanceConfig::from_yaml("{}").unwrap();
    let config = RunnerConfig::from_function_config(&function, instance).unwrap();
    assert_eq!(config.plan.package.as_deref(), Some("count.wasm"));
    assert_eq!(config.details.name, "count");
}

#[test]
fn mistakes_of_a_laptop_are_told_for_both() {
    let function = FunctionConfig::from_yaml("{wasm: count.wasm, inputs: [a/b]}").unwrap();
    let instance = InstanceConfig::from_yaml("limits: {callBytes: 0}").unwrap();
    let mistakes = RunnerConfig::from_function_config(&function, instance).unwrap_err();
    let fields: Vec<&str> = mistakes.iter().map(|mistake| mistake.field.as_str()).collect();
    assert_eq!(fields, ["inputs[0]", "limits.callBytes"]);
}

#[test]
fn the_ordinal_of_a_pod_ends_its_host_name() {
    for (hostname, expected) in [
        ("word-count-function-2", Some(2)),
        ("word-count-function-0", Some(0)),
        ("f-12345", Some(12345)),
        ("word-count", None),
        ("localhost", None),
        ("-3", None),
        ("f-", None),
        ("f-+3", None),
        ("f-99999999999", None),
        ("", None),
    ] {
        assert_eq!(ordinal(hostname), expected, "{hostname}");
    }
}
