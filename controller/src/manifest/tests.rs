use std::path::Path;

use super::*;

const COMMITTED: &str = "deploy/install.yaml";

#[test]
fn the_committed_manifest_is_current() {
    let text = to_yaml(&Installation::default()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(COMMITTED);
    if std::fs::read_to_string(&path).unwrap_or_default() == text {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_EXPECT").is_some(),
        "{COMMITTED} is not current. Renew it with:\n  \
         UPDATE_EXPECT=1 cargo test -p function-mesh-controller --lib manifest::"
    );
    std::fs::write(path, text).unwrap();
}

fn documents(installation: &Installation) -> Vec<Value> {
    let rest = access::documents(installation).into_iter();
    rest.chain(workload::documents(installation)).collect()
}

fn rules(documents: &[Value]) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for document in documents {
        let name = document["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let rules = document["rules"].as_array().into_iter().flatten();
        found.extend(rules.map(|rule| (name.clone(), rule.clone())));
    }
    found
}

#[test]
fn the_operator_may_do_no_more_than_it_needs() {
    let rules = rules(&documents(&Installation::default()));
    assert!(rules.len() > 10);
    for (role, rule) in rules {
        let text = rule.to_string();
        assert!(!text.contains('*'), "{role}: a wildcard in {text}");
        for denied in ["pods/exec", "\"escalate\"", "\"impersonate\"", "\"bind\""] {
            assert!(!text.contains(denied), "{role}: {denied} in {text}");
        }
        if text.contains("\"secrets\"") {
            assert_eq!(rule["verbs"], json!(["get", "list", "watch"]), "{role}");
        }
    }
}

#[test]
fn one_namespace_needs_no_cluster_wide_rights() {
    let installation = Installation { watched: Some("team".to_owned()), ..Installation::default() };
    let documents = documents(&installation);
    let places = |kind: &str| -> Vec<_> {
        let of_kind = documents.iter().filter(|document| document["kind"] == kind);
        of_kind.map(|document| document["metadata"]["namespace"].as_str()).collect()
    };
    assert_eq!(places("RoleBinding"), [Some("team"), Some("function-mesh-system")]);
    assert!(places("ClusterRole").is_empty() && places("ClusterRoleBinding").is_empty());
    let deployment = documents.last().unwrap().to_string();
    assert!(deployment.contains("--watched-namespace=team"), "{deployment}");
    assert!(deployment.contains("--metrics-secure=false"), "{deployment}");
}

#[test]
fn the_flags_of_the_pod_are_flags_of_run() {
    use clap::Parser;
    for watched in [None, Some("team".to_owned())] {
        let installation = Installation { watched, ..Installation::default() };
        let deployment = documents(&installation).pop().unwrap();
        let pod = &deployment["spec"]["template"]["spec"];
        let arguments = pod["containers"][0]["args"].as_array().unwrap().clone();
        let arguments = arguments.iter().map(|argument| argument.as_str().unwrap().to_owned());
        let program = std::iter::once("function-mesh-controller".to_owned());
        crate::cli::Cli::try_parse_from(program.chain(arguments)).unwrap();
    }
}
