//! Topics in memory: what the sources without a broker share.
//!
//! Keeps every entry that was handed out until it is settled, and hands it out again if it was
//! refused. There is no storage here: what is unsettled when the source closes is gone.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{Budget, Delivery, EntryId, InFlight, Settlement, Verdict, budget::Permit};
use crate::record::Record;

/// What happens to an entry that was refused.
#[derive(Clone, Copy, Debug)]
pub struct Redelivery {
    /// Before it is handed out again.
    pub delay: Duration,
    /// How often at most; then it is given up.
    pub max: u32,
}

/// A durable subscription's book-keeping, in memory.
#[derive(Debug)]
pub(super) struct Subscription {
    redelivery: Redelivery,
    shared: Arc<Shared>,
    changes: watch::Receiver<()>,
    settlements: mpsc::UnboundedSender<Settlement>,
    /// Taken by the task below, which the first delivery starts.
    given: Option<mpsc::UnboundedReceiver<Settlement>>,
    carrier: Option<JoinHandle<()>>,
    stop: CancellationToken,
    /// Chosen to be next, waiting for credit: a cancelled `deliver` keeps it.
    chosen: Option<Entry>,
}

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    held: HashMap<EntryId, Entry>,
    /// Refused entries in the order of their verdicts, which is the order they become due in.
    refused: VecDeque<(Instant, Entry)>,
    given_up: usize,
    /// Every verdict in order, if someone wants to look at them.
    history: Option<Vec<(EntryId, Verdict)>>,
    /// Acknowledgements fail with this text.
    ack_fault: Option<String>,
}

#[derive(Debug)]
struct Entry {
    id: EntryId,
    records: Vec<Record>,
    deliveries: u32,
}

/// How many messages a subscription has not seen acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) unsettled: usize,
    pub(super) refused: usize,
    pub(super) given_up: usize,
}

impl Subscription {
    pub(super) fn new(redelivery: Redelivery, history: bool) -> Self {
        let (settlements, given) = mpsc::unbounded_channel();
        let (changed, changes) = watch::channel(());
        let state = State { history: history.then(Vec::new), ..State::default() };
        Self {
            redelivery,
            shared: Arc::new(Shared { state: Mutex::new(state), changed }),
            changes,
            settlements,
            given: Some(given),
            carrier: None,
            stop: CancellationToken::new(),
            chosen: None,
        }
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Whether an entry is chosen, so that `deliver` has something to hand out: the one chosen
    /// before, or a refused one that is due.
    pub(super) fn has_next(&mut self) -> bool {
        if self.chosen.is_none() {
            self.changes.borrow_and_update();
            let mut state = self.shared.state();
            if state.refused.front().is_some_and(|(due, _)| *due <= Instant::now()) {
                self.chosen = state.refused.pop_front().map(|(_, entry)| entry);
            }
        }
        self.chosen.is_some()
    }

    /// Chooses a new entry to hand out next.
    pub(super) fn choose(&mut self, id: EntryId, records: Vec<Record>) {
        self.chosen = Some(Entry { id, records, deliveries: 0 });
    }

    /// Hands the chosen entry out once there is credit for it. Cancel safe.
    pub(super) async fn deliver(&mut self, budget: Option<&Budget>) -> Option<Delivery> {
        let chosen = self.chosen.as_ref()?;
        let permit = match budget {
            Some(budget) => {
                let bytes = chosen.records.iter().map(Record::weight).sum();
                budget.acquire(chosen.records.len(), bytes).await
            }
            None => Permit::unlimited(),
        };
        let mut entry = self.chosen.take()?;
        self.start_carrying();
        for record in &mut entry.records {
            record.redelivery_count = entry.deliveries;
        }
        entry.deliveries += 1;
        let records = entry.records.clone();
        let in_flight = InFlight::new(entry.id.clone(), permit, self.settlements.clone());
        self.shared.state().held.insert(entry.id.clone(), entry);
        Some(Delivery { records, in_flight })
    }

    /// Waits until a refused entry is due or the bookkeeping changed. Cancel safe.
    pub(super) async fn changed(&mut self) {
        let due = self.shared.state().refused.front().map(|(due, _)| *due);
        let due = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // `self.shared` holds the sender, so this cannot fail.
            _ = self.changes.changed() => {}
            () = due => {}
        }
    }

    /// Whether every entry handed out was settled for good.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.shared.state();
        self.chosen.is_none() && state.held.is_empty() && state.refused.is_empty()
    }

    /// Carries out what was settled so far; later settlements come too late.
    pub(super) async fn close(mut self) -> Left {
        self.stop.cancel();
        if let Some(carrier) = self.carrier.take() {
            // Fails only if the task panicked, and then nothing is left to carry out.
            _ = carrier.await;
        }
        let state = self.shared.state();
        let chosen = self.chosen.as_ref().map_or(0, |entry| entry.records.len());
        Left {
            unsettled: state.held.values().map(|entry| entry.records.len()).sum::<usize>() + chosen,
            refused: state.refused.iter().map(|(_, entry)| entry.records.len()).sum(),
            given_up: state.given_up,
        }
    }

    /// A task of its own carries settlements out, so that a receipt never waits for the next read.
    fn start_carrying(&mut self) {
        let Some(mut given) = self.given.take() else { return };
        let (shared, stop, redelivery) = (self.shared.clone(), self.stop.clone(), self.redelivery);
        self.carrier = Some(tokio::spawn(async move {
            while let Some(Some(settlement)) = stop.run_until_cancelled(given.recv()).await {
                shared.carry_out(settlement, redelivery);
            }
            given.close();
            while let Some(settlement) = given.recv().await {
                shared.carry_out(settlement, redelivery);
            }
        }));
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Shared {
    fn carry_out(&self, settlement: Settlement, redelivery: Redelivery) {
        let outcome = self.state().settle(&settlement, redelivery);
        if let Some(carried_out) = settlement.carried_out {
            // Nobody may be waiting any more.
            _ = carried_out.send(outcome);
        }
        drop(settlement.permit);
        self.changed.send_replace(());
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Tells whoever waits that something happened outside of a settlement.
    pub(super) fn touch(&self) {
        self.changed.send_replace(());
    }
}

impl State {
    fn settle(
        &mut self,
        settlement: &Settlement,
        redelivery: Redelivery,
    ) -> Result<(), crate::fault::Fault> {
        if let Some(history) = &mut self.history {
            history.push((settlement.entry.clone(), settlement.verdict));
        }
        let Some(entry) = self.held.remove(&settlement.entry) else { return Ok(()) };
        match settlement.verdict {
            Verdict::Ack => match &self.ack_fault {
                None => Ok(()),
                Some(text) => Err(crate::fault::Fault::source(text.clone())),
            },
            Verdict::Nack if entry.deliveries > redelivery.max => {
                self.given_up += entry.records.len();
                Ok(())
            }
            Verdict::Nack => {
                self.refused.push_back((Instant::now() + redelivery.delay, entry));
                Ok(())
            }
        }
    }

    pub(super) fn history(&self) -> &[(EntryId, Verdict)] {
        self.history.as_deref().unwrap_or_default()
    }

    pub(super) fn unsettled(&self) -> Vec<EntryId> {
        let mut entries: Vec<_> = self.held.keys().cloned().collect();
        entries.sort_by(|a, b| (&a.topic, a.entry).cmp(&(&b.topic, b.entry)));
        entries
    }

    pub(super) fn given_up(&self) -> usize {
        self.given_up
    }

    pub(super) fn fail_acks(&mut self, text: Option<String>) {
        _ = mem::replace(&mut self.ack_fault, text);
    }
}
