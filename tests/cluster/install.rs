//! The operator installed as users install it, by the manifest and with Helm: its image in pods,
//! with the rights that come along and no others.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use function_mesh_tests::{eventually::eventually, faults::ground::Ground, platform::Platform};
use kubernetes_standalone::{command, helm::Helm, programs::Options};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    operator::{STARTED, kinds},
    stage::{own_cluster_turn, platform, restricted},
};

/// The Deployment, and its service account.
const NAME: &str = "function-mesh-controller-manager";

const RELEASE: &str = "operator";

/// Helm keeps a release in a Secret, of which Kubernetes stores no more than a mebibyte. Most of
/// it are the definitions, in the chart and in the manifest made of it.
const LARGEST_RELEASE: usize = 800 << 10;

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path)
}

/// A namespace whose functions name a Pulsar cluster.
fn team(platform: &Platform, name: &str) -> Result<String> {
    Ok(Ground::new(platform, name)?.namespace)
}

/// Applies a function, waits until it is reconciled, and gives its StatefulSet's identity and
/// generation.
fn reconciled(platform: &Platform, namespace: &str, name: &str) -> Result<(String, i64)> {
    let ground = Ground { platform, namespace: namespace.to_owned() };
    ground.apply(&ground.function(name))?;
    ground.settled(name)?;
    stateful_set(platform, namespace, name)
}

fn stateful_set(platform: &Platform, namespace: &str, name: &str) -> Result<(String, i64)> {
    let set = platform.kubernetes.get("StatefulSet", namespace, &format!("{name}-function"))?;
    let uid = set.pointer("/metadata/uid").and_then(Value::as_str).context("no uid")?;
    let generation = set.pointer("/metadata/generation").and_then(Value::as_i64);
    Ok((uid.to_owned(), generation.context("no generation")?))
}

/// Waits until all replicas of the operator are ready.
fn rolled_out(platform: &Platform, namespace: &str) -> Result<()> {
    let deployment = format!("deployment/{NAME}");
    let arguments = ["rollout", "status", &deployment, "--namespace", namespace, "--timeout=90s"];
    platform.kubectl(&arguments).map(drop).with_context(|| stories(platform, namespace))
}

/// All that can be said of the operator's pods.
fn stories(platform: &Platform, namespace: &str) -> String {
    let pods = pods(platform, namespace).unwrap_or_default();
    let stories = pods.iter().map(|pod| platform.kubernetes.story(namespace, pod));
    stories.collect::<Vec<_>>().join("\n")
}

/// The operator's pods.
fn pods(platform: &Platform, namespace: &str) -> Result<Vec<String>> {
    let selector = "app.kubernetes.io/component=controller-manager";
    let pods = platform.kubernetes.pod_uids(namespace, selector)?;
    Ok(pods.into_iter().map(|(name, _)| name).collect())
}

/// Waits until a pod leads that is not `before`, and gives its name.
fn leader(platform: &Platform, namespace: &str, before: &str) -> Result<String> {
    eventually(STARTED, "a leader", || {
        let lease = platform.kubernetes.get("Lease", namespace, "a3f45fce.functionmesh.io")?;
        let holder = lease.pointer("/spec/holderIdentity").and_then(Value::as_str);
        // Host and process.
        let pod = holder.unwrap_or_default().split('_').next().unwrap_or_default();
        Ok((!pod.is_empty() && pod != before).then(|| pod.to_owned()))
    })
}

/// The operator asked for nothing that it may not, and wrote where it has no business nothing.
fn kept_to_its_role(platform: &Platform, namespace: &str) -> Result<()> {
    let requests = platform.requests_of(&format!("{namespace}:{NAME}"))?;
    let verbs = ["list", "watch", "create", "patch"];
    for verb in verbs {
        ensure!(requests.iter().any(|request| request.verb == verb), "no {verb} is in the log");
    }
    let refused: Vec<_> = requests.iter().filter(|request| request.code == 403).collect();
    ensure!(refused.is_empty(), "refused: {refused:?}");
    let forbidden = ["secrets", "pods", "pods/exec", "pods/attach", "pods/portforward"];
    let written: Vec<_> = requests
        .iter()
        .filter(|request| request.is_write() && forbidden.contains(&request.resource.as_str()))
        .collect();
    ensure!(written.is_empty(), "written: {written:?}");
    Ok(())
}

/// Before it led, a pod of the operator asked for nothing but the lease, and whether the API server
/// is there.
fn stood_by(platform: &Platform, namespace: &str, pod: &str) -> Result<()> {
    let mut requests = platform.requests_of(&format!("{namespace}:{NAME}"))?;
    requests.retain(|request| request.pod == pod);
    let led = requests.iter().position(|request| request.is_write() && request.code < 300);
    requests.truncate(led.context("it never led")?);
    ensure!(!requests.is_empty(), "it never asked");
    requests.retain(|request| request.resource != "leases" && request.uri != "/version");
    ensure!(requests.is_empty(), "it asked: {requests:?}");
    Ok(())
}

#[test]
fn the_manifest_installs_an_operator_whose_leader_is_followed() -> Result<()> {
    let _turn = own_cluster_turn();
    let platform = Platform::start(&Options::whole())?;
    platform.load_controller()?;
    let system = "function-mesh-system";
    let manifest = deploy("install.yaml");
    platform.kubectl(&["apply", "--server-side", "--filename", &manifest.to_string_lossy()])?;
    rolled_out(&platform, system)?;
    let team = team(&platform, "team")?;
    reconciled(&platform, &team, "before")?;

    let first = leader(&platform, system, "")?;
    platform.kubernetes.delete("Pod", system, &first)?;
    let second = leader(&platform, system, &first)?;
    reconciled(&platform, &team, "after")?;
    rolled_out(&platform, system)?;
    ensure!(pods(&platform, system)?.contains(&second), "{second} does not run");
    stood_by(&platform, system, &second)?;
    kept_to_its_role(&platform, system)
}

/// Helm as the administrator of a cluster.
struct Charts<'a> {
    platform: &'a Platform,
    helm: Helm,
    /// Of the release.
    namespace: String,
    dir: TempDir,
}

impl<'a> Charts<'a> {
    fn new(platform: &'a Platform, name: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let namespace = restricted(platform, name)?;
        Ok(Self { platform, helm: Helm::get(&dir.path().join("helm"))?, namespace, dir })
    }

    fn helm(&self, arguments: &[&str]) -> Result<String> {
        let mut helm = self.helm.command(Some(&self.platform.machine.kubeconfig()));
        command::output(helm.arg("--namespace").arg(&self.namespace).args(arguments))
            .with_context(|| stories(self.platform, &self.namespace))
    }

    /// The chart with the definitions of an earlier version.
    fn earlier(&self) -> Result<String> {
        let chart = self.dir.path().join("earlier");
        let mut copy = Command::new("cp");
        copy.args(["--recursive", "--dereference"]).arg(deploy(CHART)).arg(&chart);
        command::output(&mut copy)?;
        let definition = chart.join("files/crd/compute.functionmesh.io_functions.yaml");
        let text = std::fs::read_to_string(&definition)?;
        let earlier = text.replacen("shortNames:", "shortNames:\n    - earlier", 1);
        ensure!(earlier != text, "the definition has no short names");
        std::fs::write(&definition, earlier)?;
        Ok(chart.to_string_lossy().into_owned())
    }

    /// Renders the chart, and has the API server check the result without keeping it.
    fn is_accepted(&self, values: &[&str]) -> Result<()> {
        let chart = deploy(CHART);
        let chart = chart.to_string_lossy();
        let values: Vec<_> = values.iter().flat_map(|value| ["--set", value]).collect();
        let arguments = [["template", RELEASE, &chart].as_slice(), &values].concat();
        let rendered = self.dir.path().join("rendered.yaml");
        std::fs::write(&rendered, self.helm(&arguments)?)?;
        let rendered = rendered.to_string_lossy();
        let checked = ["apply", "--server-side", "--dry-run=server", "--filename", &rendered];
        self.platform.kubectl(&checked).map(drop)
    }

    /// Bytes of the release as Kubernetes stores it.
    fn size(&self, revision: u32) -> Result<usize> {
        let name = format!("sh.helm.release.v1.{RELEASE}.v{revision}");
        let secret = self.platform.kubernetes.get("Secret", &self.namespace, &name)?;
        let data = secret.pointer("/data/release").and_then(Value::as_str);
        Ok(BASE64_STANDARD.decode(data.context("no release in the Secret")?)?.len())
    }

    fn deployment(&self) -> Result<Value> {
        self.platform.kubernetes.get("Deployment", &self.namespace, NAME)
    }
}

const CHART: &str = "helm/function-mesh-operator";

/// Kinds of the Prometheus operator, without their schemas: the cluster has to know them.
fn monitoring_kinds(platform: &Platform) -> Result<()> {
    for kind in ["ServiceMonitor", "PodMonitor", "PrometheusRule"] {
        let singular = kind.to_lowercase();
        platform.kubernetes.establish(&json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{singular}s.monitoring.coreos.com") },
            "spec": {
                "group": "monitoring.coreos.com", "scope": "Namespaced",
                "names": { "kind": kind, "singular": singular, "plural": format!("{singular}s") },
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": {
                        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    } },
                }],
            },
        }))?;
    }
    Ok(())
}

#[test]
fn the_chart_is_installed_upgraded_and_uninstalled_without_a_loss() -> Result<()> {
    let _turn = own_cluster_turn();
    let platform = Platform::start(&Options::whole())?;
    platform.load_controller()?;
    let charts = Charts::new(&platform, "charts")?;
    let (kubernetes, namespace) = (&platform.kubernetes, charts.namespace.as_str());
    let chart = deploy(CHART);
    let chart = chart.to_string_lossy();
    charts.helm(&["lint", "--strict", &chart])?;
    monitoring_kinds(&platform)?;
    charts.is_accepted(&[
        "serviceMonitor.enabled=true",
        "podMonitor.enabled=true",
        "prometheusRule.enabled=true",
        "dashboards.enabled=true",
        "networkPolicy.enabled=true",
    ])?;

    charts.helm(&["install", RELEASE, &charts.earlier()?, "--wait", "--timeout=90s"])?;
    rolled_out(&platform, namespace)?;
    let team = team(&platform, "team")?;
    let installed = reconciled(&platform, &team, "f")?;

    let changed =
        ["--set", "controllerManager.replicas=3", "--set", "controllerManager.log.level=debug"];
    let upgrade = ["upgrade", RELEASE, &chart, "--wait", "--timeout=90s"];
    charts.helm(&[upgrade.as_slice(), &changed].concat())?;
    rolled_out(&platform, namespace)?;
    let deployment = charts.deployment()?;
    assert_eq!(deployment.pointer("/status/readyReplicas"), Some(&json!(3)));
    ensure!(deployment.to_string().contains("--log-level=debug"), "{deployment}");
    let short_names = || {
        let name = "functions.compute.functionmesh.io";
        let definition = kubernetes.get("CustomResourceDefinition", "", name)?;
        Ok::<_, anyhow::Error>(definition.pointer("/spec/names/shortNames").cloned())
    };
    let current = short_names()?.context("no short names")?;
    ensure!(!current.to_string().contains("earlier"), "not upgraded: {current}");
    let size = charts.size(2)?;
    println!("the release is stored in {} KiB", size >> 10);
    ensure!(size < LARGEST_RELEASE, "the release is stored in {size} bytes");
    reconciled(&platform, &team, "upgraded")?;
    assert_eq!(stateful_set(&platform, &team, "f")?, installed, "a newer operator rolls nothing");
    kept_to_its_role(&platform, namespace)?;

    charts.helm(&["uninstall", RELEASE, "--wait", "--timeout=90s"])?;
    ensure!(kubernetes.find("Deployment", namespace, NAME)?.is_none(), "it is still there");
    ensure!(kubernetes.find("ClusterRole", "", NAME)?.is_none(), "its rights are still there");
    assert_eq!(short_names()?, Some(current));
    assert_eq!(stateful_set(&platform, &team, "f")?, installed);

    // What was kept is no obstacle.
    charts.helm(&["install", RELEASE, &chart, "--wait", "--timeout=90s"])?;
    reconciled(&platform, &team, "again")?;
    assert_eq!(stateful_set(&platform, &team, "f")?, installed);
    Ok(())
}

#[test]
fn the_chart_serves_one_namespace_without_cluster_wide_rights() -> Result<()> {
    let platform = platform()?;
    kinds(platform)?;
    platform.load_controller()?;
    let charts = Charts::new(platform, "chart-of-one")?;
    let (namespace, team) = (charts.namespace.as_str(), team(platform, "chart-team")?);
    let values = [
        "rbac.scope=namespace".to_owned(),
        format!("watchNamespaces={{{team}}}"),
        format!("controllerManager.globalBackendConfigNamespace={team}"),
        // Others in this cluster have installed them.
        "crds.enabled=false".to_owned(),
    ];
    let values: Vec<_> = values.iter().flat_map(|value| ["--set", value]).collect();
    let chart = deploy(CHART);
    let chart = chart.to_string_lossy();
    let install = ["install", RELEASE, &chart, "--wait", "--timeout=90s"];
    charts.helm(&[install.as_slice(), &values].concat())?;
    rolled_out(platform, namespace)?;
    let made = charts.helm(&["get", "manifest", RELEASE])?;
    ensure!(made.contains("kind: Role\n") && !made.contains("kind: ClusterRole"), "{made}");
    reconciled(platform, &team, "f")?;

    let first = leader(platform, namespace, "")?;
    platform.kubernetes.delete("Pod", namespace, &first)?;
    leader(platform, namespace, &first)?;
    let served = reconciled(platform, &team, "g")?;
    kept_to_its_role(platform, namespace)?;
    let requests = platform.requests_of(&format!("{namespace}:{NAME}"))?;
    let elsewhere: Vec<_> = requests
        .iter()
        .filter(|request| !request.resource.is_empty())
        .filter(|request| ![&team, namespace].contains(&request.namespace.as_str()))
        .collect();
    ensure!(elsewhere.is_empty(), "asked elsewhere: {elsewhere:?}");
    charts.helm(&["uninstall", RELEASE, "--wait", "--timeout=90s"])?;
    assert_eq!(stateful_set(platform, &team, "g")?, served);
    Ok(())
}
