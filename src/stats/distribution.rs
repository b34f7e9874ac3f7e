//! A distribution of durations in constant memory.

use crate::time::Nanos;

use super::histogram::{self, Counts};

/// Parts per million: the p of a quantile, exactly. 990,000 is p99.
pub type Ppm = u64;

/// A histogram of nanoseconds with three significant digits, and what it
/// cannot hold: exact minimum, maximum and sum.
///
/// Merging adds counters, so it is exact in any order.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// Values up to [`Distribution::LIMIT`]; what lies outside the buckets of `min` and `max` is zero.
    counts: Counts,
    count: u64,
    /// Values over the limit: they rank above all others.
    over: u64,
    sum: u128,
    min: u64,
    max: u64,
}

/// What a distribution knows exactly, beside its buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outer {
    pub(super) sum: u128,
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Distribution::new()
    }
}

impl Distribution {
    /// The largest value that is told apart from its neighbours: one hour.
    pub const LIMIT: Nanos = Nanos::from_secs(3600);

    /// Empty.
    pub fn new() -> Distribution {
        Distribution { counts: Counts::new(), count: 0, over: 0, sum: 0, min: u64::MAX, max: 0 }
    }

    /// Counts one value.
    #[inline]
    pub fn record(&mut self, value: Nanos) {
        let ns = value.0;
        self.count += 1;
        self.sum += u128::from(ns);
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
        if !self.counts.add(ns) {
            self.over += 1;
        }
    }

    /// What was counted since `earlier`, which this one has grown from. The extremes are those of the buckets.
    pub fn since(&self, earlier: &Distribution) -> Distribution {
        let mut grown = Distribution::new();
        for (index, count) in self.in_use() {
            let new = count.saturating_sub(earlier.counts.of(index));
            grown.record_n(Nanos(histogram::bounds(index).1.clamp(self.min, self.max)), new);
        }
        let over = self.over.saturating_sub(earlier.over);
        grown.record_n(Nanos(self.max), over);
        grown
    }

    /// Counts `n` equal values.
    pub(super) fn record_n(&mut self, value: Nanos, n: u64) {
        if n == 0 {
            return;
        }
        let over = self.over;
        self.record(value);
        self.count += n - 1;
        self.sum += u128::from(value.0) * u128::from(n - 1);
        match self.over > over {
            true => self.over += n - 1,
            false => self.counts.add_to(histogram::index(value.0), n - 1),
        }
    }

    /// The same buckets with these exact extremes, as far as these are in the outermost ones, and this mean in nanoseconds.
    pub(super) fn within(mut self, min: Nanos, max: Nanos, mean: f64) -> Distribution {
        let (first, last) = (self.buckets().next(), self.buckets().last());
        if let (Some((low, high, _)), Some((least, ..))) = (first, last) {
            (self.min, self.max) = (min.0.clamp(low.0, high.0), max.0.max(least.0));
            self.sum = (mean * self.count as f64).round() as u128;
        }
        self
    }

    /// Counts all that `other` counted.
    pub fn merge(&mut self, other: &Distribution) {
        self.counts.merge(&other.counts, histogram::range(other.min, other.max));
        self.count += other.count;
        self.over += other.over;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Forgets everything; keeps the memory.
    pub fn clear(&mut self) {
        self.counts.clear(histogram::range(self.min, self.max));
        (self.count, self.over, self.sum, self.min, self.max) = (0, 0, 0, u64::MAX, 0);
    }

    /// Adds what was counted elsewhere: (bucket, count), ascending, and the number of values over the limit.
    pub(super) fn add_buckets(&mut self, buckets: impl Iterator<Item = (usize, u64)>, over: u64, outer: Outer) {
        for (index, count) in buckets {
            self.counts.add_to(index, count);
            self.count += count;
        }
        self.count += over;
        self.over += over;
        self.sum += outer.sum;
        self.min = self.min.min(outer.min);
        self.max = self.max.max(outer.max);
    }

    /// The buckets that hold anything, by number; how many values are over the limit; and what buckets cannot hold.
    pub(super) fn as_buckets(&self) -> (impl Iterator<Item = (usize, u64)> + '_, u64, Outer) {
        (self.in_use(), self.over, Outer { sum: self.sum, min: self.min, max: self.max })
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest value. None if there is none.
    pub fn min(&self) -> Option<Nanos> {
        (self.count > 0).then_some(Nanos(self.min))
    }

    /// The largest value. None if there is none.
    pub fn max(&self) -> Option<Nanos> {
        (self.count > 0).then_some(Nanos(self.max))
    }

    /// The exact sum, in nanoseconds.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The exact mean, in nanoseconds; never outside [min, max]. None if there is no value.
    pub fn mean(&self) -> Option<f64> {
        // Rounding the sum may lead out of these.
        (self.count > 0).then(|| (self.sum as f64 / self.count as f64).clamp(self.min as f64, self.max as f64))
    }

    /// The standard deviation in nanoseconds: of the smallest and the largest value as they are, of the others
    /// from bucket mid-points (a thousandth of the values off at most). Zero exactly if all values are equal.
    /// None if there is no value.
    pub fn stddev(&self) -> Option<f64> {
        let mean = self.mean()?;
        if self.min == self.max {
            return Some(0.0);
        }
        let square = |value: f64, count: u64| (value - mean).powi(2) * count as f64;
        let (first, last) = (histogram::index(self.min), histogram::index(self.max));
        let mut squares = square(self.min as f64, 1) + square(self.max as f64, 1);
        for (index, count) in self.in_use() {
            // The extremes are counted above. One beyond the limit is in no bucket.
            let extremes = u64::from(index == first) + u64::from(index == last);
            let (low, high) = histogram::bounds(index);
            let middle = low.max(self.min).midpoint(high.min(self.max));
            squares += square(middle as f64, count.saturating_sub(extremes));
        }
        squares += square(self.max as f64, self.over.saturating_sub(1));
        Some((squares / self.count as f64).sqrt())
    }

    /// x_p, the ceil(n*p)-th smallest value: the top of its bucket, so at most
    /// 0.1 % too high, and never outside [min, max]. None if there is no value.
    pub fn quantile(&self, p: Ppm) -> Option<Nanos> {
        self.value_at_rank(rank(self.count, p))
    }

    /// The quantiles for an ascending list of p, in one pass. None if there is no value.
    pub fn quantiles<const N: usize>(&self, ps: [Ppm; N]) -> Option<[Nanos; N]> {
        let mut values = [self.max()?; N];
        let mut left = ps.iter().zip(&mut values).map(|(&p, value)| (rank(self.count, p), value)).peekable();
        let mut seen = 0;
        for (_, high, count) in self.buckets() {
            seen += count;
            while let Some((_, value)) = left.next_if(|(rank, _)| seen >= *rank) {
                *value = Nanos(high.0.clamp(self.min, self.max));
            }
            if left.peek().is_none() {
                break;
            }
        }
        // Among the values over the limit only the largest is known.
        Some(values)
    }

    /// The `rank`-th smallest value, counted from 1. None if there are fewer.
    pub fn value_at_rank(&self, rank: u64) -> Option<Nanos> {
        self.bucket_at_rank(rank).map(|(_, high)| high)
    }

    /// The bucket of the `rank`-th smallest value, as far as it lies within
    /// [min, max]: (lowest, highest). None if there are fewer values.
    pub fn bucket_at_rank(&self, rank: u64) -> Option<(Nanos, Nanos)> {
        if rank > self.count || self.count == 0 {
            return None;
        }
        let mut seen = 0;
        for (low, high, count) in self.buckets() {
            seen += count;
            if seen >= rank {
                let within = |n: Nanos| Nanos(n.0.clamp(self.min, self.max));
                return Some((within(low), within(high)));
            }
        }
        // Among the values over the limit only the largest is known.
        Some((Self::LIMIT, Nanos(self.max)))
    }

    /// How many values are not larger than `value`, or in its bucket.
    pub fn count_up_to(&self, value: Nanos) -> u64 {
        let top = histogram::index(value.0);
        let within = self.in_use().take_while(|(index, _)| *index <= top).map(|(_, count)| count).sum::<u64>();
        within + if value.0 >= self.max { self.over } else { 0 }
    }

    /// The sum of the values that are not larger than `value`, or in its bucket,
    /// in nanoseconds, from bucket mid-points (within 0.1 %); values over the limit are left out.
    pub fn sum_up_to(&self, value: Nanos) -> f64 {
        let within = self.buckets().take_while(|(low, ..)| *low <= value);
        within.map(|(low, high, count)| low.0.midpoint(high.0) as f64 * count as f64).sum()
    }

    /// The buckets that hold anything: (lowest value, highest value, count), ascending.
    pub fn buckets(&self) -> impl Iterator<Item = (Nanos, Nanos, u64)> + '_ {
        self.in_use().map(|(index, count)| {
            let (low, high) = histogram::bounds(index);
            (Nanos(low), Nanos(high), count)
        })
    }

    fn in_use(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.counts.in_use(histogram::range(self.min, self.max))
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
    fn equal_values_do_not_deviate_and_two_do_as_they_are() {
        for value in [0, 1, 2047, 123_457, 9_999_999, 3_599_999_999_999, 7_200_000_000_000, u64::MAX / 4] {
            for n in [1, 2, 3, 1000, 999_983] {
                let mut d = Distribution::new();
                d.record_n(Nanos(value), n);
                assert_eq!((d.stddev(), d.mean()), (Some(0.0), Some(value as f64)), "{n} x {value}");
            }
        }
        // In one bucket, and in two.
        for (low, high) in [(1_000_000, 1_000_400), (1_000, 1_000_000), (1_000, 7_200_000_000_000)] {
            let expected = (high - low) as f64 / 2.0;
            assert_eq!(of(&[low, high]).stddev(), Some(expected));
        }
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
            prop_assert_eq!(d.quantiles([p, p, 1_000_000]), d.quantile(p).map(|x| [x, x, d.max().unwrap()]));
            prop_assert_eq!(d.min(), Some(Nanos(values[0])));
            prop_assert_eq!(d.max(), Some(Nanos(values[values.len() - 1])));
            let (mean, n) = (d.sum() as f64 / values.len() as f64, values.len() as f64);
            let (least, most) = (values[0] as f64, values[values.len() - 1] as f64);
            prop_assert!((least..=most).contains(&d.mean().unwrap()));
            let exact = (values.iter().map(|v| (*v as f64 - mean).powi(2)).sum::<f64>() / n).sqrt();
            let stddev = d.stddev().unwrap();
            prop_assert!((stddev - exact).abs() <= 0.001 * most + 1.0, "{stddev} for {exact}");
            prop_assert_eq!(stddev == 0.0, least == most);
            let sum = d.sum_up_to(d.max().unwrap());
            prop_assert!((sum / d.sum() as f64 - 1.0).abs() <= 0.001, "{sum} for {}", d.sum());
        }

        #[test]
        fn counts_up_to_a_value_agree_with_quantiles(values in prop::collection::vec(1u64..1u64 << 45, 1..200)) {
            let d = of(&values);
            prop_assert_eq!(d.count_up_to(d.max().unwrap()), d.count());
            let median = d.quantile(500_000).unwrap();
            prop_assert!(d.count_up_to(median) >= rank(d.count(), 500_000));
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
