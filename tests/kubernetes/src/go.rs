//! Programs that are compiled from Go modules of ours, once, and kept in the user's cache: their
//! publishers' binaries are not on Debian, and a module's sums say what is compiled.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{command, machine};

/// A program, and what it is compiled from.
pub(crate) struct Source<'a> {
    /// Directory with `go.mod`, from this crate's.
    pub(crate) module: &'a str,
    /// The package with `main`.
    pub(crate) package: &'a str,
    /// Variables and their values.
    pub(crate) set: &'a [(&'a str, &'a str)],
}

/// Where what is kept under `name` is, or will be: `~/.cache/function-mesh/NAME`.
pub(crate) fn kept(name: &str) -> Result<PathBuf> {
    let home = env::var_os("HOME").context("HOME is not set, so there is no cache directory")?;
    Ok(Path::new(&home).join(".cache/function-mesh").join(name))
}

/// Compiles a program to `file`.
///
/// # Errors
/// There is no Go, or it does not compile.
pub(crate) fn compile(source: &Source<'_>, file: &Path) -> Result<()> {
    let Some(go) = machine::program("go") else {
        bail!("no go on the PATH: install Go 1.24 or newer (https://go.dev/dl/)");
    };
    let dir = file.parent().context("no directory to compile to")?;
    fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    let set = source.set.iter().map(|(name, value)| format!(" -X {name}={value}"));
    let flags = format!("-s -w{}", set.collect::<String>());
    // Under another name until it is whole: several may start at once.
    let unfinished = file.with_extension(std::process::id().to_string());
    // It takes long and nobody waits for each second of it.
    command::output(
        Command::new("nice")
            .args(["-n", "10"])
            .arg(go)
            .args(["build", "-trimpath", "-buildvcs=false", "-ldflags", &flags, "-o"])
            .arg(&unfinished)
            .arg(source.package)
            .env("CGO_ENABLED", "0")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(source.module)),
    )?;
    fs::rename(&unfinished, file)?;
    Ok(())
}
