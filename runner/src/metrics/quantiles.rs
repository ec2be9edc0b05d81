//! Quantiles of a stream of numbers in little memory, by targeted ranks.
//!
//! The method is Cormode, Korn, Muthukrishnan and Srivastava's ("Effective Computation of Biased
//! Quantiles over Data Streams", ICDE 2005), as Pulsar's Java runtime uses it. What it answers is
//! always a number that was observed.

/// The quantiles Pulsar exposes, with the rank error allowed at each. The outer two are held
/// tighter than Pulsar's 0.01, which says little about the last thousandth.
pub(super) const TARGETS: [(f64, f64); 4] =
    [(0.5, 0.01), (0.9, 0.01), (0.99, 0.001), (0.999, 0.000_1)];

/// How much of the allowed error a sample may use up on either side. Less than all of it: what is
/// allowed grows with the distance from a target's rank, and the answer may lie at its edge.
const SHARE: f64 = 0.8;

/// Observations that wait to be merged in one pass.
const PENDING: usize = 128;

/// An observed value that stands for itself and for smaller neighbours merged into it.
#[derive(Clone, Copy, Debug)]
struct Sample {
    value: f64,
    /// Ranks this sample stands for.
    ranks: f64,
    /// How far its highest rank may be off.
    slack: f64,
}

#[derive(Debug, Default)]
pub(super) struct Quantiles {
    samples: Vec<Sample>,
    merged: f64,
    pending: Vec<f64>,
}

impl Quantiles {
    pub(super) fn observe(&mut self, value: f64) {
        self.pending.push(value);
        if self.pending.len() >= PENDING {
            self.merge();
        }
    }

    /// The value at a quantile, none before the first observation.
    pub(super) fn at(&mut self, quantile: f64) -> Option<f64> {
        self.merge();
        let target = (quantile * self.merged).ceil();
        let bound = target + self.allowed(target) / 2.0;
        let mut below = 0.0;
        let mut answer = None;
        for sample in &self.samples {
            if answer.is_some() && below + sample.ranks + sample.slack > bound {
                break;
            }
            answer = Some(sample.value);
            below += sample.ranks;
        }
        answer
    }

    /// How many ranks a sample at `rank` may stand for without breaking any target.
    fn allowed(&self, rank: f64) -> f64 {
        TARGETS
            .iter()
            .map(|&(quantile, error)| {
                if rank < quantile * self.merged {
                    2.0 * SHARE * error * (self.merged - rank) / (1.0 - quantile)
                } else {
                    2.0 * SHARE * error * rank / quantile
                }
            })
            .fold(f64::INFINITY, f64::min)
    }

    fn merge(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let mut arrivals = std::mem::take(&mut self.pending);
        arrivals.sort_by(f64::total_cmp);
        let mut known = std::mem::take(&mut self.samples).into_iter().peekable();
        let mut rank = 0.0;
        for value in arrivals.drain(..) {
            while let Some(sample) = known.next_if(|sample| sample.value.total_cmp(&value).is_le())
            {
                rank += sample.ranks;
                self.samples.push(sample);
            }
            // The smallest and the largest are known exactly.
            let outermost = self.samples.is_empty() || known.peek().is_none();
            let slack = if outermost { 0.0 } else { (self.allowed(rank).floor() - 1.0).max(0.0) };
            self.samples.push(Sample { value, ranks: 1.0, slack });
            self.merged += 1.0;
            rank += 1.0;
        }
        self.samples.extend(known);
        self.pending = arrivals;
        self.compress();
    }

    /// Joins each sample to its right neighbour where the targets allow it, from the right.
    fn compress(&mut self) {
        let mut kept: Vec<Sample> = Vec::with_capacity(self.samples.len());
        let mut rank = self.merged;
        for sample in std::mem::take(&mut self.samples).into_iter().rev() {
            rank -= sample.ranks;
            match kept.last_mut() {
                Some(right)
                    if rank > 0.0
                        && sample.ranks + right.ranks + right.slack <= self.allowed(rank) =>
                {
                    right.ranks += sample.ranks;
                }
                _ => kept.push(sample),
            }
        }
        kept.reverse();
        self.samples = kept;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The answer's true rank must be within the target's error (and one, for rounding).
    fn check(values: &[f64]) {
        let mut quantiles = Quantiles::default();
        for value in values {
            quantiles.observe(*value);
        }
        let count = values.len() as f64;
        for (quantile, error) in TARGETS {
            let answer = quantiles.at(quantile).unwrap();
            let lowest = values.iter().filter(|value| **value < answer).count() as f64 + 1.0;
            let highest = values.iter().filter(|value| **value <= answer).count() as f64;
            let (from, to) = ((quantile - error) * count - 1.0, (quantile + error) * count + 1.0);
            assert!(
                highest >= from && lowest <= to,
                "quantile {quantile} of {count}: {answer} has ranks {lowest} to {highest}, \
                 wanted {from} to {to}"
            );
        }
    }

    #[test]
    fn a_rising_stream_keeps_its_ranks() {
        check(&(0..100_000).map(f64::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_falling_stream_keeps_its_ranks() {
        check(&(0..100_000).rev().map(f64::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_long_stream_takes_little_memory() {
        let mut quantiles = Quantiles::default();
        for i in 0..1_000_000_u64 {
            quantiles.observe((i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64);
        }
        assert!(quantiles.samples.len() < 2_000, "{} samples", quantiles.samples.len());
    }

    #[test]
    fn few_observations_are_answered_exactly() {
        let mut quantiles = Quantiles::default();
        for value in [4.0, 1.0, 3.0, 2.0] {
            quantiles.observe(value);
        }
        assert_eq!(quantiles.at(0.5), Some(2.0));
        assert_eq!(quantiles.at(0.9), Some(4.0));
    }

    #[test]
    fn nothing_observed_has_no_quantile() {
        assert_eq!(Quantiles::default().at(0.5), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_stream_keeps_its_ranks(values in prop::collection::vec(-1e6..1e6_f64, 1..5_000)) {
            check(&values);
        }
    }
}
