//! `cargo xtask images`: the images of both programs, without Docker and without a base image.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::{step, toolchain, workspace};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Profile of Cargo.toml that the programs are built with.
    #[arg(long, default_value = "dist")]
    profile: String,
    /// Only this program's image.
    #[arg(long)]
    only: Option<Program>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Program {
    Runner,
    Controller,
}

impl Program {
    fn package(self) -> &'static str {
        match self {
            Self::Runner => "function-mesh-runner",
            Self::Controller => "function-mesh-controller",
        }
    }

    /// Also the image's name.
    fn binary(self) -> &'static str {
        match self {
            Self::Runner => "function-runner",
            Self::Controller => "function-mesh-controller",
        }
    }

    fn dockerfile(self) -> &'static str {
        match self {
            Self::Runner => "runner.Dockerfile",
            Self::Controller => "controller.Dockerfile",
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let programs = match options.only {
        Some(program) => vec![program],
        None => Program::value_variants().to_vec(),
    };
    build(&options.profile, &programs)
}

/// Builds every image, of programs built as the tests are.
pub(crate) fn for_tests() -> Result<()> {
    build("release", Program::value_variants())
}

/// Where the archives are: `function-runner.tar` and `function-mesh-controller.tar`.
pub(crate) fn dir() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("images"))
}

/// Those of them that are built.
pub(crate) fn archives() -> Result<Vec<PathBuf>> {
    let dir = dir()?;
    let all = Program::value_variants().iter();
    let all = all.map(|program| dir.join(format!("{}.tar", program.binary())));
    Ok(all.filter(|archive| archive.exists()).collect())
}

fn build(profile: &str, programs: &[Program]) -> Result<()> {
    toolchain::linker()?;
    toolchain::buildah()?;
    let dir = dir()?;
    fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    for program in programs {
        let archive = build_one(*program, profile, &dir)?;
        let size = fs::metadata(&archive)?.len() >> 20;
        println!("    {} ({size} MiB): {}", tag(*program), archive.display());
    }
    Ok(())
}

fn tag(program: Program) -> String {
    // All packages of the workspace have one version.
    format!("docker.io/function-mesh/{}:{}", program.binary(), env!("CARGO_PKG_VERSION"))
}

fn build_one(program: Program, profile: &str, dir: &Path) -> Result<PathBuf> {
    let name = program.binary();
    let scripts = workspace::root().join("deploy/docker");
    let work = dir.join(format!("{name}.work"));
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(work.join("context"))?;

    let binary = work.join(name);
    let mut compile = Command::new(scripts.join("build.sh"));
    compile.args([program.package(), name]).arg(&binary).env("PROFILE", profile);
    compile.env("CARGO_TARGET_DIR", workspace::target_dir()?);
    if std::env::var_os("PROTOC").is_none() {
        compile.env("PROTOC", toolchain::protoc()?);
    }
    step::run(&format!("build a static {name} (minutes the first time)"), &mut compile)?;

    let mut assemble = Command::new(scripts.join("assemble.sh"));
    assemble.arg(&binary).arg(work.join("context/rootfs"));
    step::run(&format!("assemble the files of {name}'s image"), &mut assemble)?;

    let mut build = buildah(&work);
    build.args(["build", "--isolation", "chroot", "--format", "docker", "--target", "assembled"]);
    build.arg("--file").arg(scripts.join(program.dockerfile())).args(["--tag", &tag(program)]);
    build.arg(work.join("context"));
    step::run(&format!("build {name}'s image"), &mut build)?;

    let archive = dir.join(format!("{name}.tar"));
    if archive.exists() {
        // An archive is not written into another.
        fs::remove_file(&archive)?;
    }
    let mut push = buildah(&work);
    push.args(["push", &tag(program)]);
    push.arg(format!("docker-archive:{}:{}", archive.display(), tag(program)));
    step::run(&format!("write {name}'s archive"), &mut push)?;
    fs::remove_dir_all(&work)?;
    Ok(archive)
}

/// With a storage of its own, which any file system can hold.
fn buildah(work: &Path) -> Command {
    let mut buildah = Command::new("buildah");
    buildah.args(["--storage-driver", "vfs", "--root"]).arg(work.join("storage"));
    buildah.arg("--runroot").arg(work.join("run"));
    buildah
}
