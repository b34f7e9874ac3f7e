//! What became of each target's requests.

use crate::plan::Order;
use crate::record::{Outcome, Phase, Record};
use crate::time::Nanos;

use super::{Censored, Counts, Distribution};

/// What became of each target's requests, in a run that has several.
#[derive(Clone, Debug)]
pub struct ByTarget {
    order: Order,
    kinds: Vec<TargetTally>,
}

/// What became of the requests of one target.
#[derive(Clone, Debug, Default)]
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
    /// For so many targets in this order.
    pub fn new(order: Order, targets: usize) -> ByTarget {
        ByTarget { order, kinds: vec![TargetTally::default(); targets.min(MAX_TARGETS + 1)] }
    }

    /// In the order of the list; behind [`MAX_TARGETS`] of them all others as one.
    pub fn kinds(&self) -> &[TargetTally] {
        &self.kinds
    }

    fn kind(&mut self, index: u64) -> &mut TargetTally {
        let target = self.order.target(index) as usize;
        &mut self.kinds[target.min(MAX_TARGETS)]
    }

    pub(super) fn record(&mut self, r: &Record, outcome: Outcome) {
        let kind = self.kind(r.index);
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

    pub(super) fn unsent(&mut self, index: u64, age: Nanos) {
        let kind = self.kind(index);
        kind.unsent += 1;
        kind.censored.cut.record(age);
    }

    pub(super) fn merge(&mut self, other: &ByTarget) {
        for (mine, theirs) in self.kinds.iter_mut().zip(&other.kinds) {
            mine.counts.merge(&theirs.counts);
            mine.unsent += theirs.unsent;
            mine.response.merge(&theirs.response);
            mine.censored.merge(&theirs.censored);
        }
    }
}
