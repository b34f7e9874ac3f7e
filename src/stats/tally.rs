//! What one worker counts.

use crate::record::{Failure, Outcome, Phase, Record};
use crate::time::Nanos;

use super::packed::Packed;
use super::series::{Interval, Series};
use super::timeline::{Timeline, TimelineSample};
use super::{
    ByTarget, Censored, Counts, Distribution, FailureCount, Health, Occupancy, ToolError, Totals, Traffic, WaveTally,
};

/// What one worker counts while it runs: plain numbers in constant memory. Instants are those of its clock.
#[derive(Clone, Debug)]
pub struct Tally {
    /// When counting began.
    pub t0: Nanos,
    /// When the last counted request was done; `t0` before that.
    pub last_done: Nanos,
    /// Answers later than this are not part of the throughput.
    pub window_end: Nanos,
    /// From here on no more requests were due, of one worker at least. NEVER while that is not known.
    pub due_until: Nanos,
    /// Answers done up to `window_end`.
    pub answered_in_window: u64,
    /// Times that a request was sent again, as the server said that it had not looked at it.
    pub retried: u64,
    /// Requests that were due but never given to a connection.
    pub unsent: u64,
    /// More would have waited for a connection than may, and the schedule ended.
    pub backlog_full: bool,
    /// Waves, in the wave model.
    pub waves: WaveTally,
    /// Failures, in order of first appearance.
    pub failures: Vec<FailureCount>,
    /// How this worker itself was.
    pub health: Health,
    /// What of the response times is this tool's.
    pub error: ToolError,
    /// Requests that are due and not done.
    pub in_system: Occupancy,
    /// Those of them that wait for a connection.
    pub waiting: Occupancy,
    /// What most runs have no need of.
    pub extra: Option<Box<Extra>>,

    clocks: Clocks,
    counts: Counts,
    status: Box<[u64; 1000]>,
    /// Answers whose response, service and first-byte time are one number: one
    /// record serves all three. Nearly all requests on open connections of users.
    alike: Distribution,
    response: Distribution,
    service: Distribution,
    first_byte: Distribution,
    lag: Distribution,
    /// Time-outs, unfinished and unsent requests: at least as old as this.
    censored: Censored,
    /// The same, of those that were sent, from then on.
    unanswered: Distribution,
    /// Failures other than time-outs, from due to noticed.
    failed: Distribution,
    /// The interval under way, which is added to all of the above and to the series when it ends.
    current: Current,
    sample: TimelineSample,
    sample_end: Nanos,
    /// When the interval or the sample under way ends, whichever is first.
    next_roll: Nanos,
    /// The run over time, up to the interval under way.
    series: Series,
    /// The same, in more detail and with less in it.
    timeline: Timeline,
}

/// What most runs have no need of.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// By target, if there are several.
    pub by_target: Option<ByTarget>,
    /// Which statuses are wanted was said, and answers with others have failed: all that have not are ok.
    pub all_expected: bool,
}

impl Extra {
    #[inline(never)]
    fn record(&mut self, r: &Record) -> Outcome {
        let outcome = match r.outcome() {
            Outcome::HttpError if self.all_expected => Outcome::Ok,
            outcome => outcome,
        };
        if let Some(by_target) = &mut self.by_target {
            by_target.record(r, outcome);
        }
        outcome
    }
}

/// What records of a run have beside their response time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// A send lag: the model says when a request is to be sent.
    pub lag: bool,
}

#[derive(Clone, Debug)]
struct Current {
    /// From T0.
    start: Nanos,
    end: Nanos,
    counts: Counts,
    alike: Distribution,
    response: Distribution,
    service: Distribution,
    lag: Distribution,
    /// What the flows had seen when it began.
    come: u64,
    present: i128,
    waiting: i128,
}

impl Tally {
    /// An empty tally of a run that begins at `t0` and whose throughput is counted up to `window_end`.
    pub fn new(t0: Nanos, window_end: Nanos, clocks: Clocks) -> Tally {
        let empty = Distribution::new;
        let mut tally = Tally {
            t0,
            last_done: t0,
            window_end,
            due_until: window_end,
            answered_in_window: 0,
            retried: 0,
            unsent: 0,
            backlog_full: false,
            waves: WaveTally::default(),
            failures: Vec::with_capacity(16),
            health: Health::default(),
            error: ToolError::default(),
            in_system: Occupancy::default(),
            waiting: Occupancy::default(),
            extra: None,
            clocks,
            counts: Counts::default(),
            status: Box::new([0; 1000]),
            alike: empty(),
            response: empty(),
            service: empty(),
            first_byte: empty(),
            lag: empty(),
            censored: Censored::default(),
            unanswered: empty(),
            failed: empty(),
            current: Current {
                start: Nanos::ZERO,
                end: Nanos::ZERO,
                counts: Counts::default(),
                alike: empty(),
                response: empty(),
                service: empty(),
                lag: empty(),
                come: 0,
                present: 0,
                waiting: 0,
            },
            sample: TimelineSample::default(),
            sample_end: Nanos::ZERO,
            next_roll: Nanos::ZERO,
            series: Series::default(),
            timeline: Timeline::default(),
        };
        tally.start(t0, window_end);
        tally
    }

    /// T0 is known now; nothing has been counted yet.
    pub fn start(&mut self, t0: Nanos, window_end: Nanos) {
        debug_assert_eq!(self.counts(), Counts::default());
        (self.t0, self.last_done, self.window_end) = (t0, t0, window_end);
        self.due_until = window_end;
        (self.in_system, self.waiting) = (Occupancy::empty(t0), Occupancy::empty(t0));
        (self.current.start, self.current.end) = self.series.around(Nanos::ZERO);
        self.sample_end = self.timeline.width();
        self.next_roll = t0 + self.current.end.min(self.sample_end);
    }

    /// Counts one request that came to an end. They come in order of `done`.
    #[inline]
    pub fn record(&mut self, r: &Record) {
        if r.done >= self.next_roll {
            self.roll(r.done);
        }
        self.last_done = self.last_done.max(r.done);
        self.in_system.leave(r.done);
        self.current.counts.add(match &mut self.extra {
            None => r.outcome(),
            Some(extra) => extra.record(r),
        });
        if self.clocks.lag
            && let Some(lag) = r.lag()
        {
            self.current.lag.record(lag);
        }
        match r.failure {
            None => self.answered(r),
            Some(failure) => self.not_answered(r, failure),
        }
    }

    /// A request for `target` was due at `due`, and had not been sent when waiting stopped at `now`.
    pub fn unsent(&mut self, target: u32, due: Nanos, now: Nanos) {
        self.unsent += 1;
        if let Some(by_target) = self.extra.as_mut().and_then(|extra| extra.by_target.as_mut()) {
            by_target.unsent(target, now.since(due));
        }
        self.last_done = self.last_done.max(now);
        self.censored.cut.record(now.since(due));
        self.in_system.leave(now);
    }

    #[inline]
    fn answered(&mut self, r: &Record) {
        let response = r.response();
        self.answered_in_window += u64::from(r.done <= self.window_end);
        self.status[usize::from(r.status) % 1000] += 1;
        self.sample.add(response);
        if r.sent == r.due && r.first_byte == r.done {
            self.current.alike.record(response);
        } else {
            self.current.response.record(response);
            self.current.service.record(r.service().unwrap_or(Nanos::ZERO));
            self.first_byte.record(r.first_byte_after().unwrap_or(Nanos::ZERO));
        }
    }

    #[cold]
    fn not_answered(&mut self, r: &Record, failure: Failure) {
        match failure.phase {
            Phase::Timeout | Phase::Cut => {
                let kind =
                    if failure.phase == Phase::Cut { &mut self.censored.cut } else { &mut self.censored.timed_out };
                kind.record(r.response());
                if let Some(age) = r.service() {
                    self.unanswered.record(age);
                }
            }
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

    /// Time has passed until `now`: intervals and samples that are over are put away.
    #[cold]
    pub fn roll(&mut self, now: Nanos) {
        while now >= self.next_roll {
            let at = self.next_roll.since(self.t0);
            self.in_system.advance(self.next_roll);
            self.waiting.advance(self.next_roll);
            if at >= self.sample_end {
                self.end_sample();
            }
            if at >= self.current.end {
                self.end_interval(at);
            }
            self.next_roll = self.t0 + self.current.end.min(self.sample_end);
        }
    }

    fn end_sample(&mut self) {
        self.sample.present = self.in_system.count;
        self.timeline.push(std::mem::take(&mut self.sample));
        self.sample_end += self.timeline.width();
    }

    /// What the interval counted goes where it belongs; the next one is around `at` (from T0).
    fn end_interval(&mut self, at: Nanos) {
        let current = &mut self.current;
        self.counts.merge(&current.counts);
        self.alike.merge(&current.alike);
        self.response.merge(&current.response);
        self.service.merge(&current.service);
        self.lag.merge(&current.lag);
        // One that consists of the other is packed once.
        let others = current.response.count() > 0;
        current.response.merge(&current.alike);
        if others {
            current.service.merge(&current.alike);
        }
        let interval = Interval {
            counts: current.counts,
            due: self.in_system.entered - current.come,
            present: self.in_system.integral() - current.present,
            waiting: self.waiting.integral() - current.waiting,
            response: Packed::new(&current.response),
            service: Packed::new(&current.service),
            lag: Packed::new(&current.lag),
        };
        if interval.counts != Counts::default() || interval.present > 0 || interval.due > 0 {
            self.series.add(current.start, current.end, interval.without_repetition());
        }
        current.counts = Counts::default();
        for part in [&mut current.alike, &mut current.response, &mut current.service, &mut current.lag] {
            part.clear();
        }
        (current.come, current.present) = (self.in_system.entered, self.in_system.integral());
        current.waiting = self.waiting.integral();
        (current.start, current.end) = self.series.around(at);
    }

    /// The run is over: the last interval, whole or not, joins the others. `traffic` went over the connections.
    pub fn close(mut self, traffic: Traffic) -> Totals {
        self.roll(self.last_done);
        self.in_system.advance(self.last_done);
        self.waiting.advance(self.last_done);
        let t0 = self.t0;
        let lasted = self.last_done.since(t0);
        self.end_interval(lasted);
        self.series.end_at(lasted);
        let from_t0 = |at: Nanos| if at == Nanos::NEVER { at } else { at.since(t0) };
        let [response, service, first_byte] = [&self.response, &self.service, &self.first_byte].map(|other| {
            let mut all = self.alike.clone();
            all.merge(other);
            all
        });
        for seen in &mut self.failures {
            (seen.first, seen.last) = (seen.first.since(t0), seen.last.since(t0));
        }
        self.waves.count_from(t0);
        let by_target = self.extra.and_then(|extra| extra.by_target);
        Totals {
            lasted,
            window_end: from_t0(self.window_end),
            due_until: from_t0(self.due_until),
            answered_in_window: self.answered_in_window,
            traffic,
            retried: self.retried,
            unsent: self.unsent,
            backlog_full: self.backlog_full,
            waves: self.waves,
            failures: self.failures,
            health: self.health,
            error: self.error,
            in_system: self.in_system,
            waiting: self.waiting,
            counts: self.counts,
            statuses: numbered(&self.status[..]).collect(),
            response,
            service,
            first_byte,
            lag: self.clocks.lag.then_some(self.lag),
            censored: self.censored,
            unanswered: self.unanswered,
            failed: self.failed,
            targets: by_target.map_or(Vec::new(), ByTarget::into_kinds),
            series: self.series,
            timeline: self.timeline,
        }
    }

    /// Requests by outcome so far.
    pub fn counts(&self) -> Counts {
        let mut counts = self.counts;
        counts.merge(&self.current.counts);
        counts
    }

    /// Answers by status, ascending, where there were any.
    pub fn statuses(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        numbered(&self.status[..])
    }

    /// Send lags of all requests sent. None in models that have none.
    pub fn lag(&self) -> Option<&Distribution> {
        self.clocks.lag.then_some(&self.lag)
    }

    /// Ages of the requests that time-outs and the run's end cut off: each is a lower bound.
    pub fn censored(&self) -> &Censored {
        &self.censored
    }

    /// The response times of answers counted so far, added to `sum`.
    pub fn add_response_to(&self, sum: &mut Distribution) {
        for part in [&self.alike, &self.current.alike, &self.response, &self.current.response] {
            sum.merge(part);
        }
    }

    /// The service times of answers counted so far, added to `sum`.
    pub fn add_service_to(&self, sum: &mut Distribution) {
        for part in [&self.alike, &self.current.alike, &self.service, &self.current.service] {
            sum.merge(part);
        }
    }
}

/// What is not zero, with its place.
fn numbered(counts: &[u64]) -> impl Iterator<Item = (u16, u64)> + '_ {
    counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(status, n)| (status as u16, *n))
}

#[cfg(test)]
mod tests;
