//! The example functions: each a workspace of its own, as a user's is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{step, toolchain, workspace};

/// Directories of the examples written in Rust, in name order.
pub(crate) fn rust() -> Result<Vec<PathBuf>> {
    let all = workspace::root().join("examples");
    let mut found = Vec::new();
    for entry in fs::read_dir(&all).with_context(|| all.display().to_string())? {
        let dir = entry?.path();
        if dir.join("Cargo.toml").exists() {
            found.push(dir);
        }
    }
    found.sort();
    Ok(found)
}

/// Builds an example's component and says where it is.
pub(crate) fn build(example: &Path) -> Result<PathBuf> {
    toolchain::guest_target()?;
    let name = name(example);
    let target = workspace::guests_dir()?;
    let mut build = step::cargo(["build", "--release", "--target", "wasm32-wasip2"])?;
    build.arg("--target-dir").arg(&target).current_dir(example);
    step::run(&format!("build the component of examples/{name}"), &mut build)?;
    Ok(target.join("wasm32-wasip2/release").join(format!("{}.wasm", name.replace('-', "_"))))
}

/// Runs an example's own tests, natively.
pub(crate) fn test(example: &Path) -> Result<()> {
    let mut test = step::cargo(["test"])?;
    test.arg("--target-dir").arg(workspace::guests_dir()?).current_dir(example);
    step::run(&format!("test examples/{}", name(example)), &mut test)
}

fn name(example: &Path) -> String {
    example.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
