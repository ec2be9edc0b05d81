//! Helm: compiled once from the Go module in `helm/`, kept in the user's cache.
//!
//! It is of the time of the Kubernetes beside it: with the same client libraries, of which most are
//! compiled already, and the same Go.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{binary, go};

/// The version that the chart is tested with. `helm/go.mod` names the same.
pub const VERSION: &str = "4.0.5";

/// A Helm of one user: it keeps repositories, plugins and caches in `home`, of which a test wants
/// none.
#[derive(Clone, Debug)]
pub struct Helm {
    program: PathBuf,
    home: PathBuf,
}

impl Helm {
    /// Whether it must be compiled first.
    pub fn is_missing() -> Result<bool> {
        Ok(!location()?.exists())
    }

    /// The cached program; compiles it the first time (a minute or two on two cores).
    ///
    /// # Errors
    /// There is no Go, or Helm does not compile.
    pub fn get(home: &Path) -> Result<Self> {
        let program = location()?;
        if Self::is_missing()? {
            compile(&program).with_context(|| format!("Helm {VERSION} could not be compiled"))?;
        }
        Ok(Self { program, home: home.to_owned() })
    }

    /// `helm`, about no cluster or, with a kubeconfig, about that one.
    pub fn command(&self, kubeconfig: Option<&Path>) -> Command {
        let mut helm = Command::new(&self.program);
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            helm.env(variable, &self.home);
        }
        // What is not there is no cluster; without it, it would be the user's own.
        helm.env("KUBECONFIG", kubeconfig.unwrap_or(&self.home.join("none")));
        helm
    }
}

fn location() -> Result<PathBuf> {
    Ok(go::kept(&format!("helm-{VERSION}"))?.join("helm"))
}

fn compile(file: &Path) -> Result<()> {
    let [major, minor] = binary::release();
    let version = format!("v{VERSION}");
    go::compile(
        &go::Source {
            module: "helm",
            package: "helm.sh/helm/v4/cmd/helm",
            set: &[
                ("helm.sh/helm/v4/internal/version.version", &version),
                // What a chart is rendered for where no cluster is asked.
                ("helm.sh/helm/v4/pkg/chart/common.k8sVersionMajor", major),
                ("helm.sh/helm/v4/pkg/chart/common.k8sVersionMinor", minor),
                // What `lint` takes to be deprecated.
                ("helm.sh/helm/v4/pkg/chart/v2/lint/rules.k8sVersionMajor", major),
                ("helm.sh/helm/v4/pkg/chart/v2/lint/rules.k8sVersionMinor", minor),
            ],
        },
        file,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_go_module_asks_for_the_version_that_the_cache_is_named_after() {
        let module = include_str!("../helm/go.mod");
        assert!(module.contains(&format!("helm.sh/helm/v4 v{VERSION} ")));
        // And for the libraries of the Kubernetes beside it.
        let (_, libraries) = binary::VERSION.split_once('.').unwrap();
        assert!(module.contains(&format!("k8s.io/client-go v0.{libraries} ")));
    }
}
