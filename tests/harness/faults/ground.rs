//! A namespace with a controller of its own, and functions that have everything but pods.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    api_proxy::ApiProxy, eventually::eventually_true, platform::Platform, runner::Running,
    stage::standard,
};

/// For a controller to start and to do what it has to.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Ground<'a> {
    pub platform: &'a Platform,
    pub namespace: String,
}

impl<'a> Ground<'a> {
    /// With the ConfigMap that functions name. The cluster has the kinds.
    ///
    /// # Errors
    /// The API server's.
    pub fn new(platform: &'a Platform, name: &str) -> Result<Self> {
        let namespace = platform.kubernetes.namespace(name)?;
        platform.kubernetes.pulsar_nowhere(&namespace)?;
        Ok(Self { platform, namespace })
    }

    /// A controller of this namespace, through a proxy if there is one.
    ///
    /// # Errors
    /// It is not built.
    pub fn controller(&self, proxy: Option<&ApiProxy>, flags: &[(&str, &str)]) -> Result<Running> {
        let run = match proxy {
            Some(proxy) => self.platform.controller_as(&proxy.kubeconfig(), &self.namespace)?,
            None => self.platform.controller(&self.namespace)?,
        };
        flags.iter().fold(run, |run, (name, value)| run.flag(name, value)).start()
    }

    /// A function that has everything a function can own, and no pods.
    pub fn function(&self, name: &str) -> Value {
        self.function_of(name, &json!({ "replicas": 0, "cleanupSubscription": true }))
    }

    /// A function with these fields besides its topics and its code.
    pub fn function_of(&self, name: &str, fields: &Value) -> Value {
        let mut spec = json!({
            "input": { "topics": ["in"] }, "output": { "topic": "out" },
            "pulsar": { "pulsarConfig": "pulsar" },
            "wasm": { "module": "f.wasm", "moduleLocation": "https://example.org/f.wasm" },
        });
        if let (Some(spec), Some(fields)) = (spec.as_object_mut(), fields.as_object()) {
            spec.extend(fields.clone());
        }
        json!({
            "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "Function",
            "metadata": { "name": name, "namespace": self.namespace }, "spec": spec,
        })
    }

    pub fn apply(&self, object: &Value) -> Result<Value> {
        self.platform.kubernetes.apply_object(object)
    }

    pub fn get(&self, kind: &str, name: &str) -> Result<Value> {
        self.platform.kubernetes.get(kind, &self.namespace, name)
    }

    pub fn find(&self, kind: &str, name: &str) -> Result<Option<Value>> {
        self.platform.kubernetes.find(kind, &self.namespace, name)
    }

    pub fn patch(&self, kind: &str, name: &str, patch: &Value) -> Result<Value> {
        self.platform.kubernetes.patch(kind, &self.namespace, name, patch)
    }

    /// Waits until a function without pods is as it should be.
    pub fn settled(&self, name: &str) -> Result<()> {
        eventually_true(PATIENCE, format!("{name} to be reconciled"), || self.is_settled(name))
    }

    pub fn is_settled(&self, name: &str) -> Result<bool> {
        let function = self.get("Function", name)?;
        let reason = standard(&function, "Ready")?.get("reason");
        Ok(reason == Some(&json!("ScaledToZero")) && is_observed(&function)?)
    }

    /// Waits until the controller has done what it can about a function's present spec.
    pub fn observed(&self, name: &str) -> Result<()> {
        eventually_true(PATIENCE, format!("{name} to be looked at"), || {
            is_observed(&self.get("Function", name)?)
        })
    }

    /// Creates so many functions without pods, and waits until all are as they should be.
    pub fn functions(&self, count: usize) -> Result<()> {
        for i in 0..count {
            self.apply(&self.function(&format!("f-{i}")))?;
        }
        (0..count).try_for_each(|i| self.settled(&format!("f-{i}")))
    }
}

fn is_observed(function: &Value) -> Result<bool> {
    let ready = standard(function, "Ready")?;
    Ok(ready.get("observedGeneration") == function.pointer("/metadata/generation"))
}
