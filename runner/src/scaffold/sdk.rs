//! Where a new project takes the SDK from.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::ScaffoldError;

const PACKAGE: &str = "function-mesh-sdk";

/// A source of the SDK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sdk {
    Path(PathBuf),
    /// The registry's release that goes with this runner.
    Release,
}

impl Sdk {
    /// The path asked for; else the sources that this runner was built from, if they are here.
    ///
    /// # Errors
    /// There is no SDK at the path asked for.
    pub(super) fn find(path: Option<&Path>) -> Result<Self, ScaffoldError> {
        let Some(path) = path else {
            let beside_this_crate = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk");
            return Ok(sdk_at(&beside_this_crate).map_or(Self::Release, Self::Path));
        };
        sdk_at(path)
            .map(Self::Path)
            .map_err(|why| ScaffoldError::SdkPath { path: path.to_owned(), why })
    }

    /// The dependency in the project's manifest, with a comment that says how to change it.
    pub(super) fn dependency(&self) -> String {
        let release = env!("CARGO_PKG_VERSION");
        match self {
            // A TOML basic string has JSON's escapes.
            Self::Path(path) => format!(
                "# The SDK's sources on this machine. With a released SDK: {PACKAGE} = \"{release}\"\n\
                 {PACKAGE} = {{ path = {} }}",
                serde_json::Value::from(path.to_string_lossy())
            ),
            Self::Release => format!(
                "# With the SDK's sources at hand: {PACKAGE} = {{ path = \"<checkout>/sdk\" }}\n\
                 {PACKAGE} = \"{release}\""
            ),
        }
    }
}

/// The SDK's folder in its full form.
fn sdk_at(path: &Path) -> Result<PathBuf, String> {
    let path = path.canonicalize().map_err(|why| why.to_string())?;
    let manifest = path.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)
        .map_err(|why| format!("{} cannot be read: {why}", manifest.display()))?;
    let named = |line: &str| line.replace(' ', "") == format!("name=\"{PACKAGE}\"");
    if text.lines().any(named) {
        Ok(path)
    } else {
        Err(format!("{} is not the manifest of {PACKAGE}", manifest.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_of_this_runner_are_the_default() {
        let expected = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("sdk");
        assert_eq!(Sdk::find(None).unwrap(), Sdk::Path(expected.canonicalize().unwrap()));
    }

    #[test]
    fn a_path_without_the_sdk_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = Sdk::find(Some(dir.path())).unwrap_err().to_string();
        let start = format!("--sdk-path {}: ", dir.path().display());
        assert!(refused.starts_with(&start), "{refused}");
        assert!(refused.contains("Cargo.toml cannot be read"), "{refused}");

        fs::write(dir.path().join("Cargo.toml"), "[package]\nname = \"other\"\n").unwrap();
        let refused = Sdk::find(Some(dir.path())).unwrap_err().to_string();
        assert!(refused.ends_with("is not the manifest of function-mesh-sdk"), "{refused}");
    }

    #[test]
    fn a_path_is_quoted_for_toml() {
        let dependency = Sdk::Path(PathBuf::from("/odd \"path\"\\sdk")).dependency();
        assert!(dependency.ends_with(r#"{ path = "/odd \"path\"\\sdk" }"#), "{dependency}");
        assert!(Sdk::Release.dependency().ends_with("function-mesh-sdk = \"0.1.0\""));
    }
}
