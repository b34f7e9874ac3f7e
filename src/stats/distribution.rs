//! A distribution of durations in constant memory.

use hdrhistogram::Histogram;

use crate::time::Nanos;

/// Parts per million: the p of a quantile, exactly. 990,000 is p99.
pub type Ppm = u64;

/// An HDR histogram of nanoseconds with three significant digits, and what it
/// cannot hold: exact minimum, maximum and sum.
///
/// Merging adds counters, so it is exact in any order.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// Values of 1 ns to [`Distribution::LIMIT`].
    histogram: Histogram<u64>,
    /// Values over the limit: they rank above all others.
    over: u64,
    sum: u128,
    min: u64,
    max: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Distribution::new()
    }
}

impl Distribution {
    /// The largest value that is told apart from its neighbours: one hour.
    pub const LIMIT: Nanos = Nanos::from_secs(3600);

    /// Empty. Allocates all that it will ever need (about 270 kB, touched only where values fall).
    pub fn new() -> Distribution {
        Distribution {
            histogram: Histogram::new_with_bounds(1, Self::LIMIT.0, 3).expect("the bounds are constants"),
            over: 0,
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }

    /// Counts one value.
    #[inline]
    pub fn record(&mut self, value: Nanos) {
        let ns = value.0;
        self.sum += u128::from(ns);
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
        if self.histogram.record(ns).is_err() {
            self.over += 1;
        }
    }

    /// Counts all that `other` counted.
    pub fn merge(&mut self, other: &Distribution) {
        if other.count() == 0 {
            return;
        }
        self.histogram.add(&other.histogram).expect("all distributions have the same bounds");
        self.over += other.over;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Forgets everything; keeps the memory.
    pub fn clear(&mut self) {
        if self.count() > 0 {
            self.histogram.reset();
            (self.over, self.sum, self.min, self.max) = (0, 0, u64::MAX, 0);
        }
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.histogram.len() + self.over
    }

    /// The smallest value. None if there is none.
    pub fn min(&self) -> Option<Nanos> {
        (self.count() > 0).then_some(Nanos(self.min))
    }

    /// The largest value. None if there is none.
    pub fn max(&self) -> Option<Nanos> {
        (self.count() > 0).then_some(Nanos(self.max))
    }

    /// The exact mean, in nanoseconds. None if there is no value.
    pub fn mean(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.sum as f64 / self.count() as f64)
    }

    /// The standard deviation in nanoseconds, from bucket mid-points (within 0.1 %). None if there is no value.
    pub fn stddev(&self) -> Option<f64> {
        let mean = self.mean()?;
        let square = |value: f64, count: u64| (value - mean).powi(2) * count as f64;
        let within: f64 = self
            .histogram
            .iter_recorded()
            .map(|step| {
                let value = step.value_iterated_to();
                square(self.histogram.median_equivalent(value) as f64, step.count_at_value())
            })
            .sum();
        Some(((within + square(self.max as f64, self.over)) / self.count() as f64).sqrt())
    }

    /// x_p, the ceil(n*p)-th smallest value: the top of its bucket, so at most
    /// 0.1 % too high, and never outside [min, max]. None if there is no value.
    pub fn quantile(&self, p: Ppm) -> Option<Nanos> {
        self.value_at_rank(rank(self.count(), p))
    }

    /// The `rank`-th smallest value, counted from 1. None if there are fewer.
    pub fn value_at_rank(&self, rank: u64) -> Option<Nanos> {
        if rank > self.count() || self.count() == 0 {
            return None;
        }
        let mut seen = 0;
        for step in self.histogram.iter_recorded() {
            seen += step.count_at_value();
            if seen >= rank {
                let top = self.histogram.highest_equivalent(step.value_iterated_to());
                return Some(Nanos(top.clamp(self.min, self.max)));
            }
        }
        // Among the values over the limit only the largest is known.
        Some(Nanos(self.max))
    }

    /// The buckets that hold anything: (lowest value, highest value, count), ascending.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, Nanos, u64)> + '_ {
        self.histogram.iter_recorded().map(|step| {
            let value = step.value_iterated_to();
            let (low, high) = (self.histogram.lowest_equivalent(value), self.histogram.highest_equivalent(value));
            (Nanos(low), Nanos(high), step.count_at_value())
        })
    }

    /// A distribution whose histogram was kept apart. Its sum is that of the bucket mid-points.
    pub(super) fn from_parts(histogram: Histogram<u64>, min: u64, max: u64) -> Distribution {
        let middle = |value| u128::from(histogram.median_equivalent(value));
        let sum =
            histogram.iter_recorded().map(|s| middle(s.value_iterated_to()) * u128::from(s.count_at_value())).sum();
        Distribution { histogram, over: 0, sum, min, max }
    }

    /// The bare histogram, for encoding.
    pub(super) fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }
}

/// ceil(n*p), at least 1: exact, which n as a float times 0.999 is not.
pub(super) fn rank(n: u64, p: Ppm) -> u64 {
    let product = u128::from(n) * u128::from(p);
    (product.div_ceil(1_000_000) as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Distribution {
        let mut d = Distribution::new();
        values.iter().for_each(|&v| d.record(Nanos(v)));
        d
    }

    #[test]
    fn a_quantile_is_the_ceil_np_th_smallest_value() {
        let d = of(&[10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
        for (p, x) in [(0, 10), (100_000, 10), (100_001, 20), (500_000, 50), (990_000, 100), (1_000_000, 100)] {
            assert_eq!(d.quantile(p), Some(Nanos(x)), "p = {p} ppm");
        }
        assert_eq!(rank(1_000, 999_000), 999);
        assert_eq!(rank(10_000, 990_000), 9_900);
    }

    #[test]
    fn an_empty_distribution_has_no_numbers() {
        let d = Distribution::new();
        assert_eq!((d.count(), d.min(), d.max(), d.mean(), d.stddev()), (0, None, None, None, None));
        assert_eq!(d.quantile(500_000), None);
    }

    #[test]
    fn values_over_the_limit_rank_last_and_keep_the_maximum() {
        let hours = Nanos::from_secs(7200);
        let mut d = of(&[1_000]);
        d.record(hours);
        assert_eq!((d.count(), d.max(), d.quantile(1_000_000)), (2, Some(hours), Some(hours)));
        assert_eq!(d.quantile(500_000), Some(Nanos(1_000)));
    }

    #[test]
    fn clearing_keeps_nothing() {
        let mut d = of(&[5, 6]);
        d.clear();
        assert_eq!((d.count(), d.min(), d.mean()), (0, None, None));
    }

    proptest! {
        #[test]
        fn quantiles_err_by_a_thousandth_at_most(
            mut values in prop::collection::vec(1u64..3_000_000_000_000, 1..300), p in 0u64..=1_000_000,
        ) {
            let d = of(&values);
            values.sort_unstable();
            let truth = values[rank(values.len() as u64, p) as usize - 1];
            let got = d.quantile(p).unwrap().0;
            prop_assert!(got >= truth && got as f64 <= truth as f64 * 1.001 + 1.0, "{got} for {truth}");
            prop_assert_eq!(d.min(), Some(Nanos(values[0])));
            prop_assert_eq!(d.max(), Some(Nanos(values[values.len() - 1])));
        }

        #[test]
        fn merging_is_exact_in_any_order(
            a in prop::collection::vec(1u64..1u64 << 50, 0..50),
            b in prop::collection::vec(1u64..1u64 << 50, 0..50),
        ) {
            let all = of(&[a.clone(), b.clone()].concat());
            for (x, y) in [(&a, &b), (&b, &a)] {
                let mut merged = of(x);
                merged.merge(&of(y));
                prop_assert_eq!(merged.count(), all.count());
                prop_assert_eq!(merged.mean(), all.mean());
                for p in [0, 10_000, 500_000, 990_000, 1_000_000] {
                    prop_assert_eq!(merged.quantile(p), all.quantile(p));
                }
            }
        }
    }
}
