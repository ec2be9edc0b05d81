//! `check`: a configuration's mistakes, or a page on what would run.

use std::path::PathBuf;

use clap::Args;
use function_mesh_proto::{instance::InstanceConfig, mistake::Mistakes};

use super::{
    exit::Failure, function_flags::option_for, localrun::read_function_config, summary::Summary,
};
use crate::config::RunnerConfig;

/// Checks a configuration.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct Check {
    /// Directory with function.json (Pulsar's FunctionDetails) and instance.yaml, as `run` takes
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Pulsar's FunctionConfig as YAML or JSON, as `localrun` takes
    #[arg(long, alias = "functionConfigFile", value_name = "FILE")]
    function_config_file: Option<PathBuf>,
}

impl Check {
    /// What would run, in a page.
    ///
    /// # Errors
    /// Every mistake.
    pub fn run(self) -> Result<String, Failure> {
        let config = match (self.config, self.function_config_file) {
            (Some(dir), _) => {
                RunnerConfig::load(&dir).map_err(|wrong| Failure::mistakes(wrong, |_| None))?
            }
            (None, Some(file)) => {
                let function = read_function_config(&file)?;
                let refuse = |wrong: Mistakes| Failure::mistakes(wrong, option_for);
                let instance = InstanceConfig::from_yaml("clusters: {}").map_err(refuse)?;
                RunnerConfig::from_function_config(&function, instance).map_err(refuse)?
            }
            (None, None) => return Err(Failure::mistakes(Mistakes::default(), |_| None)),
        };
        Ok(Summary(&config).to_string())
    }
}

#[cfg(test)]
mod tests;
