//! Whether this process does its work now, as latches that its parts open and close.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Ready while every latch is ready, and there is at least one.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    latches: Arc<Mutex<Vec<Arc<State>>>>,
}

#[derive(Debug)]
struct State {
    name: String,
    /// Why not; none while ready.
    missing: Mutex<Option<String>>,
}

impl Readiness {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds something that must be ready: `public/default/word-count 0`. It is not, at first.
    pub fn latch(&self, name: impl Into<String>) -> Latch {
        let missing = Mutex::new(Some("starting".to_owned()));
        let state = Arc::new(State { name: name.into(), missing });
        lock(&self.latches).push(state.clone());
        Latch { state, held: true }
    }

    /// # Errors
    /// What is missing, latch by latch.
    pub fn check(&self) -> Result<(), NotReady> {
        let latches = lock(&self.latches);
        if latches.is_empty() {
            return Err(NotReady(vec!["nothing has started".to_owned()]));
        }
        let missing: Vec<_> = latches
            .iter()
            .filter_map(|state| {
                lock(&state.missing).as_ref().map(|why| format!("{}: {why}", state.name))
            })
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(NotReady(missing)) }
    }
}

/// What is missing, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady(Vec<String>);

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.0 {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

/// One thing that must be ready. Dropping it means that the thing has ended: not ready for good.
#[derive(Debug)]
pub struct Latch {
    state: Arc<State>,
    held: bool,
}

impl Latch {
    pub fn ready(&self) {
        *lock(&self.state.missing) = None;
    }

    /// `why` is shown by `/readyz`: `no connection to pulsar://broker:6650`.
    pub fn not_ready(&self, why: impl Into<String>) {
        *lock(&self.state.missing) = Some(why.into());
    }

    /// For what need be done only once: ready for good.
    pub fn done(mut self) {
        self.ready();
        self.held = false;
    }

    /// Tells of this latch after it has moved to its owner.
    pub fn watch(&self) -> LatchView {
        LatchView { state: self.state.clone() }
    }
}

impl Drop for Latch {
    fn drop(&mut self) {
        if self.held {
            self.not_ready("ended");
        }
    }
}

/// Reads a latch.
#[derive(Clone, Debug)]
pub struct LatchView {
    state: Arc<State>,
}

impl LatchView {
    /// Why it is not ready; none while it is.
    pub fn missing(&self) -> Option<String> {
        lock(&self.state.missing).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn missing(readiness: &Readiness) -> String {
        readiness.check().unwrap_err().to_string()
    }

    #[test]
    fn every_latch_must_be_ready() {
        let readiness = Readiness::new();
        let (first, second) = (readiness.latch("first"), readiness.latch("second"));
        assert_eq!(missing(&readiness), "first: starting\nsecond: starting\n");
        first.ready();
        assert_eq!(missing(&readiness), "second: starting\n");
        second.ready();
        assert_eq!(readiness.check(), Ok(()));
        first.not_ready("no connection");
        assert_eq!(missing(&readiness), "first: no connection\n");
    }

    #[test]
    fn nothing_started_is_not_ready() {
        assert_eq!(missing(&Readiness::new()), "nothing has started\n");
    }

    #[test]
    fn what_is_done_once_stays_ready() {
        let readiness = Readiness::new();
        readiness.latch("code").done();
        assert_eq!(readiness.check(), Ok(()));
    }

    #[test]
    fn an_owner_that_ended_is_not_ready() {
        let readiness = Readiness::new();
        let latch = readiness.latch("source");
        latch.ready();
        let view = latch.watch();
        assert_eq!(view.missing(), None);
        drop(latch);
        assert_eq!(missing(&readiness), "source: ended\n");
        assert_eq!(view.missing().as_deref(), Some("ended"));
    }
}
