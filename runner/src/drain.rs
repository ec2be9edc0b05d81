//! From a signal to a graceful stop, and no further than its grace period.

use std::{future::Future, io, pin::pin, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How work ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// Without having been asked.
    ByItself(T),
    /// After it was asked to stop.
    Stopped(T),
    /// A second signal came while it was stopping.
    SignalledAgain,
    /// It had not stopped when the grace period was over.
    OutOfTime,
}

/// Where requests to stop come from: the process's signals, or a test.
pub trait StopRequests: Send {
    /// Waits for the next request; gives its name for the log. Cancel safe.
    fn next(&mut self) -> impl Future<Output = &'static str> + Send;
}

/// SIGTERM and SIGINT.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on the two signals no longer end the process by themselves.
    ///
    /// # Errors
    /// The system refused to install the handlers.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

impl StopRequests for Signals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Runs `work` to its end. The first request cancels `stop`, which may also be cancelled elsewhere;
/// from then on `work` has `grace` to end, and a further request ends the waiting at once.
pub async fn until_drained<T>(
    work: impl Future<Output = T>,
    stop: CancellationToken,
    mut requests: impl StopRequests,
    grace: Duration,
) -> Ended<T> {
    let mut work = pin!(work);
    tokio::select! {
        output = &mut work => return Ended::ByItself(output),
        request = requests.next() => {
            info!(signal = request, seconds = grace.as_secs(), "stopping; what is in flight is finished first");
            stop.cancel();
        }
        () = stop.cancelled() => {}
    }
    tokio::select! {
        // If all are ready at once, done is done.
        biased;
        output = work => Ended::Stopped(output),
        request = requests.next() => {
            warn!(signal = request, "ended by a second signal; what was in flight is given back");
            Ended::SignalledAgain
        }
        () = tokio::time::sleep(grace) => {
            warn!(seconds = grace.as_secs(), "not drained in time; what is in flight is given back");
            Ended::OutOfTime
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        sync::mpsc,
        time::{Instant, sleep},
    };

    use super::*;

    const GRACE: Duration = Duration::from_secs(8);

    struct Scripted(mpsc::UnboundedReceiver<()>);

    impl StopRequests for Scripted {
        async fn next(&mut self) -> &'static str {
            match self.0.recv().await {
                Some(()) => "SIGTERM",
                None => std::future::pending().await,
            }
        }
    }

    fn requests(count: usize) -> Scripted {
        let (sender, receiver) = mpsc::unbounded_channel();
        (0..count).for_each(|_| sender.send(()).unwrap());
        Scripted(receiver)
    }

    /// Work that ends so long after it was asked to stop.
    async fn stops_after(stop: CancellationToken, seconds: u64) -> &'static str {
        stop.cancelled().await;
        sleep(Duration::from_secs(seconds)).await;
        "summary"
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_by_itself_is_not_disturbed() {
        let stop = CancellationToken::new();
        let work = async {
            sleep(Duration::from_secs(3600)).await;
            "summary"
        };
        let ended = until_drained(work, stop.clone(), requests(0), GRACE).await;
        assert_eq!(ended, Ended::ByItself("summary"));
        assert!(!stop.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_stops_the_work_and_waits_for_it() {
        let stop = CancellationToken::new();
        let work = stops_after(stop.clone(), 7);
        let ended = until_drained(work, stop, requests(1), GRACE).await;
        assert_eq!(ended, Ended::Stopped("summary"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_ends_at_once() {
        let stop = CancellationToken::new();
        let started = Instant::now();
        let work = stops_after(stop.clone(), 7);
        let ended = until_drained(work, stop, requests(2), GRACE).await;
        assert_eq!(ended, Ended::SignalledAgain);
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_grace_period_ends_the_waiting() {
        let stop = CancellationToken::new();
        let started = Instant::now();
        let work = stops_after(stop.clone(), 9);
        let ended = until_drained(work, stop, requests(1), GRACE).await;
        assert_eq!(ended, Ended::OutOfTime);
        assert_eq!(started.elapsed(), GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_from_within_has_a_grace_period_too() {
        let stop = CancellationToken::new();
        stop.cancel();
        let work = stops_after(stop.clone(), 9);
        let ended = until_drained(work, stop, requests(0), GRACE).await;
        assert_eq!(ended, Ended::OutOfTime);
    }
}
