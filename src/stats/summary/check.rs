//! Whether a summary that was read back can be one.

use super::{Accounting, IntervalLine, Summary};

/// Runs of more intervals are not believed: 46 days of seconds.
const MAX_INTERVALS: f64 = 4e6;
/// Larger counts are not exact where shares of them are computed.
const MAX_REQUESTS: u64 = 1 << 53;

impl Summary {
    /// A summary that a run wrote passes. One that passes can be shown and compared, whatever else is in it.
    ///
    /// # Errors
    /// What in it contradicts what, in a few words.
    pub fn check(&self) -> Result<(), String> {
        let Accounting { scheduled, ok, http_error, failed, timeout, unfinished, unsent } = self.accounting;
        let parts = [ok, http_error, failed, timeout, unfinished, unsent];
        let sum = parts.iter().try_fold(0_u64, |sum, n| sum.checked_add(*n));
        if sum != Some(scheduled) || scheduled > MAX_REQUESTS {
            return Err("its requests do not add up".into());
        }
        let may_last = 0.0..=MAX_INTERVALS * self.interval_s;
        if !(self.interval_s > 0.0 && may_last.contains(&self.wall_s)) {
            return Err("its intervals are too short or too many for its length".into());
        }
        let is_odd = |line: &&IntervalLine| {
            let counts = [line.ok, line.http_error, line.failed, line.timeout];
            line.at_s < 0.0 || counts.iter().any(|n| *n > scheduled)
        };
        match self.intervals.iter().find(is_odd) {
            Some(line) => Err(format!("its interval at {} s is outside of the run", line.at_s)),
            None => Ok(()),
        }
    }
}
