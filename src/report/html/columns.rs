//! The intervals of a run, few enough to be drawn.

use crate::stats::{Distribution, IntervalLine, Summary};
use crate::time::Nanos;

/// One or several intervals that follow each other.
#[derive(Debug)]
pub(super) struct Column {
    /// Its start, in seconds from T0.
    pub(super) at_s: f64,
    /// Up to the end of the run at most.
    pub(super) width_s: f64,
    pub(super) ok: u64,
    pub(super) http_error: u64,
    pub(super) failed: u64,
    pub(super) timeout: u64,
    pub(super) due: u64,
    pub(super) in_flight: f64,
    pub(super) waiting: f64,
    pub(super) response: Option<Response>,
}

/// Response times of the answers in a column, in milliseconds.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
    /// The middle of a bucket, and how many values it has.
    pub(super) buckets: Vec<(f64, u64)>,
}

/// The run in at most `most` columns: as many intervals as that needs are taken together, exactly.
pub(super) fn columns(s: &Summary, most: usize) -> Vec<Column> {
    let each = s.intervals.len().div_ceil(most).max(1);
    s.intervals.chunks(each).map(|intervals| Column::new(intervals, s, each)).collect()
}

impl Column {
    fn new(intervals: &[IntervalLine], s: &Summary, each: usize) -> Column {
        let at_s = intervals.first().map_or(0.0, |interval| interval.at_s);
        let full_s = s.interval_s.max(1e-9) * each as f64;
        let sum = |of: fn(&IntervalLine) -> u64| intervals.iter().map(of).fold(0, u64::saturating_add);
        let mean = |of: fn(&IntervalLine) -> f64| intervals.iter().map(of).sum::<f64>() / intervals.len().max(1) as f64;
        Column {
            at_s,
            width_s: (s.wall_s - at_s).clamp(0.0, full_s),
            ok: sum(|interval| interval.ok),
            http_error: sum(|interval| interval.http_error),
            failed: sum(|interval| interval.failed),
            timeout: sum(|interval| interval.timeout),
            due: sum(|interval| interval.due),
            in_flight: mean(|interval| interval.in_flight),
            waiting: mean(|interval| interval.waiting),
            response: Response::new(intervals),
        }
    }

    /// Requests done in it.
    pub(super) fn done(&self) -> u64 {
        self.ok.saturating_add(self.not_ok())
    }

    /// Those of them that did not succeed.
    pub(super) fn not_ok(&self) -> u64 {
        self.http_error.saturating_add(self.failed).saturating_add(self.timeout)
    }

    /// So many per second. None at the run's end, where a column is too short for a rate.
    pub(super) fn per_s(&self, count: u64, full_s: f64) -> Option<f64> {
        (self.width_s >= full_s / 2.0).then(|| count as f64 / self.width_s)
    }
}

impl Response {
    fn new(intervals: &[IntervalLine]) -> Option<Response> {
        let each = intervals.iter().filter_map(|interval| interval.response_ms.as_ref()?.distribution().ok());
        let all = each.reduce(|mut all: Distribution, d| {
            all.merge(&d);
            all
        })?;
        let [p50, p90, p99, max] = all.quantiles([500_000, 900_000, 990_000, 1_000_000])?.map(Nanos::as_millis);
        let buckets = all.buckets().map(|(low, high, n)| (low.as_millis().midpoint(high.as_millis()), n)).collect();
        Some(Response { p50, p90, p99, max, buckets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::tests::long;

    #[test]
    fn columns_take_intervals_together_and_lose_nothing() {
        let s = long(100);
        let few = columns(&s, 30);
        assert_eq!((few.len(), few[1].at_s, few[0].width_s), (25, 4.0, 4.0));
        let counted = |columns: &[Column]| columns.iter().map(Column::done).sum::<u64>();
        assert_eq!(counted(&few), counted(&columns(&s, 100)));
        let of_each = columns(&s, 100);
        let longest = of_each[..4].iter().filter_map(|column| Some(column.response.as_ref()?.max)).fold(0.0, f64::max);
        assert_eq!(few[0].response.as_ref().unwrap().max, longest);
    }
}
