//! Where workers show how far they are, for whoever watches.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::time::Nanos;

use super::{Counts, Distribution, Tally};

/// One cell a worker, written a few times a second whether or not anyone
/// reads it. The lock is taken by its worker and by the watcher alone, both briefly.
#[derive(Debug)]
pub struct Board {
    cells: Vec<Mutex<Cell>>,
}

#[derive(Debug, Default)]
struct Cell {
    t0: Nanos,
    counts: Counts,
    waiting: u64,
    response: Distribution,
}

/// All workers' progress at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When counting began; [`Nanos::ZERO`] before that.
    pub t0: Nanos,
    /// Requests by outcome.
    pub counts: Counts,
    /// Requests that wait for a connection.
    pub waiting: u64,
    /// Response times of the answers.
    pub response: Distribution,
}

impl Board {
    /// A board for so many workers.
    pub fn new(workers: u32) -> Board {
        Board { cells: (0..workers).map(|_| Mutex::default()).collect() }
    }

    /// Worker `worker` shows what it has counted. `t0` is zero until counting has begun.
    pub fn show(&self, worker: u32, t0: Nanos, tally: &Tally) {
        let mut cell = lock(&self.cells[worker as usize]);
        cell.t0 = t0;
        cell.counts = tally.counts();
        cell.waiting = tally.waiting.present;
        cell.response.clear();
        tally.add_response_to(&mut cell.response);
    }

    /// All cells, summed.
    pub fn snapshot(&self) -> Snapshot {
        let mut sum =
            Snapshot { t0: Nanos::ZERO, counts: Counts::default(), waiting: 0, response: Distribution::new() };
        for cell in &self.cells {
            let cell = lock(cell);
            sum.t0 = sum.t0.max(cell.t0);
            sum.counts.merge(&cell.counts);
            sum.waiting += cell.waiting;
            sum.response.merge(&cell.response);
        }
        sum
    }
}

/// A worker that panicked left plain numbers behind, which are as good as before.
fn lock(cell: &Mutex<Cell>) -> MutexGuard<'_, Cell> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}
