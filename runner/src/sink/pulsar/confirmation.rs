//! Tells a publisher how its messages fared, once all parts of the publish are settled.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::oneshot;

use crate::{fault::Fault, source::budget::Permit};

/// A share in one publish. Every share must report; one that is dropped silent leaves the
/// publish unconfirmed.
#[derive(Debug)]
pub(super) struct Confirmation(Arc<Publish>);

#[derive(Debug)]
struct Publish {
    outcome: Mutex<Outcome>,
    pending: Arc<AtomicUsize>,
    /// Returned when the last share is gone.
    _permit: Permit,
}

#[derive(Debug)]
struct Outcome {
    shares: usize,
    fault: Option<Fault>,
    confirm: Option<oneshot::Sender<Result<(), Fault>>>,
}

impl Confirmation {
    /// The first share. `pending` counts unconfirmed publishes.
    pub(super) fn new(
        confirm: oneshot::Sender<Result<(), Fault>>,
        permit: Permit,
        pending: Arc<AtomicUsize>,
    ) -> Self {
        pending.fetch_add(1, Ordering::AcqRel);
        let outcome = Outcome { shares: 1, fault: None, confirm: Some(confirm) };
        Self(Arc::new(Publish { outcome: Mutex::new(outcome), pending, _permit: permit }))
    }

    /// One share more.
    pub(super) fn share(&self) -> Self {
        self.lock().shares += 1;
        Self(self.0.clone())
    }

    /// This share's messages are durable, or never will be.
    pub(super) fn settle(self, result: Result<(), Fault>) {
        let mut outcome = self.lock();
        outcome.shares -= 1;
        if let Err(fault) = result {
            outcome.fault.get_or_insert(fault);
        }
        if outcome.shares == 0
            && let Some(confirm) = outcome.confirm.take()
        {
            let result = outcome.fault.take().map_or(Ok(()), Err);
            // Whoever published may have stopped waiting.
            _ = confirm.send(result);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Outcome> {
        self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Publish {
    fn drop(&mut self) {
        self.pending.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Receipt;

    fn publish() -> (Confirmation, Receipt, Arc<AtomicUsize>) {
        let (confirm, receipt) = Receipt::channel();
        let pending = Arc::default();
        (Confirmation::new(confirm, Permit::unlimited(), Arc::clone(&pending)), receipt, pending)
    }

    #[tokio::test]
    async fn a_publish_is_confirmed_with_its_last_share() {
        let (first, receipt, pending) = publish();
        let second = first.share();
        first.settle(Ok(()));
        assert_eq!(pending.load(Ordering::Relaxed), 1);
        second.settle(Ok(()));
        assert!(receipt.confirmed().await.is_ok());
        assert_eq!(pending.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn one_failed_share_fails_the_publish() {
        let (first, receipt, _) = publish();
        let second = first.share();
        first.settle(Err(Fault::sink("too large")));
        second.settle(Ok(()));
        assert_eq!(receipt.confirmed().await.unwrap_err().to_string(), "too large");
    }

    #[tokio::test]
    async fn a_share_dropped_silent_does_not_confirm() {
        let (first, receipt, pending) = publish();
        let second = first.share();
        drop(first);
        second.settle(Ok(()));
        assert!(receipt.confirmed().await.is_err());
        assert_eq!(pending.load(Ordering::Relaxed), 0);
    }
}
