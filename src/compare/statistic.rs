//! A number of a run as a function of how often each of the run's intervals is counted.

use std::rc::Rc;

use crate::stats::Ppm;

/// A number that is computed from intervals, and can be computed again from a resample of them.
#[derive(Clone, Debug)]
pub enum Statistic {
    /// The total of the first over the total of the second, each given by interval.
    Ratio(Vec<f64>, Vec<f64>),
    /// x_p, the ceil(n*p)-th smallest of all values.
    Quantile(Ppm, Rc<Cumulated>),
}

impl Statistic {
    /// Its value when interval i counts `times[i]` times. None if there is nothing to compute it from.
    pub fn of(&self, times: &[u32]) -> Option<f64> {
        match self {
            Statistic::Ratio(above, below) => {
                let below = total(below, times);
                (below > 0.0).then(|| total(above, times) / below)
            }
            Statistic::Quantile(p, of) => of.quantile(*p, times),
        }
    }

    /// How many intervals there are.
    pub fn intervals(&self) -> usize {
        match self {
            Statistic::Ratio(above, _) => above.len(),
            Statistic::Quantile(_, of) => of.counts.len(),
        }
    }

    /// What each interval adds to the error of the number, but for a factor: the
    /// first term of its expansion (of a quantile, that of Bahadur 1966).
    pub fn influence(&self) -> Vec<f64> {
        let once = vec![1; self.intervals()];
        let Some(value) = self.of(&once) else { return Vec::new() };
        match self {
            Statistic::Ratio(above, below) => above.iter().zip(below).map(|(a, b)| a - value * b).collect(),
            Statistic::Quantile(p, of) => {
                let share = *p as f64 / 1e6;
                let row = of.rows.partition_point(|row| row.value < value);
                let pairs = of.rows[row].up_to.iter().zip(&of.counts);
                pairs.map(|(up_to, count)| f64::from(*up_to) - share * f64::from(*count)).collect()
            }
        }
    }
}

fn total(values: &[f64], times: &[u32]) -> f64 {
    values.iter().zip(times).map(|(value, times)| value * f64::from(*times)).sum()
}

/// Histograms of all intervals, cumulated: a quantile of any resample is found by bisection.
#[derive(Clone, Debug)]
pub struct Cumulated {
    /// One for each value that occurs, ascending.
    rows: Vec<Row>,
    /// All values of each interval.
    counts: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Row {
    value: f64,
    /// How many values of all intervals are not larger.
    all_up_to: u64,
    /// How many values of each interval are not larger.
    up_to: Vec<u32>,
}

impl Cumulated {
    /// The values of each interval, as pairs of a value and how often it occurs.
    pub fn new(intervals: &[Vec<(f64, u32)>]) -> Cumulated {
        let mut all: Vec<(f64, usize, u32)> = Vec::new();
        for (i, values) in intervals.iter().enumerate() {
            all.extend(values.iter().map(|&(value, count)| (value, i, count)));
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut counts = vec![0; intervals.len()];
        let mut all_up_to = 0;
        let mut rows = Vec::new();
        for same in all.chunk_by(|a, b| a.0 == b.0) {
            for &(_, interval, count) in same {
                counts[interval] += count;
                all_up_to += u64::from(count);
            }
            rows.push(Row { value: same[0].0, all_up_to, up_to: counts.clone() });
        }
        Cumulated { rows, counts }
    }

    fn quantile(&self, p: Ppm, times: &[u32]) -> Option<f64> {
        let n = weighted(&self.counts, times);
        let rank = (u128::from(n) * u128::from(p)).div_ceil(1_000_000).max(1) as u64;
        if n < rank {
            return None;
        }
        let up_to = |row: usize| weighted(&self.rows[row].up_to, times);
        // A resample is much like the whole, so its quantile is where the whole has as much in addition as is missing.
        let all = self.rows.last()?.all_up_to;
        let place = |rank: f64| {
            let rank = (rank / n as f64 * all as f64).ceil();
            self.rows.partition_point(|row| (row.all_up_to as f64) < rank).min(self.rows.len() - 1)
        };
        let first = place(rank as f64);
        let second = place(2.0 * rank as f64 - up_to(first) as f64);
        let row = first_from(second, self.rows.len(), |row| up_to(row) >= rank);
        Some(self.rows[row].value)
    }
}

/// The first of `len` rows for which `reached` holds, which it does from there on: looked for from `guess` outward, in
/// growing steps. `len` if there is none.
fn first_from(guess: usize, len: usize, reached: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    let (mut at, mut step) = (guess, 1);
    while low < high {
        if reached(at) {
            high = at;
            at = at.saturating_sub(step).max(low);
        } else {
            low = at + 1;
            at = (at + step).min(high.saturating_sub(1));
        }
        step *= 2;
        // Once there is a bound on either side, halves are quicker.
        if low > 0 && high < len {
            at = low.midpoint(high.saturating_sub(1).max(low));
        }
    }
    high
}

fn weighted(counts: &[u32], times: &[u32]) -> u64 {
    let mut sum = 0;
    for (count, times) in counts.iter().zip(times) {
        sum += u64::from(*count) * u64::from(*times);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Distribution;
    use crate::time::Nanos;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_quantile_of_a_resample_is_that_of_the_values_written_out(
            intervals in prop::collection::vec((prop::collection::vec(1u64..2000, 0..20), 0u32..4), 1..8),
            p in 0u64..=1_000_000,
        ) {
            let mut written_out = Distribution::new();
            for (values, times) in &intervals {
                (0..*times).for_each(|_| values.iter().for_each(|&value| written_out.record(Nanos(value))));
            }
            let pairs: Vec<Vec<(f64, u32)>> =
                intervals.iter().map(|(values, _)| values.iter().map(|&value| (value as f64, 1)).collect()).collect();
            let times: Vec<u32> = intervals.iter().map(|(_, times)| *times).collect();
            let quantile = Statistic::Quantile(p, Rc::new(Cumulated::new(&pairs))).of(&times);
            prop_assert_eq!(quantile, written_out.quantile(p).map(|value| value.0 as f64));
        }
    }

    #[test]
    fn a_ratio_weighs_its_intervals() {
        let ratio = Statistic::Ratio(vec![1.0, 10.0], vec![1.0, 2.0]);
        assert_eq!(ratio.of(&[1, 1]), Some(11.0 / 3.0));
        assert_eq!(ratio.of(&[0, 2]), Some(5.0));
        assert_eq!(ratio.of(&[0, 0]), None);
    }

    #[test]
    fn influences_cancel_out() {
        let ratio = Statistic::Ratio(vec![1.0, 10.0, 4.0], vec![1.0, 2.0, 3.0]);
        assert!(ratio.influence().iter().sum::<f64>().abs() < 1e-9);
        let values: Vec<Vec<(f64, u32)>> = (0..4).map(|i| vec![(f64::from(i), 25)]).collect();
        let median = Statistic::Quantile(500_000, Rc::new(Cumulated::new(&values)));
        assert_eq!(median.influence(), [12.5, 12.5, -12.5, -12.5]);
    }
}
