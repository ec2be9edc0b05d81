//! A Kubernetes API server as a test uses it: any kind of object by its name, as JSON.

use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, anyhow, bail};
use kube::{
    Api, Client, Config, Discovery,
    api::{
        ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
        PropagationPolicy,
    },
    config::{KubeConfigOptions, Kubeconfig},
    discovery::Scope,
};
use serde_json::Value;
use tokio::runtime::Runtime;

/// Who a test is to the API server, where it is not the user itself.
const FIELD_MANAGER: &str = "scenario";

/// A client. May be used from several threads at once.
pub struct Kubernetes {
    pub(crate) runtime: Runtime,
    client: Client,
    /// By kind, as asked for.
    kinds: Mutex<BTreeMap<String, Kind>>,
}

#[derive(Clone)]
struct Kind {
    resource: ApiResource,
    namespaced: bool,
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Kubernetes({})", self.client.default_namespace())
    }
}

impl Kubernetes {
    /// The API server of a kubeconfig. Nothing is asked of it yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn connect(kubeconfig: &Path) -> Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let client = runtime.block_on(async {
            let file = Kubeconfig::read_from(kubeconfig)?;
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(file, &options).await?;
            anyhow::Ok(Client::try_from(config)?)
        });
        let client = client.with_context(|| kubeconfig.display().to_string())?;
        Ok(Self { runtime, client, kinds: Mutex::default() })
    }

    /// For what this type has no method for; [`Kubernetes::block_on`] runs it.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Applies each document of a manifest, as `kubectl apply --server-side` does, and gives the
    /// objects as stored. One without a namespace goes to `default`.
    ///
    /// # Errors
    /// No YAML, an unknown kind, or the API server's refusal: its message alone.
    pub fn apply(&self, manifest: &str) -> Result<Vec<Value>> {
        documents(manifest)?.into_iter().map(|object| self.apply_object(&object)).collect()
    }

    /// As [`Kubernetes::apply`], for one object.
    pub fn apply_object(&self, object: &Value) -> Result<Value> {
        let (api, name) = self.place_of(object)?;
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let applied =
            self.block_on(async { api.patch(&name, &parameters, &Patch::Apply(object)).await });
        json(applied)
    }

    /// Creates an object that must not exist, from a manifest of one document.
    pub fn create(&self, manifest: &str) -> Result<Value> {
        let object = documents(manifest)?.into_iter().next().context("the manifest is empty")?;
        let (api, _) = self.place_of(&object)?;
        let object: DynamicObject = serde_json::from_value(object)?;
        let parameters = PostParams::default();
        json(self.block_on(async { api.create(&parameters, &object).await }))
    }

    /// An object, if it exists. `kind` as in a manifest (`StatefulSet`), with its group where two
    /// groups have one (`Event.events.k8s.io`).
    pub fn find(&self, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>> {
        let api = self.api(kind, namespace)?;
        match self.block_on(async { api.get_opt(name).await }).map_err(plain)? {
            Some(object) => Ok(Some(serde_json::to_value(object)?)),
            None => Ok(None),
        }
    }

    /// An object that exists.
    ///
    /// # Errors
    /// It does not.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value> {
        let found = self.find(kind, namespace, name)?;
        found.with_context(|| format!("there is no {kind} {namespace}/{name}"))
    }

    /// Objects of a namespace whose labels a selector takes (`app=echo`; empty for all).
    pub fn list(&self, kind: &str, namespace: &str, selector: &str) -> Result<Vec<Value>> {
        let api = self.api(kind, namespace)?;
        let parameters = ListParams::default().labels(selector);
        let list = self.block_on(async { api.list(&parameters).await }).map_err(plain)?;
        Ok(list.items.into_iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    }

    /// Merges a patch into an object, as `kubectl patch --type merge` does.
    pub fn patch(&self, kind: &str, namespace: &str, name: &str, patch: &Value) -> Result<Value> {
        let api = self.api(kind, namespace)?;
        let parameters = PatchParams::default();
        json(self.block_on(async { api.patch(name, &parameters, &Patch::Merge(patch)).await }))
    }

    /// Asks for an object's deletion; what it owns goes with it in the background. Finalizers decide
    /// when it is gone.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<()> {
        let api = self.api(kind, namespace)?;
        let parameters = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        self.block_on(async { api.delete(name, &parameters).await }).map_err(plain)?;
        Ok(())
    }

    /// Creates a namespace of a test's own, `<name>-<process>`, and gives its name.
    pub fn namespace(&self, name: &str) -> Result<String> {
        let name = format!("{name}-{}", std::process::id());
        self.apply(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}"))?;
        Ok(name)
    }

    fn api(&self, kind: &str, namespace: &str) -> Result<Api<DynamicObject>> {
        let kind = self.kind(kind)?;
        Ok(if kind.namespaced {
            Api::namespaced_with(self.client(), namespace, &kind.resource)
        } else {
            Api::all_with(self.client(), &kind.resource)
        })
    }

    /// Where an object of a manifest belongs, and its name.
    fn place_of(&self, object: &Value) -> Result<(Api<DynamicObject>, String)> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let kind = text("/kind").context("the manifest has no kind")?;
        let version = text("/apiVersion").context("the manifest has no apiVersion")?;
        let name = text("/metadata/name").context("the manifest has no metadata.name")?;
        let namespace = text("/metadata/namespace").unwrap_or("default");
        let kind = match version.split_once('/') {
            Some((group, _)) => format!("{kind}.{group}"),
            None => kind.to_owned(),
        };
        let mut api = self.kind(&kind)?;
        // The version asked for, which may not be the preferred one.
        version.clone_into(&mut api.resource.api_version);
        api.resource.version = version.rsplit('/').next().unwrap_or(version).to_owned();
        let api = if api.namespaced {
            Api::namespaced_with(self.client(), namespace, &api.resource)
        } else {
            Api::all_with(self.client(), &api.resource)
        };
        Ok((api, name.to_owned()))
    }

    /// What the API server says of a kind. Asked again for one that is unknown: it may be new.
    fn kind(&self, name: &str) -> Result<Kind> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if !kinds.contains_key(name) {
            *kinds = self.discover()?;
        }
        kinds.get(name).cloned().with_context(|| format!("the cluster knows no kind {name}"))
    }

    fn discover(&self) -> Result<BTreeMap<String, Kind>> {
        let discovery = Discovery::new(self.client());
        let discovery = self.block_on(discovery.run_aggregated()).map_err(plain)?;
        let mut kinds = BTreeMap::new();
        for group in discovery.groups_alphabetical() {
            for (resource, capabilities) in group.recommended_resources() {
                let name = resource.kind.clone();
                let with_group = format!("{name}.{}", resource.group);
                let namespaced = capabilities.scope == Scope::Namespaced;
                let kind = Kind { resource, namespaced };
                kinds.insert(with_group, kind.clone());
                // The core group, without a name, comes first.
                kinds.entry(name).or_insert(kind);
            }
        }
        Ok(kinds)
    }
}

/// The documents of a manifest.
pub(crate) fn documents(manifest: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifest)?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

fn json(answer: Result<DynamicObject, kube::Error>) -> Result<Value> {
    Ok(serde_json::to_value(answer.map_err(plain)?)?)
}

/// The API server's refusal in its own words.
pub(crate) fn plain(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => anyhow!(status.message),
        error => anyhow!(error),
    }
}

/// A condition's `status` (`True`, `False`, `Unknown`), as an object reports it.
///
/// # Errors
/// It does not report it.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Result<&'a str> {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    for condition in conditions.into_iter().flatten() {
        if condition.get("type").is_some_and(|found| found == kind)
            && let Some(status) = condition.get("status").and_then(Value::as_str)
        {
            return Ok(status);
        }
    }
    bail!("no condition {kind} in {}", object.get("status").unwrap_or(&Value::Null))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_manifest_may_have_several_documents() {
        let manifest = "---\nkind: A\n---\n---\nkind: B\n";
        assert_eq!(documents(manifest).unwrap(), [json!({"kind": "A"}), json!({"kind": "B"})]);
    }

    #[test]
    fn a_condition_is_found_by_its_type() {
        let object = json!({"status": {"conditions": [
            {"type": "Progressing", "status": "False"}, {"type": "Ready", "status": "True"},
        ]}});
        assert_eq!(condition(&object, "Ready").unwrap(), "True");
        let error = condition(&json!({"status": {}}), "Ready").unwrap_err().to_string();
        assert_eq!(error, "no condition Ready in {}");
    }
}
