//! Cuts what is waiting into broker batches.
//!
//! There are no linger timers: while one batch is on its way the next gathers by itself, and a
//! message that finds nothing on its way goes at once.

use std::collections::HashMap;

use crate::record::OutgoingMessage;

/// Messages in one batch. More than the thousand of Pulsar's clients, which have several batches on
/// their way at a time: here a batch is all that one confirmation can bring.
pub(super) const MAX_MESSAGES: u32 = 4000;
/// Bytes in one batch, unless one message is larger.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// Batches, as indexes into `messages`, in the order to send them.
///
/// With `by_key`, one batch has messages of one key only. Order holds within a key; keys follow
/// each other as they first appear.
pub(super) fn cut(messages: &[&OutgoingMessage], by_key: bool) -> Vec<Vec<usize>> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut open: HashMap<Option<&[u8]>, usize> = HashMap::new();
    for (index, message) in messages.iter().enumerate() {
        let size = message.weight();
        let key = if by_key { batch_key(message) } else { None };
        let current = open.get(&key).and_then(|at| batches.get_mut(*at));
        match current.filter(|batch| batch.fits(size)) {
            Some(batch) => batch.push(index, size),
            None => {
                open.insert(key, batches.len());
                let mut batch = Batch::default();
                batch.push(index, size);
                batches.push(batch);
            }
        }
    }
    batches.into_iter().map(|batch| batch.messages).collect()
}

/// What consumers of a Key_Shared subscription are chosen by.
fn batch_key(message: &OutgoingMessage) -> Option<&[u8]> {
    let key = message.key.as_ref().map(|key| key.text.as_bytes());
    message.ordering_key.as_deref().or(key)
}

#[derive(Default)]
struct Batch {
    messages: Vec<usize>,
    bytes: usize,
}

impl Batch {
    fn fits(&self, size: usize) -> bool {
        self.messages.len() < MAX_MESSAGES as usize && self.bytes + size <= MAX_BYTES
    }

    fn push(&mut self, index: usize, size: usize) {
        self.messages.push(index);
        self.bytes += size;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn message(key: Option<&str>, size: usize) -> OutgoingMessage {
        OutgoingMessage {
            payload: Bytes::from(vec![0; size]),
            key: key.map(Into::into),
            ..Default::default()
        }
    }

    fn cut_all(messages: &[OutgoingMessage], by_key: bool) -> Vec<Vec<usize>> {
        cut(&messages.iter().collect::<Vec<_>>(), by_key)
    }

    #[test]
    fn small_messages_share_a_batch_up_to_four_thousand() {
        let sizes: Vec<usize> =
            cut_all(&vec![message(None, 1); 9000], false).iter().map(Vec::len).collect();
        assert_eq!(sizes, [4000, 4000, 1000]);
    }

    #[test]
    fn a_large_message_goes_alone() {
        let messages = [message(None, 10), message(None, MAX_BYTES), message(None, 10)];
        assert_eq!(cut_all(&messages, false), [vec![0], vec![1], vec![2]]);
    }

    #[test]
    fn batches_by_key_do_not_mix_keys() {
        let messages =
            [message(Some("a"), 1), message(Some("b"), 1), message(None, 1), message(Some("a"), 1)];
        assert_eq!(cut_all(&messages, true), [vec![0, 3], vec![1], vec![2]]);
    }

    proptest! {
        #[test]
        fn every_message_is_sent_once_and_in_order_of_its_key(
            messages in prop::collection::vec((0_u8..4, 0_usize..100_000), 0..60),
            by_key: bool,
        ) {
            let messages: Vec<OutgoingMessage> = messages
                .iter()
                .map(|(key, size)| message(Some(["a", "b", "c", "d"][*key as usize]), *size))
                .collect();
            let order: Vec<usize> = cut_all(&messages, by_key).concat();
            for key in ["a", "b", "c", "d"] {
                let of_key = |index: &&usize| messages[**index].key == Some(key.into());
                let sent: Vec<&usize> = order.iter().filter(of_key).collect();
                prop_assert!(sent.is_sorted());
            }
            let mut all = order;
            all.sort_unstable();
            prop_assert_eq!(all, (0..messages.len()).collect::<Vec<_>>());
        }
    }
}
