//! What a record does through the host lasts if it succeeds, and only then.

use std::sync::{Mutex, OnceLock};

use super::*;
use crate::invoke::{ManualSettlement, OutcomeSender};

#[tokio::test]
async fn counters_add_up_and_are_committed() {
    let function = Function::behaviours().await;
    function.batch(&["i", "i", "i"]).await;
    assert_eq!(function.counter(), Some(3));
    function.call(&["i"]).await;
    assert_eq!(function.counter(), Some(4));
}

#[tokio::test]
async fn later_records_see_what_earlier_ones_wrote_or_deleted() {
    let function = Function::behaviours().await;
    let outcomes = function.batch(&["g", "w1", "g", "w2", "g", "d", "g"]).await;
    assert_eq!(shown(&outcomes), ["-", "w1", "w1", "w2", "w2", "d", "-"]);
    assert_eq!(function.state.get("last").unwrap(), None);
}

#[tokio::test]
async fn what_was_written_in_one_call_is_read_in_the_next() {
    let function = Function::behaviours().await;
    function.batch(&["w1", "e"]).await;
    assert_eq!(shown(&function.call(&["g"]).await), ["w1"]);
}

#[tokio::test]
async fn a_failed_record_changes_no_state() {
    let function = Function::behaviours().await;
    let outcomes = function.batch(&["i", "F", "i"]).await;
    assert_eq!(shown(&outcomes), ["i", "error: F", "i"]);
    assert_eq!(function.counter(), Some(2));
}

#[tokio::test]
async fn a_guest_may_take_a_record_s_effects_back_itself() {
    let function = Function::behaviours().await;
    let outcomes = function.batch(&["i", "c", "i"]).await;
    assert_eq!(shown(&outcomes), ["i", "c", "i"]);
    assert_eq!(function.counter(), Some(2));
}

#[tokio::test]
async fn published_messages_go_with_their_record() {
    let function = Function::behaviours().await;
    let outcomes = function.batch(&["s1", "e", "s2"]).await;
    let (topic, message) = &outcomes[2].published[0];
    assert_eq!(&**topic, "side");
    assert_eq!(message.payload, "s2");
    assert_eq!(message.key, Some("last".into()));
    assert_eq!(message.event_time, Some(99));
    assert!(outcomes[1].published.is_empty());
}

#[tokio::test]
async fn settling_by_hand_is_refused_unless_the_guarantee_is_manual() {
    let function = Function::behaviours().await;
    let outcomes = function.call(&["a"]).await;
    assert_eq!(
        shown(&outcomes),
        [
            "error: this function runs with ATLEAST_ONCE: the runner settles its messages; only with \
          processingGuarantees MANUAL may a function do so"
        ]
    );
}

#[tokio::test]
async fn a_settlement_by_hand_is_reported() {
    let setting = Setting { guarantee: Guarantee::Manual, ..Setting::default() };
    let function = Function::start(BEHAVIOURS, setting).await.unwrap();
    let outcomes = function.call(&["a"]).await;
    let id = MessageId { ledger: 3, entry: 7, partition: -1, batch_index: -1, batch_size: 0 };
    assert_eq!(
        outcomes[0].settled,
        [ManualSettlement { topic: "".into(), id, acknowledged: true }]
    );
}

/// Refuses to commit; tells what it was asked.
#[derive(Default)]
struct FullDisk {
    asked: Mutex<Vec<Vec<String>>>,
}

impl StateStore for FullDisk {
    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(None)
    }

    fn commit(&self, changes: &[(String, Option<Vec<u8>>)]) -> Result<(), Fault> {
        self.asked.lock().unwrap().push(changes.iter().map(|(key, _)| key.clone()).collect());
        Err(Fault::system("the disk is full"))
    }
}

#[tokio::test]
async fn what_cannot_be_committed_fails_the_records_that_wrote_it() {
    let disk = Arc::new(FullDisk::default());
    let setting = Setting { state: Some(disk.clone()), ..Setting::default() };
    let function = Function::start(BEHAVIOURS, setting).await.unwrap();
    let outcomes = function.batch(&["s", "i", "w", "e"]).await;
    assert_eq!(
        shown(&outcomes),
        [
            "s",
            "error: state was not committed: the disk is full",
            "error: state was not committed: the disk is full",
            "e"
        ]
    );
    assert_eq!(outcomes[1].result.as_ref().unwrap_err().origin, Origin::System);
    assert_eq!(outcomes[0].published.len(), 1);
    assert_eq!(*disk.asked.lock().unwrap(), [["count", "last"]], "one commit for the call");
    // What failed is not seen by later calls.
    assert_eq!(shown(&function.call(&["g"]).await), ["-"]);
}

/// At a commit, notes whether an outcome was sent before.
#[derive(Default)]
struct Watched {
    outcomes: OnceLock<OutcomeSender>,
    told_before: OnceLock<bool>,
}

impl StateStore for Watched {
    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(None)
    }

    fn commit(&self, _: &[(String, Option<Vec<u8>>)]) -> Result<(), Fault> {
        let outcomes = self.outcomes.get().unwrap();
        self.told_before.set(outcomes.capacity() < outcomes.max_capacity()).unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn state_is_durable_before_an_outcome_is_told() {
    let store = Arc::new(Watched::default());
    let setting = Setting { state: Some(store.clone()), ..Setting::default() };
    let function = Function::start(BEHAVIOURS, setting).await.unwrap();
    let (outcomes, mut inbox) = mpsc::channel(8);
    store.outcomes.set(outcomes.clone()).unwrap();
    let records = vec![record("i")].into();
    function.invoker.submit(Call { id: 1, records, outcomes }).unwrap();
    inbox.recv().await.unwrap();
    assert_eq!(store.told_before.get(), Some(&false));
}
