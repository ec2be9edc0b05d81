//! A fixed list of entries, for tests: a real source whose every settlement can be looked at.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use super::{
    Budget, Delivery, EntryId, Source, Verdict,
    memory::{Redelivery, Shared, Subscription},
};
use crate::{
    fault::Fault,
    record::{MessageId, Record},
};

/// What the source does next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Hands out an entry. The records get the topic position of the entry's place in the script.
    Entry(Vec<Record>),
    /// Nothing arrives for so long.
    Pause(Duration),
    /// Ends for good, with this reason.
    Fault(String),
}

impl Step {
    /// An entry of messages that have only a payload.
    pub fn entry<P: Into<Bytes>>(topic: &str, payloads: impl IntoIterator<Item = P>) -> Self {
        let topic: Arc<str> = topic.into();
        let record = |payload: P| Record {
            topic: topic.clone(),
            payload: payload.into(),
            ..Record::default()
        };
        Self::Entry(payloads.into_iter().map(record).collect())
    }
}

/// What the source does after the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// Ends at once, as a file does.
    Close,
    /// Ends when every entry was acknowledged or given up, handing refused ones out again.
    Settled,
    /// Stays open, as a broker does: what is pushed later and what was refused is handed out.
    StayOpen,
}

/// Plays a script. Refused entries are handed out again before the rest of the script.
#[derive(Debug)]
pub struct Scripted {
    script: Arc<Mutex<Script>>,
    at_end: AtEnd,
    budget: Option<Budget>,
    subscription: Subscription,
    resume_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct Script {
    steps: VecDeque<Step>,
    entries: u64,
    closed: bool,
}

/// Looks at a [`Scripted`] source from outside while it runs, and after it closed.
#[derive(Clone, Debug)]
pub struct ScriptedHandle {
    script: Arc<Mutex<Script>>,
    shared: Arc<Shared>,
}

impl Scripted {
    /// Ends when everything is settled; a refused entry is handed out again at once, at most
    /// three times.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let script = Script { steps: steps.into_iter().collect(), ..Script::default() };
        Self {
            script: Arc::new(Mutex::new(script)),
            at_end: AtEnd::Settled,
            budget: None,
            subscription: Subscription::new(Redelivery { delay: Duration::ZERO, max: 3 }, true),
            resume_at: None,
        }
    }

    pub fn at_end(mut self, at_end: AtEnd) -> Self {
        self.at_end = at_end;
        self
    }

    /// Hands entries out only while there is credit.
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// To be called before the first entry is read.
    pub fn with_redelivery(mut self, redelivery: Redelivery) -> Self {
        self.subscription = Subscription::new(redelivery, true);
        self
    }

    pub fn handle(&self) -> ScriptedHandle {
        ScriptedHandle { script: self.script.clone(), shared: self.subscription.shared() }
    }

    /// Takes the next step, if it can be taken now.
    fn step(&mut self) -> Result<Taken, Fault> {
        let mut script = lock(&self.script);
        match script.steps.pop_front() {
            None => Ok(Taken::Nothing),
            Some(Step::Fault(text)) => Err(Fault::source(text)),
            Some(Step::Pause(pause)) => {
                let until = *self.resume_at.get_or_insert_with(|| Instant::now() + pause);
                if until > Instant::now() {
                    script.steps.push_front(Step::Pause(pause));
                    return Ok(Taken::Pause(until));
                }
                self.resume_at = None;
                Ok(Taken::Pause(until))
            }
            Some(Step::Entry(mut records)) => {
                let entry = script.entries;
                script.entries += 1;
                if let Some(id) = place(&mut records, entry) {
                    self.subscription.choose(id, records);
                }
                Ok(Taken::Entry)
            }
        }
    }
}

enum Taken {
    Entry,
    Pause(Instant),
    Nothing,
}

#[async_trait]
impl Source for Scripted {
    async fn next(&mut self) -> Result<Option<Delivery>, Fault> {
        loop {
            if self.subscription.has_next() {
                return Ok(self.subscription.deliver(self.budget.as_ref()).await);
            }
            match self.step()? {
                Taken::Entry => {}
                Taken::Pause(until) => tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    () = self.subscription.changed() => {}
                },
                Taken::Nothing => match self.at_end {
                    AtEnd::Close => return Ok(None),
                    AtEnd::Settled if self.subscription.is_idle() => return Ok(None),
                    AtEnd::Settled | AtEnd::StayOpen => self.subscription.changed().await,
                },
            }
        }
    }

    async fn close(self: Box<Self>) -> Result<(), Fault> {
        let Self { script, subscription, .. } = *self;
        let shared = subscription.shared();
        subscription.close().await;
        lock(&script).closed = true;
        shared.touch();
        Ok(())
    }
}

impl ScriptedHandle {
    /// Appends to the script.
    pub fn push(&self, step: Step) {
        lock(&self.script).steps.push_back(step);
        self.shared.touch();
    }

    /// Every verdict carried out, in order.
    pub fn settlements(&self) -> Vec<(EntryId, Verdict)> {
        self.shared.state().history().to_vec()
    }

    /// Positions in the script's entries of the acknowledged ones, in order of acknowledgement.
    pub fn acked(&self) -> Vec<u64> {
        self.with_verdict(Verdict::Ack)
    }

    /// As [`ScriptedHandle::acked`], for those that were refused; once per refusal.
    pub fn nacked(&self) -> Vec<u64> {
        self.with_verdict(Verdict::Nack)
    }

    /// Handed out, and neither acknowledged nor refused so far.
    pub fn unsettled(&self) -> Vec<u64> {
        self.shared.state().unsettled().iter().map(|id| id.entry).collect()
    }

    /// Messages of entries that were refused too often.
    pub fn given_up(&self) -> usize {
        self.shared.state().given_up()
    }

    pub fn is_closed(&self) -> bool {
        lock(&self.script).closed
    }

    /// From now on every acknowledgement's receipt says this, until told `None`.
    pub fn fail_acks(&self, text: Option<&str>) {
        self.shared.state().fail_acks(text.map(str::to_owned));
    }

    /// Waits until so many verdicts were carried out.
    pub async fn settled(&self, verdicts: usize) {
        let mut changes = self.shared.changes();
        while self.shared.state().history().len() < verdicts {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn with_verdict(&self, verdict: Verdict) -> Vec<u64> {
        let state = self.shared.state();
        state.history().iter().filter(|(_, v)| *v == verdict).map(|(id, _)| id.entry).collect()
    }
}

/// Gives the records of an entry their positions, and the entry its name. `None` if it is empty.
fn place(records: &mut [Record], entry: u64) -> Option<EntryId> {
    const LEDGER: u64 = 1;
    let count = records.len();
    for (index, record) in records.iter_mut().enumerate() {
        let (batch_index, batch_size) =
            if count == 1 { (-1, 0) } else { (number(index), number(count)) };
        record.id = MessageId { ledger: LEDGER, entry, partition: -1, batch_index, batch_size };
    }
    let topic = records.first()?.topic.clone();
    Some(EntryId { topic, ledger: LEDGER, entry, partition: -1 })
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
