//! Numbers of requests, handed out once each.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::plan::{Load, Warmup};
use crate::schedule;

/// Numbers of the requests of a closed run, for all of its workers.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(super) measured: Counter,
    pub(super) warmup: Counter,
    workers: u32,
}

impl Numbers {
    /// Of this load, for `workers` workers.
    pub(crate) fn new(load: &Load, workers: u32) -> Numbers {
        let warmup = match load.warmup {
            Warmup::None => 0,
            Warmup::Requests(n) => n,
            Warmup::Time(_) | Warmup::Auto => u64::MAX,
        };
        let measured = Counter::new(load.stop.requests.unwrap_or(u64::MAX));
        Numbers { measured, warmup: Counter::new(warmup), workers }
    }

    /// The next few numbers of measured requests for a worker with `users` users.
    pub(super) fn draw(&self, users: u32) -> std::ops::Range<u64> {
        self.measured.draw(self.workers, users)
    }

    /// The same, of the warm-up.
    pub(super) fn draw_warmup(&self, users: u32) -> std::ops::Range<u64> {
        self.warmup.draw(self.workers, users)
    }
}

/// Numbers from 0 to a limit, handed out once each. On a cache line of its own: it is
/// the one word that closed workers write to, once a batch.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Counter {
    next: AtomicU64,
    limit: u64,
}

impl Counter {
    /// The numbers 0 to `limit` - 1.
    pub(super) fn new(limit: u64) -> Counter {
        Counter { next: AtomicU64::new(0), limit }
    }

    /// All numbers are handed out.
    pub(super) fn is_used_up(&self) -> bool {
        self.next.load(Ordering::Relaxed) >= self.limit
    }

    /// The next few numbers for a worker with `users` users: empty when all are handed out.
    pub(super) fn draw(&self, workers: u32, users: u32) -> std::ops::Range<u64> {
        let seen = self.next.load(Ordering::Relaxed);
        let batch = schedule::batch(self.limit.saturating_sub(seen), workers, users);
        if batch == 0 {
            return 0..0;
        }
        let start = self.next.fetch_add(batch, Ordering::Relaxed);
        start.min(self.limit)..(start + batch).min(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_handed_out_once_to_racing_workers() {
        let counter = Counter::new(10_000);
        let drawn = || {
            let mut mine = Vec::new();
            loop {
                let batch = counter.draw(4, 10);
                if batch.is_empty() {
                    return mine;
                }
                mine.extend(batch);
            }
        };
        let mut all: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(drawn)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort_unstable();
        assert_eq!(all, (0..10_000).collect::<Vec<_>>());
    }
}
