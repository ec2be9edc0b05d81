//! `cargo xtask chart`: what can be said of the Helm chart without a cluster.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result};
use kubernetes_standalone::helm::Helm;

use crate::{step, workspace};

/// Values that lead through the templates on different ways.
const VALUES: [(&str, &[&str]); 4] = [
    ("the defaults", &[]),
    (
        "one namespace",
        &[
            "rbac.scope=namespace",
            "watchNamespaces={team}",
            "controllerManager.globalBackendConfigNamespace=team",
        ],
    ),
    (
        "all that is off",
        &[
            "serviceMonitor.enabled=true",
            "podMonitor.enabled=true",
            "prometheusRule.enabled=true",
            "dashboards.enabled=true",
            "networkPolicy.enabled=true",
            "controllerManager.metrics.certificateSecret=metrics",
        ],
    ),
    (
        "without all that can be left out",
        &[
            "crds.enabled=false",
            "rbac.create=false",
            "controllerManager.metrics.enabled=false",
            "controllerManager.podDisruptionBudget.enabled=false",
        ],
    ),
];

/// Lints the chart and renders it, with each set of values.
pub(crate) fn check() -> Result<()> {
    let helm = helm()?;
    for (what, values) in VALUES {
        let values: Vec<_> = values.iter().flat_map(|value| ["--set", value]).collect();
        let mut lint = helm.command(None);
        lint.args(["lint", "--strict", "--quiet", CHART]).args(&values);
        step::run(&format!("lint the chart: {what}"), lint.current_dir(workspace::root()))?;
        // The lint lets a template that refuses its values pass.
        let mut render = helm.command(None);
        render.args(["template", "chart", CHART]).args(&values);
        render.current_dir(workspace::root()).stdout(Stdio::null());
        step::run(&format!("render the chart: {what}"), &mut render)?;
    }
    Ok(())
}

/// The chart, from the repository's root.
const CHART: &str = "deploy/helm/function-mesh-operator";

/// Compiles Helm the first time.
pub(crate) fn helm() -> Result<Helm> {
    if Helm::is_missing()? {
        eprintln!("==> compile Helm (a minute or two, once)");
    }
    Helm::get(&home()?)
        .context("the chart is checked with Helm, which is compiled from its Go modules")
}

/// Where Helm keeps what it keeps.
fn home() -> Result<PathBuf> {
    Ok(Path::new(&workspace::target_dir()?).join("helm"))
}
