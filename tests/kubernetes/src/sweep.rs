//! Leaving nothing behind: processes, mounts, network, control groups, state.
//!
//! One script does it whoever ends first: this process in good order, a test that is killed, or
//! `down` of a cluster that was left running.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};

const SCRIPT: &str = include_str!("sweep.sh");

/// Waits beside this process and sweeps when it ends, however it ends.
#[derive(Debug)]
pub struct Keeper {
    process: Child,
}

impl Keeper {
    /// # Errors
    /// There is no `sh`.
    pub fn set(state: &Path) -> Result<Self> {
        let process = script(state)
            .arg("wait")
            .stdin(Stdio::piped())
            // An interrupt from the terminal is for us; it has work to do then.
            .process_group(0)
            .spawn()
            .context("sh did not start")?;
        Ok(Self { process })
    }

    /// Sweeps now, and waits until it is done.
    pub fn sweep(&mut self) {
        drop(self.process.stdin.take());
        // It cannot be asked again, and says nothing.
        _ = self.process.wait();
    }
}

/// Removes what is left of the cluster with this state. Nothing, if there is none.
///
/// # Errors
/// There is no `sh`.
pub fn sweep(state: &Path) -> Result<()> {
    script(state).stdin(Stdio::null()).status().context("sh did not start")?;
    Ok(())
}

fn script(state: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sweep"]).arg(state).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A process that names a file of the state directory, as the programs of a cluster do.
    fn program(state: &Path) -> Child {
        let script = format!("read -r _ # --config={}/file", state.display());
        Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn processes_and_state_go_when_the_keeper_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        fs::create_dir_all(state.join("run")).unwrap();
        let mut keeper = Keeper::set(&state).unwrap();
        let mut ours = program(&state);
        fs::write(state.join("run/etcd.pid"), ours.id().to_string()).unwrap();
        keeper.sweep();
        assert_eq!(ours.wait().unwrap().code(), None, "killed by a signal");
        assert!(!state.exists());
        assert!(dir.path().exists());
    }

    #[test]
    fn a_number_that_has_become_another_process_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        fs::create_dir_all(state.join("run")).unwrap();
        let mut stranger = program(&dir.path().join("another"));
        fs::write(state.join("run/etcd.pid"), stranger.id().to_string()).unwrap();
        sweep(&state).unwrap();
        assert!(!state.exists());
        assert!(stranger.try_wait().unwrap().is_none(), "it still runs");
        drop(stranger.stdin.take());
        stranger.wait().unwrap();
    }
}
