//! What became of each target's requests.

use serde::{Deserialize, Serialize};

use crate::record::{Outcome, Phase, Record};
use crate::time::Nanos;

use super::{Censored, Counts, Distribution};

/// What became of each target's requests, in a run that has several.
#[derive(Clone, Debug)]
pub struct ByTarget {
    kinds: Vec<TargetTally>,
}

/// What became of the requests of one target.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TargetTally {
    /// By outcome.
    pub counts: Counts,
    /// Due, but never given to a connection.
    pub unsent: u64,
    /// Response times of the answers.
    pub response: Distribution,
    /// Ages of the requests that got no answer.
    pub censored: Censored,
}

/// So many targets are told apart; those behind them in the list are counted together.
pub const MAX_TARGETS: usize = 256;

impl ByTarget {
    /// For this number of targets.
    pub fn new(targets: usize) -> ByTarget {
        ByTarget { kinds: vec![TargetTally::default(); targets.min(MAX_TARGETS + 1)] }
    }

    fn kind(&mut self, target: u32) -> &mut TargetTally {
        &mut self.kinds[(target as usize).min(MAX_TARGETS)]
    }

    pub(super) fn record(&mut self, r: &Record, outcome: Outcome) {
        let kind = self.kind(r.target);
        kind.counts.add(outcome);
        match r.failure {
            None => kind.response.record(r.response()),
            Some(failure) => match failure.phase {
                Phase::Timeout => kind.censored.timed_out.record(r.response()),
                Phase::Cut => kind.censored.cut.record(r.response()),
                _ => {}
            },
        }
    }

    pub(super) fn unsent(&mut self, target: u32, age: Nanos) {
        let kind = self.kind(target);
        kind.unsent += 1;
        kind.censored.cut.record(age);
    }

    /// What became of the requests of each.
    pub(super) fn into_kinds(self) -> Vec<TargetTally> {
        self.kinds
    }
}

impl TargetTally {
    /// Adds another worker's.
    pub(super) fn merge(&mut self, other: &TargetTally) {
        self.counts.merge(&other.counts);
        self.unsent += other.unsent;
        self.response.merge(&other.response);
        self.censored.merge(&other.censored);
    }
}
