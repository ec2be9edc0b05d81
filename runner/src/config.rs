//! Reads what the function is and how this instance runs, or says everything that is wrong with it.
//!
//! A directory holds two documents: `function.json` (or `.yaml`), Pulsar's `FunctionDetails`, and
//! `instance.yaml` (or `.json`). `localrun` makes the same from a `FunctionConfig` and flags.

use std::path::Path;

use function_mesh_proto::{
    function::FunctionDetails, function_config::FunctionConfig, instance::InstanceConfig,
    mistake::Mistakes, plan::FunctionPlan,
};

mod directory;

/// Everything an instance needs to know before it starts, checked.
#[derive(Clone, Debug)]
pub struct RunnerConfig {
    pub plan: FunctionPlan,
    /// What the plan was made from: status and admin services show it.
    pub details: FunctionDetails,
    pub instance: InstanceConfig,
}

impl RunnerConfig {
    /// Reads the two documents of a directory.
    ///
    /// # Errors
    /// Every mistake of both, the file's name before the field's path:
    /// `instance.yaml: limits.memoryBytes`.
    pub fn load(dir: &Path) -> Result<Self, Mistakes> {
        directory::load(dir)
    }

    /// What `localrun` runs.
    ///
    /// # Errors
    /// Every mistake of both.
    pub fn from_function_config(
        function: &FunctionConfig,
        instance: InstanceConfig,
    ) -> Result<Self, Mistakes> {
        match function.to_plan() {
            Ok((details, plan)) => {
                let mistakes: Mistakes = instance.check(&plan).into_iter().collect();
                mistakes.or(Self { plan, details, instance })
            }
            Err(mut mistakes) => {
                mistakes.extend(instance.check_alone());
                Err(mistakes)
            }
        }
    }
}

/// The ordinal of a StatefulSet's pod, from its host name: 2 of `word-count-function-2`.
pub fn ordinal(hostname: &str) -> Option<u32> {
    let (name, ordinal) = hostname.rsplit_once('-')?;
    let plain = !name.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit());
    if plain { ordinal.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
