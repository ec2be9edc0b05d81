use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Tokio's clock, which tests move.
pub(crate) fn paused() -> Duration {
    // Any fixed moment before the test will do: the clock stands still.
    thread_local!(static BEGIN: tokio::time::Instant = tokio::time::Instant::now());
    BEGIN.with(|begin| begin.elapsed())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_let_through_before_and_after_the_lease() {
    let fence = Fence::shut(paused);
    assert_eq!(fence.check(), Err(NotLeading));
    fence.extend(fence.now() + Duration::from_secs(10));
    tokio::time::advance(Duration::from_secs(9)).await;
    assert_eq!(fence.check(), Ok(()));
    assert_eq!(fence.left(), Duration::from_secs(1));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(fence.check(), Err(NotLeading));
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_does_not_shorten_the_lease() {
    let fence = Fence::shut(paused);
    fence.extend(Duration::from_secs(10));
    fence.extend(Duration::from_secs(8));
    assert_eq!(fence.left(), Duration::from_secs(10));
    fence.close();
    assert_eq!(fence.left(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_stops_where_the_lease_ends() {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    let fence = Fence::shut(paused);
    fence.extend(fence.now() + Duration::from_secs(10));
    let mut connection = TokioIo::new(Fenced::new(TokioIo::new(ours), fence));
    connection.write_all(b"PATCH /a").await.unwrap();
    tokio::time::advance(Duration::from_secs(11)).await;
    let refused = connection.write_all(b" HTTP/1.1").await.unwrap_err();
    assert!(refused.to_string().contains("does not hold the lease"), "{refused}");
    drop(connection);
    let mut arrived = String::new();
    theirs.read_to_string(&mut arrived).await.unwrap();
    assert_eq!(arrived, "PATCH /a");
}

#[test]
fn the_clock_goes_on() {
    let before = since_boot();
    assert!(before > Duration::ZERO && before < Duration::MAX);
    assert!(since_boot() >= before);
}
