//! Where things are.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Cargo's target directory, wherever the user's configuration puts it.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .context("cargo did not start")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata gave no JSON")?;
    let target = metadata.get("target_directory").and_then(|dir| dir.as_str());
    Ok(PathBuf::from(target.context("cargo metadata names no target_directory")?))
}

/// Where the examples' components are built: apart from ours, since each is a workspace of its own.
pub(crate) fn guests_dir() -> Result<PathBuf> {
    Ok(target_dir()?.join("guests"))
}

/// The runner as users get it.
pub(crate) fn runner() -> Result<PathBuf> {
    Ok(target_dir()?.join("release").join("function-runner"))
}
