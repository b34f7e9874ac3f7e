//! The barrier before a release, shared by all workers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::stats::WaveFacts;
use crate::time::Nanos;

/// What the last worker to arrive decides for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Everybody sends.
    At {
        /// At this instant.
        at: Nanos,
        /// So long after the instant for which it was planned.
        late: Nanos,
        /// The wave after this one counts.
        next_is_measured: bool,
    },
    /// Nobody sends any more.
    End,
    /// Nobody could connect: everybody reports that, and the run is over.
    Nobody,
}

/// One round after the other: all arrive, the last one publishes a release.
///
/// The lock is taken once a round by each worker, never between a release and
/// the last answer; whether the round is over is one shared word.
#[derive(Debug)]
pub(crate) struct Barrier {
    workers: u32,
    /// Rounds published so far.
    round: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    arrived: u32,
    facts: Option<WaveFacts>,
    decision: Decision,
}

impl Barrier {
    /// A barrier for so many workers.
    pub(crate) fn new(workers: u32) -> Barrier {
        let state = State { arrived: 0, facts: None, decision: Decision::End };
        Barrier { workers, round: AtomicU64::new(0), state: Mutex::new(state) }
    }

    /// How many workers meet here.
    pub(crate) fn workers(&self) -> u32 {
        self.workers
    }

    /// A worker is ready for the next round, and hands in its share of the
    /// last wave. The last one to arrive gets the whole wave's facts back and must [`Self::publish`].
    pub(crate) fn arrive(&self, facts: Option<WaveFacts>) -> Option<Option<WaveFacts>> {
        let mut state = self.lock();
        state.arrived += 1;
        match (&mut state.facts, facts) {
            (Some(sum), Some(facts)) => sum.merge(&facts),
            (none @ None, facts) => *none = facts,
            (Some(_), None) => {}
        }
        if state.arrived < self.workers {
            return None;
        }
        state.arrived = 0;
        Some(state.facts.take())
    }

    /// Ends the round.
    pub(crate) fn publish(&self, decision: Decision) {
        self.lock().decision = decision;
        self.round.fetch_add(1, Ordering::Release);
    }

    /// The release of round `round` (from 0), once it is published.
    pub(crate) fn released(&self, round: u64) -> Option<Decision> {
        (self.round.load(Ordering::Acquire) > round).then(|| self.lock().decision)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(sent: u64) -> Option<WaveFacts> {
        let mut facts = WaveFacts::new(0);
        facts.sent(Nanos(sent));
        Some(facts)
    }

    #[test]
    fn the_last_to_arrive_decides_for_all() {
        let barrier = Barrier::new(2);
        assert_eq!(barrier.arrive(facts(5)), None);
        assert_eq!(barrier.released(0), None);
        let whole = barrier.arrive(facts(9)).unwrap().unwrap();
        assert_eq!((whole.first_sent, whole.last_sent), (Nanos(5), Nanos(9)));
        let release = Decision::At { at: Nanos(20), late: Nanos(0), next_is_measured: true };
        barrier.publish(release);
        assert_eq!((barrier.released(0), barrier.released(1)), (Some(release), None));
        assert_eq!(barrier.arrive(None), None, "the next round begins empty");
        assert_eq!(barrier.arrive(None), Some(None));
    }

    #[test]
    fn threads_meet_in_every_round() {
        const ROUNDS: u64 = 200;
        let barrier = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for round in 0..ROUNDS {
                        if barrier.arrive(facts(round)).is_some() {
                            barrier.publish(Decision::At { at: Nanos(round), late: Nanos(0), next_is_measured: true });
                        }
                        let release = loop {
                            match barrier.released(round) {
                                Some(release) => break release,
                                None => std::thread::yield_now(),
                            }
                        };
                        assert!(matches!(release, Decision::At { at, .. } if at == Nanos(round)));
                    }
                });
            }
        });
    }
}
