//! Finding a JDK and Maven, and saying what to install when there is none.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// The oldest Java that Pulsar 4 starts on.
pub const OLDEST_JAVA: u32 = 17;

/// Checks that `java` is a JDK (with a compiler: the test client is launched from its source) of
/// version 17 or newer.
///
/// # Errors
/// Says what is missing and how to get it.
pub fn require_jdk() -> Result<()> {
    let listing = Command::new("java")
        .arg("--list-modules")
        .stderr(Stdio::null())
        .output()
        .with_context(|| format!("no java on the PATH: {}", advice()))?;
    let modules = String::from_utf8_lossy(&listing.stdout);
    let base = modules.lines().find_map(|line| line.strip_prefix("java.base@")).unwrap_or("8");
    let major: u32 = base.split(['.', '-', '+']).next().unwrap_or("8").parse().unwrap_or(8);
    if major < OLDEST_JAVA {
        bail!("java on the PATH is version {base}, Pulsar needs {OLDEST_JAVA}: {}", advice());
    }
    if !modules.contains("jdk.compiler@") {
        bail!("java on the PATH is a runtime without a compiler, a JDK is needed: {}", advice());
    }
    Ok(())
}

/// Checks that `mvn` is there.
///
/// # Errors
/// Says how to get it.
pub fn require_maven() -> Result<()> {
    let found =
        Command::new("mvn").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("no mvn on the PATH, which fetches Pulsar: {}", advice()),
    }
}

fn advice() -> &'static str {
    "install a JDK 17 or newer and Maven (Debian, Ubuntu: `apt-get install \
     openjdk-17-jdk-headless maven`; Fedora: `dnf install java-21-openjdk-devel maven`; \
     macOS: `brew install openjdk maven`)"
}
