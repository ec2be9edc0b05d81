//! The components under test: the examples, built by `cargo xtask test`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

/// The component of `examples/<name>`.
///
/// # Errors
/// It is not built.
pub fn component(name: &str) -> Result<PathBuf> {
    let file = format!("{}.wasm", name.replace('-', "_"));
    let built = match std::env::var_os("FUNCTION_MESH_GUESTS") {
        Some(dir) => PathBuf::from(dir),
        None => target_dir()?.join("guests"),
    };
    let component = built.join("wasm32-wasip2/release").join(file);
    ensure!(
        component.exists(),
        "examples/{name} is not built ({} is missing): `cargo xtask test` builds it",
        component.display()
    );
    Ok(component)
}

/// The runner as released.
///
/// # Errors
/// It is not built.
pub fn runner() -> Result<PathBuf> {
    let runner = match std::env::var_os("FUNCTION_MESH_RUNNER") {
        Some(path) => PathBuf::from(path),
        None => target_dir()?.join("release/function-runner"),
    };
    ensure!(
        runner.exists(),
        "the runner is not built ({} is missing): `cargo xtask test` builds it",
        runner.display()
    );
    Ok(runner)
}

/// Cargo's target directory, from where this very program is: `<target>/<profile>[/deps]`.
pub fn target_dir() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let dir = program
        .ancestors()
        .find(|dir| dir.join(".rustc_info.json").exists() || dir.join("CACHEDIR.TAG").exists());
    Ok(dir.with_context(|| format!("{} is in no target directory", program.display()))?.to_owned())
}
