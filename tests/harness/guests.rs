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

/// The runner, built with the same profile as this very program.
///
/// # Errors
/// It is not built.
pub fn runner() -> Result<PathBuf> {
    let runner = match std::env::var_os("FUNCTION_MESH_RUNNER") {
        Some(path) => PathBuf::from(path),
        None => profile_dir()?.join("function-runner"),
    };
    ensure!(
        runner.exists(),
        "the runner is not built ({} is missing): `cargo xtask test` builds it",
        runner.display()
    );
    Ok(runner)
}

/// Where cargo put this very program: `<target>/<profile>`, less the `deps` of a test.
pub fn profile_dir() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let dir = program.ancestors().skip(1).find(|dir| !dir.ends_with("deps"));
    Ok(dir.with_context(|| format!("{} is in no directory", program.display()))?.to_owned())
}

/// Cargo's target directory.
pub fn target_dir() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let dir = program
        .ancestors()
        .find(|dir| dir.join(".rustc_info.json").exists() || dir.join("CACHEDIR.TAG").exists());
    Ok(dir.with_context(|| format!("{} is in no target directory", program.display()))?.to_owned())
}
