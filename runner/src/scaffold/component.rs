//! Builds a project's component and says what it is.
//!
//! Cargo does the work; its messages say which files it made. A project with other needs can call
//! cargo itself.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{ScaffoldError, TARGET};
use crate::invoke::wasm;

/// What to build.
#[derive(Clone, Debug)]
pub struct BuildArgs {
    /// The folder of the project's Cargo.toml.
    pub directory: PathBuf,
}

/// A component, and what a person wants to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltComponent {
    pub path: PathBuf,
    pub bytes: usize,
    /// `sha256:<64 hex digits>`, as a package's digest is given.
    pub digest: String,
    /// The interface that makes it a function.
    pub export: String,
    /// The interfaces it needs from its host, in name order.
    pub imports: Vec<String>,
}

impl fmt::Display for BuiltComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "component  {}", self.path.display())?;
        writeln!(f, "size       {} bytes", self.bytes)?;
        writeln!(f, "digest     {}", self.digest)?;
        write!(f, "export     {}", self.export)?;
        let mut label = "imports";
        for import in &self.imports {
            write!(f, "\n{label:<10} {import}")?;
            label = "";
        }
        Ok(())
    }
}

/// Runs `cargo build --release --target wasm32-wasip2`, whose messages go to standard error, and
/// checks that the runner would take the result.
///
/// # Errors
/// There is no project, the toolchain lacks something, the project does not build or builds no
/// component, or the component is no function.
pub fn build(args: &BuildArgs) -> Result<BuiltComponent, ScaffoldError> {
    let manifest = args.directory.join("Cargo.toml");
    let manifest = manifest.canonicalize().map_err(|_| ScaffoldError::NoManifest(manifest))?;
    let directory = manifest.parent().unwrap_or(&args.directory);
    require_target(directory)?;
    let messages = cargo_build(directory)?;
    describe(&component_of(&manifest, &messages)?)
}

/// Asks the toolchain of the project whether it has the target's standard library.
fn require_target(directory: &Path) -> Result<(), ScaffoldError> {
    let asked = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(directory)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|cause| ScaffoldError::Toolchain { program: "rustc", cause })?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim_end());
    if asked.status.success() && !libraries.is_dir() {
        return Err(ScaffoldError::TargetMissing(libraries));
    }
    // A rustc that cannot answer fails the build, and says why there.
    Ok(())
}

fn cargo_build(directory: &Path) -> Result<String, ScaffoldError> {
    let built = Command::new("cargo")
        .args(["build", "--release", "--target", TARGET])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(directory)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|cause| ScaffoldError::Toolchain { program: "cargo", cause })?;
    if !built.status.success() {
        return Err(ScaffoldError::Cargo(built.status));
    }
    String::from_utf8(built.stdout).map_err(|why| ScaffoldError::Messages(why.to_string()))
}

/// The component among the files that cargo made.
fn component_of(manifest: &Path, messages: &str) -> Result<PathBuf, ScaffoldError> {
    let mut own = Vec::new();
    let mut others = Vec::new();
    for line in messages.lines() {
        let message: Value =
            serde_json::from_str(line).map_err(|why| ScaffoldError::Messages(why.to_string()))?;
        let components = components_in(&message);
        let from = message.get("manifest_path").and_then(Value::as_str).map(Path::new);
        if from == Some(manifest) { &mut own } else { &mut others }.extend(components);
    }
    // The manifest of a workspace builds its members' components.
    let mut found = if own.is_empty() { others } else { own };
    match (found.pop(), found.is_empty()) {
        (Some(component), true) => Ok(component),
        (None, _) => Err(ScaffoldError::NoComponent(manifest.to_owned())),
        (Some(last), false) => {
            found.push(last);
            Err(ScaffoldError::SeveralComponents {
                manifest: manifest.to_owned(),
                components: found,
            })
        }
    }
}

fn components_in(message: &Value) -> Vec<PathBuf> {
    if message.get("reason").and_then(Value::as_str) != Some("compiler-artifact") {
        return Vec::new();
    }
    let kinds = message.pointer("/target/kind").and_then(Value::as_array);
    if !kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib")) {
        return Vec::new();
    }
    let files = message.get("filenames").and_then(Value::as_array);
    files
        .into_iter()
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .filter(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .collect()
}

fn describe(path: &Path) -> Result<BuiltComponent, ScaffoldError> {
    let component =
        fs::read(path).map_err(|cause| ScaffoldError::Read { path: path.to_owned(), cause })?;
    let description = wasm::describe(&component).map_err(|fault| ScaffoldError::NotAFunction {
        path: path.to_owned(),
        why: fault.to_string(),
    })?;
    Ok(BuiltComponent {
        path: path.to_owned(),
        bytes: component.len(),
        digest: format!("sha256:{:x}", Sha256::digest(&component)),
        export: description.world.to_string(),
        imports: description.imports,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(manifest: &str, kind: &str, file: &str) -> String {
        serde_json::json!({
            "reason": "compiler-artifact",
            "manifest_path": manifest,
            "target": {"kind": [kind]},
            "filenames": [file],
        })
        .to_string()
    }

    fn found(manifest: &str, messages: &[String]) -> Result<PathBuf, String> {
        component_of(Path::new(manifest), &messages.join("\n")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_projects_own_component_is_found_among_the_artifacts() {
        let messages = [
            artifact("/dep/Cargo.toml", "lib", "/t/libdep.rlib"),
            artifact("/other/Cargo.toml", "cdylib", "/t/other.wasm"),
            artifact("/mine/Cargo.toml", "cdylib", "/t/mine.wasm"),
            r#"{"reason": "build-finished", "success": true}"#.to_owned(),
        ];
        assert_eq!(found("/mine/Cargo.toml", &messages), Ok(PathBuf::from("/t/mine.wasm")));
        assert_eq!(found("/Cargo.toml", &messages[..2]), Ok(PathBuf::from("/t/other.wasm")));
    }

    #[test]
    fn none_or_several_components_are_refused() {
        let none = [artifact("/mine/Cargo.toml", "lib", "/t/libmine.rlib")];
        assert_eq!(
            found("/mine/Cargo.toml", &none),
            Err("/mine/Cargo.toml builds no component: its Cargo.toml needs `[lib]` with \
                 `crate-type = [\"cdylib\"]`"
                .to_owned())
        );
        let two = [
            artifact("/a/Cargo.toml", "cdylib", "/t/a.wasm"),
            artifact("/b/Cargo.toml", "cdylib", "/t/b.wasm"),
        ];
        assert_eq!(
            found("/Cargo.toml", &two),
            Err("/Cargo.toml builds several components, build in the directory of one: \
                 /t/a.wasm, /t/b.wasm"
                .to_owned())
        );
    }

    #[test]
    fn a_folder_without_a_project_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let refused = build(&BuildArgs { directory: dir.path().to_owned() }).unwrap_err();
        let path = dir.path().join("Cargo.toml");
        assert_eq!(
            refused.to_string(),
            format!(
                "{} is missing: build in a function's directory; `function-runner new NAME` makes \
                 one",
                path.display()
            )
        );
    }

    #[test]
    fn a_report_lists_the_imports() {
        let built = BuiltComponent {
            path: PathBuf::from("/t/mine.wasm"),
            bytes: 57_391,
            digest: "sha256:00".to_owned(),
            export: "function-mesh:function/packed@1.0.0".to_owned(),
            imports: vec!["a:b/c@1.0.0".to_owned(), "a:b/d@1.0.0".to_owned()],
        };
        let expected = [
            "component  /t/mine.wasm",
            "size       57391 bytes",
            "digest     sha256:00",
            "export     function-mesh:function/packed@1.0.0",
            "imports    a:b/c@1.0.0",
            "           a:b/d@1.0.0",
        ];
        assert_eq!(built.to_string(), expected.join("\n"));
    }
}
