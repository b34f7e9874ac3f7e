//! The open model's schedule: when each request is due, fixed beforehand.

use std::sync::Arc;

use crate::rng::{Rng, SeedableRng, Xoshiro256PlusPlus, mix};
use crate::time::Nanos;

use super::Profile;

/// How requests are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly.
    Uniform,
    /// By exponential gaps, as requests of many independent users are.
    Poisson,
}

/// One worker's share of a schedule, in order. Request n is due when the
/// integral of the rate has reached n (uniform), or the n-th sum of exponential
/// gaps of mean 1 (Poisson); worker w of k has the requests n = w (mod k).
///
/// The whole schedule is a function of the seed alone: the number of workers
/// does not change it, since each of them draws all gaps.
#[derive(Clone, Debug)]
pub struct Arrivals {
    profile: Arc<Profile>,
    /// The piece of the profile that is looked at first.
    piece: usize,
    gaps: Option<Gaps>,
    workers: u64,
    /// No request is due from here on.
    end: Nanos,
    /// Nor one with this number.
    limit: u64,
    /// The last one looked for, whether there is one or not.
    sought: u64,
    next: Option<Due>,
}

/// One request of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its number, from 0.
    pub index: u64,
    /// When it is due, from the schedule's start.
    pub at: Nanos,
}

#[derive(Clone, Debug)]
struct Gaps {
    rng: Xoshiro256PlusPlus,
    sum: f64,
}

/// What a schedule is made of.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The rate over time.
    pub profile: Arc<Profile>,
    /// How requests are spaced.
    pub spacing: Spacing,
    /// What chance is drawn from.
    pub seed: u64,
    /// No request is due from here on.
    pub end: Nanos,
    /// So many requests at most.
    pub requests: u64,
}

/// Parts the gaps of a schedule from everything else that is drawn with the same seed.
const GAPS: u64 = 0x6172_7269_7661_6c73;

impl Arrivals {
    /// The share of worker `worker` of `workers`.
    pub fn new(schedule: &Schedule, worker: u32, workers: u32) -> Arrivals {
        let rng = || Xoshiro256PlusPlus::seed_from_u64(mix(schedule.seed, GAPS));
        let gaps = || Gaps { rng: rng(), sum: 0.0 };
        let mut arrivals = Arrivals {
            profile: Arc::clone(&schedule.profile),
            piece: 0,
            gaps: (schedule.spacing == Spacing::Poisson).then(gaps),
            workers: workers.into(),
            end: schedule.end.min(schedule.profile.length().unwrap_or(Nanos::NEVER)),
            limit: schedule.requests,
            sought: 0,
            next: None,
        };
        arrivals.find(worker.into(), u64::from(worker) + 1);
        arrivals
    }

    /// The next request. None: there is none any more.
    #[inline]
    pub fn peek(&self) -> Option<Due> {
        self.next
    }

    /// On to the one after it.
    #[inline]
    pub fn advance(&mut self) {
        if let Some(Due { index, .. }) = self.next {
            self.find(index + self.workers, self.workers);
        }
    }

    /// There is no request from `at` on.
    pub fn end_at(&mut self, at: Nanos) {
        self.end = self.end.min(at);
        self.next = self.next.filter(|due| due.at < self.end);
    }

    /// There are no more requests because all of their number were due.
    pub fn is_used_up(&self) -> bool {
        self.next.is_none() && self.sought >= self.limit
    }

    /// No request is due from here on.
    pub fn end(&self) -> Nanos {
        self.end
    }

    #[inline]
    fn find(&mut self, index: u64, gaps: u64) {
        let x = match &mut self.gaps {
            None => index as f64,
            Some(stream) => stream.after(gaps),
        };
        let at = self.profile.instant(x, &mut self.piece).filter(|&at| at < self.end && index < self.limit);
        self.sought = index;
        self.next = at.map(|at| Due { index, at });
    }
}

impl Gaps {
    /// The sum of all gaps after so many more. Added one by one: sums of the
    /// same gaps are the same to the bit for any number of workers.
    #[inline]
    fn after(&mut self, gaps: u64) -> f64 {
        for _ in 0..gaps {
            // 53 random bits, in (0, 1].
            let uniform = ((self.rng.next_u64() >> 11) + 1) as f64 * (1.0 / (1u64 << 53) as f64);
            self.sum -= uniform.ln();
        }
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule(per_s: f64, spacing: Spacing, requests: u64, end: Nanos) -> Schedule {
        Schedule { profile: Arc::new(Profile::constant(per_s)), spacing, seed: 5, end, requests }
    }

    fn all(mut arrivals: Arrivals) -> Vec<Due> {
        std::iter::from_fn(|| arrivals.peek().inspect(|_| arrivals.advance())).collect()
    }

    fn whole(schedule: &Schedule) -> Vec<Due> {
        all(Arrivals::new(schedule, 0, 1))
    }

    #[test]
    fn a_rate_and_a_time_make_a_number_of_requests() {
        let dues = whole(&schedule(1000.0, Spacing::Uniform, u64::MAX, Nanos::from_secs(10)));
        assert_eq!(
            (dues.len(), dues[1].at, dues[9_999].at),
            (10_000, Nanos::from_millis(1), Nanos::from_millis(9_999))
        );
        assert!(dues.iter().enumerate().all(|(i, due)| due.index == i as u64));
    }

    #[test]
    fn of_two_ends_the_first_one_counts() {
        assert_eq!(whole(&schedule(10.0, Spacing::Uniform, 3, Nanos::from_secs(1))).len(), 3);
        assert_eq!(whole(&schedule(10.0, Spacing::Uniform, 30, Nanos::from_secs(1))).len(), 10);
        let mut cut = Arrivals::new(&schedule(10.0, Spacing::Uniform, 30, Nanos::from_secs(1)), 0, 1);
        cut.end_at(Nanos::from_millis(200));
        assert_eq!(all(cut).len(), 2);
    }

    #[test]
    fn poisson_gaps_have_the_rate_as_mean_and_vary_as_much() {
        let dues = whole(&schedule(1000.0, Spacing::Poisson, 100_000, Nanos::NEVER));
        let gaps: Vec<f64> = dues.windows(2).map(|pair| pair[1].at.since(pair[0].at).as_secs()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean * 1000.0 - 1.0).abs() < 0.01, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "{variance}");
        let short = gaps.iter().filter(|&&gap| gap < 0.000_693_147).count() as f64 / gaps.len() as f64;
        assert!((short - 0.5).abs() < 0.01, "the median of an exponential gap: {short}");
    }

    #[test]
    fn another_seed_is_another_schedule() {
        let first = |seed| whole(&Schedule { seed, ..schedule(10.0, Spacing::Poisson, 1, Nanos::NEVER) })[0].at;
        assert!(first(5) == first(5) && first(5) != first(6));
    }

    proptest! {
        #[test]
        fn workers_share_the_schedule_that_one_would_have(
            workers in 1u32..7, per_s in 1u32..5_000, poisson: bool, requests in 0u64..200,
        ) {
            let spacing = if poisson { Spacing::Poisson } else { Spacing::Uniform };
            let schedule = schedule(per_s.into(), spacing, requests, Nanos::from_secs(1));
            let mut shares: Vec<Due> = (0..workers).flat_map(|w| all(Arrivals::new(&schedule, w, workers))).collect();
            shares.sort_by_key(|due| due.index);
            prop_assert_eq!(shares, whole(&schedule));
        }
    }
}
