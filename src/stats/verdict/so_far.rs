//! What the verdict's limits say of a run that still goes on.

use crate::stats::Snapshot;
use crate::time::Nanos;

use super::checks::scaled;
use super::limits::{ERROR, ERROR_SHARE, FULL};

/// Which limits this tool is over, from where on a printed number may be its own.
/// What answers lay unread is told at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoFar {
    /// The busiest worker has no time left.
    pub busy: bool,
    /// Requests are sent late.
    pub late: bool,
}

impl SoFar {
    /// Holds what was counted up to now against the limits.
    pub fn new(snapshot: &Snapshot, is_open: bool) -> SoFar {
        let p99 = |d: &crate::stats::Distribution| d.quantile(990_000).unwrap_or(Nanos::ZERO);
        let limit = scaled(p99(&snapshot.response), ERROR_SHARE.degraded).max(ERROR.degraded);
        // Elsewhere nothing is to be sent at an instant, or a wave's release is.
        SoFar { busy: snapshot.busy > FULL, late: is_open && p99(&snapshot.lag) > limit }
    }

    /// It is over none.
    pub fn is_fine(self) -> bool {
        !(self.busy || self.late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn so_far(busy: f64, lag: Nanos, is_open: bool) -> [bool; 2] {
        let mut snapshot = Snapshot { busy, ..Snapshot::default() };
        snapshot.lag.record(lag);
        snapshot.response.record(Nanos::from_millis(9));
        let SoFar { busy, late } = SoFar::new(&snapshot, is_open);
        [busy, late]
    }

    #[test]
    fn late_is_what_moves_a_number_at_a_rate() {
        assert_eq!(so_far(0.89, Nanos::from_micros(449), true), [false; 2]);
        assert_eq!(so_far(0.91, Nanos::from_micros(455), true), [true; 2]);
        assert_eq!(so_far(0.91, Nanos::from_millis(3), false), [true, false]);
    }
}
