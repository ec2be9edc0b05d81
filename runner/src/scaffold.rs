//! Creates and builds function projects: `new` and `build`.
//!
//! Synchronous, since nothing else runs meanwhile. Deliberately absent: publishing a component
//! somewhere, and any toolchain but cargo's.

use std::{io, path::PathBuf};

use thiserror::Error;

mod project;
mod sdk;
mod name;
mod component;

pub use self::{
    component::{BuildArgs, BuiltComponent, build},
    project::{NewArgs, NewProject, create},
};

/// The target that functions are built for.
pub const TARGET: &str = "wasm32-wasip2";

/// Why a project was not created, or not built.
#[derive(Debug, Error)]
pub enum ScaffoldError {
    #[error("'{name}' is no name for a function: {why}")]
    Name { name: String, why: String },
    #[error("{} exists already: choose another name, or remove it", .0.display())]
    Exists(PathBuf),
    #[error("--sdk-path {}: {why}", path.display())]
    SdkPath { path: PathBuf, why: String },
    #[error("cannot write {}: {cause}", path.display())]
    Write { path: PathBuf, cause: io::Error },

    #[error("{} is missing: build in a function's directory; `function-runner new NAME` makes one", .0.display())]
    NoManifest(PathBuf),
    #[error("{program} cannot be run: {cause}; Rust is installed from https://rustup.rs")]
    Toolchain { program: &'static str, cause: io::Error },
    #[error(
        "Rust cannot build for {TARGET} yet ({} is missing): run `rustup target add {TARGET}`",
        .0.display()
    )]
    TargetMissing(PathBuf),
    #[error("cargo failed ({0}): its messages say why")]
    Cargo(std::process::ExitStatus),
    #[error("cargo's messages cannot be read: {0}")]
    Messages(String),
    #[error(
        "{} builds no component: its Cargo.toml needs `[lib]` with `crate-type = [\"cdylib\"]`",
        .0.display()
    )]
    NoComponent(PathBuf),
    #[error("{} builds several components, build in the directory of one: {}", manifest.display(), list(components))]
    SeveralComponents { manifest: PathBuf, components: Vec<PathBuf> },
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("{} is no function: {why}", path.display())]
    NotAFunction { path: PathBuf, why: String },
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}
