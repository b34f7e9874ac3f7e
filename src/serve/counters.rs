//! What a thread has done so far, for others to read.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The published totals of one thread. Aligned so that no two threads write to
/// one cache line (or to one pair of lines, which x86 prefetches together).
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Counters {
    requests: AtomicU64,
    connections: AtomicU64,
}

impl Counters {
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// For the owning thread only: with one writer, a load and a store do what
    /// a locked addition does, at a twentieth of its price.
    #[inline]
    pub(super) fn add_requests(&self, n: u64) {
        self.requests.store(self.requests.load(Relaxed) + n, Relaxed);
    }

    /// For the owning thread only.
    pub(super) fn add_connection(&self) {
        self.connections.store(self.connections.load(Relaxed) + 1, Relaxed);
    }
}
