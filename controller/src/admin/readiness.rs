//! Whether the operator does its work, or could at once.
//!
//! Not ready are: one whose caches are not filled, and one that has not heard from the API server
//! for a while. A standby is ready.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::connection::Pulse;

/// The API server is asked every 5 s.
const SILENCE: Duration = Duration::from_secs(15);

/// Clones share what they know.
#[derive(Clone, Debug)]
pub struct Readiness {
    pulse: Pulse,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    filling: BTreeSet<&'static str>,
}

/// What the process is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Starting,
    StandingBy,
    Working,
    Stopping,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::StandingBy => "standing by",
            Self::Working => "working",
            Self::Stopping => "stopping",
        })
    }
}

/// Why it is not ready.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    #[error("{0}")]
    State(State),
    #[error("not known yet: {0}")]
    Filling(String),
    #[error("the API server has not answered yet")]
    Unheard,
    #[error("the API server has not answered for {} s", .0.as_secs())]
    Silent(Duration),
}

impl Readiness {
    pub fn new(pulse: Pulse) -> Self {
        Self { pulse, inner: Arc::default() }
    }

    pub fn set(&self, state: State) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).state = state;
    }

    /// Caches that have to be filled before the operator is ready.
    pub fn expect(&self, caches: &'static str) -> Filling {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).filling.insert(caches);
        Filling { readiness: self.clone(), caches }
    }

    /// What it is at, if it is ready.
    ///
    /// # Errors
    /// It is not, and why.
    pub fn check(&self) -> Result<State, NotReady> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match self.pulse.age() {
            None => return Err(NotReady::Unheard),
            Some(age) if age > SILENCE => return Err(NotReady::Silent(age)),
            Some(_) => {}
        }
        match inner.state {
            State::Starting | State::Stopping => Err(NotReady::State(inner.state)),
            State::Working if !inner.filling.is_empty() => {
                let missing: Vec<&str> = inner.filling.iter().copied().collect();
                Err(NotReady::Filling(missing.join(", ")))
            }
            state => Ok(state),
        }
    }
}

/// Caches that are being filled.
#[derive(Debug)]
pub struct Filling {
    readiness: Readiness,
    caches: &'static str,
}

impl Filling {
    pub fn done(self) {
        let mut inner = self.readiness.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.filling.remove(self.caches);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn readiness_follows_caches_and_the_api_server() {
        let pulse = Pulse::default();
        let readiness = Readiness::new(pulse.clone());
        let functions = readiness.expect("functions");
        assert_eq!(readiness.check(), Err(NotReady::Unheard));
        pulse.beat();
        assert_eq!(readiness.check(), Err(NotReady::State(State::Starting)));
        readiness.set(State::StandingBy);
        assert_eq!(readiness.check(), Ok(State::StandingBy));
        readiness.set(State::Working);
        assert_eq!(readiness.check(), Err(NotReady::Filling("functions".to_owned())));
        functions.done();
        assert_eq!(readiness.check(), Ok(State::Working));
        tokio::time::advance(SILENCE + Duration::from_secs(1)).await;
        assert_eq!(readiness.check(), Err(NotReady::Silent(Duration::from_secs(16))));
        pulse.beat();
        assert_eq!(readiness.check(), Ok(State::Working));
        readiness.set(State::Stopping);
        assert_eq!(readiness.check(), Err(NotReady::State(State::Stopping)));
    }
}
