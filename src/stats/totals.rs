//! What a worker, or all of them, have counted in a run that is over.

use serde::{Deserialize, Serialize};

use crate::record::{Failure, Record};
use crate::time::Nanos;

use super::series::Series;
use super::{Censored, Counts, Distribution, Health, Occupancy, TargetTally, Timeline, ToolError, Traffic, WaveTally};

/// All that was counted. Instants are from T0, so that what other processes and other machines counted of the same run
/// can be added; merging is exact and associative.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Totals {
    /// When the last counted request was done.
    pub lasted: Nanos,
    /// Responses later than this are not part of the throughput; NEVER if all are.
    pub window_end: Nanos,
    /// From here on no more requests were due, of one worker at least. NEVER if that was not known.
    pub due_until: Nanos,
    /// Responses done up to `window_end`.
    pub answered_in_window: u64,
    /// What went over the connections.
    pub traffic: Traffic,
    /// Times that a request was sent again, as the server said that it had not looked at it.
    pub retried: u64,
    /// Requests that were due but never given to a connection.
    pub unsent: u64,
    /// More would have waited for a connection than may, and the schedule ended.
    pub backlog_full: bool,
    /// Waves, in the wave model.
    pub waves: WaveTally,
    /// Failures, in order of first appearance in each worker.
    pub failures: Vec<FailureCount>,
    /// How the workers themselves were.
    pub health: Health,
    /// What of the response times is this tool's.
    pub error: ToolError,
    /// Requests that are due and not done.
    pub in_system: Occupancy,
    /// Those of them that wait for a connection.
    pub waiting: Occupancy,
    /// Requests by outcome.
    pub counts: Counts,
    /// Responses by status, ascending, where there were any.
    pub statuses: Vec<(u16, u64)>,
    /// Response times of all responses.
    pub response: Distribution,
    /// Service times of all responses.
    pub service: Distribution,
    /// First-byte times of all responses.
    pub first_byte: Distribution,
    /// Send lags of all requests sent. None in models that have none.
    pub lag: Option<Distribution>,
    /// Ages of the requests that time-outs and the run's end cut off: each is a lower bound.
    pub censored: Censored,
    /// Ages since they were sent of those among them that were.
    pub unanswered: Distribution,
    /// Failures other than time-outs, from due to noticed.
    pub failed: Distribution,
    /// By target, if there are several; those beyond the limit as one.
    pub targets: Vec<TargetTally>,
    /// The run over time.
    pub(super) series: Series,
    /// The same, in more detail and with less in it.
    pub(super) timeline: Timeline,
}

/// How often a failure was seen, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureCount {
    /// Which one.
    pub failure: Failure,
    /// How often.
    pub count: u64,
    /// When the first one was noticed.
    pub first: Nanos,
    /// When the last one was.
    pub last: Nanos,
    /// The first one, as it was counted: its instants are by the clock of its machine.
    pub example: Record,
}

impl Totals {
    /// Adds all that another worker of the same run counted.
    pub fn merge(&mut self, other: Totals) {
        self.lasted = self.lasted.max(other.lasted);
        self.window_end = self.window_end.min(other.window_end);
        self.due_until = self.due_until.min(other.due_until);
        self.answered_in_window += other.answered_in_window;
        self.traffic.merge(&other.traffic);
        self.retried += other.retried;
        self.unsent += other.unsent;
        self.backlog_full |= other.backlog_full;
        self.waves.merge(&other.waves);
        for theirs in other.failures {
            match self.failures.iter_mut().find(|mine| mine.failure == theirs.failure) {
                Some(mine) => mine.merge(&theirs),
                None => self.failures.push(theirs),
            }
        }
        self.health.merge(&other.health);
        self.error.merge(&other.error);
        self.in_system += other.in_system;
        self.waiting += other.waiting;
        self.counts.merge(&other.counts);
        for (status, count) in other.statuses {
            match self.statuses.binary_search_by_key(&status, |(mine, _)| *mine) {
                Ok(at) => self.statuses[at].1 += count,
                Err(at) => self.statuses.insert(at, (status, count)),
            }
        }
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.first_byte.merge(&other.first_byte);
        match (&mut self.lag, other.lag) {
            (Some(mine), Some(theirs)) => mine.merge(&theirs),
            (mine, theirs) => *mine = mine.take().or(theirs),
        }
        self.censored.merge(&other.censored);
        self.unanswered.merge(&other.unanswered);
        self.failed.merge(&other.failed);
        self.targets.iter_mut().zip(&other.targets).for_each(|(mine, theirs)| mine.merge(theirs));
        self.series.merge(other.series);
        self.timeline.merge(other.timeline);
    }

    /// Intervals of the run over time.
    pub fn intervals(&self) -> usize {
        self.series.len()
    }

    /// How long the schedule lasted, as far as it was kept.
    pub(super) fn due_for(&self) -> Nanos {
        self.due_until.min(self.lasted)
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
