//! The controller on the shared cluster: its kinds and a user's image, put there once.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::Result;
use function_mesh_tests::{platform::Platform, stage};

pub(crate) use function_mesh_tests::stage::{STARTED, standard};

use crate::stage::{broker, platform};

/// A stage on the shared cluster and its broker.
pub(crate) struct Stage(stage::Stage<'static>);

impl Stage {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let (platform, broker) = (platform()?, broker()?);
        kinds(platform)?;
        once("functions", || platform.load_functions())?;
        Ok(Self(stage::Stage::open(platform, broker, name)?))
    }
}

impl Deref for Stage {
    type Target = stage::Stage<'static>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// Installs the five kinds, once.
pub(crate) fn kinds(platform: &Platform) -> Result<()> {
    once("kinds", || platform.install_kinds())
}

/// Runs `work` unless it was done before; a failure is tried again by the next.
fn once(name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    static DONE: OnceLock<Mutex<Vec<&'static str>>> = OnceLock::new();
    let mut done = DONE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if !done.contains(&name) {
        work()?;
        done.push(name);
    }
    Ok(())
}
