//! One side of a comparison: a run, or a run in turns.

use crate::stats::{Summary, Verdict, needed};

use super::intervals::Intervals;
use super::{Metric, RunLine, Statistic};

/// Service times are told apart from response times that differ by more than this.
const TELLING: f64 = 0.01;

/// A run's numbers, whole and by interval.
pub(super) struct Run<'a> {
    name: &'a str,
    /// One, or one for each turn.
    summaries: &'a [Summary],
    /// In time, or the turns.
    intervals: Intervals,
    took_turns: bool,
}

/// What a summary says of its response times, or of what is left of them without onrush's own delay, in steps:
/// (milliseconds, how many requests).
fn steps(summary: &Summary, without: bool) -> Vec<(f64, f64)> {
    let Some(l) = &summary.response_ms else { return Vec::new() };
    let mut ms = [l.p50, l.p75, l.p90, l.p95, l.p99, l.p99_9, l.p99_99, l.max];
    if let Some(e) = summary.generator.error_ms.as_ref().filter(|_| without) {
        let own = [e.p50, e.p75, e.p90, e.p95, e.p99, e.p99_9, e.p99_99, e.max];
        ms.iter_mut().zip(own).for_each(|(ms, own)| *ms -= own);
    }
    let shares = [0.5, 0.25, 0.15, 0.05, 0.04, 0.009, 0.0009, 0.0001];
    ms.into_iter().zip(shares).map(|(ms, share)| (ms, share * l.count as f64)).collect()
}

impl<'a> Run<'a> {
    pub(super) fn new((name, summary): (&'a str, &'a Summary)) -> Result<Run<'a>, String> {
        let intervals = Intervals::new(summary).map_err(|e| format!("{name}: {e}"))?;
        Ok(Run { name, summaries: std::slice::from_ref(summary), intervals, took_turns: false })
    }

    /// There is a turn at least.
    pub(super) fn of_turns((name, summaries): (&'a str, &'a [Summary])) -> Result<Run<'a>, String> {
        let intervals = Intervals::of_turns(summaries).map_err(|e| format!("{name}: {e}"))?;
        Ok(Run { name, summaries, intervals, took_turns: true })
    }

    /// Its summary, or that of its first turn.
    pub(super) fn first(&self) -> &Summary {
        &self.summaries[0]
    }

    pub(super) fn summaries(&self) -> &[Summary] {
        self.summaries
    }

    pub(super) fn took_turns(&self) -> bool {
        self.took_turns
    }

    /// How many intervals or turns there are.
    pub(super) fn count(&self) -> usize {
        self.intervals.count()
    }

    pub(super) fn wall_s(&self) -> f64 {
        self.summaries.iter().map(|summary| summary.wall_s).sum()
    }

    /// Of turns, the worst verdict.
    pub(super) fn line(&self) -> RunLine {
        RunLine {
            name: self.name.into(),
            started_at: self.first().started_at.clone(),
            url: self.first().plan.url.clone(),
            requests: self.summaries.iter().map(|summary| summary.accounting.scheduled).sum(),
            wall_s: self.wall_s(),
            verdict: self.summaries.iter().map(|summary| summary.generator.verdict).max().unwrap_or(Verdict::Valid),
        }
    }

    /// The number of the whole run. In turns: of all their requests together.
    pub(super) fn value(&self, metric: Metric) -> Option<f64> {
        if !self.took_turns {
            return metric.of(self.first());
        }
        match self.statistic(metric) {
            Some(statistic) => statistic.of(&vec![1; self.count()]),
            None => self.summaries.iter().filter_map(|summary| metric.of(summary)).reduce(f64::max),
        }
    }

    /// In turns a quantile is one if it is a time-out's.
    pub(super) fn is_lower_bound(&self, metric: Metric) -> bool {
        match metric {
            Metric::Response(_) if self.took_turns => {
                let timeout_ms = self.first().plan.timeout_s * 1e3;
                let timed_out = self.summaries.iter().any(|summary| summary.accounting.timeout > 0);
                timed_out && self.value(metric).is_some_and(|ms| ms >= timeout_ms)
            }
            _ => self.summaries.iter().any(|summary| metric.is_lower_bound(summary)),
        }
    }

    /// There are too few requests to be sure of anything.
    pub(super) fn is_unsure(&self, metric: Metric) -> bool {
        match metric {
            Metric::Response(quantile) | Metric::Service(quantile) if self.took_turns => {
                self.intervals.responses() < needed(quantile.p())
            }
            _ => metric.is_unsure(self.first()),
        }
    }

    /// Which share of the number may be onrush's own delay.
    ///
    /// In turns it is that of the quantile of all turns' requests, as far as what each turn says of its quantiles
    /// tells it: a turn's requests between two of them are taken for the upper one.
    pub(super) fn share_of_error(&self, metric: Metric) -> f64 {
        let share = |with: f64, without: f64| if with > 0.0 { (1.0 - without / with).max(0.0) } else { 0.0 };
        let Metric::Response(quantile) = metric else { return 0.0 };
        if !self.took_turns {
            let number = metric.error(self.first()).zip(metric.of(self.first()));
            return number.map_or(0.0, |(error, value)| share(value, value - error));
        }
        let pooled = |without: bool| {
            let steps = self.summaries.iter().flat_map(|summary| steps(summary, without));
            let mut steps: Vec<(f64, f64)> = steps.collect();
            steps.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut left = steps.iter().map(|(_, count)| count).sum::<f64>() * quantile.p() as f64 / 1e6;
            let reaches = |(_, count): &&(f64, f64)| {
                left -= count;
                left <= 1e-9
            };
            steps.iter().find(reaches).map_or(0.0, |(ms, _)| *ms)
        };
        share(pooled(false), pooled(true))
    }

    pub(super) fn statistic(&self, metric: Metric) -> Option<Statistic> {
        self.intervals.statistic(metric)
    }

    /// The whole run's number over that of all intervals.
    pub(super) fn shift(&self, metric: Metric, statistic: &Statistic) -> Option<f64> {
        let all = statistic.of(&vec![1; self.count()])?;
        self.value(metric).map(|value| value / all).filter(|shift| shift.is_finite() && *shift > 0.0)
    }

    /// Service times say something that response times do not.
    pub(super) fn tells_service(&self) -> bool {
        self.summaries.iter().any(|summary| {
            let (Some(response), Some(service)) = (&summary.response_ms, &summary.service_ms) else { return false };
            let differ = |a: f64, b: f64| (a - b).abs() > TELLING * a;
            differ(response.p50, service.p50) || differ(response.p99, service.p99)
        })
    }
}
