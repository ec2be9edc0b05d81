//! The sandbox: every limit is kept, fails only its own message, and is named in the error.

use super::*;

#[tokio::test]
async fn an_endless_loop_ends_at_its_deadline_and_its_neighbours_proceed() {
    let function = Function::behaviours().await;
    let mut messages = vec!["e"; 500];
    messages[250] = "l";
    let began = Instant::now();
    let outcomes = function.batch(&messages).await;
    let took = began.elapsed();
    assert_eq!(shown(&outcomes)[250], "error: ran longer than 300 ms (limits.messageMillis)");
    assert_eq!(outcomes.iter().filter(|outcome| outcome.result.is_err()).count(), 1);
    // The batch once and the message once, whatever the batch's size; not until batch_millis.
    assert!(took >= Duration::from_millis(600), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn sleeping_in_the_host_ends_at_the_deadline_too() {
    let function = Function::behaviours().await;
    let outcomes = function.call(&["z", "e"]).await;
    assert_eq!(shown(&outcomes), ["error: ran longer than 300 ms (limits.messageMillis)", "e"]);
}

#[tokio::test]
async fn a_call_takes_no_longer_than_the_batch_may() {
    let limits = Limits { message_millis: 60_000, batch_millis: 200, ..Limits::default() };
    let function = Function::with_limits(limits).await;
    let outcomes = function.call(&["l"]).await;
    assert_eq!(shown(&outcomes), ["error: ran longer than 200 ms (limits.batchMillis)"]);
}

#[tokio::test]
async fn a_memory_bomb_meets_its_limit() {
    let limits = Limits { memory_bytes: 4 << 20, ..Limits::default() };
    let function = Function::with_limits(limits).await;
    let outcomes = function.batch(&["e1", "m", "e3"]).await;
    assert_eq!(
        shown(&outcomes),
        ["e1", "error: needed more than 4194304 bytes of memory (limits.memoryBytes)", "e3"]
    );
}

#[tokio::test]
async fn a_component_that_begins_with_too_much_memory_does_not_start() {
    let limits = Limits { memory_bytes: 64 << 10, ..Limits::default() };
    let setting = Setting { limits, ..Setting::default() };
    let fault = Function::start(BEHAVIOURS, setting).await.err().unwrap();
    assert_eq!(
        fault.to_string(),
        "the function does not start: needed more than 65536 bytes of memory (limits.memoryBytes)"
    );
}

#[tokio::test]
async fn a_message_larger_than_the_guest_s_memory_fails_alone() {
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    let function = Function::with_limits(limits).await;
    let large = "e".repeat(2 << 20);
    let outcomes = function.batch(&["e1", &large, "e3"]).await;
    assert_eq!(shown(&outcomes)[0], "e1");
    assert_eq!(
        shown(&outcomes)[1],
        "error: needed more than 1048576 bytes of memory (limits.memoryBytes)"
    );
    assert_eq!(shown(&outcomes)[2], "e3");
}

#[tokio::test]
async fn a_growing_table_meets_its_limit() {
    let limits = Limits { table_elements: 5_000, ..Limits::default() };
    let function = Function::with_limits(limits).await;
    let outcomes = function.call(&["q", "e"]).await;
    assert_eq!(
        shown(&outcomes),
        ["error: needed more than 5000 table elements (limits.tableElements)", "e"]
    );
}

#[tokio::test]
async fn a_stack_overflow_fails_its_message() {
    let function = Function::behaviours().await;
    let outcomes = function.batch(&["o", "e"]).await;
    assert_eq!(
        shown(&outcomes),
        ["error: needed more than 1048576 bytes of stack (limits.stackBytes)", "e"]
    );
}

#[tokio::test]
async fn the_largest_stack_that_is_accepted_can_be_used() {
    let limits = Limits { stack_bytes: 256 << 20, ..Limits::default() };
    let function = Function::with_limits(limits).await;
    let outcomes = function.call(&["o", "e"]).await;
    assert_eq!(
        shown(&outcomes),
        ["error: needed more than 268435456 bytes of stack (limits.stackBytes)", "e"]
    );
}

#[tokio::test]
async fn passing_too_much_through_the_host_meets_its_limit() {
    let limits = Limits { host_call_bytes: 1 << 20, ..Limits::default() };
    let mut function = Function::with_limits(limits).await;
    let outcomes = function.call(&["h", "e"]).await;
    assert_eq!(
        shown(&outcomes),
        [
            "error: passed more than 1048576 bytes through host functions in one call \
             (limits.hostCallBytes)",
            "e"
        ]
    );
    let mut logged = 0;
    while let Ok(line) = function.lines.try_recv() {
        logged += line.message.len();
    }
    assert!(logged <= 1 << 20, "{logged}");
}

#[tokio::test]
async fn what_is_too_much_for_one_call_may_be_little_for_each_message() {
    let limits = Limits { host_call_bytes: 4 << 10, ..Limits::default() };
    let function = Function::with_limits(limits).await;
    let message = format!("s{}", "x".repeat(1_000));
    let (outcomes, mut inbox) = mpsc::channel(32);
    function.call(&["e"]).await;
    let records = vec![record(&message); 20].into();
    function.invoker.submit(Call { id: 1, records, outcomes }).unwrap();
    let mut parts = Vec::new();
    while let Some(completed) = inbox.recv().await {
        assert!(completed.outcomes.iter().all(|outcome| outcome.published.len() == 1));
        parts.push(completed.outcomes.len());
    }
    assert_eq!(parts.iter().sum::<usize>(), 20);
    // Each holds about 2 KiB: output and published message. No part holds much more than the limit.
    assert!(parts.iter().all(|outcomes| *outcomes <= 3), "{parts:?}");
}

#[tokio::test]
async fn a_log_flood_is_bounded_and_what_was_dropped_is_told() {
    let mut function = Function::behaviours().await;
    function.call(&["B"]).await;
    let mut lines = Vec::new();
    while let Ok(line) = function.lines.try_recv() {
        lines.push(line.message);
    }
    assert_eq!(lines.len(), 10_001);
    assert_eq!(
        lines.last().map(String::as_str),
        Some("2000 lines were dropped: one call may log 10000 lines and 4194304 bytes")
    );
}

#[tokio::test]
async fn random_numbers_come_in_bounded_portions() {
    let function = Function::behaviours().await;
    let outcomes = function.call(&["R", "e"]).await;
    let shown = shown(&outcomes);
    assert!(shown[0].starts_with("error: "), "{}", shown[0]);
    assert_eq!(shown[1], "e");
}

#[tokio::test]
async fn a_limit_that_cannot_be_kept_is_refused_with_its_name() {
    for stack_bytes in [0, (256 << 20) + 1] {
        let limits = Limits { stack_bytes, ..Limits::default() };
        let refused = Engine::new(&limits, None).err().unwrap().to_string();
        assert_eq!(
            refused,
            format!("limits.stackBytes={stack_bytes}: expected 1 to 268435456 bytes")
        );
    }
}
