//! Which part of the input is not subscribed to, and why.

use std::fmt;

use tokio::sync::watch;

/// Topics without a subscription at the moment; none is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingTopics {
    count: usize,
    /// What went wrong with one of them last.
    why: Option<String>,
}

impl MissingTopics {
    pub fn none(&self) -> bool {
        self.count == 0
    }
}

impl fmt::Display for MissingTopics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.count, &self.why) {
            (1, None) => f.write_str("an input topic is not subscribed to"),
            (1, Some(why)) => f.write_str(why),
            (count, why) => {
                write!(f, "{count} input topics are not subscribed to")?;
                why.iter().try_for_each(|why| write!(f, "; {why}"))
            }
        }
    }
}

/// One topic more that is not subscribed to, until dropped.
#[derive(Debug)]
pub(super) struct Missing(watch::Sender<MissingTopics>);

impl Missing {
    pub(super) fn new(all: &watch::Sender<MissingTopics>) -> Self {
        all.send_modify(|missing| missing.count += 1);
        Self(all.clone())
    }

    pub(super) fn because(&self, why: &str) {
        self.0.send_if_modified(|missing| {
            let new = missing.why.as_deref() != Some(why);
            if new {
                missing.why = Some(why.to_owned());
            }
            new
        });
    }
}

impl Drop for Missing {
    fn drop(&mut self) {
        self.0.send_modify(|missing| {
            missing.count = missing.count.saturating_sub(1);
            if missing.count == 0 {
                missing.why = None;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reason_is_told_until_nothing_is_missing() {
        let (sender, all) = watch::channel(MissingTopics::default());
        let said = || all.borrow().to_string();
        let first = Missing::new(&sender);
        assert_eq!(said(), "an input topic is not subscribed to");
        let second = Missing::new(&sender);
        first.because("cannot read a: not authorized");
        let expected = "2 input topics are not subscribed to; cannot read a: not authorized";
        assert_eq!(said(), expected);
        drop(second);
        assert_eq!(said(), "cannot read a: not authorized");
        drop(first);
        assert!(all.borrow().none());
        let _again = Missing::new(&sender);
        assert_eq!(said(), "an input topic is not subscribed to");
    }

    #[test]
    fn the_same_reason_wakes_nobody_again() {
        let (sender, mut all) = watch::channel(MissingTopics::default());
        let missing = Missing::new(&sender);
        missing.because("refused");
        all.mark_unchanged();
        missing.because("refused");
        assert!(!all.has_changed().unwrap());
    }
}
