//! Tells a redelivered entry from a new one.
//!
//! After a lost connection the broker delivers again whatever it holds for unacknowledged: also
//! what is still being processed here, and what was acknowledged in vain just before. Neither
//! is to be processed twice.
//!
//! Acknowledged entries are recognised only after a connection was lost, and for a while: when
//! an operator resets the cursor, the same entries come again and must be processed again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

use super::super::EntryId;

/// Brokers write cursors at least every ten seconds; a killed one forgets what came after.
const RECALL: Duration = Duration::from_secs(30);
/// Stretches of acknowledged entries that are remembered. Usually there is one per ledger; more
/// when other consumers share the subscription.
const MAX_STRETCHES: usize = 4096;
/// Refused entries whose number of deliveries is remembered.
const MAX_REFUSED: usize = 4096;

type Position = (u64, u64);

/// What to do with a delivered entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Process it; it was delivered and given back so often before.
    New { redeliveries: u32 },
    /// It is being processed: its settlement will do for this copy too.
    InFlight,
    /// It was processed: acknowledge it again.
    Acknowledged,
}

#[derive(Debug, Default)]
pub(super) struct Redelivery {
    in_flight: HashSet<Position>,
    acknowledged: Stretches,
    /// What may come a second time although it is acknowledged, and until when.
    doubtful: Option<(Stretches, Instant)>,
    refused: HashMap<Position, u32>,
}

impl Redelivery {
    pub(super) fn arrived(&mut self, id: &EntryId) -> Arrival {
        let position = (id.ledger, id.entry);
        if self.in_flight.contains(&position) {
            return Arrival::InFlight;
        }
        if let Some((doubtful, until)) = &self.doubtful {
            if Instant::now() >= *until {
                // The next lost connection puts these in doubt again.
                if let Some((over, _)) = self.doubtful.take() {
                    self.acknowledged.absorb(over);
                }
            } else if doubtful.contains(position) {
                return Arrival::Acknowledged;
            }
        }
        self.in_flight.insert(position);
        let redeliveries = match self.refused.is_empty() {
            true => 0,
            false => self.refused.get(&position).copied().unwrap_or(0),
        };
        Arrival::New { redeliveries }
    }

    /// Whether nothing is being processed.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    pub(super) fn acknowledged(&mut self, id: &EntryId) {
        let position = (id.ledger, id.entry);
        self.in_flight.remove(&position);
        if !self.refused.is_empty() {
            self.refused.remove(&position);
        }
        match &mut self.doubtful {
            // It may have come over the old connection, and its copy be on the way here.
            Some((doubtful, _)) => doubtful.insert(position),
            None => self.acknowledged.insert(position),
        }
    }

    pub(super) fn refused(&mut self, id: &EntryId) {
        let position = (id.ledger, id.entry);
        self.in_flight.remove(&position);
        if self.refused.len() < MAX_REFUSED || self.refused.contains_key(&position) {
            *self.refused.entry(position).or_default() += 1;
        }
    }

    pub(super) fn connection_lost(&mut self) {
        let mut doubtful = std::mem::take(&mut self.acknowledged);
        if let Some((before, _)) = self.doubtful.take() {
            doubtful.absorb(before);
        }
        self.doubtful = Some((doubtful, Instant::now() + RECALL));
    }

    /// Starts the time for which acknowledged entries are recognised.
    pub(super) fn subscribed(&mut self) {
        if let Some((_, until)) = &mut self.doubtful {
            *until = Instant::now() + RECALL;
        }
    }
}

/// A set of positions, as stretches of consecutive entries.
#[derive(Debug, Default)]
struct Stretches {
    /// First position to last entry.
    last_by_first: BTreeMap<Position, u64>,
}

impl Stretches {
    fn contains(&self, (ledger, entry): Position) -> bool {
        self.last_by_first
            .range(..=(ledger, entry))
            .next_back()
            .is_some_and(|(first, last)| first.0 == ledger && entry <= *last)
    }

    fn insert(&mut self, position: Position) {
        self.insert_stretch(position, position.1);
    }

    fn insert_stretch(&mut self, (ledger, first): Position, last: u64) {
        let mut start = first;
        let mut end = last;
        let before = self.last_by_first.range(..=(ledger, first)).next_back();
        if let Some((&(same, other), &other_end)) = before
            && same == ledger
            && other_end.saturating_add(1) >= first
        {
            start = other;
            end = end.max(other_end);
        }
        while let Some((&next, &next_end)) =
            self.last_by_first.range((ledger, start.saturating_add(1))..).next()
            && next.0 == ledger
            && next.1 <= end.saturating_add(1)
        {
            end = end.max(next_end);
            self.last_by_first.remove(&next);
        }
        self.last_by_first.insert((ledger, start), end);
        while self.last_by_first.len() > MAX_STRETCHES {
            self.last_by_first.pop_first();
        }
    }

    fn absorb(&mut self, other: Self) {
        for (first, last) in other.last_by_first {
            self.insert_stretch(first, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const NEW: Arrival = Arrival::New { redeliveries: 0 };

    fn entry(entry: u64) -> EntryId {
        EntryId { topic: "t".into(), ledger: 1, entry, partition: -1 }
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_of_an_entry_in_flight_is_not_processed() {
        let mut seen = Redelivery::default();
        assert_eq!(seen.arrived(&entry(1)), NEW);
        seen.connection_lost();
        seen.subscribed();
        assert_eq!(seen.arrived(&entry(1)), Arrival::InFlight);
        seen.acknowledged(&entry(1));
        assert_eq!(seen.arrived(&entry(2)), NEW);
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_that_arrives_after_the_acknowledgement_is_not_processed_either() {
        let mut seen = Redelivery::default();
        assert_eq!(seen.arrived(&entry(1)), NEW);
        seen.connection_lost();
        seen.subscribed();
        seen.acknowledged(&entry(1));
        assert_eq!(seen.arrived(&entry(1)), Arrival::Acknowledged);
        assert_eq!(seen.arrived(&entry(2)), NEW);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_acknowledged_before_a_lost_connection_is_acknowledged_again() {
        let mut seen = Redelivery::default();
        for id in 0..100 {
            seen.arrived(&entry(id));
            seen.acknowledged(&entry(id));
        }
        seen.connection_lost();
        seen.connection_lost();
        tokio::time::advance(Duration::from_secs(300)).await;
        seen.subscribed();
        assert_eq!(seen.arrived(&entry(0)), Arrival::Acknowledged);
        assert_eq!(seen.arrived(&entry(99)), Arrival::Acknowledged);
        assert_eq!(seen.arrived(&entry(100)), NEW);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_reset_of_the_cursor_everything_is_processed_again() {
        let mut seen = Redelivery::default();
        seen.arrived(&entry(1));
        seen.acknowledged(&entry(1));
        assert_eq!(seen.arrived(&entry(1)), NEW, "no connection was lost");
        seen.acknowledged(&entry(1));
        seen.connection_lost();
        seen.subscribed();
        tokio::time::advance(RECALL).await;
        assert_eq!(seen.arrived(&entry(1)), NEW, "it was lost long ago");
        seen.acknowledged(&entry(1));
        seen.connection_lost();
        assert_eq!(seen.arrived(&entry(1)), Arrival::Acknowledged);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_entry_is_processed_again_and_counted() {
        let mut seen = Redelivery::default();
        seen.arrived(&entry(1));
        seen.refused(&entry(1));
        assert_eq!(seen.arrived(&entry(1)), Arrival::New { redeliveries: 1 });
        seen.refused(&entry(1));
        assert_eq!(seen.arrived(&entry(1)), Arrival::New { redeliveries: 2 });
        seen.acknowledged(&entry(1));
        assert_eq!(seen.arrived(&entry(1)), NEW);
    }

    proptest! {
        #[test]
        fn stretches_are_a_set(
            inserted in prop::collection::vec((0_u64..3, 0_u64..40), 0..80),
        ) {
            let mut stretches = Stretches::default();
            for position in &inserted {
                stretches.insert(*position);
            }
            let expected: BTreeSet<Position> = inserted.into_iter().collect();
            for ledger in 0..3 {
                for entry in 0..41 {
                    let position = (ledger, entry);
                    prop_assert_eq!(stretches.contains(position), expected.contains(&position));
                }
            }
            let gaps = expected.iter().filter(|(l, e)| !expected.contains(&(*l, e + 1))).count();
            prop_assert_eq!(stretches.last_by_first.len(), gaps, "each stretch is kept once");
        }
    }
}
