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

    pub(super) fn is_lower_bound(&self, metric: Metric) -> bool {
        self.summaries.iter().any(|summary| metric.is_lower_bound(summary))
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

    /// Which share of the number may be onrush's own delay. In turns: on average.
    pub(super) fn share_of_error(&self, metric: Metric) -> f64 {
        let share = |summary| metric.error(summary).zip(metric.of(summary)).filter(|(_, value)| *value > 0.0);
        let shares = self.summaries.iter().filter_map(share).map(|(error, value)| error / value);
        shares.sum::<f64>() / self.summaries.len() as f64
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
