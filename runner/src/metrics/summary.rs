//! Summaries: sum and count since start, quantiles of the last minutes.

use hdrhistogram::Histogram;
use tokio::time::{Duration, Instant};

use super::quantiles::{Quantiles, TARGETS};

/// Quantiles cover the last five to ten minutes; Pulsar's cover the last eight to ten.
const AGE: Duration = Duration::from_secs(300);

/// Digits that hold in a latency's quantile: within 1 %.
const LATENCY_DIGITS: u8 = 2;

/// The longest latency told apart from longer ones, in nanoseconds (about an hour).
const LONGEST_LATENCY: u64 = 3_600_000_000_000;

/// What a summary shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Summed {
    pub(super) sum: f64,
    pub(super) count: u64,
    /// Quantile and value; NaN where nothing was observed lately.
    pub(super) quantiles: Vec<(f64, f64)>,
}

/// Two of something that everything is recorded in: the older is read, and gives way to the
/// younger every [`AGE`].
#[derive(Debug)]
struct Aging<T> {
    older: T,
    younger: T,
    turned: Instant,
}

impl<T> Aging<T> {
    fn new(fresh: impl Fn() -> T) -> Self {
        Self { older: fresh(), younger: fresh(), turned: Instant::now() }
    }

    fn turn(&mut self, now: Instant, fresh: impl Fn() -> T) {
        let age = now.saturating_duration_since(self.turned);
        if age < AGE {
            return;
        }
        let younger = std::mem::replace(&mut self.younger, fresh());
        // Idle for longer than both cover: neither has anything to say.
        self.older = if age < 2 * AGE { younger } else { fresh() };
        self.turned = now;
    }
}

/// Latencies in milliseconds. Recorded per call: `count` observations of the same length at once.
#[derive(Debug)]
pub(super) struct LatencySummary {
    total: Lengths,
    lately: Option<Aging<Lengths>>,
}

impl LatencySummary {
    /// Since start, with quantiles of the last minutes.
    pub(super) fn aging() -> Self {
        Self { total: Lengths::without_distribution(), lately: Some(Aging::new(Lengths::new)) }
    }

    /// Of one short window: quantiles are of all of it.
    pub(super) fn window() -> Self {
        Self { total: Lengths::new(), lately: None }
    }

    /// `count` observations that took `together`.
    pub(super) fn observe(&mut self, now: Instant, count: u64, together: Duration) {
        let Some(each) = together.as_nanos().checked_div(u128::from(count)) else { return };
        let nanos = u64::try_from(each).unwrap_or(u64::MAX).min(LONGEST_LATENCY);
        self.total.record(nanos, count, together);
        if let Some(lately) = &mut self.lately {
            lately.turn(now, Lengths::new);
            lately.older.record(nanos, count, together);
            lately.younger.record(nanos, count, together);
        }
    }

    pub(super) fn average(&self) -> f64 {
        let Lengths { sum, count, .. } = self.total;
        if count == 0 { 0.0 } else { sum / count as f64 }
    }

    pub(super) fn show(&mut self) -> Summed {
        let shown = match &mut self.lately {
            Some(lately) => {
                lately.turn(Instant::now(), Lengths::new);
                &lately.older
            }
            None => &self.total,
        };
        let quantiles = TARGETS.map(|(quantile, _)| (quantile, shown.at(quantile))).to_vec();
        Summed { sum: self.total.sum, count: self.total.count, quantiles }
    }
}

/// Lengths in nanoseconds: their number, their sum in milliseconds, true extremes, and how they
/// are distributed, if that is asked.
#[derive(Debug)]
struct Lengths {
    sum: f64,
    count: u64,
    histogram: Option<Histogram<u64>>,
    shortest: u64,
    longest: u64,
}

impl Lengths {
    fn new() -> Self {
        // The digits are in range, so this is always there; it grows with what it records.
        Self { histogram: Histogram::new(LATENCY_DIGITS).ok(), ..Self::without_distribution() }
    }

    fn without_distribution() -> Self {
        Self { sum: 0.0, count: 0, histogram: None, shortest: u64::MAX, longest: 0 }
    }

    fn record(&mut self, nanos: u64, count: u64, together: Duration) {
        self.sum += together.as_secs_f64() * 1e3;
        self.count += count;
        self.shortest = self.shortest.min(nanos);
        self.longest = self.longest.max(nanos);
        if let Some(histogram) = &mut self.histogram {
            // Cannot fail: it resizes itself, and the longest latency fits.
            _ = histogram.record_n(nanos, count);
        }
    }

    /// In milliseconds.
    fn at(&self, quantile: f64) -> f64 {
        match &self.histogram {
            Some(histogram) if !histogram.is_empty() => {
                let nanos = histogram.value_at_quantile(quantile);
                nanos.clamp(self.shortest, self.longest) as f64 / 1e6
            }
            _ => f64::NAN,
        }
    }
}

/// Values of any sign and size, as a function records them.
#[derive(Debug)]
pub(super) struct ValueSummary {
    sum: f64,
    count: u64,
    lately: Aging<Quantiles>,
}

impl ValueSummary {
    pub(super) fn new() -> Self {
        Self { sum: 0.0, count: 0, lately: Aging::new(Quantiles::default) }
    }

    pub(super) fn observe(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
        self.lately.turn(Instant::now(), Quantiles::default);
        self.lately.older.observe(value);
        self.lately.younger.observe(value);
    }

    pub(super) fn show(&mut self) -> Summed {
        self.lately.turn(Instant::now(), Quantiles::default);
        let older = &mut self.lately.older;
        let quantiles = TARGETS
            .map(|(quantile, _)| (quantile, older.at(quantile).unwrap_or(f64::NAN)))
            .to_vec();
        Summed { sum: self.sum, count: self.count, quantiles }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_once_for_each_of_its_messages() {
        for mut summary in [LatencySummary::aging(), LatencySummary::window()] {
            let now = Instant::now();
            summary.observe(now, 90, Duration::from_millis(90));
            summary.observe(now, 10, Duration::from_millis(1_000));
            a_hundred_messages(&summary.show());
        }
    }

    fn a_hundred_messages(shown: &Summed) {
        assert_eq!((shown.sum, shown.count), (1_090.0, 100));
        let [(_, half), (_, nine), (_, ninety_nine), _] = shown.quantiles[..] else { panic!() };
        assert!((half - 1.0).abs() <= 0.01, "{half}");
        assert!((nine - 1.0).abs() <= 0.01, "{nine}");
        assert!((ninety_nine - 100.0).abs() <= 1.0, "{ninety_nine}");
    }

    #[test]
    fn a_call_of_no_messages_is_no_observation() {
        let mut summary = LatencySummary::aging();
        summary.observe(Instant::now(), 0, Duration::from_millis(5));
        assert_eq!(summary.show().count, 0);
        assert_eq!(summary.average(), 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn quantiles_forget_what_is_older_than_ten_minutes() {
        let mut summary = ValueSummary::new();
        summary.observe(1_000.0);
        tokio::time::advance(AGE).await;
        summary.observe(1.0);
        assert_eq!(summary.show().quantiles[3].1, 1_000.0, "still within ten minutes");
        tokio::time::advance(AGE).await;
        summary.observe(2.0);
        let shown = summary.show();
        assert_eq!(shown.quantiles[3].1, 2.0);
        assert_eq!((shown.sum, shown.count), (1_003.0, 3), "sum and count forget nothing");
        tokio::time::advance(3 * AGE).await;
        assert!(summary.show().quantiles[0].1.is_nan(), "nothing was observed lately");
    }
}
