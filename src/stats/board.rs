//! Where workers show how far they are, for whoever watches.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::record::Failure;
use crate::time::Nanos;

use super::{Counts, Distribution, Tally, Traffic};

/// One cell a worker, written a few times a second whether or not anyone
/// reads it. The lock is taken by its worker and by the watcher alone, both briefly.
#[derive(Debug)]
pub struct Board {
    cells: Vec<Mutex<Snapshot>>,
}

/// What was counted up to one moment: everything since T0, warm-up excluded.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When counting began; [`Nanos::ZERO`] before that.
    pub t0: Nanos,
    /// Requests by outcome.
    pub counts: Counts,
    /// Requests that have become due.
    pub due: u64,
    /// Requests that are due and not done, those that wait for a connection among them.
    pub present: u64,
    /// Requests that wait for a connection.
    pub waiting: u64,
    /// The integral of `present` up to about now, in requests x nanoseconds.
    pub present_area: i128,
    /// The same of `waiting`.
    pub waiting_area: i128,
    /// Requests that were due and never given to a connection: known at the end.
    pub unsent: u64,
    /// Answers by status, where there were any.
    pub status: Vec<(u16, u64)>,
    /// Failures by phase and cause, likewise.
    pub failures: Vec<(Failure, u64)>,
    /// Bytes read, heads and framing included.
    pub bytes_in: u64,
    /// Bytes written, likewise.
    pub bytes_out: u64,
    /// Connections opened, those of the warm-up among them.
    pub connections: u64,
    /// Waves that are complete.
    pub waves: u64,
    /// Response times of the answers.
    pub response: Distribution,
    /// Service times of the answers.
    pub service: Distribution,
    /// How old requests were that got no answer: lower bounds.
    pub censored: Distribution,
    /// How late requests were sent, in models that have a lag, up to the interval under way.
    pub lag: Distribution,
    /// Last sent - first sent of each wave.
    pub spread: Distribution,
    /// How busy the busiest worker was in the last second, as a share.
    pub busy: f64,
    /// The longest time for which a worker did not look at its connections while it had work.
    pub stall: Nanos,
}

impl Board {
    /// A board for so many workers.
    pub fn new(workers: u32) -> Board {
        Board { cells: (0..workers).map(|_| Mutex::default()).collect() }
    }

    /// Worker `worker`, which is busy for a share of its time, shows what it
    /// has counted. `t0` is zero until counting has begun.
    pub fn show(&self, worker: u32, t0: Nanos, busy: f64, tally: &Tally, traffic: &Traffic) {
        let mut cell = lock(&self.cells[worker as usize]);
        cell.clear();
        (cell.t0, cell.busy) = (t0, busy);
        cell.count(tally);
        (cell.bytes_in, cell.bytes_out, cell.connections) = (traffic.bytes_in, traffic.bytes_out, traffic.opened);
    }

    /// All cells, summed.
    pub fn snapshot(&self) -> Snapshot {
        let mut sum = Snapshot::default();
        self.cells.iter().for_each(|cell| sum.merge(&lock(cell)));
        sum
    }
}

impl Snapshot {
    /// http_error + failed + timeout.
    pub fn errors(&self) -> u64 {
        self.counts.http_error + self.counts.failed + self.counts.timeout
    }

    /// What has been counted since `earlier`. Levels and maxima are those of now.
    pub fn since(&self, earlier: &Snapshot) -> Snapshot {
        Snapshot {
            counts: self.counts.since(&earlier.counts),
            due: self.due.saturating_sub(earlier.due),
            present_area: self.present_area - earlier.present_area,
            waiting_area: self.waiting_area - earlier.waiting_area,
            unsent: self.unsent.saturating_sub(earlier.unsent),
            status: since(&self.status, &earlier.status),
            failures: since(&self.failures, &earlier.failures),
            bytes_in: self.bytes_in.saturating_sub(earlier.bytes_in),
            bytes_out: self.bytes_out.saturating_sub(earlier.bytes_out),
            connections: self.connections.saturating_sub(earlier.connections),
            waves: self.waves.saturating_sub(earlier.waves),
            response: self.response.since(&earlier.response),
            service: self.service.since(&earlier.service),
            censored: self.censored.since(&earlier.censored),
            lag: self.lag.since(&earlier.lag),
            spread: self.spread.since(&earlier.spread),
            ..*self
        }
    }

    /// Empties it, and keeps its memory: workers show themselves without allocating.
    fn clear(&mut self) {
        self.status.clear();
        self.failures.clear();
        let parts = [&mut self.response, &mut self.service, &mut self.censored, &mut self.lag, &mut self.spread];
        parts.into_iter().for_each(Distribution::clear);
    }

    fn count(&mut self, tally: &Tally) {
        self.counts = tally.counts();
        (self.due, self.present, self.waiting) = (tally.in_system.entered, tally.in_system.count, tally.waiting.count);
        (self.present_area, self.waiting_area) = (tally.in_system.integral(), tally.waiting.integral());
        self.unsent = tally.unsent;
        self.status.extend(tally.statuses());
        self.failures.extend(tally.failures.iter().map(|seen| (seen.failure, seen.count)));
        self.waves = tally.waves.count;
        tally.add_response_to(&mut self.response);
        tally.add_service_to(&mut self.service);
        self.censored.merge(&tally.censored().timed_out);
        self.censored.merge(&tally.censored().cut);
        tally.lag().into_iter().for_each(|lag| self.lag.merge(lag));
        self.spread.merge(&tally.waves.spread);
        self.stall = tally.health.stall;
    }

    fn merge(&mut self, other: &Snapshot) {
        self.t0 = self.t0.max(other.t0);
        self.counts.merge(&other.counts);
        self.due += other.due;
        self.present += other.present;
        self.waiting += other.waiting;
        self.present_area += other.present_area;
        self.waiting_area += other.waiting_area;
        self.unsent += other.unsent;
        other.status.iter().for_each(|(status, n)| *entry(&mut self.status, *status) += n);
        other.failures.iter().for_each(|(failure, n)| *entry(&mut self.failures, *failure) += n);
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.connections += other.connections;
        // A wave is complete when its last worker is; that one counts it.
        self.waves += other.waves;
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.censored.merge(&other.censored);
        self.lag.merge(&other.lag);
        self.spread.merge(&other.spread);
        self.busy = self.busy.max(other.busy);
        self.stall = self.stall.max(other.stall);
    }
}

/// The number of `key` in a list that has few.
fn entry<K: Copy + PartialEq>(list: &mut Vec<(K, u64)>, key: K) -> &mut u64 {
    let at = list.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
        list.push((key, 0));
        list.len() - 1
    });
    &mut list[at].1
}

fn since<K: Copy + PartialEq>(now: &[(K, u64)], earlier: &[(K, u64)]) -> Vec<(K, u64)> {
    let before = |key| earlier.iter().find(|(known, _)| *known == key).map_or(0, |(_, n)| *n);
    let grown = now.iter().map(|&(key, n)| (key, n.saturating_sub(before(key))));
    grown.filter(|(_, n)| *n > 0).collect()
}

/// A worker that panicked left plain numbers behind, which are as good as before.
fn lock(cell: &Mutex<Snapshot>) -> MutexGuard<'_, Snapshot> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{NO_WAVE, Record};
    use crate::stats::Clocks;

    fn record(took: u64, status: u16) -> Record {
        let done = Nanos(1_000 + took);
        let due = Nanos(1_000);
        Record { due, ready: due, sent: due, first_byte: done, done, wave: NO_WAVE, status, ..Record::default() }
    }

    fn counted(tally: &mut Tally, record: &Record) {
        tally.in_system.enter(record.due);
        tally.record(record);
    }

    #[test]
    fn a_snapshot_is_the_sum_of_all_workers_and_its_growth_what_came_in_between() {
        let board = Board::new(2);
        let tally = || Tally::new(Nanos(1_000), Nanos::NEVER, Clocks::default());
        let (mut one, mut two) = (tally(), tally());
        counted(&mut one, &record(10, 200));
        board.show(0, one.t0, 0.5, &one, &Traffic::default());
        let before = board.snapshot();
        counted(&mut one, &record(2_000, 404));
        counted(&mut two, &record(30_000, 200));
        board.show(0, one.t0, 0.25, &one, &Traffic::default());
        board.show(1, two.t0, 0.75, &two, &Traffic::default());
        let all = board.snapshot();
        assert_eq!((all.counts.ok, all.errors(), all.due, all.busy), (2, 1, 3, 0.75));
        assert_eq!(all.status, [(200, 2), (404, 1)]);
        assert_eq!((all.response.count(), all.service.count()), (3, 3));
        let grown = all.since(&before);
        assert_eq!((grown.counts.ok, grown.errors(), grown.due), (1, 1, 2));
        assert_eq!(grown.status, [(200, 1), (404, 1)]);
        assert_eq!((grown.response.min(), grown.response.count()), (Some(Nanos(2_000)), 2));
    }
}
