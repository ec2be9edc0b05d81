//! How many replicas a backlog needs. Pure: the time is told.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::crd::{autoscaling::BacklogScaling, workload::WorkloadSpec};

const COOLDOWN: i32 = 60;

/// What the spec asks for, with its defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scaling {
    per_replica: i64,
    pub(crate) min: i32,
    max: i32,
    cooldown: Duration,
}

impl Scaling {
    /// `None` if the object does not scale on its backlog.
    pub(crate) fn of(spec: &WorkloadSpec) -> Option<Self> {
        let BacklogScaling { backlog_per_replica, min, cooldown_seconds } =
            spec.autoscaling.as_ref()?;
        let min = min.unwrap_or(0).max(0);
        let max = spec.max_replicas.unwrap_or_else(|| spec.replicas());
        let cooldown = u64::try_from(cooldown_seconds.unwrap_or(COOLDOWN)).unwrap_or(0);
        Some(Self {
            per_replica: (*backlog_per_replica).max(1),
            min,
            max: max.max(min).max(1),
            cooldown: Duration::from_secs(cooldown),
        })
    }

    fn needed(&self, backlog: i64) -> i32 {
        let backlog = backlog.max(0);
        let whole = backlog / self.per_replica + i64::from(backlog % self.per_replica > 0);
        i32::try_from(whole).unwrap_or(i32::MAX).clamp(self.min, self.max)
    }
}

/// What was needed of late: replicas are removed when fewer were needed for the whole cooldown.
///
/// Only what can still be the most is kept, so the first is the most, and all are different.
#[derive(Clone, Debug, Default)]
pub(super) struct Window(VecDeque<Need>);

#[derive(Clone, Copy, Debug)]
struct Need {
    replicas: i32,
    /// Since when fewer are enough.
    passed: Option<Instant>,
}

impl Window {
    /// The replicas there should be from now on. Up at once, down after the cooldown.
    pub(super) fn decide(
        &mut self,
        scaling: &Scaling,
        current: i32,
        backlog: i64,
        now: Instant,
    ) -> i32 {
        if self.0.is_empty() {
            // Nothing is known of the time before: they may all have been needed.
            self.0.push_back(Need { replicas: current, passed: None });
        }
        let replicas = scaling.needed(backlog);
        while self.0.back().is_some_and(|earlier| earlier.replicas <= replicas) {
            self.0.pop_back();
        }
        if let Some(more) = self.0.back_mut() {
            more.passed.get_or_insert(now);
        }
        self.0.push_back(Need { replicas, passed: None });
        while self.next_change(scaling).is_some_and(|change| now >= change) {
            self.0.pop_front();
        }
        let most = self.0.front().map_or(replicas, |most| most.replicas);
        most.clamp(scaling.min, scaling.max)
    }

    /// When replicas will be removed if the backlog stays as it is.
    pub(super) fn next_change(&self, scaling: &Scaling) -> Option<Instant> {
        Some(self.0.front()?.passed? + scaling.cooldown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaling(per_replica: i64, min: i32, max: i32) -> Scaling {
        Scaling { per_replica, min, max, cooldown: Duration::from_secs(60) }
    }

    /// Second, backlog, replicas from then on.
    fn follow(scaling: Scaling, begin: i32, steps: &[(u64, i64, i32)]) {
        let start = Instant::now();
        let mut window = Window::default();
        let mut current = begin;
        for &(second, backlog, expected) in steps {
            let now = start + Duration::from_secs(second);
            current = window.decide(&scaling, current, backlog, now);
            assert_eq!(current, expected, "after {second} s with {backlog} waiting");
        }
    }

    #[test]
    fn a_backlog_is_shared_by_as_many_as_it_takes() {
        for (backlog, min, max, expected) in [
            (0, 0, 10, 0),
            (1, 0, 10, 1),
            (100, 0, 10, 1),
            (101, 0, 10, 2),
            (1000, 0, 10, 10),
            (100_000, 0, 10, 10),
            (i64::MAX, 0, 10, 10),
            (-3, 0, 10, 0),
            (0, 2, 10, 2),
            (150, 2, 10, 2),
        ] {
            assert_eq!(scaling(100, min, max).needed(backlog), expected, "{backlog}, {min}..{max}");
        }
    }

    #[test]
    fn one_message_wakes_a_sleeping_function_at_once() {
        follow(scaling(100, 0, 5), 0, &[(0, 0, 0), (3, 1, 1), (6, 100_000, 5)]);
    }

    #[test]
    fn it_sleeps_when_nothing_waited_for_the_cooldown() {
        let steps = [(0, 450, 5), (10, 80, 5), (20, 0, 5), (69, 0, 5), (70, 0, 1), (80, 0, 0)];
        follow(scaling(100, 0, 5), 0, &steps);
    }

    #[test]
    fn a_message_during_the_cooldown_starts_it_anew() {
        let steps = [(0, 1, 1), (3, 0, 1), (50, 1, 1), (53, 0, 1), (112, 0, 1), (113, 0, 0)];
        follow(scaling(100, 0, 5), 0, &steps);
    }

    #[test]
    fn a_smaller_wave_does_not_keep_what_the_larger_needed() {
        let steps = [(0, 500, 5), (10, 100, 5), (30, 300, 5), (40, 100, 5), (70, 100, 3)];
        follow(scaling(100, 0, 5), 0, &steps);
        follow(scaling(100, 0, 5), 3, &[(0, 300, 3), (10, 100, 3), (69, 100, 3), (70, 100, 1)]);
    }

    #[test]
    fn after_a_restart_replicas_stay_for_the_cooldown() {
        follow(scaling(100, 0, 5), 3, &[(0, 0, 3), (59, 0, 3), (60, 0, 0)]);
    }

    #[test]
    fn new_bounds_hold_at_once() {
        let start = Instant::now();
        let mut window = Window::default();
        assert_eq!(window.decide(&scaling(1, 0, 9), 0, 9, start), 9);
        assert_eq!(window.decide(&scaling(1, 0, 4), 9, 9, start), 4);
        assert_eq!(window.decide(&scaling(1, 6, 8), 4, 0, start), 8);
    }

    #[test]
    fn without_a_cooldown_replicas_follow_at_once() {
        let scaling = Scaling { cooldown: Duration::ZERO, ..scaling(1, 0, 9) };
        follow(scaling, 9, &[(0, 9, 9), (1, 3, 3), (2, 0, 0)]);
    }

    #[test]
    fn the_window_stays_small() {
        let start = Instant::now();
        let (scaling, mut window) = (scaling(1, 0, 5), Window::default());
        for second in 0..10_000 {
            let backlog = i64::try_from(second % 7).unwrap();
            window.decide(&scaling, 0, backlog, start + Duration::from_secs(second));
        }
        assert!(window.0.len() <= 6, "{}", window.0.len());
    }

    #[test]
    fn the_spec_has_defaults() {
        let of = |spec: serde_json::Value| {
            Scaling::of(&serde_json::from_value(spec).unwrap()).map(|s| (s.min, s.max, s.cooldown))
        };
        let cooldown = Duration::from_secs(60);
        let scaling = serde_json::json!({"backlogPerReplica": 10});
        assert_eq!(of(serde_json::json!({})), None);
        let plain = serde_json::json!({"autoscaling": scaling});
        assert_eq!(of(plain), Some((0, 1, cooldown)));
        let some = serde_json::json!({"autoscaling": scaling, "replicas": 4});
        assert_eq!(of(some), Some((0, 4, cooldown)));
        let most = serde_json::json!({"autoscaling": scaling, "replicas": 0, "maxReplicas": 7});
        assert_eq!(of(most), Some((0, 7, cooldown)));
    }
}
