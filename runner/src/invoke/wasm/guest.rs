//! One instance of a component, and calls of its exports.

use std::{mem, ops::Range, sync::Arc};

use bytes::Bytes;
use tokio::time::Instant;
use wasmtime::{Store, component::InstancePre};

use super::{
    component::CompiledComponent,
    effects::Effects,
    engine::ticks,
    host::{
        Host,
        bindings::{
            packed::{
                PackedFunction, PackedFunctionPre,
                exports::function_mesh::function::packed::{Batch, Results},
            },
            plain::{PlainFunction, PlainFunctionPre},
        },
    },
    limits::Deadline,
    trap::Ended,
    world::World,
};
use crate::{fault::Fault, record::Record};

/// Resource handles a guest may hold, all its component instances together.
const HANDLES: usize = 10_000;
/// Longest text of an error a function returned, in bytes.
const ERROR_BYTES: usize = 8 << 10;

/// What a function made of one record.
pub(super) type Made = Result<Option<Bytes>, Fault>;

/// What a guest call is about: some of a call's records, and how long they may take.
pub(super) struct Window<'a> {
    pub(super) records: &'a Arc<[Record]>,
    pub(super) range: Range<usize>,
    pub(super) deadline: Deadline,
}

/// A component with its imports resolved and its exports found.
#[derive(Clone)]
pub(super) enum GuestPre {
    Packed(PackedFunctionPre<Host>),
    Plain(PlainFunctionPre<Host>),
}

impl GuestPre {
    pub(super) fn new(world: World, pre: InstancePre<Host>) -> wasmtime::Result<Self> {
        Ok(match world {
            World::Packed => Self::Packed(PackedFunctionPre::new(pre)?),
            World::Plain => Self::Plain(PlainFunctionPre::new(pre)?),
        })
    }
}

enum Exports {
    Packed(PackedFunction),
    Plain(PlainFunction),
}

/// A running instance. After a call that ended it, it is only good for dropping.
pub(super) struct Guest {
    store: Store<Host>,
    exports: Exports,
    /// Kept for its buffers.
    batch: Batch,
}

impl Guest {
    /// Instantiates and starts.
    pub(super) fn start(component: &CompiledComponent, host: Host) -> Result<Self, Ended> {
        let limits = component.engine().limits();
        let deadline = Deadline::single(limits);
        // The guest cannot hand over more than it can hold at once.
        let transfer = limits.host_call_bytes.max(limits.memory_bytes);
        let mut store = Store::new(component.engine().wasmtime(), host);
        store.limiter(|host| &mut host.limiter);
        store.set_hostcall_fuel(usize::try_from(transfer).unwrap_or(usize::MAX));
        store.set_max_component_handles(HANDLES);
        store.set_epoch_deadline(ticks(deadline.after));
        store.data_mut().begin(
            &(Arc::new([]) as Arc<[Record]>),
            0..0,
            Instant::now() + deadline.after,
        );
        let started = match component.pre() {
            GuestPre::Packed(pre) => pre.instantiate(&mut store).and_then(|packed| {
                let answer = packed.function_mesh_function_packed().call_start(&mut store)?;
                Ok((Exports::Packed(packed), answer))
            }),
            GuestPre::Plain(pre) => {
                pre.instantiate(&mut store).map(|plain| (Exports::Plain(plain), Ok(())))
            }
        };
        match started {
            Ok((exports, Ok(()))) => {
                store.data_mut().finish();
                let batch = Batch { payloads: Vec::new(), ends: Vec::new() };
                Ok(Self { store, exports, batch })
            }
            Ok((_, Err(why))) => {
                store.data_mut().fail();
                Err(Ended::new(why))
            }
            Err(error) => {
                let ended = Ended::explain(&error, store.data(), deadline);
                store.data_mut().fail();
                Err(ended)
            }
        }
    }

    /// Whether one guest call takes several records.
    pub(super) fn takes_batches(&self) -> bool {
        matches!(self.exports, Exports::Packed(_))
    }

    /// Bytes of linear memory.
    pub(super) fn memory(&self) -> usize {
        self.store.data().limiter.memory()
    }

    /// Runs the function on a window of a call's records; adds what it made of each to `made`, and
    /// what it did through the host to `effects`. Gives the bytes of memory that both take, nearly.
    ///
    /// # Errors
    /// The guest is to be dropped; nothing was added to either.
    pub(super) fn call(
        &mut self,
        window: Window<'_>,
        made: &mut Vec<Made>,
        effects: &mut Effects,
    ) -> Result<u64, Ended> {
        let Window { records, range, deadline } = window;
        let before = made.len();
        let mark = effects.mark();
        self.store.set_epoch_deadline(ticks(deadline.after));
        let host = self.store.data_mut();
        mem::swap(&mut host.effects, effects);
        host.begin(records, range.clone(), Instant::now() + deadline.after);

        let slice = records.get(range.clone()).unwrap_or_default();
        let called = match &self.exports {
            Exports::Packed(packed) => {
                process_packed(packed, &mut self.store, &mut self.batch, slice, made)
            }
            Exports::Plain(plain) => process_plain(plain, &mut self.store, slice, made),
        };

        let host = self.store.data_mut();
        mem::swap(&mut host.effects, effects);
        host.release();
        let ended = match called {
            Ok(bytes) => {
                let made = made.get(before..).unwrap_or_default();
                for (index, _) in range.zip(made).filter(|(_, made)| made.is_err()) {
                    effects.discard(index);
                }
                host.finish();
                return Ok(host.spent().saturating_add(bytes as u64));
            }
            Err(CallError::Trap(error)) => Ended::explain(&error, host, deadline),
            Err(CallError::Contract(why)) => Ended::new(why),
        };
        made.truncate(before);
        if range.len() > 1 {
            host.forget();
        } else {
            host.fail();
        }
        effects.roll_back(range, mark);
        Err(ended)
    }
}

enum CallError {
    Trap(wasmtime::Error),
    /// The results break the contract of `world.wit`.
    Contract(String),
}

impl From<wasmtime::Error> for CallError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

fn process_plain(
    plain: &PlainFunction,
    store: &mut Store<Host>,
    records: &[Record],
    made: &mut Vec<Made>,
) -> Result<usize, CallError> {
    let mut bytes = 0;
    for record in records {
        let result =
            plain.function_mesh_function_plain().call_process(&mut *store, &record.payload)?;
        made.push(match result {
            Ok(output) => {
                bytes += output.as_ref().map_or(0, Vec::len);
                Ok(output.map(Bytes::from))
            }
            Err(text) => Err(returned_error(text.as_bytes())),
        });
    }
    Ok(bytes)
}

fn process_packed(
    packed: &PackedFunction,
    store: &mut Store<Host>,
    batch: &mut Batch,
    records: &[Record],
    made: &mut Vec<Made>,
) -> Result<usize, CallError> {
    batch.payloads.clear();
    batch.ends.clear();
    for record in records {
        batch.payloads.extend_from_slice(&record.payload);
        let end = u32::try_from(batch.payloads.len())
            .map_err(|_| CallError::Contract("the batch exceeds 4 GiB".to_owned()))?;
        batch.ends.push(end);
    }
    let results = packed.function_mesh_function_packed().call_process(&mut *store, batch)?;
    let bytes = results.payloads.len();
    unpack(results, records.len(), made).map_err(CallError::Contract)?;
    Ok(bytes)
}

/// Takes the results apart, one per record, without copying them.
fn unpack(results: Results, records: usize, made: &mut Vec<Made>) -> Result<(), String> {
    let Results { payloads, ends, statuses } = results;
    if ends.len() != records || statuses.len() != records {
        return Err(format!(
            "returned {} ends and {} statuses for {records} messages",
            ends.len(),
            statuses.len()
        ));
    }
    if ends.last().is_some_and(|last| *last as usize != payloads.len()) {
        return Err(format!("returned {} bytes, but not an end for all of them", payloads.len()));
    }
    let payloads = Bytes::from(payloads);
    let mut start = 0;
    made.reserve(records);
    for (position, (end, status)) in ends.into_iter().zip(statuses).enumerate() {
        let end = end as usize;
        if end < start || end > payloads.len() {
            return Err(format!("returned a wrong end {end} for message {position}"));
        }
        made.push(match status {
            0 => Ok(Some(payloads.slice(start..end))),
            1 if end == start => Ok(None),
            1 => return Err(format!("returned bytes for message {position} without an output")),
            2 => Err(returned_error(payloads.get(start..end).unwrap_or_default())),
            other => return Err(format!("returned status {other} for message {position}")),
        });
        start = end;
    }
    Ok(())
}

/// An error the function returned. Its text is for people: cut to what fits a log line.
fn returned_error(text: &[u8]) -> Fault {
    if text.is_empty() {
        return Fault::user("the function returned an error without a text");
    }
    let cut = text.get(..ERROR_BYTES).unwrap_or(text);
    Fault::user(String::from_utf8_lossy(cut).into_owned())
}
