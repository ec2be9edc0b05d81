//! Who is connected already: objects of one cluster share connections, credentials, and the
//! knowledge that it is down.

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

/// A cluster that could not be reached is not asked again by the next object for this long.
const DOWN: Duration = Duration::from_secs(2);

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
    /// Why it could not be reached, and when.
    down: Option<(AdminError, Instant)>,
}

impl Sessions {
    pub(crate) fn new(kube: Client) -> Self {
        Self { kube, open: Arc::default() }
    }

    /// # Errors
    /// A Secret is missing or cannot be used; or the cluster could not be reached just now.
    pub(crate) async fn get(&self, access: &Access) -> Result<Arc<PulsarAdmin>, AdminError> {
        if let Some(known) = self.known(access) {
            return known;
        }
        // Two that come at once both make one; the later one stays.
        let pulsar = Arc::new(PulsarAdmin::new(&self.kube, access).await?);
        let made = Session { pulsar: Arc::clone(&pulsar), since: Instant::now(), down: None };
        self.lock().insert(access.clone(), made);
        Ok(pulsar)
    }

    fn known(&self, access: &Access) -> Option<Result<Arc<PulsarAdmin>, AdminError>> {
        let mut open = self.lock();
        open.retain(|_, session| session.since.elapsed() < LIFETIME);
        let session = open.get(access)?;
        let down = session.down.as_ref().filter(|(_, since)| since.elapsed() < DOWN);
        Some(match down {
            Some((error, _)) => Err(error.clone()),
            None => Ok(Arc::clone(&session.pulsar)),
        })
    }

    /// Has credentials that were refused, and authorities that do not fit, read again by the next
    /// one, and spares the next ones a cluster that is down.
    pub(crate) fn failed(&self, access: &Access, error: &AdminError) {
        let mut open = self.lock();
        if error.is_refusal() || error.is_distrust() {
            open.remove(access);
        } else if error.is_unreachable()
            && let Some(session) = open.get_mut(access)
            && session.down.as_ref().is_none_or(|(_, since)| since.elapsed() >= DOWN)
        {
            session.down = Some((error.clone(), Instant::now()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
