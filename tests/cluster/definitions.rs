//! The definitions in a real API server: what it takes, what it refuses, and with which words.
//!
//! `tests/fixtures/manifests` has a manifest for each rule, with the field that is to be blamed and
//! words of the message, and manifests that use every field.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use function_mesh_tests::{eventually::eventually_true, kubernetes::Kubernetes};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, PostParams},
};
use kubernetes_standalone::programs::Options;
use serde_json::{Value, json};

use crate::stage::{SOON, own_cluster_turn, platform};

const API_VERSION: &str = "compute.functionmesh.io/v1alpha1";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The files of a folder below the root, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = root().join(folder);
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut found: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    found.sort();
    Ok(found)
}

fn documents(text: &str) -> Result<Vec<Value>> {
    Ok(serde_saphyr::from_multiple(text)?)
}

/// Installs the definitions that are committed, and waits until their kinds exist.
pub(crate) fn install(kubernetes: &Kubernetes) -> Result<()> {
    for path in files(Path::new("deploy/crd"))? {
        for definition in documents(&fs::read_to_string(path)?)? {
            kubernetes.establish(&definition)?;
        }
    }
    Ok(())
}

/// The objects of our kinds in a namespace.
fn objects(kubernetes: &Kubernetes, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("compute.functionmesh.io", "v1alpha1", kind);
    let plural = match kind.kind.as_str() {
        "FunctionMesh" => "functionmeshes".to_owned(),
        other => format!("{}s", other.to_lowercase()),
    };
    let resource = ApiResource::from_gvk_with_plural(&kind, &plural);
    Api::namespaced_with(kubernetes.client(), namespace, &resource)
}

fn create(kubernetes: &Kubernetes, namespace: &str, object: &Value) -> Result<DynamicObject> {
    let api = objects(kubernetes, object["kind"].as_str().context("no kind")?, namespace);
    let mut object: DynamicObject = serde_json::from_value(object.clone())?;
    object.metadata.namespace = Some(namespace.to_owned());
    Ok(kubernetes.block_on(async { api.create(&PostParams::default(), &object).await })?)
}

/// A manifest with a mistake in it, and what is to be said of it.
struct Refused {
    name: String,
    field: String,
    words: String,
    object: Value,
}

impl Refused {
    fn all() -> Result<Vec<Self>> {
        let paths = files(Path::new("tests/fixtures/manifests/refused"))?;
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)?;
        let note = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.map(|line| line.trim().to_owned()).with_context(|| format!("{key} is missing"))
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let object = documents(&text)?.into_iter().next().context("an empty manifest")?;
        Ok(Self { name, field: note("# field:")?, words: note("# words:")?, object })
    }

    fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap_or_default()
    }

    /// Whether an answer is the refusal that is due.
    fn check(&self, answer: Result<DynamicObject, kube::Error>) -> Result<()> {
        let Self { name, field, words, .. } = self;
        match answer {
            Err(kube::Error::Api(status)) if status.reason == "Invalid" => {
                let said = &status.message;
                // Several mistakes stand in brackets.
                let blamed = [' ', '['].iter().any(|c| said.contains(&format!("{c}{field}: ")));
                ensure!(blamed && said.contains(words), "{name}: not \"{field}: {words}\": {said}");
                Ok(())
            }
            Err(error) => bail!("{name}: another error: {error}"),
            Ok(_) => bail!("{name}: it was taken"),
        }
    }

    /// An object of this kind that is right, by the name of the manifest.
    fn right(&self) -> Result<Value> {
        let file = match self.kind() {
            "FunctionMesh" => "mesh-minimal.yaml".to_owned(),
            kind => format!("{}-minimal.yaml", kind.to_lowercase()),
        };
        let path = root().join("tests/fixtures/manifests/accepted").join(file);
        let mut object = documents(&fs::read_to_string(path)?)?
            .into_iter()
            .next()
            .context("an empty manifest")?;
        object["metadata"]["name"] = json!(self.name);
        Ok(object)
    }
}

#[test]
fn what_breaks_a_rule_is_not_created() -> Result<()> {
    let kubernetes = &platform()?.kubernetes;
    install(kubernetes)?;
    let namespace = kubernetes.namespace("refused-on-create")?;
    let all = Refused::all()?;
    assert!(all.len() > 45, "{}", all.len());
    for refused in all {
        let api = objects(kubernetes, refused.kind(), &namespace);
        let object = serde_json::from_value(refused.object.clone())?;
        let answer =
            kubernetes.block_on(async { api.create(&PostParams::default(), &object).await });
        refused.check(answer)?;
    }
    Ok(())
}

#[test]
fn what_is_right_is_not_updated_to_what_breaks_a_rule() -> Result<()> {
    let kubernetes = &platform()?.kubernetes;
    install(kubernetes)?;
    let namespace = kubernetes.namespace("refused-on-update")?;
    for refused in Refused::all()? {
        if refused.field == "metadata.name" {
            // A name cannot be updated.
            continue;
        }
        let before = create(kubernetes, &namespace, &refused.right()?)?;
        let mut object = before.clone();
        object.data["spec"] = refused.object["spec"].clone();
        let api = objects(kubernetes, refused.kind(), &namespace);
        let answer = kubernetes
            .block_on(async { api.replace(&refused.name, &PostParams::default(), &object).await });
        refused.check(answer)?;
        let after = kubernetes.block_on(async { api.get(&refused.name).await })?;
        assert_eq!(after.metadata.resource_version, before.metadata.resource_version);
    }
    Ok(())
}

#[test]
fn what_is_right_is_created() -> Result<()> {
    let kubernetes = &platform()?.kubernetes;
    install(kubernetes)?;
    let namespace = kubernetes.namespace("accepted")?;
    let mut kinds = std::collections::BTreeSet::new();
    for path in files(Path::new("tests/fixtures/manifests/accepted"))? {
        for object in documents(&fs::read_to_string(&path)?)? {
            create(kubernetes, &namespace, &object).with_context(|| path.display().to_string())?;
            kinds.insert(object["kind"].to_string());
        }
    }
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    Ok(())
}

/// They are no part of this project: they are read where somebody put them beside the checkout.
#[test]
fn the_samples_of_the_original_are_created() -> Result<()> {
    let folder = match std::env::var_os("FUNCTION_MESH_ORIGINAL") {
        Some(folder) => PathBuf::from(folder),
        None => root().join("..").join("shared").join("data/function-mesh"),
    };
    if !folder.is_dir() {
        println!("left out: no samples of the original at {}", folder.display());
        return Ok(());
    }
    let kubernetes = &platform()?.kubernetes;
    install(kubernetes)?;
    let mut created = 0;
    for (index, path) in files(&folder.join("samples"))?.iter().enumerate() {
        // Several have the same names.
        let namespace = kubernetes.namespace(&format!("sample-{index}"))?;
        let ours = |object: &Value| object["apiVersion"] == API_VERSION;
        for object in documents(&fs::read_to_string(path)?)?.iter().filter(|object| ours(object)) {
            create(kubernetes, &namespace, object).with_context(|| path.display().to_string())?;
            created += 1;
        }
    }
    assert!(created >= 10, "{created}");
    Ok(())
}

#[test]
fn an_object_gets_the_constant_defaults() -> Result<()> {
    let kubernetes = &platform()?.kubernetes;
    install(kubernetes)?;
    let namespace = kubernetes.namespace("defaults")?;
    let object = json!({
        "apiVersion": API_VERSION,
        "kind": "Function",
        "metadata": {"name": "f"},
        "spec": {
            "pulsar": {"pulsarConfig": "pulsar"},
            "input": {"topics": ["in"]},
            "wasm": {"module": "f.wasm"},
        },
    });
    let created = create(kubernetes, &namespace, &object)?;
    let mut spec = created.data["spec"].clone();
    for (field, default) in [
        ("autoAck", json!(true)),
        ("clusterName", json!("kubernetes")),
        ("forwardSourceMessageProperty", json!(true)),
        ("maxPendingAsyncRequests", json!(1000)),
        ("minReplicas", json!(1)),
        ("namespace", json!("default")),
        ("processingGuarantee", json!("atleast_once")),
        ("tenant", json!("public")),
    ] {
        let removed = spec.as_object_mut().and_then(|spec| spec.remove(field));
        assert_eq!(removed, Some(default), "{field}");
    }
    assert_eq!(spec, object["spec"], "nothing else is written into it");
    // replicas belong to autoscalers, and the scale subresource changes them.
    let api = objects(kubernetes, "Function", &namespace);
    let scale = json!({"spec": {"replicas": 3}});
    let patch = kube::api::Patch::Merge(&scale);
    kubernetes.block_on(async {
        api.patch_scale("f", &kube::api::PatchParams::default(), &patch).await
    })?;
    let scaled = kubernetes.get("Function.compute.functionmesh.io", &namespace, "f")?;
    assert_eq!(scaled["spec"]["replicas"], 3);
    Ok(())
}

/// Raising a bound must not need a new number of replicas from a user who leaves it to an autoscaler.
#[test]
fn bounds_may_move_past_what_an_autoscaler_set() -> Result<()> {
    let kubernetes = &platform()?.kubernetes;
    install(kubernetes)?;
    let namespace = kubernetes.namespace("bounds")?;
    let spec = json!({
        "pulsar": {"pulsarConfig": "pulsar"},
        "input": {"topics": ["in"]},
        "wasm": {"module": "f.wasm"},
        "replicas": 4,
        "maxReplicas": 5,
    });
    let metadata = json!({"name": "f"});
    let object = json!(
        {"apiVersion": API_VERSION, "kind": "Function", "metadata": metadata, "spec": spec}
    );
    create(kubernetes, &namespace, &object)?;
    let patch = |spec: Value| {
        kubernetes.patch(
            "Function.compute.functionmesh.io",
            &namespace,
            "f",
            &json!({ "spec": spec }),
        )
    };
    patch(json!({"maxReplicas": 3}))?;
    patch(json!({"replicas": 2}))?;
    patch(json!({"minReplicas": 3}))?;
    let refused = patch(json!({"replicas": 6})).unwrap_err().to_string();
    assert!(refused.contains("spec.replicas: Invalid value"), "{refused}");
    Ok(())
}

/// Objects of the Go operator are older than our rules, and some break one. The controller must be
/// able to say so in their status, and a user to label and to repair them.
#[test]
fn an_object_older_than_the_rules_can_be_reported_on_and_repaired() -> Result<()> {
    let _turn = own_cluster_turn();
    let server = function_mesh_tests::platform::Platform::start(&Options::api_server())?;
    let kubernetes = &server.kubernetes;
    for path in files(Path::new("deploy/crd"))? {
        for mut definition in documents(&fs::read_to_string(path)?)? {
            without_rules(&mut definition);
            kubernetes.establish(&definition)?;
        }
    }
    let name = "a-name-that-is-one-longer-than-pods-can-have";
    let object = json!({
        "apiVersion": API_VERSION,
        "kind": "Function",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"input": {"topics": ["in", "not/valid"]}, "java": {"jar": ""}},
    });
    create(kubernetes, "default", &object)?;
    install(kubernetes)?;
    let kind = "Function.compute.functionmesh.io";
    let patch = |patch: &Value| kubernetes.patch(kind, "default", name, patch);
    eventually_true(SOON, "the rules", || {
        let worse = json!({"spec": {"wasm": {"module": ""}}});
        Ok(patch(&worse).is_err_and(|error| error.to_string().contains("spec.wasm.module")))
    })?;
    patch(&json!({"metadata": {"labels": {"seen": "yes"}, "finalizers": ["acme.org/f"]}}))?;
    let status =
        json!({"status": {"conditions": {}, "replicas": 0, "selector": "", "reason": "Invalid"}});
    let api = objects(kubernetes, "Function", "default");
    let merge = kube::api::Patch::Merge(&status);
    kubernetes.block_on(async {
        api.patch_status(name, &kube::api::PatchParams::default(), &merge).await
    })?;
    patch(&json!({"spec": {
        "input": {"topics": ["in"]},
        "pulsar": {"pulsarConfig": "pulsar"},
        "java": null,
        "wasm": {"module": "f.wasm"},
    }}))?;
    // What is right now may not become wrong again.
    let refused = patch(&json!({"spec": {"pulsar": null}})).unwrap_err().to_string();
    assert!(refused.contains("spec.pulsar.pulsarConfig"), "{refused}");
    Ok(())
}

/// As the Go operator's definitions are.
fn without_rules(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("x-kubernetes-validations");
            fields.values_mut().for_each(without_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(without_rules),
        _ => {}
    }
}
