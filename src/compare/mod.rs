//! Two runs' summaries against each other: a function of both, which is the same each time.

mod block_length;
mod bootstrap;
mod change;
mod doubts;
mod intervals;
mod limit;
mod metric;
mod run;
mod statistic;

use serde::Serialize;

use crate::printable::printable;
use crate::stats::{Summary, Verdict, needed};
use crate::units::{count, grouped};

use run::Run;

pub use bootstrap::{FEWEST_BLOCKS, Interval, TooLittle, paired_ratio_interval, ratio_interval};
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
    /// The number of turns of each run. None: they did not take turns.
    pub turns: Option<usize>,
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
    /// The 95% interval of new / base. None: there is too little to tell.
    pub ratio: Option<Interval>,
    /// The same, wider by what in either run may be onrush's own delay.
    pub ratio_with_error: Option<Interval>,
    /// What the intervals show. None for the maximum.
    pub verdict: Option<Change>,
    /// Why there is no interval.
    pub why: Option<String>,
}

/// For success rates, delta is no more than this.
const SUCCESS_DELTA: f64 = 0.001;

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
        Ok(Comparison::between(&Run::new(base)?, &Run::new(new)?, delta, limits))
    }

    /// Compares two runs that took turns: turn i of the base and turn i of the new run followed each other, so what
    /// changed slowly around them changed both.
    ///
    /// # Errors
    /// In one line, if a summary's histograms cannot be read, or if they had not as many turns.
    pub fn interleaved(
        base: (&str, &[Summary]),
        new: (&str, &[Summary]),
        delta: f64,
        limits: &[Limit],
    ) -> Result<Comparison, String> {
        if base.1.len() != new.1.len() || base.1.is_empty() {
            return Err(format!("{} has {} turns, and {} has {}", base.0, base.1.len(), new.0, new.1.len()));
        }
        let turns = Some(base.1.len());
        let comparison = Comparison::between(&Run::of_turns(base)?, &Run::of_turns(new)?, delta, limits);
        Ok(Comparison { turns, ..comparison })
    }

    fn between(base: &Run, new: &Run, delta: f64, limits: &[Limit]) -> Comparison {
        let service = base.tells_service() || new.tells_service();
        let asked = |metric: Metric| limits.iter().any(|limit| limit.metric == metric);
        let told = |metric: &Metric| !matches!(metric, Metric::Service(_)) || service || asked(*metric);
        let lines = Metric::ALL.into_iter().filter(told);
        let metrics: Vec<MetricLine> = lines.filter_map(|metric| MetricLine::new(metric, base, new, delta)).collect();
        let lasted_s = base.wall_s().max(new.wall_s());
        let judge = |limit: &Limit| {
            let line = metrics.iter().find(|line| line.metric == limit.metric);
            let ratios = line.map_or((None, None), |line| (line.ratio, line.ratio_with_error));
            limit.judge(ratios.0, ratios.1, line.and_then(|line| line.difference), lasted_s)
        };
        Comparison {
            schema: 1,
            base: base.line(),
            new: new.line(),
            turns: None,
            delta,
            success_delta: delta.min(SUCCESS_DELTA),
            limits: limits.iter().map(judge).collect(),
            metrics,
            warnings: doubts::doubts(base, new),
        }
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

impl MetricLine {
    fn new(metric: Metric, base: &Run, new: &Run, delta: f64) -> Option<MetricLine> {
        let (base_value, new_value) = (base.value(metric)?, new.value(metric)?);
        let delta = if metric == Metric::SuccessRate { delta.min(SUCCESS_DELTA) } else { delta };
        let ratio = ratio(metric, base, new);
        let judged = metric != Metric::Max;
        let with_error = ratio.as_ref().ok().map(|ratio| {
            // The truth lies in [R - e, R] of each run.
            let low = ratio.low * (1.0 - new.share_of_error(metric)).max(0.0);
            let high = ratio.high / (1.0 - base.share_of_error(metric)).max(0.0);
            if new_value > 0.0 && base_value > 0.0 { Interval { low, high } } else { *ratio }
        });
        let change = match (&ratio, with_error) {
            (Ok(ratio), Some(with_error)) => metric.change(*ratio, delta).unless(metric.change(with_error, delta)),
            _ => Change::Inconclusive,
        };
        Some(MetricLine {
            metric,
            base: base_value,
            base_at_least: base.is_lower_bound(metric),
            new: new_value,
            new_at_least: new.is_lower_bound(metric),
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
        if let (Metric::Response(quantile) | Metric::Service(quantile), true) = (metric, run.is_unsure(metric)) {
            return Err(format!("{name} has fewer than the {} requests needed", grouped(needed(quantile.p()))));
        }
    }
    let (base_bound, new_bound) = (base.is_lower_bound(metric), new.is_lower_bound(metric));
    if base_bound && new_bound {
        return Err("in both runs it falls among requests that got no answer".into());
    }
    let statistics = base.statistic(metric).zip(new.statistic(metric));
    let (of_base, of_new) = statistics.ok_or("it is the time of one request")?;
    let interval_of = if base.took_turns() { paired_ratio_interval } else { ratio_interval };
    let interval = interval_of(&of_base, &of_new).map_err(|too_little| match too_little {
        TooLittle::Blocks(n) => {
            format!("a run has {}, and fewer than {FEWEST_BLOCKS} are too few", count(n as u64, "independent block"))
        }
        TooLittle::Values => "it is zero, or nearly always".into(),
    })?;
    // The summary's numbers are of all requests, those of the intervals of what had ended in them.
    let shift = new.shift(metric, &of_new).zip(base.shift(metric, &of_base)).map_or(1.0, |(new, base)| new / base);
    Ok(Interval {
        low: if base_bound { 0.0 } else { interval.low * shift },
        high: if new_bound { f64::INFINITY } else { interval.high * shift },
    })
}
