//! What the verdict's limits say of a run that still goes on.

use crate::stats::Snapshot;
use crate::time::Nanos;

use super::{CPU, FULL, LAG, LAG_SHARE, STALL, scaled};

/// Which limits this tool is over, from where on the verdict would be DEGRADED.
/// Only the end knows this machine's noise, for which the verdict may be
/// milder, and whether a printed number was moved, for which it may be harder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoFar {
    /// The busiest worker has too little time left.
    pub busy: bool,
    /// Requests are sent late.
    pub late: bool,
    /// A worker did not look for too long.
    pub stalled: bool,
}

impl SoFar {
    /// Holds what was counted up to now against the limits.
    pub fn new(snapshot: &Snapshot, is_open: bool) -> SoFar {
        let median = snapshot.response.quantile(500_000).unwrap_or(Nanos::ZERO);
        let lag = snapshot.lag.quantile(999_000).unwrap_or(Nanos::ZERO);
        // Elsewhere a busy worker limits the rate alone, and a stall is usually one in which nobody waited.
        let (busy, stall) = if is_open { (CPU.degraded, STALL.degraded) } else { (FULL, STALL.invalid) };
        SoFar {
            busy: snapshot.busy > busy,
            late: is_open && lag > scaled(median, LAG_SHARE.degraded).max(LAG.degraded),
            stalled: snapshot.stall > stall,
        }
    }

    /// It is over none.
    pub fn is_fine(self) -> bool {
        !(self.busy || self.late || self.stalled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn so_far(busy: f64, lag: Nanos, stall: Nanos, is_open: bool) -> [bool; 3] {
        let mut snapshot = Snapshot { busy, stall, ..Snapshot::default() };
        snapshot.lag.record(lag);
        snapshot.response.record(Nanos::from_millis(1));
        let SoFar { busy, late, stalled } = SoFar::new(&snapshot, is_open);
        [busy, late, stalled]
    }

    #[test]
    fn at_a_rate_every_limit_of_the_verdict_counts() {
        assert_eq!(so_far(0.5, Nanos::from_micros(90), Nanos::from_micros(900), true), [false; 3]);
        assert_eq!(so_far(0.81, Nanos::from_micros(110), Nanos::from_millis(2), true), [true; 3]);
    }

    #[test]
    fn where_nothing_is_due_at_an_instant_only_full_workers_and_long_stalls_count() {
        assert_eq!(so_far(0.85, Nanos::from_millis(3), Nanos::from_millis(5), false), [false; 3]);
        assert_eq!(so_far(0.95, Nanos::from_millis(3), Nanos::from_millis(50), false), [true, false, true]);
    }
}
