//! A record on its way through the pipeline.

use super::entries::EntryKey;
use crate::record::Record;

/// What the pipeline knows of a record besides the record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) entry: EntryKey,
    /// Order of arrival.
    pub(super) sequence: u64,
    /// Failed attempts that count against the limit on retries.
    pub(super) failures: u32,
    /// Published on its own: its last publish failed together with others', and only one of them
    /// need be to blame.
    pub(super) alone: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) record: Record,
    pub(super) ticket: Ticket,
}
