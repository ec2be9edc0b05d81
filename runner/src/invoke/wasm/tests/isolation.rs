//! One message must not spoil another.

use super::*;

#[tokio::test]
async fn each_message_has_its_own_result() {
    let function = Function::behaviours().await;
    let outcomes = function.batch(&["e1", "n", "f3", "e4"]).await;
    assert_eq!(shown(&outcomes), ["e1", "-", "error: f3", "e4"]);
    let fault = outcomes[2].result.as_ref().unwrap_err();
    assert_eq!(fault.origin, Origin::User);
    assert_eq!(function.traps(), 0);
}

#[tokio::test]
async fn outputs_share_the_guest_s_answer_without_being_copied() {
    let function = Function::behaviours().await;
    let outcomes = function.batch(&["e1", "e22"]).await;
    let [first, second] = [0, 1].map(|i| outcomes[i].result.as_ref().unwrap().clone().unwrap());
    assert_eq!(first.as_ptr().wrapping_add(first.len()), second.as_ptr());
}

#[tokio::test]
async fn a_trap_fails_only_the_message_that_made_it() {
    let function = Function::behaviours().await;
    let outcomes = function.batch(&["e1", "e2", "!", "e4"]).await;
    assert_eq!(shown(&outcomes), ["e1", "e2", "error: trapped (unreachable)", "e4"]);
    // The batch, then the message alone.
    assert_eq!(function.traps(), 2);
}

#[tokio::test]
async fn every_poison_message_of_a_batch_is_found() {
    let function = Function::behaviours().await;
    let mut messages = vec!["e"; 1_000];
    for index in [0, 1, 499, 999] {
        messages[index] = "!";
    }
    let outcomes = function.batch(&messages).await;
    let failed: Vec<usize> = (0..1_000).filter(|index| outcomes[*index].result.is_err()).collect();
    assert_eq!(failed, [0, 1, 499, 999]);
}

#[tokio::test]
async fn a_message_that_was_delivered_before_runs_alone() {
    let function = Function::behaviours().await;
    function.call(&["e"]).await;
    let poison = Record { redelivery_count: 1, ..record("!") };
    let outcomes = function.call_records(vec![record("e1"), poison, record("e3")]).await;
    assert_eq!(shown(&outcomes), ["e1", "error: trapped (unreachable)", "e3"]);
    assert_eq!(function.traps(), 1, "its neighbours were never in a call that trapped");
}

#[tokio::test]
async fn a_panic_is_told_with_its_place_and_message() {
    let function = Function::behaviours().await;
    let outcomes = function.batch(&["p", "e"]).await;
    assert_eq!(
        shown(&outcomes),
        ["error: trapped (unreachable): panicked at src/lib.rs:7:9: no such word", "e"]
    );
}

#[tokio::test]
async fn a_guest_that_exits_fails_its_message() {
    let function = Function::behaviours().await;
    let outcomes = function.call(&["E", "e"]).await;
    assert_eq!(shown(&outcomes), ["error: ended itself with exit status 1", "e"]);
}

#[tokio::test]
async fn results_that_break_the_contract_are_faults_not_panics() {
    let function = Function::behaviours().await;
    let outcomes = function.batch(&["e", "r"]).await;
    assert_eq!(shown(&outcomes), ["e", "error: returned 2 ends and 1 statuses for 1 messages"]);
}

#[tokio::test]
async fn asking_for_a_record_beyond_the_call_is_an_error_that_says_so() {
    let function = Function::behaviours().await;
    let outcomes = function.batch(&["x", "t"]).await;
    assert_eq!(
        shown(&outcomes),
        ["error: asked the host for record 1000000 of a call with 1", "persistent://t/ns/in"]
    );
}

#[tokio::test]
async fn state_and_messages_of_neighbours_survive_a_trap_once() {
    let mut function = Function::behaviours().await;
    let outcomes = function.batch(&["i", "I", "i", "s", "u", "L"]).await;
    assert_eq!(function.counter(), Some(2));
    assert!(outcomes[1].result.is_err());
    assert_eq!(outcomes[3].published.len(), 1);
    let figures = function.metrics.figures();
    let seen = figures.user_metric_values().find(|(name, _)| name == "user_metric_seen_count");
    assert_eq!(seen, Some(("user_metric_seen_count".to_owned(), 1.0)));
    assert_eq!(function.lines.try_recv().unwrap().message, "L");
    assert!(function.lines.try_recv().is_err(), "logged once");
}

#[tokio::test]
async fn calls_wait_in_line_and_closing_finishes_them() {
    let function = Function::behaviours().await;
    let (outcomes, mut inbox) = mpsc::channel(8);
    for id in 0..2 {
        let records = vec![record("e")].into();
        function.invoker.submit(Call { id, records, outcomes: outcomes.clone() }).unwrap();
    }
    drop(outcomes);
    Box::new(function.invoker).close().await.unwrap();
    let mut ids = Vec::new();
    while let Some(completed) = inbox.recv().await {
        ids.push(completed.call);
    }
    assert_eq!(ids, [0, 1]);
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_dropped_without_effects() {
    let function = Function::behaviours().await;
    let (outcomes, inbox) = mpsc::channel(8);
    drop(inbox);
    let records = vec![record("i")].into();
    function.invoker.submit(Call { id: 1, records, outcomes }).unwrap();
    function.call(&["e"]).await;
    assert_eq!(function.counter(), None);
}
