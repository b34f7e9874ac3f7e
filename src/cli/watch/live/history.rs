//! What the live view keeps of a run: a bounded number of points, however long it lasts.

use std::collections::VecDeque;

use crate::stats::{Distribution, Snapshot};
use crate::time::Nanos;

/// So many points at most: more than the widest screens have dots for.
pub(super) const MAX_POINTS: usize = 600;
/// Rates are those of so much time: workers show themselves every 100 ms, which shall not be seen.
const RATE_OVER: Nanos = Nanos::from_secs(2);

/// A stretch of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// When it ended, since T0.
    pub(super) at: Nanos,
    /// None: it is the first.
    pub(super) rates: Option<Rates>,
    /// p50, p90 and p99 of the response times. None: nothing was answered.
    pub(super) response: Option<[Nanos; 3]>,
}

/// How quickly requests came and went of late.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    /// Requests that became due, a second.
    pub(super) offered: f64,
    /// Requests that ended, a second.
    pub(super) reached: f64,
}

/// What is known of the run, up to the last look.
#[derive(Debug)]
pub(super) struct History {
    /// The last look: since T0, and what the board showed.
    pub(super) elapsed: Nanos,
    pub(super) now: Snapshot,
    /// At most [`MAX_POINTS`], all of the same number of looks.
    pub(super) points: Vec<Point>,
    /// None: it takes two looks to tell.
    pub(super) rates: Option<Rates>,
    looks_a_point: u32,
    looks: u32,
    /// What the board showed when the last point ended.
    mark: Snapshot,
    /// Looks of the last seconds: (since T0, due, ended).
    recent: VecDeque<(Nanos, u64, u64)>,
}

impl History {
    pub(super) fn new() -> History {
        History {
            elapsed: Nanos::ZERO,
            now: Snapshot::default(),
            points: Vec::with_capacity(MAX_POINTS),
            rates: None,
            looks_a_point: 1,
            looks: 0,
            mark: Snapshot::default(),
            recent: VecDeque::new(),
        }
    }

    /// Counting has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.now.t0 != Nanos::ZERO
    }

    /// All response times up to now; requests without an answer count with their age.
    pub(super) fn response(&self) -> Distribution {
        response(&self.now)
    }

    /// Takes in what the board shows at `now`.
    pub(super) fn add(&mut self, now: Nanos, snapshot: Snapshot) {
        self.now = snapshot;
        if !self.has_begun() {
            return;
        }
        self.elapsed = now.since(self.now.t0);
        self.note_rates();
        self.looks += 1;
        if self.looks == self.looks_a_point {
            self.end_point();
        }
    }

    fn note_rates(&mut self) {
        self.recent.push_back((self.elapsed, self.now.due, self.now.counts.ended()));
        while self.recent.len() > 2 && self.elapsed.since(self.recent[1].0) >= RATE_OVER {
            self.recent.pop_front();
        }
        let (since, due, ended) = self.recent[0];
        let seconds = self.elapsed.since(since).as_secs();
        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        let (offered, reached) = (rate(self.now.due, due), rate(self.now.counts.ended(), ended));
        self.rates = (seconds > 0.0).then_some(Rates { offered, reached });
    }

    fn end_point(&mut self) {
        if self.points.len() == MAX_POINTS {
            self.halve();
        }
        let grown = response(&self.now.since(&self.mark));
        let response = grown.quantiles([500_000, 900_000, 990_000]);
        self.points.push(Point { at: self.elapsed, rates: self.rates, response });
        self.mark = self.now.clone();
        self.looks = 0;
    }

    /// Neighbours become one, and points to come last twice as long.
    fn halve(&mut self) {
        let merged: Vec<Point> = self.points.chunks(2).map(merge).collect();
        self.points.clear();
        self.points.extend(merged);
        self.looks_a_point *= 2;
    }
}

fn response(snapshot: &Snapshot) -> Distribution {
    let mut all = snapshot.response.clone();
    all.merge(&snapshot.censored);
    all
}

/// Of two quantiles the larger one stays: a peak is not smoothed away.
fn merge(pair: &[Point]) -> Point {
    let [a, b] = pair else { return pair[0] };
    let response = match (a.response, b.response) {
        (Some(a), Some(b)) => Some([a[0].max(b[0]), a[1].max(b[1]), a[2].max(b[2])]),
        (one, other) => one.or(other),
    };
    let rates = match (a.rates, b.rates) {
        (Some(a), Some(b)) => {
            Some(Rates { offered: a.offered.midpoint(b.offered), reached: a.reached.midpoint(b.reached) })
        }
        (one, other) => one.or(other),
    };
    Point { at: b.at, rates, response }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Nanos = Nanos::from_secs(100);

    fn look(history: &mut History, number: u64) {
        let mut snapshot = Snapshot { t0: T0, due: 100 * number, ..Snapshot::default() };
        snapshot.counts.ok = 90 * number;
        (1..=number.min(100)).for_each(|n| snapshot.response.record(Nanos::from_millis(n)));
        history.add(T0 + Nanos::from_millis(200 * number), snapshot);
    }

    fn rounded(rates: Rates) -> (f64, f64) {
        (rates.offered.round(), rates.reached.round())
    }

    #[test]
    fn before_t0_there_is_nothing() {
        let mut history = History::new();
        history.add(T0, Snapshot::default());
        assert!(!history.has_begun() && history.points.is_empty());
    }

    #[test]
    fn a_point_is_what_came_since_the_one_before() {
        let mut history = History::new();
        (1..=20).for_each(|number| look(&mut history, number));
        assert_eq!(history.points.len(), 20);
        let last = history.points[19];
        assert_eq!(last.at, Nanos::from_secs(4));
        assert_eq!(last.rates.map(rounded), Some((500.0, 450.0)));
        assert_eq!((history.points[0].rates, history.points[1].rates.map(rounded)), (None, Some((500.0, 450.0))));
        let within = |p: Nanos| (20.0..20.1).contains(&p.as_millis());
        assert!(last.response.unwrap().into_iter().all(within), "{:?}", last.response);
    }

    #[test]
    fn points_are_bounded_and_cover_the_run() {
        let mut history = History::new();
        (1..=3_000).for_each(|number| look(&mut history, number));
        assert!(
            history.points.len() <= MAX_POINTS && history.points.len() >= MAX_POINTS / 2,
            "{}",
            history.points.len()
        );
        assert!(history.points.is_sorted_by(|a, b| a.at < b.at));
        assert!(history.points[0].at < Nanos::from_secs(10));
        assert!(history.recent.len() <= 12, "{}", history.recent.len());
        assert!(history.points.iter().all(|point| point.rates.map(rounded) == Some((500.0, 450.0))));
    }

    #[test]
    fn of_two_points_the_peak_stays() {
        let rates = |offered| Some(Rates { offered, reached: 0.0 });
        let point = |ms| Point { at: Nanos(ms), rates: rates(ms as f64), response: Some([Nanos::from_millis(ms); 3]) };
        let merged = merge(&[point(8), point(2)]);
        assert_eq!(merged.response, Some([Nanos::from_millis(8); 3]));
        assert_eq!((merged.at, merged.rates), (Nanos(2), rates(5.0)));
        assert_eq!(merge(&[Point { response: None, ..point(8) }, point(2)]).response, point(2).response);
    }
}
