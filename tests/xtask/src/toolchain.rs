//! What must be on the machine besides rustup's toolchain, and how it gets there.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, anyhow, bail};
use pulsar_standalone::java;

use crate::{step, workspace};

const GUEST_TARGET: &str = "wasm32-wasip2";

/// The protobuf compiler that a crate carries, for the `pulsar` crate's build script.
pub(crate) fn protoc() -> Result<PathBuf> {
    let carried = protoc_bin_vendored::protoc_bin_path().map_err(|error| {
        anyhow!("no protoc for this machine ({error}): install one, or set PROTOC")
    })?;
    if executable(&carried)? {
        return Ok(carried);
    }
    // Unpacked without its mode: keep a copy that can run, since the registry is not ours.
    let copy = workspace::target_dir()?.join("protoc");
    fs::create_dir_all(workspace::target_dir()?)?;
    fs::copy(&carried, &copy).with_context(|| copy.display().to_string())?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
    Ok(copy)
}

fn executable(path: &Path) -> Result<bool> {
    let metadata = fs::metadata(path).with_context(|| path.display().to_string())?;
    Ok(metadata.permissions().mode() & 0o111 != 0)
}

/// Makes sure that components can be built.
pub(crate) fn guest_target() -> Result<()> {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(workspace::root())
        .output()
        .context("rustc did not start")?;
    let sysroot = String::from_utf8_lossy(&sysroot.stdout);
    let libraries = Path::new(sysroot.trim()).join("lib/rustlib").join(GUEST_TARGET);
    if libraries.exists() {
        return Ok(());
    }
    step::run(
        &format!("add the target {GUEST_TARGET} to the toolchain"),
        Command::new("rustup").args(["target", "add", GUEST_TARGET]).current_dir(workspace::root()),
    )
    .with_context(|| {
        format!("components are built for {GUEST_TARGET}; add it to the toolchain in rust-toolchain.toml")
    })
}

/// Makes sure of a JDK and Maven: installs them where that is plain (Debian, as root), otherwise
/// says what to install.
pub(crate) fn java() -> Result<()> {
    let missing = match java::require_jdk().and_then(|()| java::require_maven()) {
        Ok(()) => return Ok(()),
        Err(missing) => missing,
    };
    if !may_install() {
        return Err(missing);
    }
    install(&["default-jdk-headless", "maven"])?;
    java::require_jdk()?;
    java::require_maven()
}

/// Makes sure of buildah, likewise.
pub(crate) fn buildah() -> Result<()> {
    if has("buildah", &["--version"]) {
        return Ok(());
    }
    if !may_install() {
        bail!("no buildah on the PATH, which builds images (Debian: `apt-get install buildah`)");
    }
    install(&["buildah"])
}

fn may_install() -> bool {
    Path::new("/etc/debian_version").exists() && is_root()
}

fn install(packages: &[&str]) -> Result<()> {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    step::run("refresh the package lists", &mut apt(&["update", "-q"]))?;
    let mut arguments = vec!["install", "-q", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    step::run(&format!("install {}", packages.join(" and ")), &mut apt(&arguments))
}

/// Whether a command exists and says its version.
pub(crate) fn has(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A linker, which rustup does not bring.
pub(crate) fn linker() -> Result<()> {
    if has("cc", &["--version"]) {
        return Ok(());
    }
    bail!(
        "no cc on the PATH, which links Rust programs (Debian, Ubuntu: `apt-get install gcc libc6-dev`)"
    )
}

fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output();
    user.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
