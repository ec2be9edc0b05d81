//! The Kubernetes binary: compiled once from the Go module in `binary/`, kept in the user's cache.
//!
//! It holds etcd too: distributions have old ones, which lack what current clients ask for.

use std::{
    env, fs,
    io::ErrorKind,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{command, machine};

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
        let home =
            env::var_os("HOME").context("HOME is not set, so there is no cache directory")?;
        Ok(Path::new(&home).join(".cache/function-mesh").join(format!("kubernetes-{VERSION}")))
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
            fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
            compile(&dir).with_context(|| format!("Kubernetes {VERSION} could not be compiled"))?;
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

fn compile(dir: &Path) -> Result<()> {
    let Some(go) = machine::program("go") else {
        bail!("no go on the PATH: install Go 1.24 or newer (https://go.dev/dl/)");
    };
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("binary");
    let number: Vec<&str> = VERSION.split('.').collect();
    let [major, minor, _] = number.as_slice() else { bail!("{VERSION} has not three parts") };
    let value =
        |name: &str, value: &str| format!("-X k8s.io/component-base/version.{name}={value}");
    let flags = [
        "-s -w".to_owned(),
        value("gitVersion", &format!("v{VERSION}")),
        value("gitMajor", major),
        value("gitMinor", minor),
    ];
    // Under another name until it is whole: several may start at once.
    let unfinished = dir.join(format!("kube.{}", std::process::id()));
    // It takes long and nobody waits for each second of it.
    command::output(
        Command::new("nice")
            .args(["-n", "10"])
            .arg(go)
            .args(["build", "-trimpath", "-buildvcs=false", "-ldflags", &flags.join(" "), "-o"])
            .arg(&unfinished)
            .arg(".")
            .env("CGO_ENABLED", "0")
            .current_dir(module),
    )?;
    fs::rename(&unfinished, dir.join("kube"))?;
    Ok(())
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
