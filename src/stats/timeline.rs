//! The run's timeline: ten times a second, how long answers took and how many were awaited.

use serde::{Deserialize, Serialize};

use crate::time::Nanos;

/// One sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimelineSample {
    /// Answers in it.
    pub count: u64,
    /// The sum of the natural logarithms of their response times in nanoseconds, each in whole units of 2^-24: sums of
    /// floats would depend on their order.
    sum_ln: u64,
    /// Requests that were due and not done at its end.
    pub present: u64,
}

/// The bits behind the point of [`TimelineSample`]'s logarithms.
const FRACTION: u32 = 24;

/// The natural logarithm of a positive integer in units of 2^-24, within 0.01: exponent and mantissa from the bits of
/// the number, and a quadratic through the mantissa.
#[inline]
fn ln(n: u64) -> u64 {
    const ONE: u64 = 1 << FRACTION;
    const CURVE: u64 = (0.346 * ONE as f64) as u64;
    const LN_2: u64 = (std::f64::consts::LN_2 * ONE as f64) as u64;
    let n = n.max(1);
    let fraction = (n << n.leading_zeros()) >> (63 - FRACTION) & (ONE - 1);
    let curve = (((fraction * (ONE - fraction)) >> FRACTION) * CURVE) >> FRACTION;
    let log2 = (u64::from(n.ilog2()) << FRACTION) + fraction + curve;
    (log2 * LN_2) >> FRACTION
}

impl TimelineSample {
    /// Counts a response that took so long.
    #[inline]
    pub fn add(&mut self, response: Nanos) {
        self.count += 1;
        self.sum_ln += ln(response.0);
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: &TimelineSample) {
        self.count += other.count;
        self.sum_ln += other.sum_ln;
        self.present += other.present;
    }

    /// The mean of the logarithms. None: there was no response.
    pub fn mean_ln(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_ln as f64 / (1 << FRACTION) as f64 / self.count as f64)
    }
}

/// The samples of a run, bounded in number: when there are too many, neighbours
/// merge and every sample is twice as long.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Timeline {
    samples: Vec<TimelineSample>,
    width: Nanos,
}

impl Default for Timeline {
    fn default() -> Self {
        Timeline { samples: Vec::new(), width: Self::WIDTH }
    }
}

impl Timeline {
    /// How long a sample is at first.
    pub const WIDTH: Nanos = Nanos::from_millis(100);
    /// As many samples as are kept.
    const MAX_SAMPLES: usize = 6_000;

    /// How long a sample is.
    pub fn width(&self) -> Nanos {
        self.width
    }

    /// The samples in order, the first one from T0.
    pub fn samples(&self) -> &[TimelineSample] {
        &self.samples
    }

    /// The next sample is over. samples are [`Self::width`] long.
    pub fn push(&mut self, sample: TimelineSample) {
        self.samples.push(sample);
        if self.samples.len() >= Self::MAX_SAMPLES {
            self.halve();
        }
    }

    /// Adds another worker's samples, from the same T0.
    pub fn merge(&mut self, mut other: Timeline) {
        while self.width < other.width {
            self.halve();
        }
        while other.width < self.width {
            other.halve();
        }
        self.samples.resize(self.samples.len().max(other.samples.len()), TimelineSample::default());
        for (mine, theirs) in self.samples.iter_mut().zip(other.samples) {
            mine.merge(&theirs);
        }
    }

    fn halve(&mut self) {
        self.width = Nanos(self.width.0 * 2);
        let pair = |pair: &[TimelineSample]| TimelineSample {
            count: pair.iter().map(|sample| sample.count).sum(),
            sum_ln: pair.iter().map(|sample| sample.sum_ln).sum(),
            // The run has ended within the last one if it has no second half.
            present: pair.get(1).map_or(0, |last| last.present),
        };
        self.samples = self.samples.chunks(2).map(pair).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_logarithm_is_close_enough(n in 1u64..1 << 60) {
            let ln = ln(n) as f64 / f64::from(1 << FRACTION);
            prop_assert!((ln - (n as f64).ln()).abs() <= 0.01, "{ln} for {}", (n as f64).ln());
        }
    }

    fn timeline(samples: usize) -> Timeline {
        let mut timeline = Timeline::default();
        (0..samples).for_each(|i| timeline.push(TimelineSample { count: 1, sum_ln: 2, present: i as u64 }));
        timeline
    }

    #[test]
    fn samples_stay_bounded_and_none_is_lost() {
        let long = timeline(20_000);
        assert!(long.samples().len() < Timeline::MAX_SAMPLES && long.width() > Timeline::WIDTH);
        assert_eq!(long.samples().iter().map(|sample| sample.count).sum::<u64>(), 20_000);
    }

    #[test]
    fn workers_samples_merge_at_the_coarser_width() {
        let mut short = timeline(3);
        short.merge(timeline(6_000));
        assert_eq!((short.width(), short.samples().len()), (Nanos::from_millis(200), 3_000));
        assert_eq!(short.samples()[0], TimelineSample { count: 4, sum_ln: 8, present: 2 });
        assert_eq!(short.samples()[1], TimelineSample { count: 3, sum_ln: 6, present: 3 });
    }
}
