//! One program of a cluster as a process: started, watched, killed, frozen.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    process::{Child, Stdio},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use crate::{
    command,
    programs::{Component, Place},
};

/// A running program. Ending it is up to its owner.
#[derive(Debug)]
pub struct Process {
    component: Component,
    child: Child,
}

impl Process {
    /// Starts a program, its output appended to its log.
    pub fn start(place: &Place, component: Component) -> Result<Self> {
        let log = place.log(component);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| log.display().to_string())?;
        let child = place
            .command(component)?
            .current_dir(&place.state)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("{component} did not start"))?;
        fs::write(place.pid_file(component), child.id().to_string())?;
        Ok(Self { component, child })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// # Errors
    /// It has ended; the error shows the end of its log.
    pub fn check(&mut self, place: &Place) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended with {status}:\n{}", self.component, end_of_log(place, self.component));
        }
        Ok(())
    }

    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?);
        signal::kill(pid, signal).with_context(|| format!("{signal} to {}", self.component))
    }
}

/// What a program said last.
pub fn end_of_log(place: &Place, component: Component) -> String {
    let path = place.log(component);
    let log = fs::read_to_string(&path).unwrap_or_default();
    format!("{}\n(from {})", command::last_lines(&log, 20), path.display())
}
