//! Puts a batch together again: the stock client hands out its messages one by one.

use std::sync::Arc;

use bytes::Bytes;
use pulsar::consumer::Message;

use super::super::EntryId;
use crate::record::{Key, MessageId, Record};

/// All records of one broker entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: EntryId,
    pub(super) records: Vec<Record>,
    pub(super) weight: usize,
}

/// What one more record made of the open entry.
#[derive(Debug)]
pub(super) enum Push {
    /// More of its batch must come.
    Open,
    Complete(Entry),
    /// A part of a batch without what comes before it: nothing that could be acknowledged.
    Torn(EntryId),
}

#[derive(Debug, Default)]
pub(super) struct Entries {
    open: Option<Entry>,
}

impl Entries {
    pub(super) fn push(&mut self, record: Record) -> Push {
        let MessageId { ledger, entry, partition, batch_index, batch_size } = record.id;
        let id = EntryId { topic: record.topic.clone(), ledger, entry, partition };
        let size = usize::try_from(batch_size).unwrap_or(0).max(1);
        let index = usize::try_from(batch_index).unwrap_or(0);
        let mut open = match self.open.take() {
            Some(open) if index > 0 && open.id == id && open.records.len() == index => open,
            _ if index == 0 => Entry { id, records: Vec::with_capacity(size), weight: 0 },
            _ => return Push::Torn(id),
        };
        open.weight += record.weight();
        open.records.push(record);
        if open.records.len() < size {
            self.open = Some(open);
            return Push::Open;
        }
        Push::Complete(open)
    }

    /// Forgets a batch whose rest will not come: its subscription ended.
    pub(super) fn reset(&mut self) {
        self.open = None;
    }
}

/// What the runner cannot process, in words.
pub(super) fn refusal(message: &Message<Vec<u8>>) -> Option<&'static str> {
    let metadata = &message.payload.metadata;
    if metadata.num_chunks_from_msg.is_some_and(|chunks| chunks > 1) {
        return Some("it is one chunk of a larger message; turn chunking off at its producer");
    }
    if !metadata.encryption_keys.is_empty() {
        return Some("it is encrypted; the runner cannot decrypt");
    }
    None
}

/// The payload is taken over, not copied.
pub(super) fn record(topic: &Arc<str>, message: Message<Vec<u8>>) -> Record {
    let id = id(&message);
    let metadata = message.payload.metadata;
    let base64 = metadata.partition_key_b64_encoded.unwrap_or(false);
    Record {
        topic: topic.clone(),
        id,
        payload: Bytes::from(message.payload.data),
        key: metadata.partition_key.map(|text| Key { text, base64 }),
        ordering_key: metadata.ordering_key.map(Bytes::from),
        properties: metadata.properties.into_iter().map(|p| (p.key, p.value)).collect(),
        // Producers that set none send 0.
        event_time: metadata.event_time.filter(|time| *time != 0),
        publish_time: metadata.publish_time,
        schema_version: metadata.schema_version.filter(|v| !v.is_empty()).map(Bytes::from),
        redelivery_count: 0,
    }
}

fn id(message: &Message<Vec<u8>>) -> MessageId {
    let data = &message.message_id.id;
    let batch_size = message.message_id.batch_size;
    MessageId {
        ledger: data.ledger_id,
        entry: data.entry_id,
        partition: data.partition.unwrap_or(-1),
        batch_index: if batch_size.is_some() { data.batch_index.unwrap_or(-1) } else { -1 },
        batch_size: batch_size.unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(entry: u64, batch_index: i32, batch_size: i32) -> Record {
        Record {
            topic: "t".into(),
            id: MessageId { ledger: 1, entry, partition: -1, batch_index, batch_size },
            ..Default::default()
        }
    }

    fn complete(push: Push) -> Entry {
        match push {
            Push::Complete(entry) => entry,
            other => panic!("not complete: {other:?}"),
        }
    }

    #[test]
    fn a_message_sent_alone_is_an_entry() {
        let entry = complete(Entries::default().push(part(7, -1, 0)));
        assert_eq!((entry.id.entry, entry.records.len()), (7, 1));
    }

    #[test]
    fn a_batch_is_handed_out_whole() {
        let mut entries = Entries::default();
        for index in 0..489 {
            assert!(matches!(entries.push(part(7, index, 490)), Push::Open), "{index}");
        }
        let entry = complete(entries.push(part(7, 489, 490)));
        let indexes: Vec<i32> = entry.records.iter().map(|r| r.id.batch_index).collect();
        assert_eq!(indexes, (0..490).collect::<Vec<_>>());
    }

    #[test]
    fn a_batch_of_one_is_complete_at_once() {
        assert_eq!(complete(Entries::default().push(part(7, 0, 1))).records.len(), 1);
    }

    #[test]
    fn a_batch_that_starts_again_forgets_its_first_part() {
        let mut entries = Entries::default();
        entries.push(part(7, 0, 2));
        assert!(matches!(entries.push(part(7, 0, 2)), Push::Open));
        assert_eq!(complete(entries.push(part(7, 1, 2))).records.len(), 2);
    }

    #[test]
    fn the_end_of_a_batch_alone_is_torn() {
        let mut entries = Entries::default();
        assert!(matches!(entries.push(part(7, 1, 3)), Push::Torn(_)));
        entries.push(part(8, 0, 3));
        assert!(matches!(entries.push(part(9, 1, 3)), Push::Torn(_)), "of another batch");
        entries.push(part(8, 0, 3));
        assert!(matches!(entries.push(part(8, 2, 3)), Push::Torn(_)), "with a gap");
    }
}
