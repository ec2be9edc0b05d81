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

/// The runner, built with the same profile as this very program. `FUNCTION_MESH_RUNNER` names
/// another.
///
/// # Errors
/// It is not built.
pub fn runner() -> Result<PathBuf> {
    program("function-runner", "FUNCTION_MESH_RUNNER")
}

/// The controller, likewise. `FUNCTION_MESH_CONTROLLER` names another.
///
/// # Errors
/// It is not built.
pub fn controller() -> Result<PathBuf> {
    program("function-mesh-controller", "FUNCTION_MESH_CONTROLLER")
}

/// The archive of a program's image (`function-runner`, `function-mesh-controller`).
/// `FUNCTION_MESH_IMAGES` names another directory than `target/images`.
///
/// # Errors
/// It is not built.
pub fn image(name: &str) -> Result<PathBuf> {
    let dir = match std::env::var_os("FUNCTION_MESH_IMAGES") {
        Some(dir) => PathBuf::from(dir),
        None => target_dir()?.join("images"),
    };
    let archive = dir.join(format!("{name}.tar"));
    ensure!(
        archive.exists(),
        "the image of {name} is not built ({} is missing): `cargo xtask images` builds it",
        archive.display()
    );
    Ok(archive)
}

fn program(name: &str, variable: &str) -> Result<PathBuf> {
    let program = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => profile_dir()?.join(name),
    };
    ensure!(
        program.exists(),
        "{name} is not built ({} is missing): `cargo xtask test` builds it",
        program.display()
    );
    Ok(program)
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
