//! `run`: the entry point of a pod.

use std::path::PathBuf;

use clap::Args;
use function_mesh_proto::mistake::Mistake;

use super::exit::Failure;
use crate::config::{RunnerConfig, ordinal};

/// Runs an instance in a pod.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// Directory with function.json (Pulsar's FunctionDetails) and instance.yaml
    #[arg(long, value_name = "DIR", env = "FUNCTION_RUNNER_CONFIG", hide_env_values = true)]
    config: PathBuf,
    /// Instance id (default: instance.yaml's, or the ordinal of the StatefulSet pod's host name)
    #[arg(long, value_name = "N", env = "FUNCTION_RUNNER_INSTANCE_ID", hide_env_values = true)]
    instance_id: Option<u32>,
}

impl Run {
    /// `hostname` is this pod's.
    ///
    /// # Errors
    /// Every mistake of the two files, or that nothing says which instance this is.
    pub fn prepare(self, hostname: Option<&str>) -> Result<RunnerConfig, Failure> {
        let mut config = RunnerConfig::load(&self.config)
            .map_err(|mistakes| Failure::mistakes(mistakes, |_| None))?;
        let parallelism = config.plan.parallelism;
        let said = self.instance_id.or(config.instance.instance_id);
        // A StatefulSet is scaled without its pods being told a new number: its ordinals count.
        match said.or_else(|| hostname.and_then(ordinal)) {
            Some(id) if said.is_none() || id < parallelism => {
                config.instance.instance_id = Some(id);
                Ok(config)
            }
            Some(id) => {
                let accepted = format!("less than the function's parallelism, {parallelism}");
                let mistake = Mistake::new("instanceId", id.to_string(), accepted);
                Err(Failure::mistakes(mistake.into(), |_| Some("--instance-id")))
            }
            None => {
                let accepted = "a number, in instance.yaml, by --instance-id or \
                                FUNCTION_RUNNER_INSTANCE_ID, or at the end of the host name after \
                                a dash, as a StatefulSet's pods have it";
                let mistake = Mistake::new("instanceId", hostname.unwrap_or_default(), accepted);
                Err(Failure::mistakes(mistake.into(), |_| Some("--instance-id")))
            }
        }
    }
}

/// This machine's host name, as the kernel knows it.
pub(super) fn hostname() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned())
}

#[cfg(test)]
mod tests;
