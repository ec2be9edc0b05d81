//! How a settlement reaches the broker through the stock client.

use std::time::Duration;

use futures::{FutureExt, StreamExt, future::BoxFuture};
use pulsar::proto::MessageIdData;
use tokio::sync::oneshot;

use super::{super::EntryId, subscription::TopicConsumer};
use crate::{cluster::is_answer, fault::Fault};

/// Waits until the broker has seen all acknowledgements so far.
///
/// The client confirms none, but it keeps requests in order behind them: once the broker answers
/// a request, it has read what came before.
pub(super) async fn flush(consumer: &mut TopicConsumer) -> bool {
    answered(consumer, |consumer| async { consumer.get_last_message_id().await.map(drop) }.boxed())
        .await
}

/// Gives the subscription up, with its cursor, or else only its consumer.
pub(super) async fn leave(consumer: &mut TopicConsumer, unsubscribe: bool) -> bool {
    if unsubscribe && !answered(consumer, |consumer| consumer.unsubscribe().boxed()).await {
        return false;
    }
    answered(consumer, |consumer| consumer.close().boxed()).await
}

/// Asks the broker until it answers. Messages still coming in are thrown away meanwhile, since
/// the client sends nothing while they fill its queue.
async fn answered<F>(consumer: &mut TopicConsumer, ask: F) -> bool
where
    F: for<'a> Fn(&'a mut TopicConsumer) -> BoxFuture<'a, Result<(), pulsar::Error>>,
{
    let mut patience = Duration::from_millis(25);
    loop {
        match tokio::time::timeout(patience, ask(consumer)).await {
            Ok(Ok(())) => return true,
            // A refusal is an answer, too: some topics have no last message, and a consumer
            // whose first request to close was heard is gone.
            Ok(Err(error)) => return is_answer(&error),
            Err(_elapsed) => {
                while let Some(Some(_)) = consumer.next().now_or_never() {}
                patience = (patience * 2).min(Duration::from_secs(1));
            }
        }
    }
}

pub(super) fn message_id(entry: &EntryId) -> MessageIdData {
    MessageIdData {
        ledger_id: entry.ledger,
        entry_id: entry.entry,
        partition: Some(entry.partition),
        ..Default::default()
    }
}

pub(super) fn confirm(carried_out: Option<oneshot::Sender<Result<(), Fault>>>) {
    if let Some(carried_out) = carried_out {
        // Whoever asked may have stopped waiting.
        _ = carried_out.send(Ok(()));
    }
}
