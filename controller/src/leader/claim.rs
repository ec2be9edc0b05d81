//! Whether a Lease may be taken, and what is written into it. No client required.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};

/// What came of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Held,
    HeldBy(String),
}

/// The Lease as it was seen last, and since when it has been like that.
#[derive(Debug, Default)]
pub(super) struct Observed {
    lease: Option<Lease>,
    since: Duration,
}

impl Observed {
    /// Takes note of what is there now; `now` is of our own clock.
    pub(super) fn see(&mut self, lease: Option<Lease>, now: Duration) {
        let version = |lease: &Option<Lease>| {
            lease.as_ref().and_then(|lease| lease.metadata.resource_version.clone())
        };
        if version(&lease) != version(&self.lease) {
            self.since = now;
        }
        self.lease = lease;
    }

    pub(super) fn holder(&self) -> Option<&str> {
        self.lease.as_ref().and_then(holder)
    }

    pub(super) fn is_held_by(&self, identity: &str) -> bool {
        self.holder() == Some(identity)
    }

    /// Whether this is the very Lease that was seen last.
    pub(super) fn is(&self, lease: &Lease) -> bool {
        let version = |lease: &Lease| lease.metadata.resource_version.clone();
        self.lease.as_ref().is_some_and(|known| version(known) == version(lease))
    }

    /// How long another's Lease must go on unchanged until it may be taken. Zero if it may be now.
    pub(super) fn held_for(&self, identity: &str, now: Duration) -> Duration {
        if self.holder().is_none() || self.is_held_by(identity) {
            return Duration::ZERO;
        }
        let spec = self.lease.as_ref().and_then(|lease| lease.spec.as_ref());
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        let lasts = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        lasts.saturating_sub(now.saturating_sub(self.since))
    }

    /// The Lease to write, or who holds it. Without a resource version it is to be created; with
    /// one, the API server refuses it if another was faster.
    pub(super) fn claim(
        &self,
        identity: &str,
        lasts: Duration,
        now: Duration,
    ) -> Result<Lease, String> {
        if !self.held_for(identity, now).is_zero() {
            return Err(self.holder().unwrap_or_default().to_owned());
        }
        let lease = self.lease.clone().unwrap_or_default();
        let old = lease.spec.unwrap_or_default();
        let ours = self.is_held_by(identity);
        let time = Some(MicroTime(Timestamp::now()));
        let transitions = old.lease_transitions.unwrap_or(0);
        let spec = LeaseSpec {
            holder_identity: Some(identity.to_owned()),
            lease_duration_seconds: i32::try_from(lasts.as_secs()).ok(),
            acquire_time: if ours { old.acquire_time.clone() } else { time.clone() },
            renew_time: time,
            lease_transitions: Some(if ours { transitions } else { transitions.saturating_add(1) }),
            ..old
        };
        Ok(Lease { metadata: lease.metadata, spec: Some(spec) })
    }

    /// The Lease without its holder, if that is us.
    pub(super) fn given_up(&mut self, identity: &str) -> Option<Lease> {
        if !self.is_held_by(identity) {
            return None;
        }
        let mut lease = self.lease.take()?;
        let spec = lease.spec.as_mut()?;
        spec.holder_identity = None;
        // client-go's candidates wait for a duration that is not there; one second they can wait.
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        Some(lease)
    }
}

pub(super) fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

#[cfg(test)]
mod tests;
