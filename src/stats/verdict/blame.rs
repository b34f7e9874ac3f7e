//! What was in the way of a run: one culprit at most.

use crate::record::Cause;
use crate::stats::Totals;
use crate::time::Nanos;

use super::checks::Case;
use super::limits::{
    BLAME, FULL, LONG_ENOUGH, RETRIED, RETRIED_FEWEST, RETRIED_SHARE, SLOW, STALLED, STALLED_IDLE, STALLED_SHARE,
    WAITING,
};
use super::{LimitedBy, Verdict};

impl Case<'_> {
    pub(super) fn limited_by(&self) -> Option<LimitedBy> {
        let health = &self.totals.health;
        let out_of_ports = self.totals.failures.iter().any(|f| f.failure.cause == Cause::NoPorts);
        let quantile = |p| self.service.quantile(p).unwrap_or(Nanos::ZERO);
        let slow = quantile(500_000).0 > SLOW * quantile(0).0 || self.has_stalled();
        let waited = self.totals.waiting.integral() as f64 > WAITING * self.totals.in_system.integral() as f64;
        let busy = health.wall >= LONG_ENOUGH && health.busy_share() > FULL;
        let late = self.is_late();
        let held_up = health.sink_wait.0 as f64 > WAITING * health.wall.0 as f64;
        match () {
            () if out_of_ports => Some(LimitedBy::Ports),
            // Before the server: where this tool stands still, requests wait for
            // connections whose answers lie unread, as they do if the server is slow.
            () if held_up || (late && (busy || self.error.share() > BLAME)) => Some(LimitedBy::Tool),
            () if self.is_open && waited => Some(if slow { LimitedBy::Server } else { LimitedBy::Connections }),
            () if busy || late => Some(LimitedBy::Tool),
            () if self.was_retried() => Some(LimitedBy::Network),
            () => None,
        }
    }

    /// Few answers that took much longer than most kept connections from all others.
    fn has_stalled(&self) -> bool {
        let Some(median) = self.service.quantile(500_000) else { return false };
        let all = self.service.sum() as f64;
        let others = self.service.sum_up_to(Nanos(STALLED * median.0));
        let share = if all > 0.0 { 1.0 - others / all } else { 0.0 };
        let lasted = self.totals.due_for();
        let idle = others < STALLED_IDLE.0 * self.facts.asked as f64 * lasted.0 as f64;
        share > STALLED_SHARE || (idle && share > STALLED_IDLE.1)
    }

    /// Connections opened at the kernel's second attempt only, and requests waited as long.
    /// Those opened before T0 have kept nobody waiting.
    fn was_retried(&self) -> bool {
        let retried = retried_connects(self.totals);
        let waited = self.response.max().max(self.totals.failed.max()) >= Some(RETRIED[0].0);
        let share = retried as f64 / self.totals.traffic.connect.count().max(1) as f64;
        waited && retried >= RETRIED_FEWEST && share >= RETRIED_SHARE
    }

    /// Much of a quantile of the response time is this tool's.
    fn is_late(&self) -> bool {
        self.own_delay().is_some_and(|(verdict, _)| verdict == Verdict::Invalid)
    }
}

/// Connections that took as long to open as a lost SYN, or a full listen backlog, makes them.
pub(in crate::stats) fn retried_connects(totals: &Totals) -> u64 {
    let within = |n: Nanos| RETRIED.iter().any(|(low, high)| *low <= n && n <= *high);
    totals.traffic.connect.buckets().filter(|(low, ..)| within(*low)).map(|(.., count)| count).sum()
}
