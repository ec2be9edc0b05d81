use super::*;

const TOPIC: &str = "persistent://public/default/in";

fn payloads(delivery: &Delivery) -> Vec<&[u8]> {
    delivery.records.iter().map(|record| &*record.payload).collect()
}

#[tokio::test(start_paused = true)]
async fn entries_come_in_order_with_their_positions() {
    let mut source = Scripted::new([Step::entry(TOPIC, ["a"]), Step::entry(TOPIC, ["b", "c"])])
        .at_end(AtEnd::Close);
    let first = source.next().await.unwrap().unwrap();
    let second = source.next().await.unwrap().unwrap();
    assert_eq!(payloads(&first), [b"a"]);
    assert_eq!(payloads(&second), [b"b", b"c"]);
    let positions = |delivery: &Delivery| -> Vec<_> {
        delivery.records.iter().map(|r| (r.id.entry, r.id.batch_index, r.id.batch_size)).collect()
    };
    assert_eq!(positions(&first), [(0, -1, 0)]);
    assert_eq!(positions(&second), [(1, 0, 2), (1, 1, 2)]);
    assert!(source.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refused_entry_comes_again_and_the_source_ends_when_all_is_settled() {
    let mut source = Scripted::new([Step::entry(TOPIC, ["a"]), Step::entry(TOPIC, ["b"])]);
    let handle = source.handle();
    let first = source.next().await.unwrap().unwrap();
    let second = source.next().await.unwrap().unwrap();
    drop(first);
    second.in_flight.ack();
    let again = source.next().await.unwrap().unwrap();
    assert_eq!(payloads(&again), [b"a"]);
    assert_eq!(again.records[0].redelivery_count, 1);
    assert_eq!(handle.unsettled(), [0]);
    again.in_flight.ack_with_receipt().confirmed().await.unwrap();
    assert!(source.next().await.unwrap().is_none());
    assert_eq!((handle.acked(), handle.nacked()), (vec![1, 0], vec![0]));
}

#[tokio::test(start_paused = true)]
async fn an_entry_refused_too_often_is_given_up() {
    let mut source = Scripted::new([Step::entry(TOPIC, ["a", "b"])])
        .with_redelivery(Redelivery { delay: Duration::from_secs(60), max: 2 });
    let handle = source.handle();
    let started = Instant::now();
    let mut deliveries = 0;
    while let Some(delivery) = source.next().await.unwrap() {
        assert_eq!(delivery.records[1].redelivery_count, deliveries);
        deliveries += 1;
    }
    assert_eq!((deliveries, handle.given_up()), (3, 2));
    assert_eq!(started.elapsed().as_secs(), 120);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_needs_no_further_read() {
    let mut source = Scripted::new([Step::entry(TOPIC, ["a"])]).at_end(AtEnd::StayOpen);
    let handle = source.handle();
    let delivery = source.next().await.unwrap().unwrap();
    delivery.in_flight.ack_with_receipt().confirmed().await.unwrap();
    handle.settled(1).await;
    assert_eq!(handle.acked(), [0]);
}

#[tokio::test(start_paused = true)]
async fn credit_is_needed_for_an_entry_and_comes_back_with_its_settlement() {
    let budget = Budget::new(1, 1 << 20);
    let mut source = Scripted::new([Step::entry(TOPIC, ["a"]), Step::entry(TOPIC, ["b"])])
        .with_budget(budget.clone());
    let first = source.next().await.unwrap().unwrap();
    let starved = tokio::time::timeout(Duration::from_secs(3600), source.next()).await;
    assert!(starved.is_err());
    first.in_flight.ack();
    let second = source.next().await.unwrap().unwrap();
    assert_eq!(payloads(&second), [b"b"]);
    assert_eq!(budget.messages_in_flight(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_closed_source_carries_out_what_was_settled_and_refuses_what_comes_later() {
    let mut source = Scripted::new([Step::entry(TOPIC, ["a"]), Step::entry(TOPIC, ["b"])]);
    let handle = source.handle();
    let first = source.next().await.unwrap().unwrap();
    let second = source.next().await.unwrap().unwrap();
    let receipt = first.in_flight.ack_with_receipt();
    Box::new(source).close().await.unwrap();
    receipt.confirmed().await.unwrap();
    assert!(handle.is_closed());
    assert_eq!(
        second.in_flight.ack_with_receipt().confirmed().await.unwrap_err().to_string(),
        "the source closed before it settled the entry"
    );
    assert_eq!((handle.acked(), handle.unsettled()), (vec![0], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn pauses_pushes_and_faults_take_their_turn() {
    let mut source =
        Scripted::new([Step::Pause(Duration::from_secs(5)), Step::entry(TOPIC, ["a"])])
            .at_end(AtEnd::StayOpen);
    let handle = source.handle();
    let started = Instant::now();
    let delivery = source.next().await.unwrap().unwrap();
    assert_eq!(started.elapsed().as_secs(), 5);
    delivery.in_flight.ack();
    handle.push(Step::Fault("the disk is gone".to_owned()));
    assert_eq!(source.next().await.unwrap_err().to_string(), "the disk is gone");
}

#[tokio::test(start_paused = true)]
async fn a_failed_acknowledgement_is_told_by_its_receipt() {
    let mut source = Scripted::new([Step::entry(TOPIC, ["a"])]);
    source.handle().fail_acks(Some("connection lost"));
    let delivery = source.next().await.unwrap().unwrap();
    let outcome = delivery.in_flight.ack_with_receipt().confirmed().await;
    assert_eq!(outcome.unwrap_err().to_string(), "connection lost");
}
