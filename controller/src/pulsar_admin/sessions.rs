//! Who is connected already: objects of one cluster share connections and credentials.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::Client;
use tokio::time::Instant;

use super::{Access, AdminError, PulsarAdmin};

/// After this, Secrets are read again, and tokens asked for again.
const LIFETIME: Duration = Duration::from_secs(300);

/// Sessions by what they were made from.
#[derive(Clone)]
pub(crate) struct Sessions {
    kube: Client,
    open: Arc<Mutex<Open>>,
}

type Open = HashMap<Access, Session>;

struct Session {
    pulsar: Arc<PulsarAdmin>,
    since: Instant,
}

impl Sessions {
    pub(crate) fn new(kube: Client) -> Self {
        Self { kube, open: Arc::default() }
    }

    /// # Errors
    /// A Secret is missing or cannot be used.
    pub(crate) async fn get(&self, access: &Access) -> Result<Arc<PulsarAdmin>, AdminError> {
        if let Some(known) = self.known(access) {
            return Ok(known);
        }
        // Two that come at once both make one; the later one stays.
        let made = Arc::new(PulsarAdmin::new(&self.kube, access).await?);
        self.lock()
            .insert(access.clone(), Session { pulsar: Arc::clone(&made), since: Instant::now() });
        Ok(made)
    }

    fn known(&self, access: &Access) -> Option<Arc<PulsarAdmin>> {
        let mut open = self.lock();
        open.retain(|_, session| session.since.elapsed() < LIFETIME);
        open.get(access).map(|session| Arc::clone(&session.pulsar))
    }

    /// Credentials that were refused are read again by the next one.
    pub(crate) fn refused(&self, access: &Access, error: &AdminError) {
        if error.is_refusal() {
            self.lock().remove(access);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
