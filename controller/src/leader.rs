//! Which of several replicas works: the one that holds a Lease.
//!
//! The holder renews the Lease every 2 s; another takes it when it was given up or has not changed
//! for 15 s by that other's own clock, so that clocks need not agree. It watches the Lease, so that
//! it counts from each renewal, and tries again at the moment when the 15 s are over. Every renewal
//! extends the [`Fence`] by less than the Lease lasts, counted from before the request, so that a
//! holder stops writing before another begins.
//!
//! Deliberately not a crate: those that exist compare clocks of different machines, and tell that
//! a Lease is lost without holding writes back.

use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client,
    api::PostParams,
    runtime::{WatchStreamExt, watcher},
};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::connection::Fence;

mod claim;

use claim::{Claim, Observed};

/// Name of the Lease; the Go operator's.
pub const DEFAULT_LEASE: &str = "a3f45fce.functionmesh.io";

/// How long, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// A Lease that has not changed for this long is free.
    pub lease: Duration,
    /// The holder works no longer than this after its last renewal.
    pub renew: Duration,
    /// Between attempts.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { lease: seconds(15), renew: seconds(10), retry: seconds(2) }
    }
}

/// One candidate.
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    timing: Timing,
    fence: Fence,
    observed: Observed,
}

/// Why a holder holds no longer.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("the lease {lease} is held by {holder} now")]
    Taken { lease: String, holder: String },
    #[error("the lease {lease} could not be renewed for {} s: {why}", after.as_secs())]
    NotRenewed { lease: String, after: Duration, why: String },
}

impl Candidate {
    /// `identity` is this process's alone. The client must not be behind the fence.
    pub fn new(client: Client, namespace: &str, name: &str, identity: &str, fence: Fence) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            timing: Timing::default(),
            fence,
            observed: Observed::default(),
        }
    }

    /// Waits until the Lease is ours, and says whether it is: not if told to stop. An attempt under
    /// way is brought to its end then, since nobody would give up a Lease that it still gets.
    pub async fn acquire(&mut self, stop: &CancellationToken) -> bool {
        let changes = watcher::watch_object(self.api.clone(), &self.name).default_backoff();
        let mut changes = std::pin::pin!(changes);
        while !stop.is_cancelled() {
            match self.attempt().await {
                Ok(Claim::Held) => {
                    info!(lease = self.name, identity = self.identity, "leading");
                    return true;
                }
                Ok(Claim::HeldBy(holder)) => debug!(holder, "standing by"),
                Err(why) => warn!(lease = self.name, %why, "cannot tell who leads"),
            }
            tokio::select! {
                () = sleep(self.pause()) => {}
                () = news(&mut changes, &self.observed) => {}
                () = stop.cancelled() => {}
            }
        }
        false
    }

    /// Until the next attempt, if nothing happens: no longer than another's Lease lasts.
    fn pause(&self) -> Duration {
        let left = self.observed.held_for(&self.identity, self.fence.now());
        if left.is_zero() { self.timing.retry } else { self.timing.retry.min(left) }
    }

    /// Renews the Lease until that fails for good. Cancel-safe: the fence closes by itself.
    pub async fn keep(&mut self) -> Lost {
        let mut why = String::from("no answer");
        loop {
            let left = self.fence.left();
            if left.is_zero() {
                let (lease, after) = (self.name.clone(), self.timing.renew);
                return Lost::NotRenewed { lease, after, why };
            }
            sleep(self.timing.retry.min(left)).await;
            match self.attempt().await {
                Ok(Claim::Held) => {}
                Ok(Claim::HeldBy(holder)) => {
                    self.fence.close();
                    return Lost::Taken { lease: self.name.clone(), holder };
                }
                Err(error) => {
                    warn!(lease = self.name, %error, "the lease was not renewed");
                    why = error.to_string();
                }
            }
        }
    }

    /// Gives the Lease up, so that another need not wait for its end. Writes are held back first.
    pub async fn release(mut self) {
        self.fence.close();
        match timeout(self.timing.retry, self.give_up()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(lease = self.name, %error, "the lease runs out by itself"),
            Err(_) => warn!(lease = self.name, "no answer; the lease runs out by itself"),
        }
    }

    async fn give_up(&mut self) -> Result<(), kube::Error> {
        while let Some(given_up) = self.observed.given_up(&self.identity) {
            match self.api.replace(&self.name, &PostParams::default(), &given_up).await {
                Ok(_) => {
                    info!(lease = self.name, "gave the lease up");
                    return Ok(());
                }
                // A renewal whose answer was not waited for came before.
                Err(kube::Error::Api(status)) if status.is_conflict() => {
                    let found = self.api.get_opt(&self.name).await?;
                    self.observed.see(found, self.fence.now());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes or renews the Lease if that is allowed.
    async fn attempt(&mut self) -> Result<Claim, AttemptError> {
        let started = self.fence.now();
        let claim = timeout(self.timing.renew / 2, self.ask()).await;
        let claim = claim.map_err(|_| AttemptError::NoAnswer)??;
        if matches!(claim, Claim::Held) {
            self.fence.extend(started.saturating_add(self.timing.renew));
        }
        Ok(claim)
    }

    async fn ask(&mut self) -> Result<Claim, kube::Error> {
        // What is known of it suffices for a renewal, as long as nobody else wrote it.
        if !self.observed.is_held_by(&self.identity) {
            let found = self.api.get_opt(&self.name).await?;
            self.observed.see(found, self.fence.now());
        }
        let wanted = match self.observed.claim(&self.identity, self.timing.lease, self.fence.now())
        {
            Ok(wanted) => wanted,
            Err(holder) => return Ok(Claim::HeldBy(holder)),
        };
        let written = if wanted.metadata.resource_version.is_some() {
            self.api.replace(&self.name, &PostParams::default(), &wanted).await
        } else {
            let mut wanted = wanted;
            wanted.metadata.name = Some(self.name.clone());
            self.api.create(&PostParams::default(), &wanted).await
        };
        match written {
            Ok(lease) => {
                self.observed.see(Some(lease), self.fence.now());
                Ok(Claim::Held)
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => {
                // Somebody wrote it in between; the next look says who.
                self.observed.see(self.api.get_opt(&self.name).await?, self.fence.now());
                match self.observed.holder() {
                    Some(holder) if holder != self.identity => Ok(Claim::HeldBy(holder.to_owned())),
                    _ => Err(kube::Error::Api(status)),
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// Waits for a Lease that is not the one known. It is only heard of here and looked up by whoever
/// hears: what a watch tells may be late.
async fn news(
    changes: &mut (impl Stream<Item = Result<Option<Lease>, watcher::Error>> + Unpin),
    known: &Observed,
) {
    while let Some(change) = changes.next().await {
        if matches!(change, Ok(Some(lease)) if !known.is(&lease)) {
            return;
        }
    }
    std::future::pending().await
}

#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("no answer in time")]
    NoAnswer,
    #[error(transparent)]
    Api(#[from] kube::Error),
}

#[cfg(test)]
mod tests;
