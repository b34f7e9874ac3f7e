//! The run over time: one interval a second, bounded in number.

use crate::time::Nanos;

use super::Distribution;
use super::encode::Packed;
use super::tally::Counts;

/// What happened in one interval, by the instant at which requests were done.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Requests by outcome.
    pub counts: Counts,
    min: u64,
    max: u64,
    responses: Packed,
}

/// The run over time. When there are more than [`Series::MOST`] intervals,
/// neighbours merge and every interval is twice as long.
#[derive(Clone, Debug)]
pub struct Series {
    /// Interval i covers [i * width, (i + 1) * width) from T0; it is missing where nothing was done.
    intervals: Vec<(u64, Interval)>,
    /// In whole seconds, a power of two.
    width_s: u64,
}

impl Default for Series {
    fn default() -> Self {
        Series { intervals: Vec::new(), width_s: 1 }
    }
}

impl Series {
    /// As many intervals as a series may have.
    pub const MOST: usize = 1200;

    /// The length of an interval.
    pub fn width(&self) -> Nanos {
        Nanos::from_secs(self.width_s)
    }

    /// Adds what was done in second `second` (from T0), which may already have an entry.
    pub(super) fn add(&mut self, second: u64, counts: Counts, responses: &Distribution) {
        let interval = Interval {
            counts,
            min: responses.min().map_or(u64::MAX, |n| n.0),
            max: responses.max().map_or(0, |n| n.0),
            responses: Packed::new(responses.histogram()),
        };
        self.insert(second / self.width_s, interval);
        while self.intervals.len() > Self::MOST {
            self.halve();
        }
    }

    /// Adds all that `other` has.
    pub(super) fn merge(&mut self, mut other: Series) {
        while self.width_s < other.width_s {
            self.halve();
        }
        while other.width_s < self.width_s {
            other.halve();
        }
        for (at, interval) in other.intervals {
            self.insert(at, interval);
        }
        while self.intervals.len() > Self::MOST {
            self.halve();
        }
    }

    /// All intervals in order, each with its start from T0 and its responses
    /// (answers of any status; time-outs are in the counts alone).
    pub fn intervals(self) -> impl Iterator<Item = (Nanos, Counts, Distribution)> {
        let width_s = self.width_s;
        let unpack = move |(at, interval): (u64, Interval)| {
            (Nanos::from_secs(at * width_s), interval.counts, interval.distribution())
        };
        self.intervals.into_iter().map(unpack)
    }

    /// Time runs forward, so the place is the end, or almost.
    fn insert(&mut self, at: u64, interval: Interval) {
        match self.intervals.binary_search_by_key(&at, |(at, _)| *at) {
            Ok(i) => self.intervals[i].1.merge(&interval),
            Err(i) => self.intervals.insert(i, (at, interval)),
        }
    }

    fn halve(&mut self) {
        self.width_s *= 2;
        let before = std::mem::take(&mut self.intervals);
        for (at, interval) in before {
            self.insert(at / 2, interval);
        }
    }
}

impl Interval {
    fn merge(&mut self, other: &Interval) {
        let mut sum = self.responses.unpack();
        sum.add(other.responses.unpack()).expect("all distributions have the same bounds");
        self.responses = Packed::new(&sum);
        self.counts.merge(&other.counts);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn distribution(&self) -> Distribution {
        Distribution::from_parts(self.responses.unpack(), self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: u64) -> (Counts, Distribution) {
        let mut d = Distribution::new();
        d.record(Nanos(value));
        (Counts { ok: 1, ..Counts::default() }, d)
    }

    #[test]
    fn neighbours_merge_when_there_are_too_many() {
        let mut series = Series::default();
        for second in 0..3000 {
            let (counts, responses) = one(second + 1);
            series.add(second, counts, &responses);
        }
        assert_eq!(series.width(), Nanos::from_secs(4));
        assert_eq!(series.intervals.len(), 750);
        let (at, counts, responses) = series.intervals().nth(1).unwrap();
        assert_eq!((at, counts.ok, responses.count()), (Nanos::from_secs(4), 4, 4));
        assert_eq!((responses.min(), responses.max()), (Some(Nanos(5)), Some(Nanos(8))));
    }

    #[test]
    fn workers_series_merge_at_the_coarser_width() {
        let mut long = Series::default();
        for second in 0..1201 {
            let (counts, responses) = one(7);
            long.add(second, counts, &responses);
        }
        let mut short = Series::default();
        let (counts, responses) = one(9);
        short.add(3, counts, &responses);
        short.merge(long);
        assert_eq!(short.width(), Nanos::from_secs(2));
        let (_, counts, responses) = short.intervals().nth(1).unwrap();
        assert_eq!((counts.ok, responses.max()), (3, Some(Nanos(9))));
    }
}
