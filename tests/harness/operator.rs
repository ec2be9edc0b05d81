//! The operator under test: its kinds, its process, and what functions are made of.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use kubernetes_standalone::image::Image;
use serde_json::{Value, json};

use crate::{
    eventually::eventually_true,
    guests,
    kubernetes::{Kubernetes, condition, documents},
    platform::Platform,
    runner::Runner,
};

/// An image as a user's: components, and nothing to run them.
pub const FUNCTIONS: &str = "localhost/functions:1";

/// For the API server to serve a kind.
const SERVED: Duration = Duration::from_secs(60);

impl Platform {
    /// Installs the kinds that the controller prints, and waits until they are served.
    ///
    /// # Errors
    /// The controller is not built, or the API server refuses its definitions.
    pub fn install_kinds(&self) -> Result<()> {
        let crds = Runner::of(guests::controller()?, ["crd"])?.run("")?;
        ensure!(crds.status.success(), "{}", String::from_utf8_lossy(&crds.stderr));
        for definition in documents(&String::from_utf8(crds.stdout)?)? {
            self.kubernetes.establish(&definition)?;
        }
        Ok(())
    }

    /// Puts the image [`FUNCTIONS`] on the node.
    ///
    /// # Errors
    /// A component is not built.
    pub fn load_functions(&self) -> Result<()> {
        let mut image = Image::new(FUNCTIONS, ["/none"]);
        for name in ["exclamation", "user-config", "failing", "word-count"] {
            let file = format!("/functions/{}.wasm", name.replace('-', "_"));
            image = image.file(&file, guests::component(name)?);
        }
        self.machine.load_image(&image)
    }

    /// `function-mesh-controller run` for one namespace, from outside of the cluster, not yet
    /// started: as the administrator, and without ports.
    pub fn controller(&self, namespace: &str) -> Result<Runner> {
        self.controller_as(&self.machine.kubeconfig(), namespace)
    }

    /// As [`Platform::controller`], as whoever a kubeconfig is for.
    pub fn controller_as(&self, kubeconfig: &Path, namespace: &str) -> Result<Runner> {
        probed(kubeconfig, namespace, "0")
    }

    /// As [`Platform::controller`], with its probes on a port.
    pub fn controller_probed(&self, namespace: &str, port: u16) -> Result<Runner> {
        probed(&self.machine.kubeconfig(), namespace, &format!("127.0.0.1:{port}"))
    }
}

fn probed(kubeconfig: &Path, namespace: &str, probes: &str) -> Result<Runner> {
    Ok(Runner::of(guests::controller()?, ["run"])?
        .env("KUBECONFIG", &kubeconfig.to_string_lossy())
        .flag("--watched-namespace", namespace)
        .flag("--health-probe-addr", probes)
        .flag("--metrics-addr", "0"))
}

/// The Function `name` with a component of [`FUNCTIONS`], on the Pulsar cluster of the ConfigMap
/// `pulsar`.
pub fn function(name: &str, component: &str, input: &str, output: &str) -> Value {
    json!({
        "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "Function",
        "metadata": { "name": name },
        "spec": {
            "image": FUNCTIONS,
            "input": { "topics": [input] },
            "output": { "topic": output },
            "pulsar": { "pulsarConfig": "pulsar" },
            // Many of them share one small node.
            "resources": { "requests": { "cpu": "10m", "memory": "64Mi" } },
            "wasm": { "module": format!("/functions/{component}.wasm") },
        },
    })
}

impl Kubernetes {
    /// Applies a CustomResourceDefinition, and waits until its present form is served.
    pub fn establish(&self, definition: &Value) -> Result<()> {
        let applied = self.apply_object(definition)?;
        let generation = |of: &Value| of.pointer("/metadata/generation").and_then(Value::as_i64);
        let name = applied.pointer("/metadata/name").and_then(Value::as_str);
        let name = name.context("a definition without a name")?;
        eventually_true(SERVED, format!("{name} to be served"), || {
            let found = self.get("CustomResourceDefinition", "", name)?;
            let current = generation(&found) >= generation(&applied);
            Ok(current && condition(&found, "Established").is_ok_and(|status| status == "True"))
        })
    }

    /// Applies a ConfigMap that tells functions where a Pulsar cluster is.
    pub fn pulsar_config(
        &self,
        namespace: &str,
        name: &str,
        service_url: &str,
        web_url: &str,
    ) -> Result<()> {
        let applied = self.apply_object(&json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": namespace },
            "data": { "brokerServiceURL": service_url, "webServiceURL": web_url },
        }));
        applied.map(drop)
    }

    /// Likewise, for functions whose pods never run: a cluster that is nowhere, named `pulsar`.
    pub fn pulsar_nowhere(&self, namespace: &str) -> Result<()> {
        self.pulsar_config(namespace, "pulsar", "pulsar://broker:6650", "http://broker:8080")
    }
}
