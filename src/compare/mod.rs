//! Two runs' summaries against each other: a function of both, which is the same each time.

mod block_length;
mod bootstrap;
mod change;
mod doubts;
mod intervals;
mod limit;
mod metric;
mod statistic;

use serde::Serialize;

use crate::printable::printable;
use crate::stats::{Summary, Verdict, needed};
use crate::units::{count, grouped};

use intervals::Intervals;

pub use bootstrap::{FEWEST_BLOCKS, Interval, TooLittle, ratio_interval};
pub use change::Change;
pub use limit::{Held, Limit, LimitLine, parse_percentage};
pub use metric::{Metric, Quantile};
pub use statistic::{Cumulated, Statistic};

/// Two runs' numbers, how they differ, and what that shows. `docs/compare.md` says how.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The version of the JSON form. Keys may be added under it, not renamed.
    pub schema: u32,
    /// The run that the other one is measured by.
    pub base: RunLine,
    /// The other one.
    pub new: RunLine,
    /// Numbers whose ratio is within 1 - delta and 1 + delta are the same.
    pub delta: f64,
    /// The same for success rates: delta, or a tenth of a percent of the requests if that is less.
    pub success_delta: f64,
    /// A line for each metric that both runs have.
    pub metrics: Vec<MetricLine>,
    /// The limits that were given.
    pub limits: Vec<LimitLine>,
    /// Why the comparison may not mean what it seems to, a line each.
    pub warnings: Vec<String>,
}

/// Which run it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunLine {
    /// What it is called: its file.
    pub name: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// What it was asked for.
    pub url: String,
    /// Its requests.
    pub requests: u64,
    /// How long it took, in seconds.
    pub wall_s: f64,
    /// Whether its measurement can be believed.
    pub verdict: Verdict,
}

/// One metric of both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricLine {
    /// Which.
    pub metric: Metric,
    /// Milliseconds, answers per second, or a share of one.
    pub base: f64,
    /// The base's number is a lower bound.
    pub base_at_least: bool,
    /// In the same unit.
    pub new: f64,
    /// The new run's number is a lower bound.
    pub new_at_least: bool,
    /// new / base - 1. None: the base's is zero.
    pub difference: Option<f64>,
    /// The 95 % interval of new / base. None: there is too little to tell.
    pub ratio: Option<Interval>,
    /// The same, wider by what in either run may be onrush's own delay.
    pub ratio_with_error: Option<Interval>,
    /// What the intervals show. None for the maximum.
    pub verdict: Option<Change>,
    /// Why there is no interval.
    pub why: Option<String>,
}

const SUCCESS_DELTA: f64 = 0.001;
/// Service times are told apart from response times that differ by more than this.
const TELLING: f64 = 0.01;

/// A summary and its intervals.
struct Run<'a> {
    summary: &'a Summary,
    intervals: Intervals,
    count: usize,
}

impl Comparison {
    /// Compares two runs, each given with its name.
    ///
    /// # Errors
    /// In one line, if a summary's histograms cannot be read.
    pub fn new(
        base: (&str, &Summary),
        new: (&str, &Summary),
        delta: f64,
        limits: &[Limit],
    ) -> Result<Comparison, String> {
        let runs = (Run::new(base)?, Run::new(new)?);
        let service = tells_service(base.1) || tells_service(new.1);
        let asked = |metric: Metric| limits.iter().any(|limit| limit.metric == metric);
        let told = |metric: &Metric| !matches!(metric, Metric::Service(_)) || service || asked(*metric);
        let lines = Metric::ALL.into_iter().filter(told);
        let metrics: Vec<MetricLine> =
            lines.filter_map(|metric| MetricLine::new(metric, &runs.0, &runs.1, delta)).collect();
        let lasted_s = base.1.wall_s.max(new.1.wall_s);
        let judge = |limit: &Limit| {
            let line = metrics.iter().find(|line| line.metric == limit.metric);
            let ratios = line.map_or((None, None), |line| (line.ratio, line.ratio_with_error));
            limit.judge(ratios.0, ratios.1, line.and_then(|line| line.difference), lasted_s)
        };
        let limits = limits.iter().map(judge).collect();
        let warnings = doubts::doubts(&runs.0, &runs.1);
        let [base, new] = [base, new].map(|(name, summary)| RunLine::new(name, summary));
        let success_delta = delta.min(SUCCESS_DELTA);
        Ok(Comparison { schema: 1, base, new, delta, success_delta, metrics, limits, warnings })
    }
}

impl Comparison {
    /// The same, every text in it [printable].
    #[must_use]
    pub fn printable(&self) -> Comparison {
        let mut comparison = self.clone();
        let Comparison { base, new, metrics, warnings, .. } = &mut comparison;
        let runs = [base, new].into_iter().flat_map(|run| [&mut run.name, &mut run.started_at, &mut run.url]);
        let reasons = metrics.iter_mut().filter_map(|line| line.why.as_mut());
        for text in runs.chain(reasons).chain(warnings) {
            *text = printable(text).into_owned();
        }
        comparison
    }
}

impl<'a> Run<'a> {
    fn new((name, summary): (&str, &'a Summary)) -> Result<Run<'a>, String> {
        let intervals = Intervals::new(summary).map_err(|e| format!("{name}: {e}"))?;
        Ok(Run { summary, count: intervals.count(), intervals })
    }
}

impl RunLine {
    fn new(name: &str, summary: &Summary) -> RunLine {
        RunLine {
            name: name.into(),
            started_at: summary.started_at.clone(),
            url: summary.plan.url.clone(),
            requests: summary.accounting.scheduled,
            wall_s: summary.wall_s,
            verdict: summary.generator.verdict,
        }
    }
}

fn tells_service(summary: &Summary) -> bool {
    let (Some(response), Some(service)) = (&summary.response_ms, &summary.service_ms) else { return false };
    let differ = |a: f64, b: f64| (a - b).abs() > TELLING * a;
    differ(response.p50, service.p50) || differ(response.p99, service.p99)
}

impl MetricLine {
    fn new(metric: Metric, base: &Run, new: &Run, delta: f64) -> Option<MetricLine> {
        let (base_value, new_value) = (metric.of(base.summary)?, metric.of(new.summary)?);
        let delta = if metric == Metric::SuccessRate { delta.min(SUCCESS_DELTA) } else { delta };
        let ratio = ratio(metric, base, new);
        let judged = metric != Metric::Max;
        let with_error = ratio.as_ref().ok().map(|ratio| {
            // The truth lies in [R - e, R] of each run.
            let error = |run: &Run| metric.error(run.summary).unwrap_or(0.0);
            let low = ratio.low * (1.0 - error(new) / new_value).max(0.0);
            let high = ratio.high / (1.0 - error(base) / base_value).max(0.0);
            if new_value > 0.0 && base_value > 0.0 { Interval { low, high } } else { *ratio }
        });
        let change = match (&ratio, with_error) {
            (Ok(ratio), Some(with_error)) => metric.change(*ratio, delta).unless(metric.change(with_error, delta)),
            _ => Change::Inconclusive,
        };
        Some(MetricLine {
            metric,
            base: base_value,
            base_at_least: metric.is_lower_bound(base.summary),
            new: new_value,
            new_at_least: metric.is_lower_bound(new.summary),
            difference: (base_value > 0.0).then(|| new_value / base_value - 1.0),
            ratio: ratio.as_ref().ok().copied(),
            ratio_with_error: with_error,
            verdict: judged.then_some(change),
            why: ratio.err().filter(|_| judged),
        })
    }
}

/// The interval of new / base, or why there is none.
fn ratio(metric: Metric, base: &Run, new: &Run) -> Result<Interval, String> {
    for (name, run) in [("base", base), ("new", new)] {
        if let (Metric::Response(quantile) | Metric::Service(quantile), true) = (metric, metric.is_unsure(run.summary))
        {
            return Err(format!("{name} has fewer than the {} requests needed", grouped(needed(quantile.p()))));
        }
    }
    let (base_bound, new_bound) = (metric.is_lower_bound(base.summary), metric.is_lower_bound(new.summary));
    if base_bound && new_bound {
        return Err("in both runs it falls among requests that got no answer".into());
    }
    let statistics = base.intervals.statistic(metric).zip(new.intervals.statistic(metric));
    let (of_base, of_new) = statistics.ok_or("it is the time of one request")?;
    let interval = ratio_interval(&of_base, &of_new).map_err(|too_little| match too_little {
        TooLittle::Blocks(n) => {
            format!("a run has {}, and fewer than {FEWEST_BLOCKS} tell nothing", count(n as u64, "independent block"))
        }
        TooLittle::Values => "it is zero, or nearly always".into(),
    })?;
    // The summary's numbers are of all requests, those of the intervals of what had ended in them.
    let shift = shift(metric, new, &of_new).zip(shift(metric, base, &of_base)).map_or(1.0, |(new, base)| new / base);
    Ok(Interval {
        low: if base_bound { 0.0 } else { interval.low * shift },
        high: if new_bound { f64::INFINITY } else { interval.high * shift },
    })
}

/// The summary's number over that of all intervals.
fn shift(metric: Metric, run: &Run, statistic: &Statistic) -> Option<f64> {
    let all = statistic.of(&vec![1; run.count])?;
    metric.of(run.summary).map(|value| value / all).filter(|shift| shift.is_finite() && *shift > 0.0)
}
