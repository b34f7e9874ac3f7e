//! The run over time, in intervals that are bounded in number.

use serde::{Deserialize, Serialize};

use crate::time::Nanos;

use super::Counts;
use super::Distribution;
use super::packed::Packed;

/// What happened in one interval, by the instants at which requests were done.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Interval {
    /// Requests by outcome.
    pub(super) counts: Counts,
    /// Requests that became due.
    pub(super) due: u64,
    /// The integral of the requests that were due and not done, in requests x nanoseconds.
    pub(super) present: i128,
    /// The same of those that waited for a connection.
    pub(super) waiting: i128,
    pub(super) response: Option<Packed>,
    /// None: as the response times.
    pub(super) service: Option<Packed>,
    pub(super) lag: Option<Packed>,
}

/// Several intervals, summed.
#[derive(Debug, Default)]
pub(super) struct IntervalSum {
    /// Its start, from T0.
    pub(super) at: Nanos,
    /// Its length, as far as the run lasted.
    pub(super) lasted: Nanos,
    /// Requests by outcome.
    pub(super) counts: Counts,
    /// Requests that became due.
    pub(super) due: u64,
    /// The integral of the requests that were due and not done, in requests x nanoseconds.
    pub(super) present: i128,
    /// The same of those that waited for a connection.
    pub(super) waiting: i128,
    /// Answers of any status.
    pub(super) response: Distribution,
    /// Likewise.
    pub(super) service: Distribution,
    /// Of all requests sent, in models that have a lag.
    pub(super) lag: Distribution,
}

/// The run over time, for one worker or all. Intervals begin as short as 1/256
/// s and grow with the run up to a second, so that there are always some 32 of
/// the longest kind or more; when there are more than [`Series::MAX_INTERVALS`] of
/// them, neighbours merge one pair at a time, and new ones are longer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Series {
    /// (start, length, what happened), lengths in ticks: powers of two, starts
    /// multiples of them. In order of start; missing where nothing happened.
    intervals: Vec<(u64, u64, Interval)>,
    /// All before this one have been merged to `merging` ticks.
    merged: usize,
    merging: u64,
    /// The end of the run, from T0, once it is known: the last interval lasts no longer.
    end: Nanos,
}

/// 1/256 s in nanoseconds, exactly.
const TICK: u64 = 3_906_250;
const SECOND: u64 = 256;
/// As many intervals as are wanted at the least.
const ENOUGH: u64 = 32;

impl Default for Series {
    fn default() -> Self {
        Series { intervals: Vec::with_capacity(Self::MAX_INTERVALS + 1), merged: 0, merging: 0, end: Nanos::NEVER }
    }
}

impl Series {
    /// As many intervals as a worker's series may have.
    pub(super) const MAX_INTERVALS: usize = 1200;

    /// How many intervals there are.
    pub(super) fn len(&self) -> usize {
        self.intervals.len()
    }

    /// The interval that `at` (from T0) lies in: its start and its end, from T0.
    pub(super) fn around(&self, at: Nanos) -> (Nanos, Nanos) {
        let tick = at.0 / TICK;
        let grown = (tick / ENOUGH).checked_ilog2().map_or(1, |log| 1 << log).min(SECOND);
        let width = grown.max(self.merging);
        let start = tick / width * width;
        (Nanos(start * TICK), Nanos((start + width) * TICK))
    }

    /// Adds what happened from `start` to `end`, as [`Self::around`] gave them.
    pub(super) fn add(&mut self, start: Nanos, end: Nanos, interval: Interval) {
        self.intervals.push((start.0 / TICK, end.since(start).0 / TICK, interval));
        while self.intervals.len() > Self::MAX_INTERVALS {
            self.merge_one();
        }
    }

    /// The run is over, `end` after T0.
    pub(super) fn end_at(&mut self, end: Nanos) {
        self.end = end;
    }

    /// Adds all that another worker's series has. The run ends with the last worker's.
    pub(super) fn merge(&mut self, other: Series) {
        self.end = self.end.max(other.end);
        self.intervals.extend(other.intervals);
        self.intervals.sort_by_key(|(start, ..)| *start);
    }

    /// The length of the longest interval, at least a second: all can be summed to this length.
    pub(super) fn width(&self) -> Nanos {
        Nanos(self.longest().max(SECOND) * TICK)
    }

    /// The shortest length that all can be summed to.
    pub(super) fn finest(&self) -> Nanos {
        Nanos(self.longest() * TICK)
    }

    fn longest(&self) -> u64 {
        self.intervals.iter().map(|(_, width, _)| *width).max().unwrap_or(1)
    }

    /// Sums of intervals to `width`, which is at least the longest; in order, those of which there are none left out.
    pub(super) fn for_each(&self, width: Nanos, mut f: impl FnMut(&IntervalSum)) {
        let ticks = width.0 / TICK;
        let mut sum = IntervalSum::default();
        for group in self.intervals.chunk_by(|a, b| a.0 / ticks == b.0 / ticks) {
            let at = Nanos(group[0].0 / ticks * ticks * TICK);
            sum.clear(at, width.min(self.end.since(at)));
            group.iter().for_each(|(.., interval)| sum.add(interval));
            f(&sum);
        }
    }

    /// Sums of about 30 intervals of one length, for the variance between them.
    pub(super) fn batch_width(&self) -> Nanos {
        let longest = self.longest();
        let end = self.intervals.last().map_or(0, |(start, width, _)| start + width);
        Nanos((end / longest / 30).max(1) * longest * TICK)
    }

    /// Merges the next pair of neighbours, so that no more than one is merged at a time.
    fn merge_one(&mut self) {
        self.merging = self.merging.max(SECOND);
        loop {
            if self.merged >= self.intervals.len() {
                (self.merged, self.merging) = (0, 2 * self.merging);
            }
            let i = self.merged;
            self.merged += 1;
            let (start, width, _) = self.intervals[i];
            if width >= self.merging {
                continue;
            }
            let place = start / self.merging;
            (self.intervals[i].0, self.intervals[i].1) = (place * self.merging, self.merging);
            let mut joined = false;
            while self.intervals.get(i + 1).is_some_and(|(start, ..)| start / self.merging == place) {
                let (.., next) = self.intervals.remove(i + 1);
                self.intervals[i].2.merge(&next);
                joined = true;
            }
            if joined {
                return;
            }
        }
    }
}

impl Interval {
    fn merge(&mut self, later: &Interval) {
        let mut sum = IntervalSum::default();
        sum.add(self);
        sum.add(later);
        *self = Interval {
            counts: sum.counts,
            due: sum.due,
            present: sum.present,
            waiting: sum.waiting,
            response: Packed::new(&sum.response),
            service: Packed::new(&sum.service),
            lag: Packed::new(&sum.lag),
        }
        .without_repetition();
    }

    /// Service times that are the response times are not kept twice.
    pub(super) fn without_repetition(mut self) -> Interval {
        if self.service == self.response {
            self.service = None;
        }
        self
    }
}

impl IntervalSum {
    fn clear(&mut self, at: Nanos, lasted: Nanos) {
        self.lasted = lasted;
        (self.at, self.counts, self.due, self.present, self.waiting) = (at, Counts::default(), 0, 0, 0);
        [&mut self.response, &mut self.service, &mut self.lag].into_iter().for_each(Distribution::clear);
    }

    fn add(&mut self, interval: &Interval) {
        self.counts.merge(&interval.counts);
        self.due += interval.due;
        self.present += interval.present;
        self.waiting += interval.waiting;
        let parts = [
            (&interval.response, &mut self.response),
            (if interval.service.is_some() { &interval.service } else { &interval.response }, &mut self.service),
            (&interval.lag, &mut self.lag),
        ];
        parts.into_iter().for_each(|(packed, sum)| packed.iter().for_each(|packed| packed.add_to(sum)));
    }

    /// The mean number of requests that were due and not done.
    pub(super) fn mean_present(&self) -> f64 {
        self.present as f64 / self.lasted.0.max(1) as f64
    }

    /// The mean number of requests that waited for a connection.
    pub(super) fn mean_waiting(&self) -> f64 {
        self.waiting as f64 / self.lasted.0.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: u64) -> Interval {
        let mut d = Distribution::new();
        d.record(Nanos(value));
        Interval { counts: Counts { ok: 1, ..Counts::default() }, response: Packed::new(&d), ..Interval::default() }
    }

    /// A series of a run of so many seconds with one answer in each interval.
    fn series(seconds: u64) -> (Series, u64) {
        let mut series = Series::default();
        let (mut at, mut n) = (Nanos::ZERO, 0);
        while at < Nanos::from_secs(seconds) {
            let (start, end) = series.around(at);
            assert!(start <= at && at < end);
            n += 1;
            series.add(start, end, one(n));
            at = end;
        }
        (series, n)
    }

    fn groups(series: &Series, width: Nanos) -> Vec<(Nanos, u64, u64)> {
        let mut out = Vec::new();
        series.for_each(width, |sum| out.push((sum.at, sum.counts.ok, sum.response.count())));
        out
    }

    #[test]
    fn intervals_grow_with_the_run_up_to_a_second() {
        let width = |ms| {
            let (start, end) = Series::default().around(Nanos::from_millis(ms));
            end.since(start).as_millis()
        };
        assert_eq!([0, 200, 300, 1_100, 20_000, 40_000].map(width), [3.90625, 3.90625, 7.8125, 31.25, 500.0, 1000.0]);
    }

    #[test]
    fn a_run_has_some_thirty_equal_intervals_however_long_it_is() {
        for seconds in [1, 5, 10, 60, 300, 4_000] {
            let (series, n) = series(seconds);
            let batches = groups(&series, series.batch_width());
            assert!((30..64).contains(&batches.len()), "{seconds} s: {}", batches.len());
            assert_eq!(batches.iter().map(|(_, ok, _)| ok).sum::<u64>(), n);
        }
    }

    #[test]
    fn neighbours_merge_when_there_are_too_many_and_none_is_lost() {
        let (series, n) = series(3_000);
        assert!(series.intervals.len() <= Series::MAX_INTERVALS);
        assert_eq!(series.width(), Nanos::from_secs(4));
        let all = groups(&series, series.width());
        assert_eq!(all.len(), 750);
        assert_eq!(all.iter().map(|(_, ok, responses)| (*ok).max(*responses)).sum::<u64>(), n);
        assert!(all.iter().all(|(at, ..)| at.0 % 4_000_000_000 == 0));
    }

    #[test]
    fn workers_series_are_summed_at_the_coarser_width() {
        let (mut long, long_n) = series(2_000);
        let (short, short_n) = series(3);
        long.merge(short);
        let all = groups(&long, long.width());
        assert_eq!(all.iter().map(|(_, ok, _)| ok).sum::<u64>(), long_n + short_n);
        assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
