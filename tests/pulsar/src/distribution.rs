//! The Pulsar distribution: fetched once with Maven, kept in the user's cache.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::java;

/// The version that the project is tested against.
pub const VERSION: &str = "4.0.8";

/// An unpacked distribution: `bin/`, `lib/`, `conf/`, `instances/`, `examples/`.
#[derive(Clone, Debug)]
pub struct Distribution {
    pub home: PathBuf,
}

impl Distribution {
    /// Where the distribution is, or will be: `~/.cache/function-mesh/pulsar-VERSION`.
    pub fn location() -> Result<PathBuf> {
        let home =
            env::var_os("HOME").context("HOME is not set, so there is no cache directory")?;
        Ok(Path::new(&home).join(".cache/function-mesh").join(format!("pulsar-{VERSION}")))
    }

    /// The cached distribution; fetches it from Maven Central (240 MB) the first time.
    ///
    /// # Errors
    /// Java or Maven is missing, or the download failed.
    pub fn fetch() -> Result<Self> {
        java::require_jdk()?;
        let home = Self::location()?;
        if !home.join("bin/pulsar").exists() {
            java::require_maven()?;
            download(&home).with_context(|| format!("Pulsar {VERSION} could not be fetched"))?;
        }
        Ok(Self { home })
    }
}

fn download(home: &Path) -> Result<()> {
    let artifact = format!("org.apache.pulsar:pulsar-server-distribution:{VERSION}:tar.gz:bin");
    let archives = home.with_extension("archive");
    let unpacked = home.with_extension("new");
    for dir in [&archives, &unpacked] {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        fs::create_dir_all(dir).with_context(|| format!("{}", dir.display()))?;
    }
    maven(&["dependency:get", "-Dtransitive=false", &format!("-Dartifact={artifact}")])?;
    maven(&[
        "dependency:copy",
        &format!("-Dartifact={artifact}"),
        &format!("-DoutputDirectory={}", archives.display()),
    ])?;
    let archive = archives.join(format!("pulsar-server-distribution-{VERSION}-bin.tar.gz"));
    run(Command::new("tar")
        .arg("xzf")
        .arg(&archive)
        .arg("-C")
        .arg(&unpacked)
        .args(["--strip-components", "1"]))?;
    fs::rename(&unpacked, home)?;
    fs::remove_dir_all(&archives)?;
    Ok(())
}

fn maven(arguments: &[&str]) -> Result<()> {
    run(Command::new("mvn").args(["--quiet", "--batch-mode"]).args(arguments))
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{program} did not start"))?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    Ok(())
}
