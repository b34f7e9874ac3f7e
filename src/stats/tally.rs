//! What one worker counts.

use crate::record::{Failure, Outcome, Phase, Record};
use crate::time::Nanos;

use super::{Distribution, Series, WaveTally};

/// Requests by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Status 200 to 399.
    pub ok: u64,
    /// Any other status.
    pub http_error: u64,
    /// Failures other than time-outs.
    pub failed: u64,
    /// Our own time limit ran out.
    pub timeout: u64,
    /// Sent, not answered when the run ended.
    pub unfinished: u64,
}

impl Counts {
    #[inline]
    fn add(&mut self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Ok => &mut self.ok,
            Outcome::HttpError => &mut self.http_error,
            Outcome::Failed => &mut self.failed,
            Outcome::Timeout => &mut self.timeout,
            Outcome::Unfinished => &mut self.unfinished,
        };
        *counter += 1;
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Counts) {
        self.ok += other.ok;
        self.http_error += other.http_error;
        self.failed += other.failed;
        self.timeout += other.timeout;
        self.unfinished += other.unfinished;
    }

    /// Requests that got an answer, whatever its status.
    pub fn answered(&self) -> u64 {
        self.ok + self.http_error
    }

    /// Requests that came to an end of their own.
    pub fn ended(&self) -> u64 {
        self.answered() + self.failed + self.timeout
    }
}

/// How often a failure was seen, and when.
#[derive(Clone, Debug)]
pub struct FailureCount {
    /// Which one.
    pub failure: Failure,
    /// How often.
    pub count: u64,
    /// When the first one was noticed.
    pub first: Nanos,
    /// When the last one was.
    pub last: Nanos,
    /// The first one.
    pub example: Record,
}

/// What one worker counts: plain numbers in constant memory. Merging is exact
/// and associative.
#[derive(Clone, Debug)]
pub struct Tally {
    /// When counting began.
    pub t0: Nanos,
    /// When the last counted request was done; `t0` before that.
    pub last_done: Nanos,
    /// Answers later than this are not part of the throughput.
    pub window_end: Nanos,
    /// Answers done up to `window_end`.
    pub answered_in_window: u64,
    /// Body, head and framing bytes that were read.
    pub bytes_in: u64,
    /// Bytes that were written.
    pub bytes_out: u64,
    /// Connections opened.
    pub connections: u64,
    /// Connections found closed between two requests, and replaced.
    pub replaced: u64,
    /// Requests that were due but never given to a connection.
    pub unsent: u64,
    /// How long this worker waited for a full sink.
    pub sink_wait: Nanos,
    /// How long it took to open connections.
    pub connect: Distribution,
    /// Waves, in the wave model.
    pub waves: WaveTally,
    /// Failures, in order of first appearance.
    pub failures: Vec<FailureCount>,

    counts: Counts,
    status: Box<[u64; 1000]>,
    /// Answers whose response, service and first-byte time are one number: one
    /// record serves all three. Nearly all requests on open connections.
    alike: Distribution,
    response: Distribution,
    service: Distribution,
    first_byte: Distribution,
    /// Time-outs, unfinished and unsent requests: at least as old as this.
    censored: Distribution,
    /// Failures other than time-outs, from due to noticed.
    failed: Distribution,
    /// The second under way, which is added to all of the above and to the series when it ends.
    second: Second,
    /// The run over time, complete once the tally is closed.
    pub(super) series: Series,
}

#[derive(Clone, Debug)]
struct Second {
    /// From T0.
    number: u64,
    /// The instant at which it ends.
    end: Nanos,
    counts: Counts,
    alike: Distribution,
    response: Distribution,
}

impl Tally {
    /// An empty tally of a run that begins at `t0` and whose throughput is counted up to `window_end`.
    pub fn new(t0: Nanos, window_end: Nanos) -> Tally {
        Tally {
            t0,
            last_done: t0,
            window_end,
            answered_in_window: 0,
            bytes_in: 0,
            bytes_out: 0,
            connections: 0,
            replaced: 0,
            unsent: 0,
            sink_wait: Nanos::ZERO,
            connect: Distribution::new(),
            waves: WaveTally::default(),
            failures: Vec::with_capacity(16),
            counts: Counts::default(),
            status: Box::new([0; 1000]),
            alike: Distribution::new(),
            response: Distribution::new(),
            service: Distribution::new(),
            first_byte: Distribution::new(),
            censored: Distribution::new(),
            failed: Distribution::new(),
            second: Second {
                number: 0,
                end: t0 + Nanos::from_secs(1),
                counts: Counts::default(),
                alike: Distribution::new(),
                response: Distribution::new(),
            },
            series: Series::default(),
        }
    }

    /// T0 is known now; nothing has been counted yet.
    pub fn start(&mut self, t0: Nanos, window_end: Nanos) {
        debug_assert_eq!(self.counts(), Counts::default());
        (self.t0, self.last_done, self.window_end) = (t0, t0, window_end);
        self.second.end = t0 + Nanos::from_secs(1);
    }

    /// Counts one request that came to an end. They come in order of `done`.
    #[inline]
    pub fn record(&mut self, r: &Record) {
        if r.done >= self.second.end {
            self.roll(r.done);
        }
        self.last_done = self.last_done.max(r.done);
        let outcome = r.outcome();
        self.second.counts.add(outcome);
        match r.failure {
            None => self.answered(r),
            Some(failure) => self.not_answered(r, failure),
        }
    }

    /// A request was due at `due`, and nobody had sent it when waiting stopped at `now`.
    pub fn unsent(&mut self, due: Nanos, now: Nanos) {
        self.unsent += 1;
        self.censored.record(now.since(due));
    }

    #[inline]
    fn answered(&mut self, r: &Record) {
        self.answered_in_window += u64::from(r.done <= self.window_end);
        self.status[usize::from(r.status) % 1000] += 1;
        if r.sent == r.due && r.first_byte == r.done {
            self.second.alike.record(r.response());
        } else {
            self.second.response.record(r.response());
            self.service.record(r.service().unwrap_or(Nanos::ZERO));
            self.first_byte.record(r.first_byte_after().unwrap_or(Nanos::ZERO));
        }
    }

    #[cold]
    fn not_answered(&mut self, r: &Record, failure: Failure) {
        match failure.phase {
            Phase::Timeout | Phase::Cut => self.censored.record(r.response()),
            _ => self.failed.record(r.response()),
        }
        if failure.phase == Phase::Cut {
            return;
        }
        match self.failures.iter_mut().find(|f| f.failure == failure) {
            Some(known) => {
                known.count += 1;
                known.last = r.done;
            }
            None => {
                self.failures.push(FailureCount { failure, count: 1, first: r.done, last: r.done, example: *r });
            }
        }
    }

    /// The second is over: what it counted goes where it belongs.
    #[cold]
    fn roll(&mut self, now: Nanos) {
        let second = &mut self.second;
        self.counts.merge(&second.counts);
        self.alike.merge(&second.alike);
        self.response.merge(&second.response);
        if second.counts != Counts::default() {
            second.response.merge(&second.alike);
            self.series.add(second.number, second.counts, &second.response);
        }
        second.counts = Counts::default();
        second.alike.clear();
        second.response.clear();
        second.number = now.since(self.t0).0 / 1_000_000_000;
        second.end = self.t0 + Nanos::from_secs(second.number + 1);
    }

    /// The run is over: the last second, whole or not, joins the others.
    pub fn close(&mut self) {
        self.roll(self.last_done);
    }

    /// Adds all that another worker of the same run counted.
    pub fn merge(&mut self, mut other: Tally) {
        self.close();
        other.close();
        // A worker that never began to count has no T0.
        self.t0 = if self.t0 == Nanos::ZERO { other.t0 } else { self.t0 };
        self.last_done = self.last_done.max(other.last_done);
        self.window_end = self.window_end.min(other.window_end);
        self.answered_in_window += other.answered_in_window;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.connections += other.connections;
        self.replaced += other.replaced;
        self.unsent += other.unsent;
        self.sink_wait += other.sink_wait;
        self.connect.merge(&other.connect);
        self.waves.merge(&other.waves);
        self.counts.merge(&other.counts);
        self.status.iter_mut().zip(other.status.iter()).for_each(|(mine, theirs)| *mine += theirs);
        self.alike.merge(&other.alike);
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.first_byte.merge(&other.first_byte);
        self.censored.merge(&other.censored);
        self.failed.merge(&other.failed);
        self.series.merge(other.series);
        for theirs in other.failures {
            match self.failures.iter_mut().find(|mine| mine.failure == theirs.failure) {
                Some(mine) => mine.merge(&theirs),
                None => self.failures.push(theirs),
            }
        }
    }

    /// Requests by outcome so far.
    pub fn counts(&self) -> Counts {
        let mut counts = self.counts;
        counts.merge(&self.second.counts);
        counts
    }

    /// Answers by status, ascending, where there were any.
    pub fn statuses(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.status.iter().enumerate().filter(|(_, n)| **n > 0).map(|(status, n)| (status as u16, *n))
    }

    /// Response times of all answers.
    pub fn response(&self) -> Distribution {
        self.with_alike(&[&self.response, &self.second.response])
    }

    /// Service times of all answers.
    pub fn service(&self) -> Distribution {
        self.with_alike(&[&self.service])
    }

    /// First-byte times of all answers.
    pub fn first_byte(&self) -> Distribution {
        self.with_alike(&[&self.first_byte])
    }

    /// Ages of the requests that time-outs and the run's end cut off: each is a lower bound.
    pub fn censored(&self) -> &Distribution {
        &self.censored
    }

    /// Failures other than time-outs, from due to noticed.
    pub fn failed(&self) -> &Distribution {
        &self.failed
    }

    /// The response times of answers counted so far, added to `sum`.
    pub fn add_response_to(&self, sum: &mut Distribution) {
        for part in [&self.alike, &self.second.alike, &self.response, &self.second.response] {
            sum.merge(part);
        }
    }

    fn with_alike(&self, parts: &[&Distribution]) -> Distribution {
        let mut all = self.alike.clone();
        all.merge(&self.second.alike);
        parts.iter().for_each(|part| all.merge(part));
        all
    }
}

impl FailureCount {
    fn merge(&mut self, other: &FailureCount) {
        self.count += other.count;
        self.last = self.last.max(other.last);
        if other.first < self.first {
            self.first = other.first;
            self.example = other.example;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Cause, NO_WAVE};
    use proptest::prelude::*;

    const T0: Nanos = Nanos(1_000);

    fn record(sent_after: u64, took: u64, status: u16) -> Record {
        let due = T0 + Nanos(sent_after);
        let done = due + Nanos(took);
        Record {
            index: 0,
            due,
            ready: due,
            sent: due,
            first_byte: done,
            done,
            body_bytes: 2,
            connect: Nanos::ZERO,
            connection: 0,
            wave: NO_WAVE,
            status,
            failure: None,
        }
    }

    fn failed(at: u64, phase: Phase, cause: Cause) -> Record {
        Record { failure: Some(Failure::new(phase, cause)), ..record(at, 10, 0) }
    }

    fn tally(records: &[Record]) -> Tally {
        let mut tally = Tally::new(T0, Nanos::NEVER);
        records.iter().for_each(|r| tally.record(r));
        tally
    }

    #[test]
    fn every_outcome_has_its_counter() {
        let t = tally(&[
            record(0, 5, 200),
            record(0, 6, 302),
            record(0, 7, 404),
            failed(0, Phase::Read, Cause::Reset),
            failed(0, Phase::Timeout, Cause::WaitFirstByte),
            failed(0, Phase::Cut, Cause::RunEnded),
        ]);
        assert_eq!(t.counts(), Counts { ok: 2, http_error: 1, failed: 1, timeout: 1, unfinished: 1 });
        assert_eq!(t.statuses().collect::<Vec<_>>(), [(200, 1), (302, 1), (404, 1)]);
        assert_eq!((t.response().count(), t.censored().count(), t.failed().count()), (3, 2, 1));
        assert_eq!(t.failures.len(), 2, "cut by the run's end is not a failure");
    }

    #[test]
    fn one_record_serves_three_clocks_only_where_they_agree() {
        let alike = record(0, 50, 200);
        let late = Record { due: T0, sent: T0 + Nanos(20), ..alike };
        let t = tally(&[alike, late, Record { first_byte: alike.sent + Nanos(30), ..alike }]);
        let all = |d: Distribution| (d.count(), d.min().unwrap().0, d.max().unwrap().0);
        assert_eq!(all(t.response()), (3, 50, 50));
        assert_eq!(all(t.service()), (3, 30, 50));
        assert_eq!(all(t.first_byte()), (3, 30, 50));
    }

    #[test]
    fn seconds_are_told_apart_and_gaps_leave_no_entry() {
        let second = 1_000_000_000;
        let mut t = tally(&[record(0, 10, 200), record(second - 5, 10, 200), record(5 * second, 10, 500)]);
        t.close();
        let series: Vec<_> =
            t.series.clone().intervals().map(|(at, counts, d)| (at.0 / second, counts.ended(), d.count())).collect();
        assert_eq!(series, [(0, 1, 1), (1, 1, 1), (5, 1, 1)]);
    }

    #[test]
    fn answers_after_the_window_are_no_throughput() {
        let mut t = Tally::new(T0, T0 + Nanos(100));
        t.record(&record(0, 100, 200));
        t.record(&record(50, 51, 200));
        assert_eq!((t.answered_in_window, t.counts().ok), (1, 2));
    }

    proptest! {
        #[test]
        fn merging_equals_counting_in_one(
            events in prop::collection::vec((0u64..4_000_000_000, 1u64..50_000_000, 0u8..4, any::<bool>()), 0..60),
        ) {
            let mut records: Vec<(Record, bool)> = events.iter().map(|&(at, took, kind, mine)| {
                let r = match kind {
                    0 => failed(at, Phase::Read, Cause::Reset),
                    1 => failed(at, Phase::Timeout, Cause::WaitBody),
                    2 => Record { ready: T0, due: T0, ..record(at, took, 200) },
                    _ => record(at, took, 503),
                };
                (r, mine)
            }).collect();
            records.sort_by_key(|(r, _)| r.done);
            let all: Vec<Record> = records.iter().map(|(r, _)| *r).collect();
            let part = |want| records.iter().filter(|(_, m)| *m == want).map(|(r, _)| *r).collect::<Vec<_>>();
            let mut whole = tally(&all);
            whole.close();
            let mut merged = tally(&part(true));
            merged.merge(tally(&part(false)));
            prop_assert_eq!(merged.counts(), whole.counts());
            prop_assert!(merged.response().histogram() == whole.response().histogram());
            prop_assert!(merged.service().histogram() == whole.service().histogram());
            prop_assert_eq!(merged.series.clone().intervals().count(), whole.series.clone().intervals().count());
            let failures = |t: &Tally| {
                let mut list: Vec<_> = t.failures.iter().map(|f| (f.failure, f.count, f.first, f.last)).collect();
                list.sort();
                list
            };
            prop_assert_eq!(failures(&merged), failures(&whole));
        }
    }
}
