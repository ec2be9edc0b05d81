use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use kube::ResourceExt as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::crd::{Function, FunctionMesh, Sink, Source};

mod expressions;

fn manifests(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = root.join("tests/fixtures/manifests").join(folder);
    let mut found: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// As the API server gives it out: there is always a spec.
fn typed<K: DeserializeOwned>(object: &Value) -> K {
    let mut object = object.clone();
    object.as_object_mut().unwrap().entry("spec").or_insert_with(|| json!({}));
    serde_json::from_value(object).unwrap()
}

/// What is wrong with a manifest of any kind.
fn mistakes(object: &Value) -> Mistakes {
    match object["kind"].as_str().unwrap() {
        "Function" => {
            let object: Function = typed(object);
            member::function(&object.name_any(), &object.spec)
        }
        "Source" => {
            let object: Source = typed(object);
            member::source(&object.name_any(), &object.spec)
        }
        "Sink" => {
            let object: Sink = typed(object);
            member::sink(&object.name_any(), &object.spec)
        }
        "FunctionMesh" => mesh(&typed(object)),
        "BackendConfig" => Mistakes::default(),
        other => panic!("{other}"),
    }
}

/// With the members', at their places.
fn mesh(mesh: &FunctionMesh) -> Mistakes {
    let mut all = member::names(&mesh.spec);
    let name = |member: &WorkloadSpec| {
        format!("{}-{}", mesh.name_any(), member.name.as_deref().unwrap_or_default())
    };
    for member in mesh.spec.functions.iter().flatten() {
        all.extend(member::function(&name(&member.workload), member));
    }
    for member in mesh.spec.sources.iter().flatten() {
        all.extend(member::source(&name(&member.workload), member));
    }
    for member in mesh.spec.sinks.iter().flatten() {
        all.extend(member::sink(&name(&member.workload), member));
    }
    all
}

fn parse(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap()
}

#[test]
fn each_rule_refuses_its_manifest_and_says_so() {
    let by_name: BTreeMap<_, _> =
        rules::all().map(|rule| (rule.name.to_lowercase().replace('_', "-"), rule)).collect();
    let mut seen = BTreeSet::new();
    for path in manifests("refused") {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let rule = by_name.get(&name).unwrap_or_else(|| panic!("{name}: no such rule"));
        let text = fs::read_to_string(&path).unwrap();
        let note = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        let (field, words) = (note("# field: "), note("# words:").trim());
        let [object] = &parse(&text)[..] else { panic!("{name}: one object") };
        let found = mistakes(object);
        let mistake = found.iter().find(|mistake| mistake.accepted == rule.expected);
        let mistake = mistake.unwrap_or_else(|| panic!("{name}: {found}"));
        assert!(mistake.field.starts_with(field), "{name}: {mistake}");
        assert!(mistake.accepted.contains(words), "{name}: {mistake}");
        seen.insert(name);
    }
    let missing: Vec<_> = by_name.keys().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "no manifest in tests/fixtures/manifests/refused: {missing:?}");
}

#[test]
fn what_is_right_has_no_mistakes() {
    let mut kinds = BTreeSet::new();
    for path in manifests("accepted") {
        for object in parse(&fs::read_to_string(&path).unwrap()) {
            if object["apiVersion"] == "compute.functionmesh.io/v1alpha1" {
                assert_eq!(mistakes(&object), Mistakes::default(), "{}", path.display());
                kinds.insert(object["kind"].to_string());
            }
        }
    }
    assert_eq!(kinds.len(), 5, "{kinds:?}");
}

fn function_with(change: Value) -> FunctionSpec {
    let mut spec = json!({
        "pulsar": {"pulsarConfig": "pulsar"},
        "input": {"topics": ["in"]},
        "wasm": {"module": "f.wasm"},
    });
    for (key, value) in change.as_object().unwrap() {
        spec[key] = value.clone();
    }
    serde_json::from_value(spec).unwrap()
}

#[test]
fn an_empty_spec_has_a_mistake_for_all_that_it_lacks() {
    let found = function("f", &FunctionSpec::default());
    let fields: Vec<_> = found.iter().map(|mistake| mistake.field.as_str()).collect();
    assert_eq!(fields, ["spec", "spec.input", "spec.pulsar.pulsarConfig"]);
}

#[test]
fn a_topic_pattern_is_a_regular_expression() {
    let spec = function_with(json!({"input": {"topicPattern": "persistent://a/b/(["}}));
    let found = function("f", &spec);
    assert_eq!(found.iter().next().unwrap().field, "spec.input.topicPattern", "{found}");
}

#[test]
fn resources_of_any_name_are_compared() {
    let spec = function_with(
        json!({"resources": {"requests": {"acme.org/gpu": 2}, "limits": {"acme.org/gpu": 1}}}),
    );
    let found = function("f", &spec);
    let mistake = found.iter().next().unwrap();
    assert_eq!(mistake.field, "spec.resources.requests.acme.org/gpu");
    assert_eq!(mistake.value, "2");
}

/// New bounds are applied to a function that an autoscaler has outside them; it will follow.
#[test]
fn replicas_of_an_object_that_exists_are_its_autoscalers_business() {
    for scaling in [
        json!({"replicas": 5, "maxReplicas": 3}),
        json!({"replicas": 1, "minReplicas": 2, "maxReplicas": 3}),
        json!({"replicas": 0, "maxReplicas": 3}),
    ] {
        let spec = function_with(scaling.clone());
        assert_eq!(function("f", &spec), Mistakes::default(), "{scaling}");
        assert_eq!(member::function("f", &spec).len(), 1, "{scaling}");
    }
}

#[test]
fn the_same_topic_of_another_cluster_is_another_topic() {
    let clusters = json!({"west": {"pulsarConfig": "west"}});
    let looped = json!({"output": {"topic": "in"}, "pulsarClusters": clusters});
    assert_eq!(function("f", &function_with(looped)).len(), 1);
    let there =
        json!({"output": {"topic": "in", "clusterRef": "west"}, "pulsarClusters": clusters});
    assert_eq!(function("f", &function_with(there)), Mistakes::default());
}

#[test]
fn a_member_without_a_name_has_none() {
    let spec = serde_json::from_value(json!({"functions": [{}, {"name": "a"}]})).unwrap();
    let found = member::names(&spec);
    let fields: Vec<_> = found.iter().map(|mistake| mistake.field.as_str()).collect();
    assert_eq!(fields, ["spec.functions[0].name"]);
}
