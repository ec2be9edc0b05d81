//! What scenarios with pods stand on: a controller that looks after one namespace, functions in a
//! user's image, topics of their own.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    cluster::Namespace,
    eventually::{eventually, eventually_true},
    operator::function,
    platform::{Broker, Platform, RUNNER_IMAGE},
    runner::{Runner, Running},
};

/// For a pod to start on two slow cores.
pub const STARTED: Duration = Duration::from_secs(60);

/// A namespace of the cluster, one of the broker, and a controller for them. All end with this.
#[derive(Debug)]
pub struct Stage<'a> {
    pub platform: &'a Platform,
    pub broker: &'a Broker,
    pub namespace: String,
    pub topics: Namespace,
    pub controller: Option<Running>,
}

impl<'a> Stage<'a> {
    /// With the ConfigMap `pulsar` that says where the broker is. The cluster has the kinds and the
    /// image with the functions.
    ///
    /// # Errors
    /// The cluster's, the broker's, or that the controller is not built.
    pub fn open(platform: &'a Platform, broker: &'a Broker, name: &str) -> Result<Self> {
        let namespace = platform.restricted(name)?;
        let topics = broker.topics.namespace(name)?;
        let mut stage = Self { platform, broker, namespace, topics, controller: None };
        stage.pulsar("pulsar", &broker.web_url())?;
        stage.controller = Some(stage.run()?.start()?);
        Ok(stage)
    }

    /// The controller as it is started.
    pub fn run(&self) -> Result<Runner> {
        self.bringing(RUNNER_IMAGE)
    }

    /// The controller of a version that brings another runner.
    pub fn bringing(&self, image: &str) -> Result<Runner> {
        Ok(self.platform.controller(&self.namespace)?.flag("--runner-image", image))
    }

    /// Applies a ConfigMap for the broker, with an admin API that may be elsewhere.
    pub fn pulsar(&self, name: &str, web_url: &str) -> Result<()> {
        let service_url = self.broker.service_url();
        self.platform.kubernetes.pulsar_config(&self.namespace, name, &service_url, web_url)
    }

    /// Applies an object in this namespace.
    pub fn apply(&self, object: &Value) -> Result<Value> {
        let mut object = object.clone();
        let metadata = object.get_mut("metadata").context("no metadata")?;
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("namespace".to_owned(), self.namespace.clone().into());
        }
        self.platform.kubernetes.apply_object(&object)
    }

    pub fn get(&self, kind: &str, name: &str) -> Result<Value> {
        self.platform.kubernetes.get(kind, &self.namespace, name)
    }

    pub fn patch(&self, kind: &str, name: &str, patch: &Value) -> Result<Value> {
        self.platform.kubernetes.patch(kind, &self.namespace, name, patch)
    }

    /// Waits until an object's own Ready condition is `True` for its present generation.
    pub fn ready(&self, kind: &str, name: &str) -> Result<Value> {
        let object = eventually(STARTED, format!("{kind} {name} to be ready"), || {
            let object = self.get(kind, name)?;
            let ready = standard(&object, "Ready")?;
            let current = ready.get("observedGeneration") == object.pointer("/metadata/generation");
            Ok((current && ready.get("status") == Some(&json!("True"))).then_some(object))
        });
        object.with_context(|| self.story(kind, name))
    }

    /// Waits until the Ready condition has this reason, and gives its message.
    pub fn reason(&self, kind: &str, name: &str, reason: &str) -> Result<String> {
        let message = eventually(STARTED, format!("{kind} {name} to say {reason}"), || {
            let object = self.get(kind, name)?;
            let ready = standard(&object, "Ready")?;
            let message = ready.get("message").and_then(Value::as_str).unwrap_or_default();
            Ok((ready.get("reason") == Some(&json!(reason))).then(|| message.to_owned()))
        });
        message.with_context(|| self.story(kind, name))
    }

    /// Waits until the condition ScalingActive of a function has this reason, and gives its message.
    pub fn scaling(&self, name: &str, reason: &str) -> Result<String> {
        eventually(STARTED, format!("ScalingActive of {name} to say {reason}"), || {
            let function = self.get("Function", name)?;
            let found = standard(&function, "ScalingActive")?;
            let message = found.get("message").and_then(Value::as_str).unwrap_or_default();
            Ok((found.get("reason") == Some(&json!(reason))).then(|| message.to_owned()))
        })
    }

    /// Waits until a line of the log of a function's first pod holds all of `words`, and gives the
    /// log.
    pub fn says(&self, function: &str, words: &[&str]) -> Result<String> {
        let pod = format!("{function}-function-0");
        let log = || self.platform.kubernetes.logs(&self.namespace, &pod, "pulsar-function");
        let found = eventually(STARTED, format!("{pod} to say {words:?}"), || {
            let log = log()?;
            let said = log.lines().any(|line| words.iter().all(|word| line.contains(word)));
            Ok(said.then_some(log))
        });
        found.with_context(|| self.story("Function", function))
    }

    /// Deletes a function that takes its subscriptions along, and expects none on a topic it read.
    pub fn taken_along(
        &self,
        function: &str,
        topics: &Namespace,
        topic: &str,
        within: Duration,
    ) -> Result<()> {
        self.platform.kubernetes.delete("Function", &self.namespace, function)?;
        self.platform.kubernetes.gone("Function", &self.namespace, function, within)?;
        let left = topics.subscriptions(topic)?;
        ensure!(left.is_empty(), "left behind: {left:?}");
        Ok(())
    }

    /// Names and identities of a function's pods.
    pub fn pods(&self, function: &str) -> Result<Vec<(String, String)>> {
        let selector = format!("compute.functionmesh.io/name={function}");
        self.platform.kubernetes.pod_uids(&self.namespace, &selector)
    }

    /// What a reader of a failed test wants to know.
    fn story(&self, kind: &str, name: &str) -> String {
        let object = self.get(kind, name).map(|object| object.to_string()).unwrap_or_default();
        let pod = self.platform.kubernetes.story(&self.namespace, &format!("{name}-function-0"));
        let log = self.controller.as_ref().map(Running::log).unwrap_or_default();
        format!("{object}\n{pod}\n{log}")
    }

    /// A Function of one of the examples.
    pub fn function(&self, name: &str, component: &str, input: &str, output: &str) -> Value {
        function(name, component, input, output)
    }

    /// Sends one text, and expects one answer.
    pub fn answers(&self, input: &str, text: &str, output: &str, answer: &str) -> Result<()> {
        self.topics.send(input, &[text])?;
        let answers = self.topics.texts(output, 1)?;
        ensure!(answers == [answer], "{answers:?} instead of {answer}");
        Ok(())
    }
}

/// Kubernetes's conditions of an object of ours.
pub fn standard<'a>(object: &'a Value, kind: &str) -> Result<&'a Value> {
    let conditions = object.pointer("/status/standardConditions").and_then(Value::as_array);
    let found = conditions
        .and_then(|all| all.iter().find(|condition| condition.get("type") == Some(&json!(kind))));
    found.with_context(|| format!("no condition {kind} yet"))
}

impl Platform {
    /// A namespace of a scenario's own, under the strictest policy for pods.
    pub fn restricted(&self, name: &str) -> Result<String> {
        let namespace = self.kubernetes.namespace(name)?;
        let policy = json!({ "metadata": { "labels": {
            "pod-security.kubernetes.io/enforce": "restricted",
        } } });
        self.kubernetes.patch("Namespace", "", &namespace, &policy)?;
        // Pods need it, and Kubernetes makes it in its own time.
        eventually_true(STARTED, "the default service account", || {
            Ok(self.kubernetes.find("ServiceAccount", &namespace, "default")?.is_some())
        })?;
        Ok(namespace)
    }
}
