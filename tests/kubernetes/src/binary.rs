//! The Kubernetes binary: compiled once from the Go module in `binary/`, kept in the user's cache.
//!
//! It holds etcd too: distributions have old ones, which lack what current clients ask for.

use std::{
    io::ErrorKind,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::go;

/// The version that the project is tested against. `binary/go.mod` names the same.
pub const VERSION: &str = "1.34.2";

/// The programs that the one binary is, by the name it is started with.
const PROGRAMS: [&str; 6] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl"];

/// A directory with Kubernetes' programs.
#[derive(Clone, Debug)]
pub struct Binary {
    dir: PathBuf,
}

impl Binary {
    /// Where it is, or will be: `~/.cache/function-mesh/kubernetes-VERSION`.
    pub fn location() -> Result<PathBuf> {
        go::kept(&format!("kubernetes-{VERSION}"))
    }

    /// Whether it must be compiled first.
    pub fn is_missing() -> Result<bool> {
        Ok(!Self::location()?.join("kube").exists())
    }

    /// The cached binary; compiles it the first time (10 to 15 minutes on two cores).
    ///
    /// # Errors
    /// There is no Go, or Kubernetes does not compile.
    pub fn get() -> Result<Self> {
        let dir = Self::location()?;
        if Self::is_missing()? {
            let compiled = compile(&dir.join("kube"));
            compiled.with_context(|| format!("Kubernetes {VERSION} could not be compiled"))?;
        }
        for name in PROGRAMS {
            match symlink("kube", dir.join(name)) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                linked => linked.with_context(|| dir.join(name).display().to_string())?,
            }
        }
        Ok(Self { dir })
    }

    /// Where the programs are, for a `PATH`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// The first two numbers of the version.
pub(crate) fn release() -> [&'static str; 2] {
    let mut numbers = VERSION.split('.');
    [(); 2].map(|()| numbers.next().unwrap_or_default())
}

fn compile(file: &Path) -> Result<()> {
    let [major, minor] = release();
    let version = format!("v{VERSION}");
    go::compile(
        &go::Source {
            module: "binary",
            package: ".",
            set: &[
                ("k8s.io/component-base/version.gitVersion", &version),
                ("k8s.io/component-base/version.gitMajor", major),
                ("k8s.io/component-base/version.gitMinor", minor),
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
        let module = include_str!("../binary/go.mod");
        assert!(module.contains(&format!("k8s.io/kubernetes v{VERSION}\n")));
    }
}
