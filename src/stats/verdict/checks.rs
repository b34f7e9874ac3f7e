//! The checks: what this tool may have done to a printed number.

use crate::plan::ModelKind;
use crate::record::Cause;
use crate::stats::{Distribution, ToolError, Totals, independent_ranks};
use crate::time::Nanos;

use super::limits::{CONNECTED, ERROR, ERROR_SHARE, JUDGED, MAX_STALLED, SENT, STALL};
use super::reason::Reason;
use super::{Circumstances, ErrorLine, LimitedBy, Verdict};

/// One run before its judge.
pub(super) struct Case<'a> {
    pub(super) totals: &'a Totals,
    pub(super) is_open: bool,
    pub(super) facts: &'a Circumstances,
    /// Answers, and requests that were cut off at their age.
    pub(super) response: Distribution,
    /// What of it is this tool's.
    pub(super) error: ToolError,
    /// Of all requests that were sent: those that were not answered at their age.
    pub(super) service: Distribution,
    scheduled: u64,
}

/// What a check found.
type Finding = (Verdict, Reason);

impl<'a> Case<'a> {
    pub(super) fn new(totals: &'a Totals, model: ModelKind, facts: &'a Circumstances) -> Case<'a> {
        let mut response = totals.response.clone();
        response.merge(&totals.censored.all());
        let counts = totals.counts;
        let scheduled = counts.ended() + counts.unfinished + totals.unsent;
        let mut service = totals.service.clone();
        service.merge(&totals.unanswered);
        let error = totals.error.clone().and(&totals.censored.all());
        Case { totals, is_open: model == ModelKind::Open, facts, response, error, service, scheduled }
    }

    pub(super) fn judge(&self) -> (Verdict, Vec<Reason>) {
        let findings = [
            self.own_delay(),
            self.sink(),
            self.sent(),
            self.connections(),
            self.exhausted(),
            self.warm_up(),
            self.lost(),
        ];
        let mut findings: Vec<Finding> = findings.into_iter().flatten().collect();
        // The gravest first; of equals, in the order of the checks.
        findings.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
        let verdict = findings.first().map_or(Verdict::Valid, |(verdict, _)| *verdict);
        (verdict, findings.into_iter().map(|(_, reason)| reason).collect())
    }

    pub(super) fn errors(&self) -> Option<ErrorLine> {
        if self.totals.error.is_unknown() {
            return None;
        }
        let ms = |p| self.error.at(p, self.response.quantile(p)?).map(Nanos::as_millis);
        Some(ErrorLine {
            p50: ms(500_000)?,
            p75: ms(750_000)?,
            p90: ms(900_000)?,
            p95: ms(950_000)?,
            p99: ms(990_000)?,
            p99_9: ms(999_000)?,
            p99_99: ms(999_900)?,
            max: ms(1_000_000)?,
        })
    }

    /// How much of the printed quantiles is this tool's. What moves a quantile by less than the interval that is
    /// printed with it does not count, and neither does what one short stall does, which any machine has.
    pub(super) fn own_delay(&self) -> Option<Finding> {
        let (count, lasted) = (self.response.count(), self.totals.lasted);
        let stalled = (STALL.0 as f64 / lasted.0.max(1) as f64).min(MAX_STALLED);
        let findings = JUDGED.iter().filter_map(|&(name, p)| {
            let (lowest, _) = independent_ranks(count, p)?;
            let but_stalled = ((p as f64 / 1e6 - stalled) * count as f64).ceil() as u64;
            let printed = self.response.quantile(p)?;
            let own = self.error.at(p, printed)?;
            let at_least = self.response.value_at_rank(lowest.min(but_stalled).max(1))?;
            let limit = |share, least: Nanos| scaled(printed, share).max(least);
            let limits = (limit(ERROR_SHARE.degraded, ERROR.degraded), limit(ERROR_SHARE.invalid, ERROR.invalid));
            // Values in one bucket are not told apart.
            let rest = printed.since(own);
            let verdict = above(own, limits).filter(|_| rest.0 + rest.0 / 500 < at_least.0)?;
            let stall = self.totals.health.stall;
            let (is_estimated, stall) = (self.totals.health.stamped == 0, (stall > own).then_some(stall));
            Some((verdict, own, Reason::OwnDelay { quantile: name, printed, own, is_estimated, stall }))
        });
        // The quantile that moved most speaks for all.
        findings.max_by_key(|(verdict, own, _)| (*verdict, *own)).map(|(verdict, _, reason)| (verdict, reason))
    }

    fn sink(&self) -> Option<Finding> {
        let wait = self.totals.health.sink_wait;
        (wait > Nanos::from_millis(100)).then_some((Verdict::Degraded, Reason::SlowLog(wait)))
    }

    /// Requests that were due and not sent, with connections to send them on.
    fn sent(&self) -> Option<Finding> {
        let share = 1.0 - self.totals.unsent as f64 / self.scheduled.max(1) as f64;
        if !self.is_open || self.limited_by() != Some(LimitedBy::Tool) {
            return None;
        }
        let verdict = below(share, (SENT.degraded, SENT.invalid))?;
        Some((verdict, Reason::Unsent(share)))
    }

    fn connections(&self) -> Option<Finding> {
        let Circumstances { asked, reached, .. } = *self.facts;
        let verdict = below(reached as f64 / asked.max(1) as f64, (CONNECTED.degraded, CONNECTED.invalid))?;
        Some((verdict, Reason::Connections { reached, asked }))
    }

    fn exhausted(&self) -> Option<Finding> {
        let count = |causes: &[Cause]| {
            let found = self.totals.failures.iter().filter(|f| causes.contains(&f.failure.cause));
            found.map(|f| f.count).sum::<u64>()
        };
        let (ports, descriptors) = (count(&[Cause::NoPorts]), count(&[Cause::NoDescriptors, Cause::NoMemory]));
        match (ports, descriptors) {
            (0, 0) => None,
            (0, n) => Some((Verdict::Invalid, Reason::NoDescriptors(n))),
            (n, _) => Some((Verdict::Invalid, Reason::NoPorts(n))),
        }
    }

    fn warm_up(&self) -> Option<Finding> {
        (self.facts.warmed_up == Some(false)).then_some((Verdict::Degraded, Reason::NeverSteady))
    }

    /// Little's law, and the number of requests: two counts of one thing have to agree.
    fn lost(&self) -> Option<Finding> {
        let in_system = &self.totals.in_system;
        let kept =
            in_system.integral() == self.time_of_all() && in_system.count == 0 && in_system.entered == self.scheduled;
        (!kept).then_some((Verdict::Invalid, Reason::Lost))
    }

    pub(super) fn time_of_all(&self) -> i128 {
        let parts = [&self.response, &self.totals.failed];
        parts.iter().map(|d| d.sum() as i128).sum()
    }
}

fn above<T: PartialOrd + Copy>(value: T, (degraded, invalid): (T, T)) -> Option<Verdict> {
    match () {
        () if value > invalid => Some(Verdict::Invalid),
        () if value > degraded => Some(Verdict::Degraded),
        () => None,
    }
}

fn below(value: f64, (degraded, invalid): (f64, f64)) -> Option<Verdict> {
    above(-value, (-degraded, -invalid))
}

pub(super) fn scaled(n: Nanos, share: f64) -> Nanos {
    Nanos((n.0 as f64 * share) as u64)
}
