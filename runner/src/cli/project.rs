//! `new` and `build`: the way to a component.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Failure};
use crate::scaffold::{self, BuildArgs, NewArgs, ScaffoldError};

/// Creates a function's project.
#[derive(Args, Clone, Debug)]
pub struct New {
    /// Name of the function, and of the directory that is created
    name: String,
    /// Where the directory is created
    #[arg(long, value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// The SDK's directory (default: that of the sources this program was built from, if they are
    /// there, or else the published release)
    #[arg(long, value_name = "DIR")]
    sdk_path: Option<PathBuf>,
}

/// Builds a function's component.
#[derive(Args, Clone, Debug)]
pub struct Build {
    /// The project's directory
    #[arg(default_value = ".")]
    directory: PathBuf,
}

impl New {
    /// What was created, and what to do with it.
    ///
    /// # Errors
    /// The name cannot be one, the directory is there already or cannot be written.
    pub fn run(self) -> Result<String, Failure> {
        let Self { name, directory, sdk_path } = self;
        let made = scaffold::create(&NewArgs { name, directory, sdk_path }).map_err(failure)?;
        Ok(format!("{made}\n"))
    }
}

impl Build {
    /// What was built: path, size, digest, imports.
    ///
    /// # Errors
    /// The toolchain lacks something, or the project does not build a component.
    pub fn run(self) -> Result<String, Failure> {
        let built = scaffold::build(&BuildArgs { directory: self.directory }).map_err(failure)?;
        Ok(format!("{built}\n"))
    }
}

fn failure(error: ScaffoldError) -> Failure {
    let exit = match &error {
        ScaffoldError::Name { .. }
        | ScaffoldError::Exists(_)
        | ScaffoldError::SdkPath { .. }
        | ScaffoldError::NoManifest(_) => Exit::BadConfiguration,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}
