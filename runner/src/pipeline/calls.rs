//! Calls to the invoker: filling them, and keeping their records until all outcomes are in.

use std::{collections::HashMap, sync::Arc};

use function_mesh_proto::instance::Limits;

use super::{
    item::{Item, Ticket},
    order::{Held, OrderGate},
    waiting::Ready,
};
use crate::{
    invoke::{Call, Completed, OutcomeSender},
    record::Record,
};

/// The calls under way.
#[derive(Debug)]
pub(super) struct Calls {
    max_messages: usize,
    max_bytes: usize,
    next: u64,
    under_way: HashMap<u64, UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    state: CallState,
    outstanding: usize,
}

/// A call's records and what the pipeline knows of them, index by index.
#[derive(Clone, Debug)]
pub(super) struct CallState {
    pub(super) records: Arc<[Record]>,
    pub(super) tickets: Arc<[Ticket]>,
}

impl Calls {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            max_messages: limits.call_messages.max(1) as usize,
            max_bytes: usize::try_from(limits.call_bytes).unwrap_or(usize::MAX),
            next: 0,
            under_way: HashMap::new(),
        }
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Whether less than a full call is waiting.
    pub(super) fn wants_more(&self, ready: &Ready) -> bool {
        ready.len() < self.max_messages && ready.bytes() < self.max_bytes
    }

    /// Takes the records of the next call. One that must wait behind a failed one goes to the gate
    /// instead. A single record may exceed the limit on bytes.
    pub(super) fn fill(&self, ready: &mut Ready, gate: &mut OrderGate) -> Vec<Item> {
        let mut items = Vec::with_capacity(ready.len().min(self.max_messages));
        let mut room = self.max_bytes;
        while items.len() < self.max_messages {
            let next = if items.is_empty() { ready.pop() } else { ready.pop_within(room) };
            let Some(item) = next else { break };
            if gate.must_wait(&item.record, &item.ticket) {
                gate.hold(Held::Item(item));
                continue;
            }
            room = room.saturating_sub(item.record.payload.len());
            items.push(item);
        }
        items
    }

    /// Makes a call of the records.
    pub(super) fn start(&mut self, items: Vec<Item>, outcomes: OutcomeSender) -> Call {
        self.next += 1;
        let (records, tickets): (Vec<_>, Vec<_>) =
            items.into_iter().map(|item| (item.record, item.ticket)).unzip();
        let state = CallState { records: records.into(), tickets: tickets.into() };
        let records = state.records.clone();
        let outstanding = records.len();
        self.under_way.insert(self.next, UnderWay { state, outstanding });
        Call { id: self.next, records, outcomes }
    }

    /// The call that outcomes belong to, which ends with its last one. `None` if there is no such
    /// call, or the outcomes are not its own.
    pub(super) fn take_completed(&mut self, completed: &Completed) -> Option<CallState> {
        let count = completed.outcomes.len();
        let call = self.under_way.get_mut(&completed.call)?;
        if completed.first.checked_add(count)? > call.state.records.len() {
            return None;
        }
        call.outstanding = call.outstanding.checked_sub(count)?;
        if call.outstanding == 0 {
            return self.under_way.remove(&completed.call).map(|call| call.state);
        }
        Some(call.state.clone())
    }
}
