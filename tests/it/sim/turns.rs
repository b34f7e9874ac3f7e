//! One clock for several workers: whoever wakes first goes on, and all others wait.
//! So a run of several threads is as exact as one of a single thread.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use onrush::time::Nanos;

/// Whose turn it is.
pub(super) struct Turns {
    state: Mutex<State>,
    /// Each worker waits for its own.
    changed: Vec<Condvar>,
}

struct State {
    /// When each worker goes on; never, if it has come to its end.
    wakes: Vec<Nanos>,
    whose: usize,
    /// A worker panicked, or all wait for nothing: all others end too.
    is_broken: bool,
}

/// A worker's place among them. It has its turn from the start, until it waits or is dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
    worker: usize,
}

impl Turns {
    /// All go on at `start`.
    pub(super) fn new(workers: u32, start: Nanos) -> Arc<Turns> {
        let state = State { wakes: vec![start; workers as usize], whose: 0, is_broken: false };
        Arc::new(Turns { state: Mutex::new(state), changed: (0..workers).map(|_| Condvar::new()).collect() })
    }

    /// Waits for the first turn of this worker.
    pub(super) fn begin(self: &Arc<Turns>, worker: u32) -> Turn {
        let turn = Turn { turns: Arc::clone(self), worker: worker as usize };
        turn.take();
        turn
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker that wakes first is next; of several, the first.
    fn pass_on(&self, state: &mut State) {
        let first = state.wakes.iter().enumerate().min_by_key(|(_, at)| **at);
        state.whose = first.expect("there is a worker").0;
        if state.is_broken {
            self.changed.iter().for_each(Condvar::notify_one);
        } else {
            self.changed[state.whose].notify_one();
        }
    }
}

impl Turn {
    /// Gives the turn away, and returns when this worker has it again, with the instant that the clock
    /// shows: `until`, or earlier if another worker woke this one.
    pub(super) fn wait(&self, until: Nanos) -> Nanos {
        let mut state = self.turns.lock();
        state.wakes[self.worker] = until;
        state.is_broken |= state.wakes.iter().all(|at| *at == Nanos::NEVER);
        self.turns.pass_on(&mut state);
        drop(state);
        self.take()
    }

    /// As [`Self::wait`], whoever wakes this worker.
    pub(super) fn wait_until(&self, at: Nanos) -> Nanos {
        loop {
            let now = self.wait(at);
            if now >= at {
                return now;
            }
        }
    }

    /// All others go on at `now`, if they would not have before.
    pub(super) fn wake_others(&self, now: Nanos) {
        let mut state = self.turns.lock();
        let own = self.worker;
        let others = state.wakes.iter_mut().enumerate().filter(|(worker, _)| *worker != own);
        others.filter(|(_, at)| **at != Nanos::NEVER).for_each(|(_, at)| *at = now.min(*at));
    }

    fn take(&self) -> Nanos {
        let state = self.turns.lock();
        let waits = |state: &mut State| state.whose != self.worker && !state.is_broken;
        let state = self.turns.changed[self.worker].wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        let (at, is_broken) = (state.wakes[self.worker], state.is_broken);
        drop(state);
        assert!(!is_broken, "worker {} waits for nothing, or for one that panicked", self.worker);
        at
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        state.wakes[self.worker] = Nanos::NEVER;
        state.is_broken |= thread::panicking();
        if state.whose == self.worker || state.is_broken {
            self.turns.pass_on(&mut state);
        }
    }
}
